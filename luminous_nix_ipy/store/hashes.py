"""The ways in which Nix writes a hash (Nix, src/libutil/hash.cc; nix3-hash(1)).

An SRI string, `sha256-` and base 64; `sha256:` and base 16 or base 32; or one of these two alone,
where the kind is told beside it. Base 32 is Nix's own: other letters, the last bits first.
"""

from __future__ import annotations

import base64
import binascii

_LETTERS = "0123456789abcdfghijklmnpqrsvwxyz"
_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64, "blake3": 32}


def spellings(text: str) -> tuple[str, ...]:
    """Every way to write a hash that is given in one of them with its kind; the hash alone, the
    longest first. Empty where it is none."""
    kind, separator, digits = text.partition("-" if "-" in text else ":")
    if not separator or kind not in _BYTES:
        return ()
    value = _decode(digits, _BYTES[kind])
    if value is None:
        return ()
    sixteen, thirty_two = value.hex(), _base32(value)
    return (sixteen, thirty_two, f"{kind}-{base64.b64encode(value).decode()}")


def sri(text: str) -> str:
    """The hash as an SRI string; unchanged where it is none."""
    found = spellings(text)
    return found[-1] if found else text


def _decode(digits: str, size: int) -> bytes | None:
    try:
        if len(digits) == 2 * size:
            return bytes.fromhex(digits)
        if len(digits) == len(base64.b64encode(bytes(size))):
            return base64.b64decode(digits, validate=True)
        if len(digits) == (size * 8 + 4) // 5:
            return _from_base32(digits, size)
    except (ValueError, binascii.Error):
        pass
    return None


def _base32(value: bytes) -> str:
    number = int.from_bytes(value, "little")
    count = (len(value) * 8 + 4) // 5
    return "".join(_LETTERS[number >> 5 * place & 31] for place in reversed(range(count)))


def _from_base32(digits: str, size: int) -> bytes | None:
    number = 0
    for letter in digits:
        number = number << 5 | _LETTERS.index(letter)
    return number.to_bytes(size, "little") if number >> 8 * size == 0 else None

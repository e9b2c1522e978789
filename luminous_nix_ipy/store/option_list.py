"""Lists of options, as NixOS, home-manager and nix-darwin write them, read as a stream.

An options.json (nixpkgs, lib/options.nix `optionAttrSetToDocList` and nixos/lib/make-options-doc)
is an object: name -> {declarations, default, description, example, loc, readOnly, type}. Old lists
have descriptions in DocBook and defaults as plain values; newer ones have Markdown, and text behind
`_type` (`literalExpression`, `literalExample`, `literalMD`, `literalDocBook`, `mdDoc`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ..errors import ListUnreadable
from ..search_records import Declaration, OptionEntry, OptionKind
from .description_text import to_markdown
from .json_stream import members

_LONGEST_VALUE = 4000
"""Characters of a default or an example that are kept."""


def read_options(file: BinaryIO, kind: OptionKind) -> Iterator[OptionEntry]:
    """Every option of a list, in its order, internal ones left out. One is held at a time.

    Raises:
        ListUnreadable: it is not such a list, or it ends too early.
    """
    for name, value in members(file, "options"):
        if not isinstance(value, Mapping) or value.get("internal") is True:
            continue
        if "declarations" not in value and (name == "packages" or value.keys() & {"meta", "pname"}):
            raise ListUnreadable(
                "The list cannot be read: it is one of packages, not of options.",
                f"{name} is declared nowhere, as no package is: --kind packages says so.",
            )
        if value.get("visible") is not False:
            yield option_entry(name, value, kind)


def option_entry(name: str, value: Mapping[str, Any], kind: OptionKind) -> OptionEntry:
    """One option, from what such a list says of it. What is not of the type that it should be is
    taken for not told."""
    kind_of_type = value.get("type")
    return OptionEntry(
        name=name,
        kind=kind,
        type=kind_of_type if isinstance(kind_of_type, str) else "",
        default=_value(value, "default"),
        example=_value(value, "example"),
        description=to_markdown(value.get("description")),
        declared=tuple(map(_declaration, _listed(value.get("declarations")))),
        read_only=value.get("readOnly") is True,
        related_packages=to_markdown(value.get("relatedPackages")) or None,
    )


def _value(option: Mapping[str, Any], which: str) -> str | None:
    if which not in option:
        return None
    value = option[which]
    if isinstance(value, Mapping) and isinstance(value.get("_type"), str):
        text = value.get("text")
        if value["_type"] in ("literalMD", "literalDocBook"):
            text = to_markdown(value)
        return text[:_LONGEST_VALUE] if isinstance(text, str) else None
    return to_nix(value)[:_LONGEST_VALUE]


def to_nix(value: Any) -> str:
    """A JSON value as the Nix language writes it, on one line."""
    if isinstance(value, Mapping):
        if not value:
            return "{ }"
        inner = " ".join(f"{_attribute(name)} = {to_nix(part)};" for name, part in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[ {' '.join(map(to_nix, value))} ]" if value else "[ ]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("${", "\\${")
    return json.dumps(value)


def _attribute(name: str) -> str:
    plain = name.replace("-", "_").replace("'", "_")
    return name if plain.isidentifier() and plain.isascii() else to_nix(name)


def _declaration(value: Any) -> Declaration:
    if isinstance(value, Mapping):
        url = value.get("url")
        return Declaration(
            name=str(value.get("name", url)), url=url if isinstance(url, str) else None
        )
    return Declaration(name=str(value))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

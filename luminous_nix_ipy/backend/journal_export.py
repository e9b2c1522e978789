"""Journals as a file of their own, and whether they are as they were written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress

from ..errors import NixError, Refused
from ..machine import Machine
from .journal_reading import JournalFile, contents, examined, journal_files, read_journals


def verified(machine: Machine) -> list[JournalFile]:
    """The journals there are, all of whose lines follow from the one before.

    Raises:
        NixError: a journal cannot be read, or its chain is broken.
    """
    return _sound(read_journals(machine))


def whole_lines(machine: Machine) -> tuple[bytes, list[JournalFile]]:
    """Every line of the journals byte for byte, one journal after the other: each begins a chain of
    its own. And what they tell.

    Raises:
        NixError: a journal cannot be read, or its chain is broken.
    """
    data, files = b"", []
    for path, kind in journal_files(machine).items():
        try:
            found = contents(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            files.append(JournalFile(path=path, kind=kind, problem=error.strerror or str(error)))
            continue
        files.append(examined(path, kind, found))
        data += found if not found or found.endswith(b"\n") else found + b"\n"
    return data, _sound(files)


def _sound(files: Sequence[JournalFile]) -> list[JournalFile]:
    bad = [file for file in files if file.verdict in ("broken", "unreadable")]
    if not bad:
        return list(files)
    broken = any(file.verdict == "broken" for file in bad)
    first = [problem for file in bad for problem in _first(file)]
    raise NixError(
        "The journal is not as it was written." if broken else "The journal cannot be verified.",
        "\n".join(first),
        ["What can be read of it is in %nix journal. Compare it with an export or a backup."],
    )


def _first(file: JournalFile) -> list[str]:
    """The first gap of a journal, and how many more there are; or why it cannot be read."""
    if file.problem is not None:
        return file.problems
    gaps = [damage for damage in file.damages if damage.gap]
    more = f" There are {len(gaps) - 1:,} more gaps." if len(gaps) > 1 else ""
    return [f"{file.path}, line {gaps[0].line} of {file.lines:,}: {gaps[0].what}{more}"]


def write_file(path: str, data: bytes, *, overwrite: bool) -> None:
    """Write a file that is there wholly or not at all.

    Raises:
        Refused: there is one already, and it is not to be overwritten; or it is no plain file.
        NixError: it cannot be written.
    """
    if os.path.isdir(path):
        raise Refused(f"{path} is a folder.", "", ["Name a file in it."])
    if os.path.lexists(path) and not overwrite:
        raise Refused(
            f"{path} is there already. Nothing was written.",
            "",
            ["Name another file, or add --yes to replace it."],
        )
    temporary = f"{path}.{secrets.token_hex(4)}"
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    except OSError as error:
        raise NixError(
            f"{path} cannot be written.",
            f"{error.strerror}. What was there before is as it was.",
            ["Free space or name a file where you may write, then try again."],
        ) from error

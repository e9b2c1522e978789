"""What searches find, as DataFrames; dtypes are those of `frames`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from .. import search_wording, wording
from .columns import Column, flags, maybe_counts, rates, text, words
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..backend.index_model import IndexState
    from ..backend.search_model import FoundOption, FoundPackage, Provider


def packages(
    records: Sequence[FoundPackage], *, all_columns: bool = False, notes: Sequence[str] = ()
) -> NixFrame:
    """Packages, best first. Columns: attribute, version, description, main_program, license, state
    (text: "installed in 5, unfree", "formerly in 3"); all of them: also name, unfree, broken,
    insecure, unsupported, installed (bool), generations (text: those that have it, with their
    profile where it is another than the system's), homepage, position (text), score (float64),
    matched (text)."""
    columns = _PACKAGE if all_columns else _PACKAGE[:6]
    return framed("Packages", columns, records, wording.plural(len(records), "package"), notes)


def options(
    records: Sequence[FoundOption], *, all_columns: bool = False, notes: Sequence[str] = ()
) -> NixFrame:
    """Options, best first. Columns: name, type, default, description, declared, of (text: "nixos",
    "home-manager" or "darwin"); all of them, none shortened: also example (text), read_only (bool),
    score (float64), matched (text)."""
    columns = _WHOLE_OPTION if all_columns else _OPTION
    return framed("Options", columns, records, wording.plural(len(records), "option"), notes)


def providers(records: Sequence[Provider], command: str) -> NixFrame:
    """Packages that have a command. Columns: attribute, version, description, source, state
    (text)."""
    notes: list[str] = []
    if records and not any(record.installed for record in records):
        first = records[0].attribute
        notes = [f"Use it here: %nix shell {first}", f"Keep it: %nix install {first}"]
    summary = wording.plural(len(records), "package")
    return framed(f"Packages with the command {command}", _PROVIDER, records, summary, notes)


def indexes(records: Sequence[IndexState]) -> NixFrame:
    """Sources and their indexes. Columns: name, lists (text), entries (Int64), age_days (float64),
    state, source (text)."""
    notes = [
        f"{record.source.name} ({record.source.kind}): {record.problem}"
        for record in records
        if record.problem
    ]
    if not any(record.there for record in records):
        notes.append("Get what is not here yet: %nix index update")
    return framed("Indexes", _INDEX, records, wording.plural(len(records), "source"), notes)


def _declared(record: FoundOption) -> list[str]:
    return [file.name for file in record.entry.declared]


_PACKAGE = (
    Column("attribute", text, lambda r: r.entry.attribute),
    Column("version", text, lambda r: r.entry.version),
    Column("description", text, lambda r: r.entry.description),
    Column("main_program", text, lambda r: r.entry.main_program),
    Column("license", words, lambda r: r.entry.licenses),
    Column("state", text, search_wording.state),
    Column("name", text, lambda r: r.entry.pname),
    *(Column(flag, flags, attrgetter(f"entry.{flag}")) for flag in search_wording.FLAGS),
    Column("installed", flags, lambda r: bool(r.installed)),
    Column("generations", text, lambda r: search_wording.held(r.installed)),
    Column("homepage", words, lambda r: r.entry.homepages),
    Column("position", text, lambda r: r.entry.position),
    Column("score", rates),
    Column("matched", text),
)
_OPTION = (
    Column("name", text, lambda r: r.entry.name),
    Column("type", text, lambda r: search_wording.short(r.entry.type)),
    Column("default", text, lambda r: search_wording.short(r.entry.default)),
    Column("description", text, lambda r: search_wording.first_sentence(r.entry.description)),
    Column("declared", words, _declared),
    Column("of", text, lambda r: r.entry.kind),
)
_WHOLE_OPTION = (
    _OPTION[0],
    Column("type", text, lambda r: r.entry.type),
    Column("default", text, lambda r: r.entry.default),
    Column("description", text, lambda r: r.entry.description),
    *_OPTION[4:],
    Column("example", text, lambda r: r.entry.example),
    Column("read_only", flags, lambda r: r.entry.read_only),
    Column("score", rates),
    Column("matched", text),
)
_PROVIDER = (
    Column("attribute", text),
    Column("version", text),
    Column("description", text),
    Column("source", text),
    Column("state", text, lambda r: ", ".join(search_wording.installed(r.installed))),
)
_INDEX = (
    Column("name", text, lambda r: r.source.name),
    Column("lists", text, lambda r: r.source.kind),
    Column("entries", maybe_counts, lambda r: r.facts.entries if r.facts else None),
    Column("age_days", rates, lambda r: None if r.age_days is None else round(r.age_days, 1)),
    Column("state", text, lambda r: "not here" if not r.there else "old" if r.stale else "ready"),
    Column("source", text, lambda r: r.facts.source.origin if r.facts else r.source.address),
)

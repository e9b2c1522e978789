"""Packages of a user's profile, as DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import wording
from .columns import Column, flags, maybe_counts, text, words
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..records import Manifest, PackageStep

_INSTALLED: tuple[Column, ...] = (
    Column("name", text),
    Column("version", text),
    Column("origin", text),
    Column("attribute", text),
    Column("priority", maybe_counts),
    Column("active", flags),
)
_INSTALLED_MORE: tuple[Column, ...] = (
    Column("locked", text),
    Column("outputs", words),
    Column("paths", words),
)


def installed(manifest: Manifest, *, all_columns: bool = False) -> NixFrame:
    """The packages of a user's profile, in its manifest's order.

    Columns: name, version, origin, attribute (text), priority (Int64), active (bool). `all_columns`
    adds locked, outputs, paths (text).
    """
    columns = _INSTALLED + _INSTALLED_MORE if all_columns else _INSTALLED
    summary = wording.plural(len(manifest.packages), "package")
    if manifest.tool is not None:
        summary += f", kept by {manifest.tool}"
    return framed("Installed packages", columns, manifest.packages, summary)


_STEP = (
    Column("name", text),
    Column("version", text),
    Column("action", text),
    Column("paths", words),
)


def package_steps(records: Sequence[PackageStep]) -> NixFrame:
    """What a plan does with packages. Columns: name, version, action, paths (text)."""
    return framed("Packages", _STEP, records)

"""How a change is watched, as the verbs that activate something take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from .parser import Parser

Texts = str | Sequence[str] | None
"""One, several or none."""
Span = str | float | None
"""Seconds, or text such as "10s" or "2m"; None is what the settings say."""


class Safety(TypedDict):
    """What `add_safety` declares."""

    expect: Texts
    expect_url: Texts
    expect_unit: Texts
    settle: Span
    confirm_timeout: Span
    force: Texts
    restore: bool


def add_safety(parser: Parser) -> None:
    """Declare what must hold afterwards, how long it is watched, and what becomes of it if not."""
    for option, name, words in (
        ("--expect", "CMD", "a command that must succeed afterwards (quoted; run without a shell)"),
        ("--expect-url", "URL", "a URL that must answer with 2xx or 3xx afterwards"),
        ("--expect-unit", "UNIT", "a systemd unit that must be active afterwards"),
    ):
        parser.add_argument(
            option, metavar=name, action="append", help=f"{words}, or it is put back; repeatable"
        )
    parser.add_argument(
        "--settle", metavar="TIME", help="watch so long before it is confirmed, such as 10s or 2m"
    )
    parser.add_argument(
        "--confirm-timeout",
        metavar="TIME",
        help="put it back after so long without a sign of life of this kernel (30s)",
    )
    parser.add_argument(
        "--force", metavar="CHECK", action="append", help="go on though it is red; repeatable"
    )
    parser.add_argument(
        "--no-restore",
        dest="restore",
        action="store_false",
        help="leave all as it is when a step fails",
    )

"""Asking before a change: only where somebody can answer."""

from __future__ import annotations

import sys
from typing import Any

from ..errors import NoConsent


def ask(question: str, shell: Any, agreed: str) -> None:
    """Ask, and return when the answer is yes.

    Args:
        question: what is about to happen; "[y/N]" is added.
        shell: the IPython shell, or None outside of IPython.
        agreed: the line that would have agreed beforehand.

    Raises:
        NoConsent: the answer is not yes, or nobody can be asked.
    """
    if not can_answer(shell):
        raise NoConsent(
            "Nobody can be asked here. Nothing was changed.",
            "What runs this notebook or script does not answer questions.",
            [f"Add --yes to agree beforehand: {agreed}"],
        )
    try:
        answer = input(f"{question} [y/N] ")
    except (EOFError, KeyboardInterrupt):
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise NoConsent("Not agreed to. Nothing was changed.")


def can_answer(shell: Any) -> bool:
    """Whether a question would reach somebody: in a kernel, whether the request being answered
    allows it (Jupyter messaging, `allow_stdin`); elsewhere, whether stdin is a terminal."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return sys.stdin is not None and sys.stdin.isatty()
    request = kernel.get_parent() if hasattr(kernel, "get_parent") else {}
    return bool(request.get("content", {}).get("allow_stdin", False))

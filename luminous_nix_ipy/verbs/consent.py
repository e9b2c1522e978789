"""Asking before a change: only where somebody can answer, by a prompt or by buttons.

A kernel hears no click while a cell runs. So a cell that asks by buttons ends at once, and the
change is made when the button is clicked: nothing for a cell that goes on with what the change did,
and nothing for a runbook.
"""

from __future__ import annotations

import ast
import linecache
import sys
from typing import TYPE_CHECKING, Any

from .. import settings
from ..errors import NoConsent, Refused
from . import VERBS

if TYPE_CHECKING:
    from types import FrameType

    from ..widgets.questions import AnyPlan
    from .session import Session

_MAGICS = {"run_line_magic", "run_cell_magic"}


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
        print()  # the terminal is still in the line of the question
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise NoConsent("Not agreed to. Nothing was changed.")


def can_answer(shell: Any) -> bool:
    """Whether a question would reach somebody: in a kernel, whether the request being answered
    allows it (Jupyter messaging, `allow_stdin`); elsewhere, whether stdin is a terminal."""
    if getattr(shell, "kernel", None) is None:
        return sys.stdin is not None and sys.stdin.isatty()
    from ..widgets.live import request_of

    return bool(request_of(shell).get("content", {}).get("allow_stdin", False))


def by_button(session: Session, plan: AnyPlan) -> bool:
    """Whether buttons ask whether a plan is to be carried out.

    The setting "button" says so wherever there are widgets, also in an app that Voila serves, where
    nobody can be prompted; what runs unattended has none. By itself ("auto") it
    is so where a notebook asks for the cell whose last line this is: JupyterLab, Notebook 7 and VS
    Code name the cell in the request's metadata (`cellId`), consoles do not, and what runs a
    notebook unattended answers nothing. A runbook waits for its answers; and a password is asked
    for by a prompt.
    """
    from ..widgets.live import has_widgets, request_of

    shell, wanted = session.shell, settings.get("consent")
    if wanted == "prompt" or not has_widgets(shell):
        return False
    return wanted == "button" or (
        can_answer(shell)
        and "cellId" in request_of(shell).get("metadata", {})
        and not _is_recorded()
        and _ends_its_cell(shell)
        and not _asks_for_password(session, plan)
    )


def _is_recorded() -> bool:
    """Whether this kernel keeps the record of a runbook."""
    recording = sys.modules.get(f"{__package__}.recording")
    return recording is not None and recording.under_way() is not None


def _ends_its_cell(shell: Any) -> bool:
    """Whether the cell ends with the very call that asks, or with an assignment of what it returns:
    nothing after it, or around it, needs what the change does."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals is not shell.user_ns:
        frame = frame.f_back
    # IPython names the code of a cell so.
    if frame is None or not frame.f_code.co_name.startswith(("<module>", "<cell line")):
        return False
    try:
        statements = ast.parse("".join(linecache.getlines(frame.f_code.co_filename))).body
    except SyntaxError:
        return False
    last = statements[-1] if statements else None
    return (
        isinstance(last, (ast.Expr, ast.Assign, ast.AnnAssign))
        and last.lineno <= frame.f_lineno
        and isinstance(last.value, ast.Call)
        and isinstance(last.value.func, ast.Attribute)
        and last.value.func.attr in _MAGICS | VERBS.keys()
    )


def _asks_for_password(session: Session, plan: AnyPlan) -> bool:
    """Whether root is needed and is not to be had without a question."""
    from ..tools.elevation import elevate

    if not any(command.root for command in plan.commands):
        return False
    try:
        session.wait(elevate(session.machine))
    except Refused:
        return True
    return False

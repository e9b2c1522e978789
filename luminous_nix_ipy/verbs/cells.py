"""`%%nix step`: the cell below that line is a step, and is run by IPython as any other cell is.

The line becomes a call of `%nix step`, and the rest of the cell stays as it is, line by line; so it
may await, display and fail as ever. Where the cell ends, the step ends (IPython's `post_run_cell`).
"""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from . import recording

_STEP = re.compile(r"%%nix[ \t]+(step(?:[ \t].*)?)(?:\n|$)")

_depth = 0
"""How many cells are running, one within the other."""


def register(shell: InteractiveShell) -> None:
    """Let cells of this shell be steps."""
    unregister(shell)
    shell.input_transformers_cleanup.append(transform)
    shell.events.register("pre_run_cell", _begins)
    shell.events.register("post_run_cell", _ended)


def unregister(shell: InteractiveShell) -> None:
    """Let them be none any more."""
    if transform in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(transform)
    for event, callback in (("pre_run_cell", _begins), ("post_run_cell", _ended)):
        with contextlib.suppress(ValueError):
            shell.events.unregister(event, callback)


def transform(lines: list[str]) -> list[str]:
    """The lines of a cell, where it begins with `%%nix step` as Python with the same numbers of
    lines; any other cell as it is."""
    match = _STEP.match(lines[0]) if lines else None
    if match is None:
        return lines
    from IPython.core.inputtransformer2 import cell_magic

    rest = lines[1:]
    blank = next((i for i, line in enumerate(rest) if line.strip()), 0)
    call = f"get_ipython().run_line_magic('nix', {match[1].rstrip()!r})\n"
    return [call, *rest[:blank], *cell_magic(rest[blank:])]  # type: ignore[no-untyped-call]


def depth() -> int:
    """How many cells are running, one within the other."""
    return _depth


def _begins(info: Any) -> None:
    global _depth
    _depth += 1


def _ended(result: Any) -> None:
    """End the step of a cell. ipykernel tells None of one that was interrupted as it awaits."""
    global _depth
    ended, _depth = _depth, max(0, _depth - 1)
    unread = getattr(result, "error_before_exec", None)
    if unread is not None and _STEP.match(result.info.raw_cell.lstrip()):
        _begin_unread(result.info.raw_cell, ended)
    recording = sys.modules.get(f"{__package__}.recording")
    recorder = None if recording is None else recording.under_way()
    if recorder is None or not recorder.is_open(ended):
        return
    if result is None:
        error: BaseException | None = KeyboardInterrupt()
    else:
        error = unread if unread is not None else result.error_in_exec
    end(recorder, error)


def end(recorder: recording.Recorder, error: BaseException | None) -> None:
    """End the innermost step, and show what became of it."""
    from IPython.display import display

    from ..errors import NixError
    from ..widgets.runbook import StepView
    from .recording import verdict_of
    from .session import session

    verdict, told = verdict_of(error)
    try:
        step, deeds = recorder.end(verdict, told, session())
    except NixError as unwritable:
        print(unwritable, file=sys.stderr)
        return
    playground = session().machine.playground is not None
    display(StepView(step, deeds, playground=playground))  # type: ignore[no-untyped-call]


def _begin_unread(cell: str, ended: int) -> None:
    """A cell that is no Python never came to its first line; it is a step all the same."""
    import shlex

    from IPython.core.error import UsageError

    from ..errors import NixError
    from . import step
    from .parser import parse_line

    match = _STEP.match(cell.lstrip())
    assert match is not None
    with contextlib.suppress(UsageError, NixError, ValueError):
        verb, arguments = parse_line(shlex.split(match[1]))
        if verb == "step":
            step.begin(**arguments, depth=ended)

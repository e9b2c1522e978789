"""What was started with --bg in this kernel, newest first, as a DataFrame; or end one of them.

A verb with --bg returns a job at once. `await job` waits for what the verb would have returned,
`job.result()` too; `job.cancel()` and the Cancel button end it, programs included: an activation is
finished first, and while the machine is watched after one, what was there before is put back.

Examples:
  %nix jobs
  %nix jobs --cancel 2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame


def arguments(parser: Parser) -> None:
    parser.add_argument("--cancel", metavar="N", type=number, help="end this job")


def run(session: Session, *, cancel: int | None = None) -> NixFrame:
    from .. import frames
    from ..jobs import find, jobs

    if cancel is not None:
        find(cancel).cancel()
    return frames.jobs(jobs())

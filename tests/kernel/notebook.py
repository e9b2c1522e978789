"""What a notebook's user does with a kernel, and sees: cells, questions, <tab>, help."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from typing import Any

from tests.kernel.driver import PATIENCE, Cell, Kernel


class Reply:
    """What became of one cell."""

    def __init__(self, cell: Cell, asked: Sequence[str]) -> None:
        self.cell = cell
        self.asked = list(asked)
        """The questions that it asked."""
        self.status: str = cell.reply["status"]
        self.ename: str = cell.reply.get("ename", "")

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The contents of everything that stands below the cell."""
        kinds = ("execute_result", "display_data", "stream", "error")
        return [m["content"] for m in self.cell.messages if m["msg_type"] in kinds]

    @property
    def result(self) -> str:
        """What the cell returned, as text; "" where it returned nothing."""
        return self._data("execute_result", "text/plain")

    @property
    def html(self) -> str:
        """What the cell returned, as HTML."""
        return self._data("execute_result", "text/html")

    @property
    def displayed(self) -> str:
        """What was displayed before, as text."""
        return self._data("display_data", "text/plain")

    @property
    def traceback(self) -> str:
        return "\n".join("\n".join(c["traceback"]) for c in self.cell.contents("error"))

    def _data(self, kind: str, mime: str) -> str:
        return "\n".join(str(c["data"].get(mime, "")) for c in self.cell.contents(kind))

    def __repr__(self) -> str:
        return f"Reply({self.status}, {self.shown})"


def run(kernel: Kernel, code: str, answers: Sequence[str] | None = None) -> Reply:
    """Run a cell to its end.

    Args:
        answers: what is typed when it asks; None: nobody can be asked, as under papermill.
    """
    if answers is None:
        return Reply(kernel.run(code), [])
    ident = kernel.client.execute(code, allow_stdin=True)
    cell = kernel.cells[ident] = Cell(ident)
    waiting, asked = list(answers), []

    def ended() -> bool:
        try:
            question = kernel.client.get_stdin_msg(timeout=0)
        except queue.Empty:
            return cell.ended
        asked.append(question["content"]["prompt"])
        kernel.client.input(waiting.pop(0))
        return False

    kernel.wait(ended)
    return Reply(cell, asked)


def complete(kernel: Kernel, code: str) -> tuple[list[str], int]:
    """What <tab> at the end of `code` offers, and where that begins."""
    content = _reply(kernel, kernel.client.complete(code, len(code)))
    return content["matches"], content["cursor_start"]


def inspect(kernel: Kernel, code: str) -> str:
    """What Shift-<tab> or `?` shows."""
    content = _reply(kernel, kernel.client.inspect(code, len(code)))
    return str(content["data"].get("text/plain", ""))


def _reply(kernel: Kernel, request: str) -> Mapping[str, Any]:
    while True:
        message = kernel.client.get_shell_msg(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") == request:
            content: Mapping[str, Any] = message["content"]
            return content

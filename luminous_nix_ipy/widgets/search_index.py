"""A button that gets the index that a search lacks."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from concurrent.futures import Future
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets

from ..backend.model import NixOperation, NixResult, OperationType
from ..wording import printable
from .live import LiveView

if TYPE_CHECKING:
    from ..backend.backend import NixBackend
    from ..backend.index_model import Source


class GetIndex:
    """The button, and the progress of getting it. Its widget is `root`.

    Args:
        view: what it is a part of.
        backend: what gets it; its progress is this one's alone.
        got: is called when it is there.
    """

    def __init__(self, view: LiveView, backend: NixBackend, got: Callable[[], object]) -> None:
        self._view = view
        self._backend = backend
        self._got = got
        self._source: Source | None = None
        self._work: Future[NixResult] | None = None
        self.button = ipywidgets.Button(
            tooltip="Fetch the list that the channel publishes and make an index of it",
            layout={"width": "auto"},
        ).add_class("lx-get-index")
        self.button.on_click(view.guarded(self._get))
        self.bar = ipywidgets.FloatProgress(min=0.0, max=1.0).add_class("lx-bar")
        self.message = ipywidgets.HTML().add_class("lx-message")
        self.cancel = ipywidgets.Button(
            description="Cancel", tooltip="End it; what was fetched so far is kept"
        ).add_class("lx-cancel")
        self.cancel.on_click(view.guarded(self._cancel))
        self._progress = ipywidgets.HBox([self.bar, self.message, self.cancel])
        self._progress.add_class("lx-progress")
        self.root = ipywidgets.VBox([])
        backend.set_progress_callback(self._tell)

    def offer(self, source: Source | None) -> None:
        """Offer to get the index of a source; None offers nothing."""
        if self._work is not None:
            return
        self._source = source
        if source is not None:
            self.button.description = f"Get the index of {printable(source.name)} ({source.kind})"
        self.root.children = (self.button,) if source is not None else ()

    def _get(self, _: Any) -> None:
        if self._source is None or self._work is not None:
            return
        options = {"action": "update", "names": [self._source.name], "kind": self._source.kind}
        self._tell("", 0.0)
        self._view.say("")
        self.root.children = (self._progress,)
        operation = NixOperation(OperationType.INDEX, options=options)
        work = self._backend.execute(operation)
        self._work = self._view.begin(work, self._ended, self._failed)

    def _cancel(self, _: Any) -> None:
        if self._work is not None:
            self._work.cancel()

    def _tell(self, message: str, fraction: float) -> None:
        self.bar.value = fraction
        self.message.value = escape(f"{int(fraction * 100)} % {printable(message)}")

    def _ended(self, result: NixResult) -> None:
        if not result.success:
            self._failed(result.data["exception"])
            return
        self._work = None
        self.offer(None)
        self._got()

    def _failed(self, error: BaseException) -> None:
        self._work = None
        self.offer(self._source)
        if isinstance(error, CancelledError):
            self._view.say("Cancelled. What was fetched so far is kept.")
        else:
            self._view.tell_error(error)

"""Views that people act on: a live widget, and beside it what a saved notebook shows.

A cell that shows one has two outputs. The *still* one is HTML and text of its last state, replaced
whenever the state changes; the other one is the widget. While the widget is on the page, a style in
the still output hides the still output; where it is not (a saved notebook that is opened again, an
export, GitHub), the same style hides what JupyterLab writes in place of a widget that has gone. In
a notebook that is not trusted JupyterLab shows no widgets and no styles: the still output stays.

Where there are no widgets (a terminal, a kernel without ipywidgets, the settings progress "none"
and "text") a live view is its page, as any other view.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable, Coroutine
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from .. import settings
from ..errors import NixError
from ..html import render
from .page import View

if TYPE_CHECKING:
    from concurrent.futures import Future

    from IPython.core.interactiveshell import InteractiveShell

T = TypeVar("T")

_log = logging.getLogger(__name__)

NOTHING = {"text/plain": "", "text/html": ""}
"""What stands in the output of a live widget where no widgets are shown."""
_STILL_AFTER = 0.5
"""Seconds after a change of state until the still output shows it, with all that came meanwhile."""
_UNSEEN = 15.0
"""Seconds between two looks of a view that is on no page."""


def has_widgets(shell: InteractiveShell | None) -> bool:
    """Whether a live view can be shown: in a kernel with ipywidgets where somebody is there, unless
    the settings draw progress as text or not at all."""
    if getattr(shell, "kernel", None) is None or settings.get("progress") in ("text", "none"):
        return False
    if not _is_attended(shell):
        return False
    try:
        import_module("ipywidgets")
    except ImportError:
        return False
    return True


def request_of(shell: Any) -> dict[str, Any]:
    """The request that the shell's kernel answers (Jupyter messaging); empty outside of one."""
    kernel: Any = getattr(shell, "kernel", None)
    return kernel.get_parent() or {} if hasattr(kernel, "get_parent") else {}


def _is_attended(shell: Any) -> bool:
    """Whether somebody would see a widget: what runs a notebook unattended (papermill, nbclient)
    allows no questions (Jupyter messaging, `allow_stdin`). Nor does Voila, which shows widgets all
    the same, and names itself as servers do (RFC 3875, `SERVER_SOFTWARE`)."""
    asks = request_of(shell).get("content", {}).get("allow_stdin", True)
    return bool(asks) or os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def new_name() -> str:
    """A name by which a still and its live widget know each other (`still.html.j2`)."""
    return f"lx-{secrets.token_hex(6)}"


class LiveView(View):
    """A view that people act on.

    A subclass gives `_page`, its present state as a page, and `_build`, which makes its root widget
    once; it calls `changed` after every change of what `_page` tells. Callbacks of widgets go
    through `guarded`, so that one of them runs at a time (JupyterLab may send them on threads of
    their own) and an error is told in the view; what takes long goes through `begin`.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held while the state is read or changed."""
        self.root: Any = None
        """The root widget; None before it was shown with widgets."""
        self._name = new_name()
        self._stills: list[Any] = []
        self._still_due = False
        self._running: set[Future[Any]] = set()
        self._closed = False

    def _build(self) -> Any:
        """Make the root widget. The status line stands below it, unless it is among its children
        already."""
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        from IPython import get_ipython
        from IPython.display import display

        if self._closed or not has_widgets(get_ipython()):
            display(self._still(), raw=True)  # type: ignore[no-untyped-call]
            return
        with self.lock:
            if self.root is None:
                self._make()
            handle = display(  # type: ignore[no-untyped-call]
                self._still(), raw=True, display_id=True
            )
            self._stills.append(handle)
            live = self.root._repr_mimebundle_()
        display({**live, **NOTHING}, raw=True)  # type: ignore[no-untyped-call]

    def guarded(self, act: Callable[..., object]) -> Callable[..., None]:
        """`act` as the callback of a widget: an error becomes words in the status line."""

        def call(*given: Any) -> None:
            with self.lock:
                if self._closed:
                    return
                try:
                    act(*given)
                except BaseException as error:
                    self.tell_error(error)

        return call

    def begin(
        self,
        work: Coroutine[Any, Any, T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
    ) -> Future[T]:
        """Run a coroutine beside the notebook, then `then` with what it returned, guarded, in a
        worker thread: a callback that holds the lock may wait for the loop meanwhile.

        Args:
            failed: is called so with an error, and with a CancelledError where it was cancelled;
                None tells it in the status line.

        Returns:
            Its future; `cancel()` ends the coroutine, an error is raised by `result()` too.
        """
        import asyncio

        from .. import loop

        tell = self.guarded(failed or self.tell_error)

        async def whole() -> T:
            try:
                result = await work
            except Exception as error:
                await asyncio.to_thread(tell, error)
                raise
            if then is not None:
                await asyncio.to_thread(self.guarded(then), result)
            return result

        def ended(future: Future[T]) -> None:
            self._ended(future)
            if future.cancelled():
                work.close()  # for one that was cancelled before its first step
                # Not on the loop's thread, which must never wait for the lock.
                threading.Thread(target=tell, args=(asyncio.CancelledError(),)).start()

        future = loop.submit(whole())
        self._running.add(future)
        future.add_done_callback(ended)
        return future

    def _ended(self, future: Future[Any]) -> None:
        self._running.discard(future)
        if not future.cancelled():
            future.exception()  # told already

    def watch(self, seconds: float, look: Callable[[], object]) -> None:
        """Call `look` every so many seconds in a worker thread, guarded, until the view is closed;
        less often while no page shows it. It has to be cheap, and start no process."""
        import asyncio

        from .. import loop

        async def watching() -> None:
            while not self._closed:
                seen = getattr(self.root, "_view_count", None) != 0
                await asyncio.sleep(seconds if seen else max(seconds, _UNSEEN))
                await asyncio.to_thread(self.guarded(look))

        self._running.add(loop.submit(watching()))

    def say(self, words: str) -> None:
        """Put a sentence into the status line."""
        if self.root is not None:
            self.status.value = f'<span role="status">{escape(words)}</span>' if words else ""
        self.said = words

    said = ""
    """What the status line says."""

    def tell_error(self, error: BaseException) -> None:
        """Put an error into the status line (see `words_of`)."""
        self.say(words_of(error))

    def changed(self) -> None:
        """Show the present state in the still outputs, soon and at most twice a second."""
        import asyncio

        from .. import loop

        with self.lock:
            if self._still_due or not self._stills:
                return
            self._still_due = True

        async def later() -> None:
            await asyncio.sleep(_STILL_AFTER)
            await asyncio.to_thread(self._draw_still)

        self._running.add(future := loop.submit(later()))
        future.add_done_callback(self._ended)

    def close(self) -> None:
        """End it: what it watches is let go, and its outputs keep the last state without widget."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            for future in list(self._running):
                future.cancel()
            self._draw_still()
            if self.root is not None:
                close(self.root)

    def _make(self) -> None:
        import ipywidgets

        self.status = ipywidgets.HTML().add_class("lx-status")
        inside = self._build()
        style = ipywidgets.HTML(render("live")).add_class("lx-style")
        below = () if self.status in getattr(inside, "children", ()) else (self.status,)
        self.root = ipywidgets.VBox([style, inside, *below])
        for name in ("lx-live", "luminous-nix-live", f"{self._name}-live"):
            self.root.add_class(name)
        self.root._view_count = 0  # from now on the page counts its views here

    def _still(self) -> dict[str, Any]:
        page = self._page()
        return {
            "text/plain": page.text(),
            "text/html": render("still", name=self._name, inside=page.html()),
        }

    def _draw_still(self) -> None:
        with self.lock:
            self._still_due = False
            still = self._still()
            for handle in self._stills:
                handle.update(still, raw=True)


def words_of(error: BaseException) -> str:
    """An error in sentences: what, why and what to do; of one that is not ours its kind, with the
    rest in the log file."""
    from asyncio import CancelledError

    if isinstance(error, NixError):
        return " ".join(filter(None, [error.what, error.why, *error.todo]))
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted."
    if isinstance(error, CancelledError):
        return "Cancelled."
    _log.error("a view failed", exc_info=error)
    return (
        f"This failed unexpectedly ({type(error).__name__}: {error}). "
        "The log file in the state folder has the details."
    )


def close(widget: Any) -> None:
    """Close a widget with all that is in it."""
    for child in getattr(widget, "children", ()):
        close(child)
    for part in (getattr(widget, "style", None), getattr(widget, "layout", None), widget):
        if part is not None:
            part.close()

"""What the verbs of one kernel share: the shell they run in, and one backend for each machine."""

from __future__ import annotations

import socket
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractContextManager
    from typing import TypeVar

    from ..backend.backend import NixBackend
    from ..backend.model import NixOperation, NixResult, OperationType
    from ..backend.progress import Progress
    from ..frames import NixFrame
    from ..jobs import Job
    from ..machine import Machine
    from ..widgets.questions import AnyPlan

    T = TypeVar("T")


class Session:
    """Runs operations for the verbs. Its backends keep their metrics while the kernel lives."""

    def __init__(self) -> None:
        self._backends: list[tuple[Machine, bool, NixBackend]] = []

    @property
    def shell(self) -> Any:
        """The IPython shell, or None outside of IPython."""
        ipython = sys.modules.get("IPython")
        return None if ipython is None else ipython.get_ipython()

    @property
    def machine(self) -> Machine:
        """The machine that the verbs work on."""
        from ..machine import current

        return current()

    @property
    def host(self) -> str:
        return socket.gethostname()

    @property
    def backend(self) -> NixBackend:
        """The backend of this machine, with the reader that the settings want."""
        from .. import settings
        from ..backend.backend import NixBackend

        machine, direct = self.machine, settings.get("enhanced_backend")
        for known, reads_directly, backend in self._backends:
            if known == machine and reads_directly == direct:
                return backend
        backend = NixBackend(machine)
        self._backends.append((machine, direct, backend))
        return backend

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns, run on the private loop; an interrupt cancels it."""
        from .. import loop

        return loop.run(coroutine)

    def execute(
        self, operation_type: OperationType, *, dry_run: bool = False, **options: Any
    ) -> dict[str, Any]:
        """The data of an operation that changes nothing of Nix's.

        Raises:
            NixError: it could not be done.
        """
        from ..backend.model import NixOperation

        operation = NixOperation(type=operation_type, dry_run=dry_run, options=options)
        return self.answer(operation)

    def answer(self, operation: NixOperation) -> dict[str, Any]:
        """The data of an operation that is over at once, drawing nothing.

        Raises:
            NixError: it could not be done.
        """
        backend = self.backend
        with self._as_root(backend, backend.may_need_root(operation)):
            return _data(self.wait(backend.execute(operation)))

    def perform(self, operation: NixOperation) -> dict[str, Any]:
        """The data of an operation that may take long, drawing its progress.

        Raises:
            NixError: it could not be done.
        """
        backend = self.backend
        with self._as_root(backend, backend.may_need_root(operation)):
            return _data(self._painted(backend.progress, backend.execute(operation)))

    def plan(self, operation: NixOperation) -> Any:
        """What a change would do: a Plan, or the CollectPlan of what deletes. Draws its progress
        where something is built for it.

        Raises:
            NixError: there is no such change.
        """
        from ..backend.operations import SERVED

        backend = self.backend
        served = SERVED.get(operation.type)
        if served is None or not served.builds:
            return self.wait(backend.plan(operation))
        return self._painted(backend.progress, backend.plan(operation))

    def carry_out(self, operation: NixOperation, plan: AnyPlan) -> Any:
        """The report of doing what was agreed to, drawing its progress.

        Raises:
            NixError: it was refused, or it failed.
        """
        backend = self.backend
        with self._as_root(backend, any(command.root for command in plan.commands)):
            result = self._painted(backend.progress, backend.execute(operation, plan))
        return _data(result)["report"]

    def labelled(self, frame: NixFrame) -> NixFrame:
        """The frame, with a caption that says so where it is about a playground."""
        if self.machine.playground is not None:
            frame.attrs["caption"] = f"PLAYGROUND: {frame.attrs['caption']}"
        return frame

    def draw(self, work: Callable[[Progress], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine returns, drawing the progress that it tells to what `work` is given."""
        from ..backend.progress import Progress

        progress = Progress()
        return self._painted(progress, work(progress))

    def background(self, operation: NixOperation, show: Callable[[dict[str, Any]], T]) -> Job[T]:
        """Carry out an operation beside the notebook. A password for root is asked for before.

        Args:
            operation: what was agreed to beforehand.
            show: makes what the job returns of the operation's data, in a worker thread.
        """
        import asyncio

        from ..jobs import start
        from .password import unlock

        backend = self.backend.beside()
        if backend.may_need_root(operation):
            backend.credentials.elevated = unlock(self)

        async def work() -> T:
            return await asyncio.to_thread(show, _data(await backend.execute(operation)))

        title = " ".join([operation.type.value.replace("_", " "), *operation.packages])
        job = start(title, backend.progress, work(), self.shell)
        job.when_ended(backend.credentials.forget)
        return job

    def _as_root(self, backend: NixBackend, needed: bool) -> AbstractContextManager[None]:
        """For the block, root where it is needed; a password for it is asked for now."""
        if not needed:
            return nullcontext()
        from .password import unlock

        return backend.credentials.given(unlock(self))

    def _painted(self, progress: Progress, coroutine: Coroutine[Any, Any, T]) -> T:
        from ..widgets.progress import painter_for

        progress.painter = None if self._is_unattended() else painter_for(self.shell)
        try:
            return self.wait(coroutine)
        finally:
            progress.painter = None

    def _is_unattended(self) -> bool:
        """Whether a runbook is under way and nobody is there: progress would be noise in it."""
        recording = sys.modules.get(f"{__package__}.recording")
        if recording is None or recording.under_way() is None:
            return False
        from .consent import can_answer

        return not can_answer(self.shell)


_session = Session()


def session() -> Session:
    """The session of this kernel."""
    return _session


def _data(result: NixResult) -> dict[str, Any]:
    if result.success:
        return result.data
    from ..errors import NixError

    raise result.data.get("exception") or NixError(
        result.message, result.error or "", result.suggestions
    )

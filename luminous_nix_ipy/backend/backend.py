"""The one door: every operation is validated, looked up, carried out and counted here."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from .. import settings
from ..errors import NixError, NotServed
from ..log import start as start_log
from ..machine import Machine, current
from ..tools import native
from ..tools.elevated import Credentials
from ..tools.native import NativeWorker
from . import advice, made
from .cache import OperationCache
from .collect_model import CollectPlan
from .context import Context
from .metrics import Metrics
from .model import NixOperation, NixResult, OperationType, Plan
from .operations import SERVED, Served
from .operations.rooted import may_need_root
from .progress import Callback, Progress
from .repair_model import RepairPlan
from .validation import validate

if TYPE_CHECKING:
    from .recover_model import RecoverPlan

_log = logging.getLogger(__name__)


class NixBackend:
    """Operations on one machine.

    Reads Nix's files directly, or through Nix's programs where LUMINOUS_NIX_ENHANCED_BACKEND is
    false. Bound to no event loop: one backend may be used under several, one after the other.

    Args:
        machine: the machine to work on; None is the one this kernel works on.

    Example:
        >>> import asyncio
        >>> from luminous_nix_ipy import NixBackend, NixOperation, OperationType
        >>> backend = NixBackend()
        >>> result = asyncio.run(backend.execute(NixOperation(OperationType.LIST_GENERATIONS)))
    """

    _direct: bool | None = None

    def __init__(self, machine: Machine | None = None) -> None:
        self.machine = current() if machine is None else machine
        direct = settings.get("enhanced_backend") if self._direct is None else self._direct
        self.progress = Progress()
        self.cache = OperationCache()
        self.metrics = Metrics()
        self._context = Context(self.machine, self.progress, direct=direct)
        start_log(self.machine)

    def beside(self) -> NixBackend:
        """Another backend of the same machine, for work that goes on beside this one's: it has its
        own progress, and counts and remembers together with this one."""
        other = type(self)(self.machine)
        other.cache, other.metrics = self.cache, self.metrics
        return other

    @property
    def async_api(self) -> NativeWorker | None:
        """The worker that asks nixos-rebuild's Python module; None where there is none that can be
        used (`%nix status` says why). Looks at files; the worker's methods start a process."""
        return native.find(self.machine)

    @property
    def reader(self) -> str:
        """The reader in use: "direct" or "command"."""
        return self._context.reader.name

    def set_progress_callback(self, callback: Callback | None) -> None:
        """Call `callback(message, fraction)`, at most ten times a second, fraction 0 to 1."""
        self.progress.callback = callback

    def get_metrics(self) -> dict[str, Any]:
        """Counts of this backend: see `Metrics.as_dict`."""
        return self.metrics.as_dict()

    @property
    def credentials(self) -> Credentials:
        """How root is had for the deed that goes on: what asks for a password gives it here."""
        return self._context.credentials

    def may_need_root(self, operation: NixOperation) -> bool:
        """Whether carrying out an operation may need root that this process does not have, as far
        as its options tell. Looks at files only."""
        return may_need_root(self._context, operation)

    async def plan(self, operation: NixOperation) -> Any:
        """What a change would do: a Plan, or the CollectPlan of what deletes. Activates
        nothing, and changes nothing but the store. A refusal counts in the metrics.

        Raises:
            NixError: there is nothing to plan, and why.
        """
        started = time.monotonic()
        try:
            served = _served(operation)
            if served.plan is None:
                raise NotServed(
                    f"{operation.type.value} changes nothing, so there is no plan of it.",
                    "",
                    ["Execute it."],
                )
            if not served.builds:
                return await served.plan(self._context, operation)
            title = f"plan of {operation.type.value.replace('_', ' ')}"
            self.progress.begin(title)
            plan = await served.plan(self._context, operation)
            self.progress.finish(title)
            return plan
        except NixError as error:
            self._count(operation, False, started, None)
            self.progress.finish(error.what, success=False)
            error.todo = tuple(await advice.suggestions(self._context, operation, error))
            raise
        except BaseException:
            self.progress.finish("interrupted", success=False)
            raise

    async def execute(
        self,
        operation: NixOperation,
        plan: Plan | CollectPlan | RecoverPlan | RepairPlan | None = None,
    ) -> NixResult:
        """Carry out an operation; calling it is the consent.

        Args:
            operation: what to do.
            plan: for a change, the plan that was agreed to; it is refused when the machine has
                changed since. None makes one now.

        Never raises for what goes wrong: the result says so, and its data holds the `exception`.
        Only a cancellation passes through.
        """
        started = time.monotonic()
        cached: bool | None = None
        given = self.credentials.elevated is not None
        try:
            served = _served(operation)
            token = self.token(operation)
            found = None if token is None else self.cache.get(operation, token)
            cached = None if token is None else found is not None
            if found is not None:
                result = found
            else:
                self.progress.begin(operation.type.value.replace("_", " "))
                result = await served.run(self._context, operation, plan)
                if token is not None and result.success and token == self.token(operation):
                    self.cache.set(operation, token, result)
        except Exception as error:
            result = _failure(error, await advice.suggestions(self._context, operation, error))
        except BaseException:
            self._count(operation, False, started, cached)
            self.progress.finish("interrupted", success=False)
            raise
        finally:
            if not given:
                self.credentials.forget()
        made.reported(result.data.get("report"))
        result.duration = time.monotonic() - started
        self._count(operation, result.success, started, cached)
        if cached is not True:
            self.progress.finish(result.message, success=result.success)
        return result

    def token(self, operation: NixOperation) -> Hashable | None:
        """What the answer to an operation rests on: while it is the same, so is the answer. None
        for what is never remembered. Looks at a few files only, so it may be asked often.

        Raises:
            NixError: what is asked for is not there.
        """
        served = SERVED[operation.type]
        return None if served.token is None else served.token(self._context, operation)

    def _count(
        self, operation: NixOperation, success: bool, started: float, cached: bool | None
    ) -> None:
        name = getattr(operation.type, "value", str(operation.type))
        seconds = time.monotonic() - started
        self.metrics.record(name, success=success, seconds=seconds, cached=cached)


class EnhancedNativeNixBackend(NixBackend):
    """The backend that reads Nix's files directly, whatever the environment says."""

    _direct = True


class NativeNixBackend(NixBackend):
    """The backend that reads through Nix's programs, whatever the environment says."""

    _direct = False


def _served(operation: NixOperation) -> Served:
    validate_type(operation)
    served = SERVED.get(operation.type)
    if served is None:
        raise NotServed(
            f"This version does not offer {operation.type.value}.",
            "Nothing was done.",
            [f"It offers {', '.join(sorted(kind.value for kind in SERVED))}."],
        )
    validate(operation, served.options)
    return served


def validate_type(operation: NixOperation) -> None:
    """Raises: Refused: the type is no OperationType."""
    if not isinstance(operation.type, OperationType):
        validate(operation, {})


def _failure(error: Exception, suggestions: list[str]) -> NixResult:
    if isinstance(error, NixError):
        _log.info("refused or failed: %s", error)
        message = error.what
    else:
        _log.exception("unexpected failure")
        message = f"An unexpected error occurred: {type(error).__name__}."
    data: dict[str, Any] = {"exception": error}
    report = getattr(error, "report", None)
    if report is not None:
        data["report"] = report
    if isinstance(error, NixError):
        # The views show the error itself, not the result.
        error.todo = tuple(suggestions)
    return NixResult(
        success=False,
        message=message,
        data=data,
        error=str(error) or type(error).__name__,
        suggestions=suggestions,
    )

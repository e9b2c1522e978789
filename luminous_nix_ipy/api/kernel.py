"""Verbs of the kernel itself: jobs, the playground, help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..verbs.session import session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import StatusView, Text

    Action = Literal["start", "reset", "stop", "status"]


class Kernel:
    """Verbs of the kernel itself: jobs, the playground, help."""

    def jobs(self, *, cancel: int | None = None) -> NixFrame:
        """What was started in the background, newest first.

        Args:
            cancel: the number of one to end.

        Example:
            >>> nix.jobs()
        """
        from ..verbs.jobs import run

        return run(session(), cancel=cancel)

    def playground(
        self, action: Action | None = None, *, generations: int | None = None
    ) -> StatusView | Text:
        """A disposable system to practise on.

        Args:
            action: "start" and "reset" make it, "stop" removes it, "status" shows it; None starts
                it, or shows the one that there is.
            generations: how many it has.

        Example:
            >>> nix.playground("start")
        """
        from ..verbs.playground import run

        return run(session(), action=action, generations=generations)

    def help(self, verb: str | None = None) -> Text:
        """What a verb does and takes; without one, all of them.

        Example:
            >>> nix.help("rollback")
        """
        from ..verbs.help import run

        return run(session(), verb=verb)

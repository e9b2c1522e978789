"""The generations of a profile, to look through and to act on."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ..backend.model import NixOperation, OperationType
from ..errors import NotFound, Refused
from ..html import render
from ..tools.elevation import PasswordNeeded
from ..wording import printable
from . import generations as words
from .live import LiveView
from .page import Links, Page, Steps, Words
from .parts import banner

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ..backend.backend import NixBackend
    from ..backend.model import NixOperation, OperationType
    from ..frames import NixFrame
    from ..records import Generation, Profile
    from ..table import Table
    from .proposal import Proposal

_EVERY = 2.0
"""Seconds between two looks at whether the machine has changed."""
_SETTLED = {
    "declined": "Nothing was changed.",
    "done": "Done. What was done is told below.",
    "failed": "It failed. What happened is told below.",
}
"""What the status line says when a proposal has ended so."""
_ELSEWHERE = "To sort, filter and act on them, use it in a notebook with widgets (ipywidgets)."


class Browser(LiveView):
    """The generations of a profile. It reads them anew whenever the machine has changed.

    Args:
        backend: of the machine; what this does goes on beside what else it does.
        profile: whose generations.
        found: all of them, newest first.
        host: the name of the machine.

    Attributes:
        profile: the Profile.
        generations: what it shows, as a DataFrame.
        packages: the package changes that it shows, as a DataFrame.
    """

    def __init__(
        self, backend: NixBackend, profile: Profile, found: Sequence[Generation], host: str
    ) -> None:
        super().__init__()
        self.profile = profile
        self._backend = backend.beside()
        self._found = list(found)
        self._host = host
        self._listing = self._about(OperationType.LIST_GENERATIONS)
        self._rests_on: Hashable = None
        self._reading = False
        self._reads = 0
        self._proposal: Proposal | None = None

    @property
    def generations(self) -> NixFrame:
        """All of them, newest first."""
        from .. import frames

        return frames.generations(self._found, all_columns=True)

    @property
    def packages(self) -> NixFrame:
        """Which packages differ between the two that are chosen.

        Raises:
            NotFound: none are compared.
        """
        from .. import frames

        diff = None if self.root is None else self.comparison.diff
        if diff is None:
            raise NotFound("No two generations are compared.", "", ["Choose two in the list."])
        return frames.diff(diff)

    def _page(self) -> Page:
        lead = [self.said] if self.said else []
        lead += [_ELSEWHERE] if self.root is None else []
        parts: list[Table | Steps | Words | Links] = [words.table(self._found, self.profile.kind)]
        if self.root is not None:
            parts += self.comparison.still()
        if self._proposal is not None:
            deed = self._proposal._page()
            parts += [Words(deed.title, deed.lead), *deed.parts]
        return Page(self._title, lead, parts, banner(self._backend.machine.playground is not None))

    @property
    def _title(self) -> str:
        return printable(f"Generations of {self.profile.name} on {self._host}")

    def _build(self) -> Any:
        import ipywidgets

        from .comparison import Comparison
        from .details import Details
        from .grid import Grid

        self.grid = Grid(
            self._title,
            words.columns(self.profile.kind),
            things="generations",
            most=None,
            sort=(0, "descending"),
        ).add_class("lx-generations")
        self.grid.show(words.rows(self._found, self.profile.kind))
        self.grid.active = next((str(g.number) for g in self._found if g.current), None)
        self.grid.observe(self.guarded(self._walked), "active")
        self.grid.observe(self.guarded(self._chose), "selected")
        self.grid.on_activated(self.guarded(lambda _: self.details.buttons["roll_back"].focus()))
        self.details = Details(
            write_note=self.guarded(self._write_note),
            keep=self.guarded(self._keep),
            roll_back=self.guarded(self._roll_back),
            delete=self.guarded(lambda _: self._delete([self._active().number])),
            delete_chosen=self.guarded(lambda _: self._delete(self._chosen())),
        )
        self.comparison = Comparison()
        self._deed = ipywidgets.VBox().add_class("lx-deed")
        self.details.show(self._shown())
        self.details.show_chosen([])
        self._rests_on = self._backend.token(self._listing)
        self.watch(_EVERY, self._look)
        head = Page(self._title, banner=banner(self._backend.machine.playground is not None))
        return ipywidgets.VBox(
            [
                ipywidgets.HTML(render("browser")).add_class("lx-style"),
                ipywidgets.HTML(head.html()).add_class("lx-head"),
                self.grid,
                self.details.root,
                self._deed,
                self.comparison.root,
            ]
        ).add_class("lx-browser")

    # What was walked to, and what is chosen.

    def _shown(self) -> Generation | None:
        active = self.grid.active
        return next((g for g in self._found if str(g.number) == active), None)

    def _active(self) -> Generation:
        found = self._shown()
        if found is None:
            raise NotFound("No generation is shown.", "", ["Walk to one in the list."])
        return found

    def _chosen(self) -> list[int]:
        return sorted(map(int, self.grid.selected))

    def _walked(self, _: Any) -> None:
        self.details.show(self._shown())

    def _chose(self, _: Any) -> None:
        chosen = self._chosen()
        self.details.show_chosen(chosen)
        if len(chosen) != 2:
            self.comparison.clear(len(chosen))
            self.changed()
            return
        before, after = chosen
        self.comparison.wait(before, after)

        def compared(data: dict[str, Any]) -> None:
            if self._chosen() == chosen:
                self.comparison.show(data["diff"])
                self.changed()

        def failed(error: BaseException) -> None:
            if self._chosen() == chosen:
                self.comparison.fail()
            self.tell_error(error)

        work = self._ask(self._about(OperationType.DIFF, before=before, after=after))
        self.begin(work, compared, failed)

    # What is asked of the backend.

    def _about(self, kind: OperationType, **options: Any) -> NixOperation:
        return NixOperation(type=kind, options={"profile": self.profile.path, **options})

    async def _ask(self, operation: NixOperation) -> dict[str, Any]:
        result = await self._backend.execute(operation)
        if not result.success:
            raise result.data["exception"]
        return result.data

    def _look(self) -> None:
        """Whether the machine has changed; if so, read the list anew."""
        if not self._reading and self._backend.token(self._listing) != self._rests_on:
            self._refresh()

    def _refresh(self, said: str = "") -> None:
        """Read the list anew.

        Args:
            said: what the status line says then; empty: what has changed.
        """
        self._reading = True
        self._reads += 1
        mine = self._reads
        self._rests_on = self._backend.token(self._listing)

        def read(data: dict[str, Any]) -> None:
            if mine != self._reads:
                return  # what was asked for since is newer
            self._reading = False
            before, self._found = self._found, data["generations"]
            if before != self._found:
                self._show_list()
            self.changed()
            if told := said or words.news(before, self._found):
                self.say(told)
            self.grid.catch_focus()  # a button that was clicked may have gone

        def failed(error: BaseException) -> None:
            if mine == self._reads:
                self._reading = False
                self._rests_on = None  # so that it is tried again
                self.tell_error(error)

        self.begin(self._ask(self._listing), read, failed)

    def _show_list(self) -> None:
        """Show the list as it is now; from a generation that has gone to the one next to it."""
        active, chosen = self.grid.active, self.grid.selected
        self.grid.show(words.rows(self._found, self.profile.kind))
        if active is not None and self.grid.active is None and self._found:
            near = min((g.number for g in self._found), key=lambda n: abs(n - int(active)))
            self.grid.active = str(near)
        self.details.show(self._shown())
        if chosen != self.grid.selected:
            self._chose(None)

    # What is done.

    def _write_note(self, _: Any) -> None:
        number, note = self._active().number, self.details.note.value.strip()
        line = f"%nix note {number} " + (shlex.quote(note) if note else "--remove")
        self._perform(self._about(OperationType.NOTE, generation=number, note=note), line)

    def _keep(self, _: Any) -> None:
        g = self._active()
        line = f"%nix note {g.number} --{'no-keep' if g.kept else 'keep'}"
        self._perform(self._about(OperationType.NOTE, generation=g.number, keep=not g.kept), line)

    def _perform(self, operation: NixOperation, line: str) -> None:
        """Do what needs no plan.

        Args:
            line: what does the same in a cell, where a password for root can be asked for.
        """

        async def performed() -> str:
            result = await self._backend.execute(operation)
            if not result.success:
                raise result.data["exception"]
            if operation.options.get("keep") is False and result.data["generation"].kept:
                return "It is still kept by a backup, for %nix undo."
            return result.message

        def failed(error: BaseException) -> None:
            if isinstance(error, PasswordNeeded):
                error.todo = (f"Type it in a cell, which can ask you: {line}",)
            self.tell_error(error)

        self.begin(performed(), self._refresh, failed)

    def _roll_back(self, _: Any) -> None:
        g = self._active()
        self._propose(self._about(OperationType.ROLLBACK, generation=g.number))

    def _delete(self, numbers: Sequence[int]) -> None:
        self._propose(self._about(OperationType.DELETE_GENERATIONS, generations=list(numbers)))

    def _propose(self, operation: NixOperation) -> None:
        """Show the plan of a change, with buttons to agree to it or not."""
        if self._proposal is not None and self._proposal.state == "under way":
            raise Refused("Another change is under way here.", "", ["Wait for its end."])
        self.say("Making the plan …")
        self.begin(self._backend.plan(operation), lambda plan: self._offer(operation, plan))

    def _offer(self, operation: NixOperation, plan: Any) -> None:
        from .proposal import Proposal

        self._put_away()
        settled = self.guarded(self._settled)
        self._proposal = Proposal(self._backend, operation, plan, ended=settled)
        self._deed.children = [self._proposal.widget()]
        self.say(self._proposal.obstacle or "Read the plan below, then agree to it or not.")
        self.changed()

    def _settled(self, proposal: Proposal) -> None:
        if proposal.state == "declined":
            self._put_away()
        self._refresh(_SETTLED[proposal.state])

    def _put_away(self) -> None:
        """Take the last proposal from the view."""
        self._deed.children = []
        if self._proposal is not None:
            self._proposal.close()
            self._proposal = None

"""One generation in full, with what can be done to it, as a part of a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..table import Table
from . import generations as words
from .page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..records import Generation


class Details:
    """The generation that was walked to.

    Args:
        write_note, keep, roll_back, delete, delete_chosen: what the buttons call.

    Attributes:
        root: the widget.
        note: the field for its note.
        buttons: by the names of those arguments.
    """

    def __init__(
        self,
        *,
        write_note: Callable[..., None],
        keep: Callable[..., None],
        roll_back: Callable[..., None],
        delete: Callable[..., None],
        delete_chosen: Callable[..., None],
    ) -> None:
        import ipywidgets

        self._facts = ipywidgets.HTML().add_class("lx-facts")
        self._noted: tuple[int, str] | None = None
        # Told when it is left, at once and whole: what is told while somebody types is held back as
        # long as the kernel has not answered, and a click would come before the last letters.
        self.note = ipywidgets.Text(description="Note", continuous_update=False)
        self.note.add_class("lx-note")
        self.buttons: dict[str, Any] = {}
        for name, act in (
            ("roll_back", roll_back),
            ("keep", keep),
            ("delete", delete),
            ("write_note", write_note),
            ("delete_chosen", delete_chosen),
        ):
            button = ipywidgets.Button().add_class(f"lx-{name.replace('_', '-')}")
            button.on_click(act)
            self.buttons[name] = button
        back, keep_it, delete_it, write, several = self.buttons.values()
        write.description, write.tooltip = "Write note", "Write this note; none removes it"
        rows = [[back, keep_it, delete_it], [self.note, write], [several]]
        acts = [ipywidgets.HBox(row).add_class("lx-row-of") for row in rows]
        self._acts = ipywidgets.VBox(acts).add_class("lx-acts")
        self.root = ipywidgets.HBox([self._facts, self._acts]).add_class("lx-about")

    def show(self, generation: Generation | None) -> None:
        """Show one; None: there is none to be shown."""
        g = generation
        self._acts.layout.visibility = "hidden" if g is None else "visible"
        if g is None:
            self._facts.value = Page("", ["No generation is shown here."]).html()
            return
        self._facts.value = Page(f"Generation {g.number}", (), [Table((), words.facts(g))]).html()
        for name, label, purpose in (
            ("roll_back", "Roll back …", f"Show what making generation {g.number} current changes"),
            ("delete", "Delete …", f"Show what deleting generation {g.number} takes away"),
            ("keep", "Let go", f"No longer keep generation {g.number}")
            if g.kept
            else ("keep", "Keep", f"Keep generation {g.number} from the garbage collector"),
        ):
            self.buttons[name].description = label
            self.buttons[name].tooltip = purpose
        noted = (g.number, g.note or "")
        if noted != self._noted:  # else what is being typed stays
            self._noted = noted
            self.note.value = noted[1]

    def show_chosen(self, numbers: Sequence[int]) -> None:
        """Offer to delete several."""
        several = self.buttons["delete_chosen"]
        several.layout.display = "" if numbers else "none"
        several.description = f"Delete {len(numbers):,} chosen …"
        several.tooltip = "Show what deleting the chosen generations takes away"

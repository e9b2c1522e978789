"""What stands beside the results of a search: one of them in full, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from ..backend.search_model import FoundOption, FoundPackage, OptionFacts, PackageFacts
from ..wording import printable
from .configuration_line import FILES, line_of_option, line_of_package
from .copy_field import CopyField
from .entries import OptionView, PackageView
from .live import LiveView
from .newest import Newest
from .search_answers import Facts, Found, in_full

if TYPE_CHECKING:
    from ..backend.backend import NixBackend

_Wanted = tuple[Found, str | None]
"""One of what was found, and the index that it was found in."""

_COPIED = "The line is on the clipboard."
_SELECTED = "This page may not use the clipboard. The line is selected: copy it with Ctrl+C."


class Details:
    """One result in full. Its widget is `root`; it is called with the view's lock held.

    Args:
        view: what it is a part of.
        backend: what it asks.
        install: is called with the attribute of a package to plan and ask about.
    """

    def __init__(
        self, view: LiveView, backend: NixBackend, install: Callable[[str], object]
    ) -> None:
        self._view = view
        self._backend = backend
        self._install_it = install
        self._shown: _Wanted | None = None
        self._newest: Newest[_Wanted, Facts] = Newest(
            view, lambda wanted: in_full(backend, *wanted, value=False), self._draw
        )
        self.page = ipywidgets.HTML().add_class("lx-page")
        self.line = CopyField("")
        self.line.on_copied(view.guarded(lambda done: view.say(_COPIED if done else _SELECTED)))
        self.install = ipywidgets.Button(
            description="Install …", tooltip="Plan to install it for yourself, and ask"
        ).add_class("lx-install")
        self.install.on_click(view.guarded(self._install))
        self.value = ipywidgets.Button(
            description="Value on this machine",
            tooltip="Let Nix evaluate what this machine's configuration gives to this option",
        ).add_class("lx-value")
        self.value.on_click(view.guarded(self._evaluate))
        buttons = ipywidgets.HBox([self.install, self.value]).add_class("lx-deeds")
        self.root = ipywidgets.VBox([self.page, self.line, buttons]).add_class("lx-details")
        self.show(None)

    def show(self, found: Found | None, where: str | None = None) -> None:
        """Show one of what was found in the index `where`; None shows nothing."""
        if found is None:
            self._newest.forget()
            self._shown = None
            self.root.layout.display = "none"
        else:
            self._newest.ask((found, where))

    def _draw(self, wanted: _Wanted, facts: Facts) -> None:
        self._shown = wanted
        if isinstance(facts, OptionFacts):
            self.page.value = OptionView(facts)._repr_html_()
            file, line = FILES[facts.entry.kind], line_of_option(facts.entry)
        else:
            self.page.value = PackageView(facts)._repr_html_()
            file, line = FILES["nixos"], line_of_package(facts.entry)
        with self.line.hold_sync():
            self.line.label, self.line.text = f"The line for {file}", line
        _display(self.line, not (isinstance(facts, OptionFacts) and facts.entry.read_only))
        _display(self.install, isinstance(facts, PackageFacts))
        _display(self.value, isinstance(facts, OptionFacts) and facts.entry.kind == "nixos")
        self.value.disabled = False
        _display(self.root, True)

    def _install(self, _: Any) -> None:
        if self._shown is not None and isinstance(self._shown[0], FoundPackage):
            self._install_it(self._shown[0].entry.attribute)

    def _evaluate(self, _: Any) -> None:
        wanted = self._shown
        if wanted is None:
            return
        self.value.disabled = True
        name = wanted[0].entry.name if isinstance(wanted[0], FoundOption) else ""
        saying = f"Nix evaluates {printable(name)} …"
        self._view.say(saying)

        def show(facts: Facts) -> None:
            if self._view.said == saying:
                self._view.say("")
            if wanted == self._shown:
                self._draw(wanted, facts)

        def failed(error: BaseException) -> None:
            self.value.disabled = False
            self._view.tell_error(error)

        self._view.begin(in_full(self._backend.beside(), *wanted, value=True), show, failed)


def _display(widget: Any, shown: bool) -> None:
    widget.layout.display = None if shown else "none"

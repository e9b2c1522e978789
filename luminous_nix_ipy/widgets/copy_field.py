"""Text to take along: a field that can be selected, and a button that copies it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class CopyField(anywidget.AnyWidget):
    """Text with a button that puts it on the clipboard of the person at the browser.

    Browsers allow that in pages that came over https or from this machine, and most of them
    elsewhere; where one does not, the text is selected instead.

    Attributes:
        label: what the text is, as HTML would show it plainly.
        text: the text; several lines are shown as such.
    """

    _esm = Path(__file__).with_name("copy_field.js")

    label = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)

    def __init__(self, label: str, text: str = "") -> None:
        super().__init__(label=label, text=text)
        self.add_class("lx-copy-field")
        self._copied: list[Callable[[bool], object]] = []
        self.on_msg(self._heard)

    def on_copied(self, callback: Callable[[bool], object]) -> None:
        """Call `callback(copied)` after a click; False: the text is only selected."""
        self._copied.append(callback)

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and isinstance(content.get("copied"), bool):
            for callback in self._copied:
                callback(content["copied"])

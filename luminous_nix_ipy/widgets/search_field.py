"""A field whose every keystroke is told, with keys that lead into the results and back."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class SearchField(anywidget.AnyWidget):
    """A field to search in.

    Keys, within the nearest element of the class `lx-search`: Down leads from the field to the row
    of `.lx-results` that Tab would reach, Enter from there to `.lx-details`, and Escape from
    everywhere back to the field.

    Args:
        label: what the field is for; shown before it.
        placeholder: shown in it while it is empty.

    Attributes:
        value: what is written in it.
    """

    _esm = Path(__file__).with_name("search_field.js")

    label = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    value = traitlets.Unicode().tag(sync=True)

    def __init__(self, label: str, placeholder: str, value: str = "") -> None:
        super().__init__(label=label, placeholder=placeholder, value=value)
        self.add_class("lx-search-field")

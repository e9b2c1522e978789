"""HTML for notebooks, made with the templates beside the widgets: nothing in it is active text.

Every value is made printable and then escaped, since package descriptions, notes and build logs
are other people's text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .wording import printable

if TYPE_CHECKING:
    from jinja2 import Environment


_LONGEST_WORD = 28
"""Letters of a word for which a column of a table may always make room."""


def render(template: str, **values: Any) -> str:
    """The HTML of one template of `widgets/templates`, given without `.html.j2`."""
    return _environment().get_template(f"{template}.html.j2").render(values)


@cache
def _environment() -> Environment:
    import jinja2

    from . import wording

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("luminous_nix_ipy", "widgets/templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["wording"] = wording
    environment.tests["long_word"] = lambda cell: any(
        len(word) > _LONGEST_WORD for word in str(cell).split()
    )
    return environment


def _finalize(value: Any) -> Any:
    """Printable text; what a template has made already (it has `__html__`) stays as it is."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

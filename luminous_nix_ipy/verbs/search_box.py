"""The box that the verbs that search show where no words are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .parser import usage_error
from .session import Session

if TYPE_CHECKING:
    from ..widgets.search_box import SearchBox


def search_box(
    session: Session,
    kind: Literal["packages", "options"],
    missing: str,
    *,
    possible: bool,
    limit: int | None,
    **narrowed: Any,
) -> SearchBox:
    """A box that begins with these options of the line.

    Args:
        missing: what is wrong with the line where there is no box.
        possible: whether a box can show what the line asks for.
        narrowed: see `Question`.

    Raises:
        UsageError: there are no widgets here, or the line asks for what a box is not.
    """
    from ..widgets.live import has_widgets

    if not possible or not has_widgets(session.shell):
        usage_error(f"{missing}; without words a notebook with widgets shows a search box")
    from ..widgets.search_answers import Question
    from ..widgets.search_box import LIMITS, SearchBox

    question = Question(kind, "", limit or LIMITS[0], **narrowed)
    return SearchBox(session.backend, question)

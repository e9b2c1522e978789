"""Plots with the same facts as a table, so that who cannot see them has all of it."""

from __future__ import annotations

import importlib.util
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from .. import wording
from ..errors import Refused
from ..html import render
from ..wording import printable
from .drawing import BUILDS_DRAWN
from .page import Page, View
from .parts import banner

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..backend.past_model import BuildTimes, HeldVersion
    from ..frames import NixFrame
    from ..records import Generation

_GET = "pip install matplotlib"
_GET_BY_NIX = "or python3Packages.matplotlib beside this kernel's packages"


class PlotView(View):
    """A figure and what it is drawn from.

    A notebook shows the picture with its description, and the table folded beneath; where no
    picture can be shown, as in a terminal, there is the table.

    Args:
        title: what it shows, in a line.
        told: sentences with what is to be seen.
        data: what is drawn; an attribute too.
        draw: makes the figure of the data and the title.
    """

    def __init__(
        self,
        title: str,
        told: Sequence[str],
        data: NixFrame,
        draw: Callable[[NixFrame, str], Figure],
        *,
        playground: bool = False,
    ) -> None:
        self.data = data
        self._title = printable(title)
        self._told = [printable(sentence) for sentence in told]
        self._draw = draw
        self._playground = playground

    @cached_property
    def figure(self) -> Figure:
        """The figure of matplotlib, made when first asked for; pyplot does not know it.

        Raises:
            Refused: matplotlib is not installed.
        """
        if not _can_draw():
            raise Refused(
                "The plot cannot be drawn; its table can be shown.",
                "matplotlib is not installed for this kernel.",
                [f"Install it: {_GET}", f"{_GET_BY_NIX[3:].capitalize()}."],
            )
        return self._draw(self.data, self._title)

    @property
    def description(self) -> str:
        """What the picture shows, for who cannot see it."""
        return " ".join([f"{self._title}.", *self._told])

    @cached_property
    def png(self) -> bytes:
        """The picture.

        Raises:
            Refused: matplotlib is not installed.
        """
        from .drawing import png

        return png(self.figure, self.description)

    def _page(self) -> Page:
        table = self.data.as_table()
        return Page(self._title, self._lead(), [table], banner(self._playground))

    def _lead(self) -> list[str]:
        missing = (
            [] if _can_draw() else [f"Not drawn: there is no matplotlib. {_GET}, {_GET_BY_NIX}."]
        )
        return [*self._told, *missing]

    def _repr_html_(self) -> str:
        if not _can_draw():
            return super()._repr_html_()
        picture = f"data:image/png;base64,{b64encode(self.png).decode('ascii')}"
        width = round(self.figure.get_figwidth() * 96)
        return render("plot", page=self._page(), picture=picture, width=width, alt=self.description)

    def _repr_png_(self) -> bytes | None:
        """For what takes no HTML, such as LaTeX."""
        return self.png if _can_draw() else None


def _can_draw() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def about_sizes(generations: Sequence[Generation]) -> list[str]:
    """What a plot of sizes shows, in sentences; newest first."""
    known = [g for g in generations if g.closure_bytes is not None]
    if not known:
        return ["The size of none of them is known."]
    newest = known[0]
    largest = max(known, key=lambda g: g.closure_bytes or 0)
    told = [
        f"Generation {newest.number} needs {wording.size(newest.closure_bytes)}, of which "
        f"{wording.size(newest.unique_bytes)} are in no other generation."
    ]
    if len(known) > 1:
        largest_size = wording.size(largest.closure_bytes)
        of = f"The largest of the {len(known):,}"
        told.append(f"{of} is generation {largest.number}, with {largest_size}.")
    if unknown := len(generations) - len(known):
        told.append(f"Of {wording.plural(unknown, 'generation')} the size is not known.")
    return told


def about_versions(held: Sequence[HeldVersion]) -> list[str]:
    """What a plot of versions shows, in sentences; the oldest generation first."""
    told = []
    for name in dict.fromkeys(each.name for each in held):
        of_this = [each for each in held if each.name == name]
        count = len({each.version for each in of_this})
        first, last = of_this[0], of_this[-1]
        begins = f"{name}: {first.version or 'no version'} in generation {first.number}"
        ends = f"{last.version or 'no version'} in {last.number}"
        told.append(f"{begins}, {ends}; {wording.plural(count, 'version')}.")
    return told


def about_builds(times: Sequence[BuildTimes]) -> list[str]:
    """What a plot of build times shows, in sentences; the longest first."""
    longest = times[0]
    told = [
        f"{longest.name} takes the longest: {wording.duration(longest.median_seconds)}, the median "
        f"of {wording.plural(longest.builds, 'build')}."
    ]
    if len(times) > BUILDS_DRAWN:
        told.append(f"Drawn are the {BUILDS_DRAWN} longest of {len(times):,}.")
    return told

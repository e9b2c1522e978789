"""Figures of matplotlib: sizes, versions and build times.

Made without pyplot, which keeps figures and a backend for the whole process. A figure is a white
card with dark text, legible on any page; what matplotlibrc or a style of the notebook says does not
change it. Nothing is told by colour alone: areas are hatched, lines have marks, bars their words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import wording
from ..store.versions import version_key
from ..wording import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT = "#1a1a1a"
LINE = "#333333"
SHARED = "#c6d7e8"
ALONE = "#1f4e79"
"""Dark and light enough to be told apart without their hue."""
_SINGLE = 60
"""More generations than these are areas and lines without marks."""
_LABELLED = 12
"""Labels of an axis; of more values only some have one."""
BUILDS_DRAWN = 20
_DPI = 144
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": TEXT,
    "text.parse_math": False,  # a name may hold a dollar sign
    "axes.facecolor": "white",
    "axes.edgecolor": LINE,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "legend.frameon": False,
    "hatch.color": "white",
    "hatch.linewidth": 0.8,
    "lines.linewidth": 1.6,
}


def sizes(data: pd.DataFrame, title: str) -> Figure:
    """Stacked bars: bytes of each generation that another one has too, and those that none has."""
    figure, (axes,) = _figure([3.6], title)
    with _styled():
        known = data.closure_bytes.dropna()
        power = min(max(int(known.max()).bit_length() - 1, 0) // 10, 5) if len(known) else 0
        shared, alone = (
            data[name].to_numpy(dtype="float64", na_value=float("nan")) / 1024**power
            for name in ("shared_bytes", "unique_bytes")
        )
        places = range(len(data))
        both = {"shared with another generation": shared, "in no other generation": alone}
        looks: tuple[dict[str, Any], ...] = (
            {"facecolor": SHARED},
            {"facecolor": ALONE, "hatch": "////"},
        )
        bottom = shared * 0
        for (label, height), look in zip(both.items(), looks, strict=True):
            if len(data) <= _SINGLE:
                axes.bar(places, height, 0.7, bottom, label=label, lw=0.8, **look)
                for bar in axes.containers[-1]:
                    bar.set_edgecolor("white" if "hatch" in look else LINE)
            else:
                axes.fill_between(
                    places, bottom, bottom + height, step="mid", label=label, lw=0, **look
                )
            bottom = bottom + height
        if len(data) <= _LABELLED:
            for place, (size, top) in enumerate(zip(data.closure_bytes, bottom, strict=True)):
                words = wording.size(int(size)) if top == top else "unknown"
                _beside(axes, words, (place, top if top == top else 0.0), (0, 3), ha="center")
        axes.set_ylabel(f"size in {_UNITS[power]}")
        axes.margins(y=0.15)
        axes.set_ylim(bottom=0)
        _label_generations(axes, data.number.tolist(), _marks(data))
        if len(data) > _LABELLED and data.current.any():
            place = int(data.current.to_numpy().argmax())
            side = "left" if place < len(data) / 2 else "right"
            words = f"{data.number.iloc[place]} is current"
            line = {"arrowstyle": "-", "color": LINE}
            top = bottom[place] if bottom[place] == bottom[place] else 0.0
            _beside(axes, words, (place, top), (0, 14), ha=side, arrowprops=line)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return figure


def versions(data: pd.DataFrame, title: str, numbers: Sequence[int]) -> Figure:
    """Steps: the newest version of each package in each generation; marks at all that it has.

    Args:
        numbers: the generations, oldest first; one that has none of a package leaves a gap.
    """
    names = list(dict.fromkeys(data.name))
    ordered = {
        name: sorted(set(data.version[data.name == name]), key=lambda v: (version_key(v), v))
        for name in names
    }
    heights = [0.9 + 0.24 * min(len(ordered[name]), _LABELLED) for name in names]
    figure, all_axes = _figure(heights, title)
    place_of = {number: place for place, number in enumerate(numbers)}
    with _styled():
        for name, axes in zip(names, all_axes, strict=True):
            of_this = data[data.name == name]
            rank = {version: i for i, version in enumerate(ordered[name])}
            newest = [float("nan")] * len(numbers)
            xs, ys = [], []
            for number, version in zip(of_this.number, of_this.version, strict=True):
                x, y = place_of[number], rank[version]
                xs.append(x)
                ys.append(y)
                newest[x] = y if newest[x] != newest[x] else max(newest[x], y)
            axes.step(range(len(numbers)), newest, where="mid", color=ALONE)
            if len(numbers) <= _SINGLE:
                axes.plot(xs, ys, "o", color=ALONE, markersize=5)
            axes.set_title(printable(name))
            axes.set_xlim(-0.6, len(numbers) - 0.4)
            axes.set_ylim(-0.6, len(rank) - 0.4)
            shown = _thinned(len(rank))
            axes.set_yticks(shown, [printable(ordered[name][i]) or "no version" for i in shown])
            axes.grid(axis="y", color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
            _label_generations(axes, numbers, {}, last=axes is all_axes[-1])
    return figure


def builds(data: pd.DataFrame, title: str) -> Figure:
    """Bars: the median seconds of each name's builds, with a line from the shortest to the longest;
    the longest twenty."""
    shown = data.iloc[:BUILDS_DRAWN]
    figure, (axes,) = _figure([0.9 + 0.26 * len(shown)], title)
    with _styled():
        places = range(len(shown))
        median = shown.median_seconds.to_numpy()
        ends = [median - shown.shortest_seconds.to_numpy(), shown.longest_seconds - median]
        axes.barh(places, median, 0.62, color=SHARED, edgecolor=LINE, lw=0.8)
        axes.errorbar(median, places, xerr=ends, fmt="none", color=LINE, lw=1.2, capsize=3)
        for place, longest, seconds in zip(places, shown.longest_seconds, median, strict=True):
            words = wording.duration(float(seconds)) if seconds else "under 1 s"
            _beside(axes, words, (longest, place), (6, 0), va="center")
        hosts = zip(shown.name, shown.host, strict=True)
        axes.set_yticks(places, [printable(f"{n} on {h}" if h else n) for n, h in hosts])
        axes.invert_yaxis()
        axes.set_xlabel("seconds: the median, and from the shortest to the longest")
        axes.margins(x=0.15)
        axes.set_xlim(left=0)
    return figure


def png(figure: Figure, description: str) -> bytes:
    """The figure as a PNG that says what it shows."""
    import io

    file = io.BytesIO()
    canvas: Any = figure.canvas
    with _styled():
        canvas.print_png(file, metadata={"Description": description})
    return file.getvalue()


def _figure(heights: Sequence[float], title: str) -> tuple[Figure, list[Axes]]:
    """A figure with axes below each other, so many inches high."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _styled():
        figure = Figure(
            figsize=(8, sum(heights) + 0.6), dpi=_DPI, facecolor="white", layout="constrained"
        )
        FigureCanvasAgg(figure)
        figure.suptitle(printable(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        grid = figure.subplots(len(heights), squeeze=False, height_ratios=heights)
    return figure, list(grid[:, 0])


@contextmanager
def _styled() -> Iterator[None]:
    """Our style for the block, over matplotlib's own defaults."""
    import matplotlib

    usual: dict[Any, Any] = {
        k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")
    }
    with matplotlib.rc_context({**usual, **_STYLE}):
        yield


def _marks(data: pd.DataFrame) -> dict[int, str]:
    """Generation -> what it is."""
    marks = {}
    for number, current, state in zip(data.number, data.current, data.state, strict=True):
        words = ["current"] if current else []
        words += [word for word in str(state).split(", ") if word in ("running", "booted")]
        if words:
            marks[number] = "\n".join(words)
    return marks


def _label_generations(
    axes: Axes, numbers: Sequence[int], marks: dict[int, str], last: bool = True
) -> None:
    shown = _thinned(len(numbers))
    words = [f"{numbers[i]}\n{marks.get(numbers[i], '')}".rstrip() for i in shown]
    axes.set_xticks(shown, words if last else [""] * len(shown))
    if last:
        axes.set_xlabel("generation")


def _thinned(count: int) -> list[int]:
    """Which of so many values have a label: the last always, and as many as can be read."""
    step = max(1, -(-count // _LABELLED))
    return list(range((count - 1) % step, count, step))


def _beside(
    axes: Axes, words: str, place: tuple[float, float], by: tuple[int, int], **aligned: Any
) -> None:
    """Words beside a place, so many points from it."""
    axes.annotate(words, place, by, textcoords="offset points", **aligned)

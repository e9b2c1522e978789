"""Plots: what is drawn is what the table says, legibly, and without pyplot."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key, partial
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend.nix_run import history_of
from luminous_nix_ipy.backend.past_model import HeldVersion
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.errors import NotFound, Refused
from luminous_nix_ipy.frames import plots as plot_frames
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Generation
from luminous_nix_ipy.store.versions import compare_versions
from luminous_nix_ipy.tools.build_history import Report, append_history
from luminous_nix_ipy.widgets import drawing, plots
from luminous_nix_ipy.widgets.plots import PlotView
from tests.fake_system import add_generation, add_system, make_machine, select
from tests.playground import simulated
from tests.store_database import write_database

START = datetime(2026, 1, 2, tzinfo=UTC)
SECONDS = {"hello": [3, 1, 2], "linux": [600, 900, 700, 800], "quick": [0]}


@pytest.fixture(scope="module")
def playground() -> Iterator[Machine]:
    with simulated() as made:
        reports = [
            Report("", name, START + timedelta(hours=i + j), seconds)
            for i, (name, all_seconds) in enumerate(SECONDS.items())
            for j, seconds in enumerate(all_seconds)
        ]
        append_history(history_of(made), reports)
        yield made


@pytest.fixture(autouse=True)
def there(playground: Machine) -> None:
    machine.use(playground)


def generations(count: int) -> list[Generation]:
    """So many, newest first; their sizes grow, unevenly."""
    numbers = random.Random(1)
    return [
        Generation(
            number=number,
            date=START + timedelta(hours=number),
            current=number == count - 3,
            closure_bytes=3_000_000_000 + number * 1_000_000,
            unique_bytes=numbers.randrange(900_000_000),
        )
        for number in range(count, 0, -1)
    ]


def of_sizes(records: list[Generation]) -> PlotView:
    told = plots.about_sizes(records)
    return PlotView("Sizes", told, plot_frames.sizes(records), drawing.sizes)


def of_versions(held: list[tuple[int, str]], numbers: list[int]) -> PlotView:
    records = [HeldVersion(number=n, date=None, name="some", version=v) for n, v in held]
    draw = partial(drawing.versions, numbers=numbers)
    return PlotView("V", plots.about_versions(records), plot_frames.versions(records), draw)


def test_sizes_are_those_of_the_list(playground: Machine) -> None:
    data, listed = nix.plot("sizes").data, nix.list(sizes=True).iloc[::-1]
    assert {name: str(kind) for name, kind in data.dtypes.items() if name != "date"} == {
        "number": "int64",
        "closure_bytes": "Int64",
        "shared_bytes": "Int64",
        "unique_bytes": "Int64",
        "current": "bool",
        "state": "string",
    }
    for name in ("number", "closure_bytes", "unique_bytes"):
        assert data[name].tolist() == listed[name].tolist()
    assert (data.shared_bytes + data.unique_bytes == data.closure_bytes).all()


def test_bars_are_as_high_as_the_data_and_hatched() -> None:
    view = nix.plot("sizes")
    shared, alone = view.figure.axes[0].containers
    assert [bar.get_height() * 1024 for bar in shared] == view.data.shared_bytes.tolist()
    assert [bar.get_height() * 1024 for bar in alone] == view.data.unique_bytes.tolist()
    assert [bar.get_y() for bar in alone] == [bar.get_height() for bar in shared]
    assert {bar.get_hatch() for bar in shared} != {bar.get_hatch() for bar in alone}
    words = [text.get_text() for text in view.figure.findobj(Text)]
    assert "75.8 KiB" in words
    assert "5\ncurrent\nrunning\nbooted" in words


def test_last_takes_the_newest_and_keeps_what_is_unique() -> None:
    whole, last = nix.plot("sizes").data, nix.plot("sizes", last=2).data
    assert last.equals(whole.iloc[3:].reset_index(drop=True))
    assert nix.plot("versions", "linux", last=2).data.number.tolist() == [4, 5]


def test_a_generation_whose_path_is_gone_has_no_size() -> None:
    records = generations(4)
    records[1] = Generation(number=3, date=None, current=False)
    view = of_sizes(records)
    assert view.data.closure_bytes.isna().tolist() == [False, False, True, False]
    assert "unknown" in [text.get_text() for text in view.figure.findobj(Text)]
    assert "Of 1 generation the size is not known." in view.description
    assert view.png
    nothing = of_sizes([records[1]])
    assert "The size of none of them is known." in nothing.description
    assert nothing.png


def test_versions_are_those_of_the_generations() -> None:
    view = nix.plot("versions", ["openssl", "docker"])
    data = view.data
    assert [str(data[name].dtype) for name in ("number", "name", "version")] == [
        "int64", "string", "string",
    ]  # fmt: skip
    held = data[data.name == "openssl"]
    assert list(zip(held.number, held.version, strict=True)) == [
        (1, "3.4.1"), (2, "3.4.1"), (3, "3.6.0"), (4, "3.6.0"), (5, "3.6.1"),
    ]  # fmt: skip
    assert [axes.get_title(loc="left") for axes in view.figure.axes] == ["openssl", "docker"]
    assert data[data.name == "docker"].number.tolist() == [1, 2, 3, 4]
    line = view.figure.axes[1].lines[0].get_ydata()
    assert str(line[-1]) == "nan", "a generation without it leaves a gap"


def test_versions_are_ordered_as_nix_does() -> None:
    versions = ["2.0pre1", "10.0", "2.0", "1.9", "2.0.1", "2.0-beta"]
    view = of_versions(list(enumerate(versions, 1)), list(range(1, 7)))
    ticks = [label.get_text() for label in view.figure.axes[0].get_yticklabels()]
    assert ticks == sorted(versions, key=cmp_to_key(compare_versions))
    assert ticks[0] == "1.9"
    assert ticks[-1] == "10.0"


def test_two_versions_in_one_generation_are_both_marked() -> None:
    view = of_versions([(1, "1"), (1, "2"), (2, "2")], [1, 2])
    newest, marks = view.figure.axes[0].lines
    assert list(newest.get_ydata()) == [1, 1]
    assert sorted(zip(*marks.get_data(), strict=True)) == [(0, 0), (0, 1), (1, 1)]


def test_builds_are_the_medians_of_the_history() -> None:
    view = nix.plot("builds")
    data = view.data
    assert data.name.tolist() == ["linux", "hello", "quick"]
    for row in data.itertuples():
        seconds = SECONDS[row.name]
        assert row.median_seconds == statistics.median(seconds)
        assert (row.shortest_seconds, row.longest_seconds) == (min(seconds), max(seconds))
        assert row.builds == len(seconds)
    assert str(data.median_seconds.dtype) == "float64"
    widths = [bar.get_width() for bar in view.figure.axes[0].containers[0]]
    assert widths == data.median_seconds.tolist()
    words = [text.get_text() for text in view.figure.findobj(Text)]
    assert {"12 min 30 s", "under 1 s"} <= set(words)
    assert nix.plot("builds", last=1).data.name.tolist() == ["linux"]


@pytest.mark.parametrize("count", [13, 200, 1000])
def test_many_generations_have_labels_that_do_not_touch(count: int) -> None:
    numbers = list(range(1, count + 1))
    held = [(n, f"6.{n // 10}.{n % 10}") for n in numbers]
    for view in (of_sizes(generations(count)), of_versions(held, numbers)):
        view.figure.draw_without_rendering()
        axes = view.figure.axes[0]
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert 2 < len(boxes) <= 13
            assert not any(a.overlaps(b) for a, b in pairwise(boxes))
        assert str(count) in [label.get_text() for label in axes.get_xticklabels()]


def test_among_many_the_current_one_is_named() -> None:
    words = [text.get_text() for text in of_sizes(generations(500)).figure.findobj(Text)]
    assert "497 is current" in words


def luminance(colour: Any) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: Any, other: Any) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def figures() -> list[Figure]:
    return [
        nix.plot("sizes").figure,
        of_sizes(generations(100)).figure,
        nix.plot("versions", "linux").figure,
        nix.plot("builds").figure,
    ]


def test_what_is_drawn_is_legible_on_any_page() -> None:
    with matplotlib.rc_context({"text.color": "white", "xtick.color": "white"}):
        drawn = figures()
    for figure in drawn:
        assert to_rgb(figure.get_facecolor()) == (1, 1, 1)
        assert figure.get_facecolor()[3] == 1
        for text in figure.findobj(Text):
            if text.get_text().strip():
                assert contrast(text.get_color(), "white") >= 7, text
    assert contrast(drawing.SHARED, drawing.ALONE) >= 3
    assert contrast(drawing.LINE, drawing.SHARED) >= 3


def test_the_notebooks_own_style_stays_and_changes_nothing() -> None:
    plain = nix.plot("sizes").png
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "savefig.dpi": 10}):
        styled = nix.plot("sizes").png
        assert matplotlib.rcParams["axes.facecolor"] == "black"
        assert matplotlib.rcParams["font.size"] == 30
    assert styled == plain


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))


def test_a_notebook_has_the_picture_its_description_and_the_table() -> None:
    view = nix.plot("sizes")
    (image,) = [attributes for tag, attributes in Page(view._repr_html_()).tags if tag == "img"]
    assert image["alt"] == view.description
    assert "Generation 5 needs 75.8 KiB, of which 67.6 KiB" in view.description
    assert str(image["src"]).startswith("data:image/png;base64,iVBOR")
    tags = [tag for tag, _ in Page(view._repr_html_()).tags]
    assert tags.index("details") < tags.index("table")
    assert "PLAYGROUND" in view._repr_html_()
    png = view._repr_png_()
    assert png is not None
    assert png.startswith(b"\x89PNG")
    assert view.description.encode("latin-1") in png


def test_a_terminal_has_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    view = nix.plot("sizes")
    monkeypatch.setattr(view, "_draw", None)
    text = repr(view)
    assert "67.6 KiB" in text
    assert "Generation 5 needs" in text
    assert max(map(len, text.splitlines())) <= 80


def test_names_are_only_text() -> None:
    name = "<b>$x^2$\x1b[31m"
    record = HeldVersion(number=1, date=None, name=name, version="$1<i>")
    draw = partial(drawing.versions, numbers=[1])
    told = plots.about_versions([record])
    view = PlotView(f"Versions of {name}", told, plot_frames.versions([record]), draw)
    html = view._repr_html_()
    assert "<b>" not in html
    assert "\x1b" not in html
    assert "<b>$x^2$\\x1b[31m" in [text.get_text() for text in view.figure.findobj(Text)]
    assert not any(text.get_parse_math() for text in view.figure.findobj(Text))


def test_without_matplotlib_there_is_the_table_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plots, "_can_draw", lambda: False)
    view = nix.plot("sizes")
    assert "pip install matplotlib" in repr(view)
    html = view._repr_html_()
    assert "<img" not in html
    assert "67.6 KiB" in html
    assert view._repr_png_() is None
    with pytest.raises(Refused, match="cannot be drawn") as refused:
        _ = view.figure
    assert refused.value.todo[0] == "Install it: pip install matplotlib"


SCRIPT = """
import asyncio, sys
from luminous_nix_ipy import nix, playground
asyncio.run(playground.start(real=False))
view = nix.plot("sizes")
repr(view)
assert not {name for name in sys.modules if name.startswith("matplotlib")}
view._repr_html_()
assert "matplotlib.figure" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
nix.playground("stop")
"""


def test_matplotlib_is_imported_to_draw_and_pyplot_never(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environ, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("size", {}, "There is no plot 'size'"),
        ("sizes", {"names": "linux"}, "takes no names"),
        ("builds", {"profile": "system"}, "belong to no profile"),
        ("sizes", {"last": 0}, "a number from 1 up, not 0"),
        ("versions", {"names": "linux", "last": -1}, "a number from 1 up, not -1"),
        ("builds", {"last": "all"}, "a whole number, not 'all'"),
        ("versions", {}, "No package is named"),
        ("versions", {"names": list("abcdefghi")}, "9 packages are more than"),
        ("versions", {"names": "-x"}, "is not a package name"),
    ],
)
def test_what_cannot_be_drawn_is_refused(kind: str, arguments: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        nix.plot(kind, **arguments)


def test_a_package_in_no_generation_has_close_names() -> None:
    with pytest.raises(NotFound, match="has opensssl") as refused:
        nix.plot("versions", ["linux", "opensssl"])
    assert "openssl" in refused.value.why
    with pytest.raises(NotFound) as refused:
        nix.plot("versions", "postgre")
    assert "postgresql" in refused.value.why


def test_without_a_build_or_a_generation_it_says_so(tmp_path: Path) -> None:
    bare = make_machine(tmp_path)
    write_database(Path(bare.state_dir), {})
    machine.use(bare)
    with pytest.raises(NotFound, match="There is no profile yet"):
        nix.plot("sizes")
    add_generation(bare.system_profile, 1, add_system(bare, "25.11"))
    select(bare.system_profile, 2)
    os.unlink(f"{bare.system_profile}-1-link")
    for kind, names in (("sizes", ()), ("versions", "linux")):
        with pytest.raises(NotFound, match="system has no generation yet"):
            nix.plot(kind, names)
    with pytest.raises(NotFound, match="No build is remembered yet"):
        nix.plot("builds")


def test_a_history_that_is_none_is_told(playground: Machine) -> None:
    file = Path(history_of(playground))
    kept = file.read_bytes()
    file.write_text("something else\n")
    try:
        with pytest.raises(Refused, match="is not a history of builds"):
            nix.plot("builds")
    finally:
        file.write_bytes(kept)


def test_completion_knows_kinds_and_packages() -> None:
    def after(text: str) -> list[str]:
        completions = complete(text)
        assert completions is not None
        return [word for word, _ in completions.found]

    assert after("%nix plot ")[:3] == ["sizes", "versions", "builds"]
    assert after("%nix plot versions open") == ["openssh", "openssl"]
    assert "openssl" not in after("%nix plot versions openssl open")
    assert after("%nix plot sizes open") == []

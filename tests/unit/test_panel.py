"""The panel of progress: what it shows, its button, the log that is chosen, what it leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from ipywidgets.widgets.widget import _instances

from luminous_nix_ipy.backend.progress import ProgressState
from luminous_nix_ipy.errors import Refused
from luminous_nix_ipy.records import Activity, Counts, NixWork
from luminous_nix_ipy.widgets.panel import Panel
from luminous_nix_ipy.widgets.progress import Look, look_at


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = set(_instances)
    yield
    assert set(_instances) == before


def look(*builds: str, speaking: int | None = None) -> Look:
    nothing = Counts()
    running = tuple(
        Activity(
            id=number, kind="build", name=name, phase="buildPhase", done=0, expected=0, running=1,
            failed=0, started=datetime.now().astimezone(), host="", log=(f"line of {name}",),
        )
        for number, name in enumerate(builds, 1)
    )  # fmt: skip
    work = NixWork(
        builds=nothing, paths=nothing, copied=nothing, downloaded=nothing, rate=0.0,
        running=running, downloads=(), failed=(), speaking=speaking,
    )  # fmt: skip
    return look_at(
        ProgressState(
            title="build", message="x", fraction=0.5, elapsed=1.0, remaining=None, work=work
        )
    )


def test_a_cell_that_waits_has_no_button_and_says_what_helps() -> None:
    panel = Panel()
    panel.show(look("one", "two"))
    shown = [widget.value for widget in panel.row.children]
    assert shown[1:] == [0.5, "50 %, 1 s", "To cancel it, interrupt the kernel."]
    assert [type(w).__name__ for w in panel.box.children] == ["HTML", "HBox", "HTML", "HTML"]
    panel.end()
    panel.close()


def test_the_button_is_heard_once_from_however_many_threads() -> None:
    calls: list[int] = []
    panel = Panel(lambda: calls.append(1))
    together = threading.Barrier(8)

    def click() -> None:
        together.wait()
        panel.button.click()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert (panel.button.description, panel.button.disabled) == ("Cancelling", True)
    panel.begin()
    assert (panel.button.description, panel.button.disabled) == ("Cancel", False)
    panel.close()
    panel.button.click()
    assert calls == [1]


def test_an_error_of_the_button_is_told_in_the_panel() -> None:
    def refuse() -> None:
        raise Refused("It <b>cannot</b> end now.", "", ["Wait."])

    panel = Panel(refuse)
    panel.button.click()
    assert "It &lt;b&gt;cannot&lt;/b&gt; end now. Wait." in panel.status.value
    assert 'role="status"' in panel.status.value
    panel.close()


def test_a_log_may_be_chosen_where_there_are_several() -> None:
    panel = Panel(lambda: None)
    panel.show(look("one"))
    assert panel.which not in panel.box.children
    assert "line of one" in panel.details.value
    panel.show(look("one", "two", speaking=2))
    assert panel.which in panel.box.children
    assert [name for name, _ in panel.which.options] == ["the latest", "one", "two"]
    assert "line of two" in panel.details.value
    panel.which.value = 1
    panel.show(look("one", "two", speaking=2))
    assert "line of one" in panel.details.value
    panel.show(look("one", "two", "three", speaking=3))
    assert panel.which.value == 1 and "line of one" in panel.details.value
    panel.show(look())
    assert panel.which not in panel.box.children
    panel.close()

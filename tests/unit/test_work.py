"""What Nix is doing, in words: in a line, below the bar, and at the end what failed."""

from __future__ import annotations

from datetime import datetime

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from luminous_nix_ipy.backend.nix_run import describe, with_log
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.records import Activity, Counts, Estimate, FailedBuild, NixWork
from luminous_nix_ipy.widgets.progress import WidgetPainter, look_at
from luminous_nix_ipy.widgets.work import Log, logs


def work(**changes: object) -> NixWork:
    fields: dict[str, object] = {
        "builds": Counts(done=2, expected=5, running=1, failed=1),
        "paths": Counts(done=1, expected=3),
        "copied": Counts(done=1024, expected=4096),
        "downloaded": Counts(),
        "rate": 2048.0,
        "running": (activity(),),
        "downloads": (activity(id=2, kind="copyPath", name="glibc", done=1024, expected=2048),),
        "failed": (FailedBuild("/nix/store/hash-bad-1.drv", "ssh://b", ("one", "\x1b[31mtwo")),),
        "estimate": Estimate(low=50.0, middle=60.0, high=130.0, known=2, builds=3),
    }
    return NixWork(**{**fields, **changes})  # type: ignore[arg-type]


def activity(**changes: object) -> Activity:
    fields: dict[str, object] = {
        "id": 1, "kind": "build", "name": "gamma", "phase": "buildPhase", "done": 0,
        "expected": 0, "running": 0, "failed": 0, "started": datetime.now().astimezone(),
        "host": "ssh://b", "log": ("cc -c", "<b>gcc\x1b[0m</b>"),
    }  # fmt: skip
    return Activity(**{**fields, **changes})  # type: ignore[arg-type]


def test_progress_estimates_by_the_builds() -> None:
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.begin("build")
    shown = work()
    progress.update("x", 0.1, shown)
    assert progress.estimate_completion() == 60
    now[0] = 20.0
    assert progress.estimate_completion() == 40
    assert progress.state.work is shown
    now[0] = 90.0
    assert progress.estimate_completion() == 0
    progress.begin("next")
    assert progress.state.work is None


def test_what_stands_below_the_bar() -> None:
    progress = Progress()
    progress.begin("build")
    progress.update(describe(work()), 0.4, work())
    look = look_at(progress.state)
    assert "2 of 5 built, 1 failed, 1 of 3 paths copied, building gamma (buildPhase)" in look.line
    assert look.amounts == (
        "between 50 s and 2 min 10 s left, as far as is known from earlier builds (2 of 3 builds)",
        "1.0 KiB of 4.0 KiB copied",
        "2.0 KiB a second",
    )
    assert look.running == (
        "building gamma, buildPhase, on ssh://b, for 1 s: <b>gcc</b>",
        "copying glibc: 1.0 KiB of 2.0 KiB copied",
    )
    assert look.table is not None
    assert look.table.rows == [
        ("gamma", "building: buildPhase, on ssh://b", "1 s"),
        ("glibc", "copying: 1.0 KiB of 2.0 KiB copied", "1 s"),
    ]
    assert look.logs == (Log(1, "gamma", ("cc -c", "<b>gcc</b>")),)
    assert look.failures == ("bad-1 failed on ssh://b; the end of its log:", "  one", "  two")
    assert look.text == look.line


def test_the_log_that_was_written_last_comes_first() -> None:
    builds = tuple(activity(id=n, name=f"p{n}", log=(f"line of {n}",)) for n in range(3))
    silent = activity(id=9, name="silent", log=())
    shown = logs(work(running=(*builds, silent), speaking=2))
    assert [log.id for log in shown] == [2, 0, 1]


def test_other_peoples_lines_are_text_in_a_notebook() -> None:
    from html.parser import HTMLParser

    from luminous_nix_ipy.html import render

    progress = Progress()
    progress.update("x", 0.4, work())
    look = look_at(progress.state)
    html = render("progress", look=look, log=look.logs[0])
    assert "&lt;b&gt;gcc&lt;/b&gt;" in html and "<b>" not in html
    said: list[str] = []
    parser = HTMLParser()
    parser.handle_data = said.append  # type: ignore[method-assign]
    parser.feed(html)
    assert any("between 50 s and" in text for text in said)


def test_only_what_failed_stays() -> None:
    progress = Progress()
    progress.begin("build")
    progress.update("x", 0.4, work())
    progress.finish("The build failed.", success=False)
    look = look_at(progress.state)
    assert look.text.splitlines()[1:] == [
        "bad-1 failed on ssh://b; the end of its log:",
        "  one",
        "  two",
    ]


def test_many_builds_are_counted() -> None:
    many = work(running=tuple(activity(id=n, name=f"p{n}", phase=None) for n in range(11)))
    assert describe(many).endswith("building p0, p1, p2 and others")
    progress = Progress()
    progress.update("x", 0.4, many)
    found = look_at(progress.state).table
    assert found is not None and (len(found.rows), found.notes) == (8, ["and 4 more"])


def test_which_programs_are_asked_for_their_log() -> None:
    flags = ("--log-format", "internal-json", "-v")
    assert with_log(("nix-build", "x")) == ("nix-build", *flags, "x")
    assert with_log(("/n/bin/nix", "build", "--", "y")) == (
        "/n/bin/nix",
        *flags,
        "build",
        "--",
        "y",
    )
    assert with_log(("git", "status")) == ("git", "status")


def test_the_widget_shows_the_details_and_leaves_what_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ipywidgets.widgets.widget import _instances

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", publisher)
    before = set(_instances)
    painter = WidgetPainter()
    progress = Progress(painter=painter, interval=0)
    progress.begin("build")
    progress.update("x", 0.4, work())
    below = painter.panel.details.value
    assert "between 50 s and 2 min 10 s left" in below
    assert "building: buildPhase, on ssh://b" in below and "&lt;b&gt;gcc" in below
    assert "the end of its log" in below
    progress.finish("The build failed.", success=False)
    InteractiveShell.clear_instance()
    assert set(_instances) == before
    assert "the end of its log" in publisher.outputs[-1]["data"]["text/html"]
    assert "building" not in publisher.outputs[-1]["data"]["text/html"]

"""Steps of a runbook in a shell: what is recorded, what is put back, what is told."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.errors import NixError, NotFound, Refused, RequirementFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.runbook_log import read_record, record_ids
from luminous_nix_ipy.runbook_records import Runbook
from luminous_nix_ipy.verbs import cells, recording
from tests.playground import simulated
from tests.shell import new_shell, run, usage_error


@pytest.fixture(autouse=True)
def none_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "none")
    monkeypatch.setattr(recording, "_under_way", None)
    yield
    if (recorder := recording.under_way()) is not None:
        recorder._record.close()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        yield shell


@pytest.fixture
def changing() -> Iterator[Machine]:
    with simulated() as made:
        yield made


def book() -> Runbook:
    return nix.runbook().runbook


def current(there: Machine) -> int:
    return int(os.readlink(there.system_profile).split("-")[-2])


def fails(shell: InteractiveShell, cell: str) -> BaseException:
    with pytest.raises(BaseException) as failure:
        run(shell, cell)
    return failure.value


def test_a_step_is_a_cell_like_any_other(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shell, '%%nix step "Count"\nx = 41\nx + 1') == 42
    assert shell.user_ns["x"] == 41
    assert re.search(r"^Step 1, Count: done in [\d.]+ m?s$", capsys.readouterr().out, re.M)
    (step,) = book().steps
    assert (step.title, step.verdict, step.error) == ("Count", "done", "")
    assert step.duration is not None and step.ended is not None and step.ended >= step.started


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("%%bash\necho from bash", "from bash"),
        ("\n%%bash\necho from bash", "from bash"),
        ("!echo from a shell", "from a shell"),
        ("%nix help", "%nix status"),
        ("import asyncio\nawait asyncio.sleep(0)\nprint('awaited')", "awaited"),
    ],
)
def test_all_that_a_cell_may_hold(
    shell: InteractiveShell, capfd: pytest.CaptureFixture[str], body: str, told: str
) -> None:
    shell.run_cell(f"%%nix step Try\n{body}").raise_error()
    assert told in capfd.readouterr().out
    assert [step.verdict for step in book().steps] == ["done"]


def test_a_nix_expression_may_be_a_step() -> None:
    lines = cells.transform(["%%nix step Ask\n", "%%nix\n", "1 + 1\n"])
    assert "".join(lines) == (
        "get_ipython().run_line_magic('nix', 'step Ask')\n"
        "get_ipython().run_cell_magic('nix', '', '1 + 1\\n')\n"
    )


@pytest.mark.parametrize("cell", ["%%nix\n1", "x = 1", "%nix step Try\n1", "", "%%nix steps\n1"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert cells.transform(lines) == lines


def test_an_error_is_that_of_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = fails(shell, "%%nix step Break\n\n1 / 0")
    assert type(failure) is ZeroDivisionError
    told = capsys.readouterr().out
    assert "line 3" in re.sub(r"\x1b\[[\d;]*m", "", told) and "recording" not in told
    assert "Step 1, Break: FAILED after" in told and "division by zero" in told
    (step,) = book().steps
    assert (step.verdict, step.error) == ("failed", "ZeroDivisionError: division by zero")
    assert book().verdict == "failed"


def test_what_is_no_python_is_a_failed_step(shell: InteractiveShell) -> None:
    assert type(fails(shell, "%%nix step Mistype\nif x")) is SyntaxError
    (step,) = book().steps
    assert (step.title, step.verdict) == ("Mistype", "failed")
    assert step.error.startswith("SyntaxError: ")
    fails(shell, "%%nix step\nif x")
    assert len(book().steps) == 1


def test_an_interrupted_step(shell: InteractiveShell) -> None:
    assert type(fails(shell, "%%nix step Wait\nraise KeyboardInterrupt")) is KeyboardInterrupt
    (step,) = book().steps
    assert (step.verdict, step.error) == ("interrupted", "Interrupted.")


def test_a_cell_within_a_step_does_not_end_it(shell: InteractiveShell) -> None:
    run(shell, '%%nix step Outer\nget_ipython().run_cell("%%nix step Inner\\n1")\nassert True')
    outer, inner = book().steps
    assert (outer.verdict, inner.verdict) == ("done", "done")
    assert outer.ended is not None and inner.ended is not None and inner.ended <= outer.ended


def test_two_steps_in_one_cell(shell: InteractiveShell) -> None:
    fails(shell, "%%nix step First\n%nix step Second\n1 / 0")
    assert [(s.title, s.verdict) for s in book().steps] == [
        ("First", "done"),
        ("Second", "failed"),
    ]


def test_steps_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), nix.step("Divide"):
        1 / 0  # noqa: B018
    with nix.step("Rest") as step:
        assert repr(step) == "Step 2, Rest: ends with its cell"
    assert [s.verdict for s in book().steps] == ["failed", "done"]
    assert "Step 2, Rest: done" in capsys.readouterr().out


def test_an_unloaded_shell_knows_no_steps(shell: InteractiveShell) -> None:
    shell.extension_manager.unload_extension("luminous_nix_ipy")
    assert cells.transform not in shell.input_transformers_cleanup
    shell.extension_manager.load_extension("luminous_nix_ipy")
    shell.extension_manager.reload_extension("luminous_nix_ipy")
    assert shell.input_transformers_cleanup.count(cells.transform) == 1
    run(shell, "%%nix step Again\n1")
    assert len(book().steps) == 1


def test_a_change_is_told_with_its_step(
    shell: InteractiveShell, changing: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "%nix runbook start change")
    run(shell, "%nix rollback 4 --yes;")
    run(shell, '%%nix step "Back"\n%nix rollback 5 --yes;')
    assert "Changed: rollback 4 → 5, done" in capsys.readouterr().out
    first, second = book().deeds
    assert (first.step, first.from_number, first.to_number) == (0, 5, 4)
    assert (second.step, second.outcome) == (1, "done")
    assert any("nix-env" in command for command in second.commands)
    verified = [e for e in book().evidence if e.kind == "check"]
    assert {e.step for e in verified} == {0, 1} and {e.verdict for e in verified} == {"ok"}
    entries = nix.journal(all_columns=True)
    assert set(entries.id) == {first.id, second.id}


def test_a_change_beside_the_notebook_is_told_when_it_has_ended(
    shell: InteractiveShell, changing: Machine
) -> None:
    job = run(shell, "%%nix step Begin\njob = %nix rollback 4 --yes --bg\njob")
    job.result(30)
    (deed,) = book().deeds
    assert (deed.to_number, deed.outcome) == (4, "done")


def test_a_later_failure_puts_back_what_the_runbook_began_with(
    shell: InteractiveShell, changing: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, '%%nix step "Change" --rollback-on-failure\n%nix rollback 4 --yes;')
    run(shell, '%%nix step "And again"\n%nix rollback 1 --yes;')
    assert type(fails(shell, "%%nix step Look\n1 / 0")) is ZeroDivisionError
    assert current(changing) == 5
    assert os.readlink(changing.current_system) == os.readlink(f"{changing.system_profile}-5-link")
    told = " ".join(capsys.readouterr().out.split())
    assert "Put back what the runbook began with. Generation 5 is current and running." in told
    assert "Changed: rollback 1 → 5, done" in told
    step = book().steps[-1]
    assert step.verdict == "failed" and step.put_back.startswith("Put back")
    assert book().deeds[-1].step == 3


def test_what_was_only_tried_is_put_back_too(shell: InteractiveShell, changing: Machine) -> None:
    fails(shell, "%%nix step Try --rollback-on-failure\n%nix rollback 4 --test --yes\n1 / 0")
    assert current(changing) == 5
    assert os.readlink(changing.current_system) == os.readlink(f"{changing.system_profile}-5-link")
    assert book().steps[0].put_back.startswith("Put back")


def test_nothing_is_put_back_where_nothing_was_changed(
    shell: InteractiveShell, changing: Machine
) -> None:
    fails(shell, "%%nix step Look --rollback-on-failure\n1 / 0")
    assert book().steps[0].put_back.startswith("Nothing was put back")
    assert book().deeds == ()
    assert len(nix.journal()) == 0


def test_nothing_is_put_back_unasked_or_when_interrupted(
    shell: InteractiveShell, changing: Machine
) -> None:
    fails(shell, "%%nix step Change\n%nix rollback 4 --yes\n1 / 0")
    assert (current(changing), book().steps[-1].put_back) == (4, "")
    run(shell, "%%nix step Arm --rollback-on-failure\n1")
    fails(shell, "%%nix step Stop\nraise KeyboardInterrupt")
    assert current(changing) == 4
    assert "interrupted" in book().steps[-1].put_back


def test_what_cannot_be_put_back_is_told(shell: InteractiveShell, changing: Machine) -> None:
    run(shell, "%%nix step Change --rollback-on-failure\n%nix rollback 4 --yes;")
    os.unlink(f"{changing.system_profile}-5-link")
    assert type(fails(shell, "%%nix step Look\n1 / 0")) is ZeroDivisionError
    assert "NOT put back: There is no generation 5" in book().steps[-1].put_back
    os.symlink(
        os.readlink(f"{changing.system_profile}-1-link"), f"{changing.system_profile}-5-link"
    )
    fails(shell, "%%nix step Look\n1 / 0")
    assert "NOT put back: generation 5 is another one now" in book().steps[-1].put_back
    assert current(changing) == 4


def test_what_is_expected_of_changes_does_not_keep_anything_from_being_put_back(
    shell: InteractiveShell, changing: Machine
) -> None:
    run(shell, "%%nix step Change --rollback-on-failure\n%nix rollback 4 --yes;")
    run(shell, "%config NixMagics.expect = ['test -e /nowhere']")
    fails(shell, "%%nix step Look\n1 / 0")
    assert current(changing) == 5


def test_another_machine_is_another_beginning(shell: InteractiveShell, changing: Machine) -> None:
    run(shell, "%%nix step Change --rollback-on-failure\n%nix rollback 4 --yes;")
    machine.use(None)
    with simulated():
        fails(shell, "%%nix step Look\n1 / 0")
        assert book().steps[-1].put_back == ""
    assert current(changing) == 4


def test_there_must_be_something_to_put_back(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIX_STATE_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(NotFound, match="no generation that could be put back"):
        run(shell, "%%nix step Change --rollback-on-failure\nx = 1")
    assert "x" not in shell.user_ns
    assert book().steps == ()


def test_requirements_are_evidence(shell: InteractiveShell, changing: Machine) -> None:
    run(shell, "%nix require --current 5")
    run(shell, "%nix runbook start look")
    run(shell, "%nix require --current 5")
    fails(shell, '%%nix step "Look"\n%nix require --generation 1 --host elsewhere')
    assert [(e.step, e.what, e.verdict) for e in book().evidence] == [
        (0, "current generation", "ok"),
        (1, "generation 1", "ok"),
        (1, "host", "failed"),
    ]
    assert book().verdict == "failed"
    shown = repr(nix.runbook())
    assert "Runbook look: FAILED, 1 step" in shown and "elsewhere is wanted" in shown


def test_a_change_between_steps_counts_and_nothing_is_not_done(
    shell: InteractiveShell, changing: Machine
) -> None:
    run(shell, "%nix runbook start alone")
    assert book().verdict == "begun" and "Runbook alone: begun, 0 steps" in repr(nix.runbook())
    run(shell, "%nix rollback 4 --yes;")
    assert book().verdict == "done"
    fails(shell, "%nix rollback 2 --yes")
    assert [deed.outcome for deed in book().deeds] == ["done", "failed, restored"]
    assert book().verdict == "failed"
    assert list(nix.runbook("list").verdict) == ["failed"]


def test_a_playground_that_is_gone_leaves_its_record(shell: InteractiveShell) -> None:
    with simulated():
        run(shell, "%%nix step Change\n%nix rollback 4 --yes;")
        run(shell, "%nix rollback 5 --yes;")
        run(shell, "%nix playground stop")
        assert [(d.step, d.to_number) for d in book().deeds] == [(1, 4), (0, 5)]
        assert "PLAYGROUND" in repr(nix.runbook())


def test_each_run_has_a_record_of_its_own(shell: InteractiveShell) -> None:
    for _ in range(2):
        run(shell, "%nix runbook start twice")
        run(shell, "%%nix step Only\n1")
    frame = run(shell, "%nix runbook list")
    assert list(frame.name) == ["twice", "twice"] and list(frame.steps) == [1, 1]
    assert len(set(frame.id)) == 2
    older = nix.runbook(record=frame.id[1])
    assert older.runbook.id == frame.id[1]
    assert list(older.steps.title) == ["Only"] and len(older.deeds) == len(older.evidence) == 0


def test_the_newest_record_is_shown_where_this_kernel_has_none(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound, match="no record of a runbook yet"):
        run(shell, "%nix runbook")
    run(shell, "%%nix step Only\n1")
    recorder = recording.under_way()
    assert recorder is not None
    recorder.close()
    monkeypatch.setattr(recording, "_under_way", None)
    assert "newest record" in repr(run(shell, "%nix runbook"))


def test_the_name_of_the_notebook_is_the_runbook_s(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/night shift.ipynb")
    run(shell, "%%nix step Only\n1")
    assert book().name == "night shift"


def exported(shell: InteractiveShell, file: Path) -> str:
    assert run(shell, f"%nix runbook export {file}") == f"Written: {file}"
    return file.read_text()


def test_a_record_is_exported(shell: InteractiveShell, changing: Machine, tmp_path: Path) -> None:
    run(shell, "%nix runbook start export")
    run(shell, '%%nix step "Change <b>it</b>"\n%nix rollback 4 --yes;')
    fails(shell, "%%nix step Fail\nraise ValueError('<script>alert(1)</script> token=abcdef')")
    told: dict[str, Any] = json.loads(exported(shell, tmp_path / "record.json"))
    assert told["verdict"] == "failed"
    assert [step["verdict"] for step in told["steps"]] == ["done", "failed"]
    assert told["deeds"][0]["to_number"] == 4 and told["place"]["generation"] == 5
    page = exported(shell, tmp_path / "record.html")
    assert page.startswith("<!doctype html>") and "</html>" in page
    assert "<script" not in page and "&lt;script&gt;" in page and "Change &lt;b&gt;" in page
    (record,) = (Path(os.environ["LUMINOUS_NIX_STATE_DIR"]) / "runbooks").iterdir()
    for text in (page, json.dumps(told), record.read_text()):
        assert "abcdef" not in text and "token=***" in text
    assert sorted(p.name for p in tmp_path.glob("record*")) == ["record.html", "record.json"]


def test_what_cannot_be_exported(shell: InteractiveShell, tmp_path: Path) -> None:
    run(shell, "%%nix step Only\n1")
    with pytest.raises(Refused, match="of no kind"):
        run(shell, "%nix runbook export record.pdf")
    with pytest.raises(NixError, match=r"cannot be written"):
        run(shell, f"%nix runbook export {tmp_path}/nowhere/record.json")
    (tmp_path / "there.json").mkdir()
    with pytest.raises(NixError, match=r"cannot be written"):
        run(shell, f"%nix runbook export {tmp_path}/there.json")
    assert [p.name for p in tmp_path.glob("there*")] == ["there.json"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%nix step", "TITLE"),
        ("%nix step ''", "needs a title"),
        ("%nix runbook begin", "there is no 'begin'"),
        ("%nix runbook export", "name a file"),
        ("%nix runbook show me", "one argument too many"),
        ("%nix runbook list --record x", "takes no --record"),
    ],
)
def test_wrong_lines(shell: InteractiveShell, line: str, told: str) -> None:
    assert told in usage_error(shell, line)


def test_what_a_runbook_does_not_know_is_refused() -> None:
    with pytest.raises(Refused, match="knows no 'begin'"):
        nix.runbook("begin")


def test_a_step_is_not_begun_without_a_record(shell: InteractiveShell) -> None:
    state = Path(os.environ["LUMINOUS_NIX_STATE_DIR"])
    shutil.rmtree(state, ignore_errors=True)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("a file")
    with pytest.raises(NixError, match="cannot be written"):
        run(shell, "%%nix step Only\nx = 1")
    assert "x" not in shell.user_ns


def test_a_record_that_is_cut_off_or_damaged(shell: InteractiveShell) -> None:
    run(shell, "%%nix step Only\n1")
    assert book().steps[0].verdict == "done"
    there = machine.local()
    (name,) = record_ids(there)
    file = Path(there.user_state_dir) / "runbooks" / f"{name}.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:-1]) + '\n{"event": "ste')
    assert read_record(there, name).steps[0].verdict == "running"
    recorder = recording.under_way()
    assert recorder is not None
    recorder._record.close()
    found = read_record(there, name)
    assert (found.steps[0].verdict, found.verdict, found.damaged) == ("cut off", "cut off", 1)
    recording._under_way = None
    assert "1 line of its record cannot be read" in repr(nix.runbook())
    file.write_text("no record\n")
    with pytest.raises(NixError, match="cannot be read"):
        nix.runbook()
    frame = run(shell, "%nix runbook list")
    assert len(frame) == 0 and "cannot be read" in frame.attrs["notes"][0]
    with pytest.raises(NotFound, match="There is no record 'other'"):
        nix.runbook(record="other")


def test_failed_requirements_have_their_own_error() -> None:
    assert issubclass(RequirementFailed, NixError)

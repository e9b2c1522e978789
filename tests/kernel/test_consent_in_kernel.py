"""Consent in a real kernel: by buttons where a notebook asks for a cell, by a prompt elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.driver import Cell, Kernel, a_kernel
from tests.kernel.notebook import run
from tests.kernel.test_jobs_in_kernel import click
from tests.playground import path_without_nix

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("kernel")
    variables = {"PATH": path_without_nix(folder / "bin"), "TMPDIR": str(folder)}
    with a_kernel(folder, **variables) as started:
        begin = "%load_ext luminous_nix_ipy\nfrom luminous_nix_ipy import nix\n"
        assert run(started, f"{begin}%nix playground start;").status == "ok"
        yield started
        assert run(started, "%nix playground stop").status == "ok"


def ask(kernel: Kernel, code: str, *, stdin: bool = True) -> Cell:
    """Run a cell as JupyterLab, Notebook 7 and VS Code ask for it, which name it; it ends without
    an answer."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": stdin}
    message = kernel.client.session.msg("execute_request", content, metadata={"cellId": "a1b2"})
    kernel.client.shell_channel.send(message)
    ident = message["header"]["msg_id"]
    kernel.cells[ident] = cell = Cell(ident)

    def ended() -> bool:
        if kernel.client.stdin_channel.msg_ready():
            kernel.client.get_stdin_msg(timeout=1)
            cell.messages.append({"msg_type": "asked", "content": {}})
            kernel.client.input("n")
        return cell.ended

    kernel.wait(ended)
    return cell


def prompts(cell: Cell) -> int:
    return len(cell.contents("asked"))


def views(cell: Cell) -> int:
    return sum(VIEW in content["data"] for content in cell.contents("display_data"))


def button(cell: Cell, name: str) -> str:
    """The comm of a button that a cell made."""
    (comm,) = [
        content["comm_id"]
        for content in cell.contents("comm_msg")
        if f"lx-{name}" in content["data"].get("state", {}).get("_dom_classes", ())
    ]
    return str(comm)


def current(kernel: Kernel) -> int:
    return int(run(kernel, "nix.status().status.current").result)


@pytest.mark.parametrize(
    "code",
    [
        "%nix rollback 4",
        "x = %nix rollback 4",
        "%nix rollback 4;",
        "n = 4\nnix.rollback(n)",
        "x = nix.rollback(4)",
        "y = 1\n%nix delete 2",
    ],
)
def test_a_cell_that_ends_with_a_change_asks_by_buttons(notebook: Kernel, code: str) -> None:
    cell = ask(notebook, code)
    assert (cell.status, prompts(cell), views(cell)) == ("ok", 0, 1)
    assert button(cell, "agree") and button(cell, "decline")
    still = cell.contents("display_data")[0]["data"]
    assert "Not agreed to yet" in still["text/plain"] and "Not agreed to yet" in still["text/html"]
    assert cell.contents("execute_result") == []
    assert current(notebook) == 5


@pytest.mark.parametrize(
    "code",
    [
        "x = %nix rollback 4\nx.report",
        "print(nix.rollback(4))",
        "nix.rollback(4).report",
        "for n in [4]:\n    nix.rollback(n)",
        "def back(n):\n    nix.rollback(n)\nback(4)",
        "%config NixMagics.consent = 'prompt'\n%nix rollback 4",
    ],
)
def test_a_cell_that_needs_what_comes_of_it_asks_by_a_prompt(notebook: Kernel, code: str) -> None:
    cell = ask(notebook, code)
    run(notebook, "%config NixMagics.consent = 'auto'")
    assert (cell.status, prompts(cell)) == ("NoConsent", 1)
    assert "lx-agree" not in str(cell.contents("comm_msg"))
    assert current(notebook) == 5


def test_the_plan_of_a_prompt_is_tabs_too(notebook: Kernel) -> None:
    cell = ask(notebook, "%nix rollback 4\n1")
    assert (prompts(cell), views(cell)) == (1, 1)


def test_a_console_is_asked_by_a_prompt(notebook: Kernel) -> None:
    reply = run(notebook, "%nix rollback 4", answers=["n"])
    assert (reply.ename, len(reply.asked)) == ("NoConsent", 1)


def test_where_nobody_answers_it_is_refused(notebook: Kernel) -> None:
    cell = ask(notebook, "%nix rollback 4", stdin=False)
    assert cell.status == "NoConsent"
    assert "add --yes" in "\n".join(cell.contents("error")[0]["traceback"]).lower()


def test_buttons_may_be_wanted_wherever_there_are_widgets(notebook: Kernel) -> None:
    cell = ask(notebook, "%config NixMagics.consent = 'button'\n%nix rollback 4\nprint('on')")
    run(notebook, "%config NixMagics.consent = 'auto'")
    assert (cell.status, cell.printed(), views(cell)) == ("ok", "on\n", 1)


def test_a_runbook_is_asked_by_a_prompt(notebook: Kernel) -> None:
    assert run(notebook, "%nix runbook start trial;").status == "ok"
    cell = ask(notebook, "%nix rollback 4")
    assert (cell.status, prompts(cell)) == ("NoConsent", 1)
    forget = "from luminous_nix_ipy.verbs import recording\nrecording._under_way = None"
    assert run(notebook, forget).status == "ok"


def test_the_button_carries_it_out_and_another_cell_awaits_it(notebook: Kernel) -> None:
    cell = ask(notebook, "x = %nix rollback 4")
    click(notebook, button(cell, "agree"))
    reply = run(notebook, "report = await x\nreport.report.outcome, x.report is report, x.state")
    assert reply.result == "('done', True, 'done')", reply
    assert current(notebook) == 4
    assert run(notebook, "%nix undo --yes").status == "ok"
    assert current(notebook) == 5


def test_declining_is_an_error_for_who_awaits_it(notebook: Kernel) -> None:
    cell = ask(notebook, "x = %nix rollback 4")
    click(notebook, button(cell, "decline"))
    reply = run(notebook, "await x")
    assert reply.ename == "NoConsent"
    assert "proposal.py" not in reply.traceback
    assert current(notebook) == 5


def test_an_interrupt_ends_the_waiting_only(notebook: Kernel) -> None:
    ask(notebook, "x = %nix rollback 4")
    waiting = notebook.send("print('waiting', flush=True)\nawait x")
    notebook.wait(lambda: "waiting" in waiting.printed())
    notebook.interrupt()
    notebook.wait(lambda: waiting.ended)
    assert waiting.status in ("CancelledError", "KeyboardInterrupt")
    assert run(notebook, "x.state").result == "'asked'"
    assert run(notebook, "x.decline()").status == "ok"

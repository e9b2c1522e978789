"""Who may change a real machine, and how: sudo and doas, or a refusal that says why."""

from __future__ import annotations

import pytest

from tests.kernel.notebook import run
from tests.machine.change import change
from tests.machine.host import Host
from tests.machine.kernel import a_kernel_on
from tests.machine.state import assert_told, assert_whole, look, settled
from tests.machine.table import Record
from tests.provide.debian import PASSWORD

pytestmark = pytest.mark.xdist_group("machine-changes")


@pytest.mark.parametrize(("user", "means"), [("bob", "sudo"), ("carol", "doas")])
def test_a_user_who_may_without_a_password(
    host: Host, record: Record, user: str, means: str
) -> None:
    before = look(host)
    told = change(host, user=user)
    assert told["success"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "new"
    assert_told(told["outcome"], state, "new", before.journal)
    record(f"none: rollback of a user through {means}", "new")


@pytest.mark.parametrize("user", ["alice", "dave"])
def test_a_user_who_may_not_or_cannot_be_asked(host: Host, record: Record, user: str) -> None:
    """alice has a password, which nobody is there to type; dave may not."""
    before = look(host)
    told = change(host, user=user)
    assert not told["success"], told
    assert "Root is needed. Nothing was changed." in told["error"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert state.journal == []
    record("a user without the right", "old")


def test_a_user_who_types_a_password_in_a_notebook(host: Host, record: Record) -> None:
    """It is asked for once, and is found nowhere afterwards."""
    before = look(host)
    with a_kernel_on(host, user="alice") as kernel:
        assert run(kernel, "%load_ext luminous_nix_ipy").status == "ok"
        reply = run(kernel, "%nix rollback --yes", answers=[PASSWORD])
        assert reply.status == "ok", reply
        assert len(reply.asked) == 1 and "sudo" in reply.asked[0]
        assert PASSWORD not in repr(reply)
        history = run(kernel, "%history -g -l 100").cell.printed()
        state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "new"
    folders = ("/home/alice", "/var/lib/luminous-nix", "/var/log", "/run/log", "/tmp", "/root")
    found = host.run("grep", "-rl", PASSWORD, *folders, check=False)
    assert found.stdout == "" and PASSWORD not in history
    assert PASSWORD not in host.run("journalctl", "--output=export").stdout
    record("none: rollback of a user through sudo with a password", "new")

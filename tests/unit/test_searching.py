"""The verbs that search, on indexes of small lists: what they find, tell, remember and refuse."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import NixBackend, NixOperation, OperationType, machine, nix
from luminous_nix_ipy.backend.index_sources import index_folder
from luminous_nix_ipy.backend.indexing import index_states
from luminous_nix_ipy.backend.naming import near_names
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.errors import CommandFailed, NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from tests import lists
from tests.http_server import Server, serving
from tests.playground import simulated
from tests.shell import new_shell, run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as running:
        monkeypatch.setenv("LUMINOUS_NIX_CHANNELS_URL", f"{running.url}/channels")
        monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "0")
        folder = "channels/nixos-unstable"
        running.serve(f"{folder}/packages.json.br", lists.packed(lists.packages()))
        running.serve(f"{folder}/options.json.br", lists.packed(lists.options()))
        yield running


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    """A machine that has nothing, which this process works on."""
    root = tmp_path / "machine"
    made = Machine(
        store_dir=str(root / "store"),
        state_dir=str(root / "var"),
        etc_dir=str(root / "etc"),
        run_dir=str(root / "run"),
        home=str(root / "home"),
        user_state_dir=str(root / "home/state"),
        env={"USER": "someone", "XDG_STATE_HOME": str(root / "home/.local/state")},
    )
    machine.use(made)
    yield made
    machine.use(None)


@pytest.fixture
def indexed(bare: Machine, server: Server) -> Machine:
    """The same, with indexes of a channel and its commands."""
    nix.index("update")
    database = Path(bare.home, "programs.sqlite")
    database.parent.mkdir(parents=True, exist_ok=True)
    lists.write_programs(database, [("rg", "ripgrep"), ("hello", "hello"), ("vi", "vim")])
    nix.index("add", str(database), kind="programs")
    return bare


def execute(kind: OperationType, *packages: str, **options: Any) -> Any:
    operation = NixOperation(kind, packages=list(packages), options=options)
    return asyncio.run(NixBackend().execute(operation))


# packages


def test_words_find_packages(indexed: Machine) -> None:
    found = nix.search("vs code")
    assert list(found.columns) == [
        "attribute",
        "version",
        "description",
        "main_program",
        "license",
        "state",
    ]
    assert found.attribute[0] == "vscode"
    assert found.state[0] == "unfree"
    assert nix.search(["python", "requests"]).attribute[0] == "python3Packages.requests"
    assert nix.search("fierfox").attribute[0] == "firefox"
    assert nix.search("oldssl").state[0] == "broken, insecure"
    assert "found to be the newest today" in repr(found)


def test_words_are_any_text_and_never_syntax(indexed: Machine) -> None:
    for words in ("café", '"', "a AND (b", "--option", "*", "NEAR(x", "'; drop table entry; --"):
        assert execute(OperationType.SEARCH, words).success, words
    assert not execute(OperationType.SEARCH, "a\0b").success


def test_what_is_wanted_can_be_narrowed(indexed: Machine) -> None:
    assert list(nix.search("hello", exact=True).attribute) == ["hello"]
    assert list(nix.search("hell", exact=True).attribute) == []
    assert len(nix.search("e", limit=1)) <= 1
    assert list(nix.search("editor browser grep", license="mit").attribute) in ([], ["ripgrep"])
    assert set(nix.search("library", license="nothing").attribute) == set()
    assert list(nix.search(program="rg").attribute) == ["ripgrep"]
    assert list(nix.search("hello", installed=True).attribute) == []


def test_nothing_found_offers_what_may_have_been_meant(indexed: Machine) -> None:
    result = execute(OperationType.SEARCH, "firefx", exact=True)
    assert result.success and result.data["results"] == []
    assert "firefox" in result.data["close"]
    assert "Did you mean firefox" in repr(nix.search("firefx", exact=True))


def test_the_line_takes_the_same(indexed: Machine) -> None:
    with new_shell() as shell:
        assert run(shell, "%nix search vs code").equals(nix.search("vs code"))
        assert json.loads(run(shell, "%nix search hello --json"))[0]["entry"]["version"] == "2.12"
        frame = run(shell, "%nix search hello --all-columns")
        assert frame.homepage[0] == "https://www.gnu.org/software/hello/"
        assert not frame.installed[0]
        assert run(shell, "%nix options nginx ssl").equals(nix.options("nginx ssl"))
        assert run(shell, "%nix which rg").equals(nix.which("rg"))
        assert list(run(shell, "%nix index").name) == list(nix.index().name)
        assert repr(run(shell, "%nix info rg")) == repr(nix.info("rg"))


def test_a_wrong_line_is_one_sentence(indexed: Machine) -> None:
    with new_shell() as shell:
        for line in ("%nix search", "%nix search x --limit 0", "%nix index add", "%nix index ad"):
            with pytest.raises(Exception, match="%nix"):
                run(shell, line)
        with pytest.raises(Exception, match="did you mean home-manager"):
            run(shell, "%nix options x --kind home")


def test_other_channels_are_searched_by_name(indexed: Machine, server: Server) -> None:
    newer = {"pname": "hello", "version": "3.0", "description": "Greets"}
    server.serve("channels/nixos-25.11/packages.json.br", lists.packed(lists.packages(hello=newer)))
    server.serve("channels/nixos-25.11/options.json.br", lists.packed(lists.options()))
    nix.index("add", "nixos-25.11")
    assert nix.search("hello", channel="nixos-25.11").version[0] == "3.0"
    assert nix.search("hello").version[0] == "2.12"
    versions = nix.info("hello").package.versions
    assert [(v.index, v.version) for v in versions] == [
        ("nixos-unstable", "2.12"),
        ("nixos-25.11", "3.0"),
    ]
    with pytest.raises(NotFound) as unknown:
        nix.search("hello", channel="nixos-24.05")
    assert "%nix index add nixos-24.05" in unknown.value.todo[0]


def test_one_package_in_full(indexed: Machine) -> None:
    shown = nix.info("hello")
    assert shown.package.entry.attribute == "hello"
    assert "GPL-3.0-or-later" in repr(shown)
    assert 'href="https://www.gnu.org/software/hello/"' in shown._repr_html_()
    assert nix.info("rg").package.entry.attribute == "ripgrep"
    assert nix.info("nixpkgs#firefox").package.entry.attribute == "firefox"
    with pytest.raises(NotFound) as unknown:
        nix.info("helo")
    assert unknown.value.todo[0].startswith("Did you mean hello")
    assert isinstance(execute(OperationType.INFO, "a", "b").data["exception"], Refused)


def test_what_others_wrote_is_never_active(bare: Machine, tmp_path: Path) -> None:
    bad = {
        "pname": "bad",
        "version": "1",
        "description": "<script>alert(1)</script>\x1b[31m",
        "homepage": 'javascript:alert("x")',
        "changelog": 'https://example.org/"><script>',
        "longDescription": "<img src=x onerror=alert(1)>",
    }
    (tmp_path / "bad.json").write_text(json.dumps(lists.packages(bad=bad)))
    nix.index("add", str(tmp_path / "bad.json"))
    for shown in (nix.search("bad")._repr_html_(), nix.info("bad")._repr_html_()):
        assert "<script>" not in shown and "<img" not in shown and "\x1b" not in shown
        assert "javascript:" not in shown.replace("javascript:alert(&#34;x&#34;)", "")
        assert 'href="javascript' not in shown


def test_dtypes_are_the_same_with_and_without_rows(indexed: Machine) -> None:
    for whole in (False, True):
        some = nix.search("hello", all_columns=whole)
        none = nix.search("xyzzyplugh", all_columns=whole)
        assert len(none) == 0 and dict(some.dtypes) == dict(none.dtypes)
        some = nix.options("nginx", all_columns=whole)
        none = nix.options("xyzzyplugh", all_columns=whole)
        assert len(none) == 0 and dict(some.dtypes) == dict(none.dtypes)
    assert nix.search("vscode", all_columns=True).query("unfree").attribute[0] == "vscode"


# options


def test_words_find_options(indexed: Machine) -> None:
    found = nix.options("nginx vhost ssl")
    assert list(found.columns) == ["name", "type", "default", "description", "declared", "of"]
    assert found.name[0] == "services.nginx.virtualHosts.<name>.forceSSL"
    assert list(nix.options("nginx", kind="nixos").of.unique()) == ["nixos"]
    with pytest.raises(NotFound, match="home-manager"):
        nix.options("nginx", kind="home-manager")


def test_options_of_several_systems_are_found_together(indexed: Machine, tmp_path: Path) -> None:
    git = {"type": "string", "description": "The name in commits.", "declarations": [], "loc": []}
    (tmp_path / "home.json").write_text(json.dumps({"programs.git.userName": git}))
    nix.index("add", str(tmp_path / "home.json"), kind="home-manager")
    assert set(nix.options("git nginx name enable").of) <= {"nixos", "home-manager"}
    assert nix.options("git user name").of[0] == "home-manager"
    shown = nix.option("programs.git.userName")
    assert "What a configuration of home-manager gives it is not evaluated" in repr(shown)


def test_one_option_in_full(indexed: Machine) -> None:
    shown = nix.option("services.nginx.enable", no_value=True)
    assert "Whether to enable Nginx Web Server." in repr(shown)
    source = "nixos/modules/services/web-servers/nginx/default.nix"
    url = f"https://github.com/NixOS/nixpkgs/blob/nixos-unstable/{source}"
    assert shown.option.links == ((source, url),)
    assert f'href="{url}"' in shown._repr_html_()
    concrete = nix.option('services.nginx.virtualHosts."example.org".forceSSL', no_value=True)
    assert concrete.option.entry.name == "services.nginx.virtualHosts.<name>.forceSSL"
    with pytest.raises(NotFound) as unknown:
        nix.option("services.opensh.enable")
    assert "services.openssh.enable" in unknown.value.todo[0]


def test_a_value_that_cannot_be_had_is_a_sentence(indexed: Machine) -> None:
    shown = nix.option("services.nginx.enable")
    assert not shown.option.has_value and shown.option.value_problem
    placeholder = nix.option("services.nginx.virtualHosts.<name>.forceSSL")
    assert "give one in its place" in placeholder.option.value_problem


# commands


def test_commands_are_found_in_packages(indexed: Machine) -> None:
    found = nix.which("rg")
    assert list(found.attribute) == ["ripgrep"]
    assert found.source[0] == "main program"
    assert "%nix shell ripgrep" in repr(found)
    assert list(nix.which("vi").attribute) == ["vim"]
    with pytest.raises(NotFound) as unknown:
        nix.which("helo")
    assert "hello (of hello)" in unknown.value.todo[0]
    for bad in ("", "/bin/sh", "a\nb"):
        with pytest.raises(Refused):
            nix.which(bad)


def test_a_damaged_database_of_commands_is_told(indexed: Machine) -> None:
    [state] = [s for s in index_states(indexed) if s.source.kind == "programs"]
    Path(state.path).write_bytes(b"no database" * 100)
    with pytest.raises(NixError, match="programs"):
        nix.which("nothing-of-the-kind")


# without an index


def test_without_an_index_it_says_how_to_get_one(bare: Machine, server: Server) -> None:
    asked = len(server.asked)
    for ask in (
        lambda: nix.search("hello"),
        lambda: nix.info("hello"),
        lambda: nix.options("nginx"),
        lambda: nix.option("services.nginx.enable"),
        lambda: nix.which("rg"),
    ):
        with pytest.raises(NotFound) as none_yet:
            ask()
        assert any("%nix index update" in item for item in none_yet.value.todo)
    assert len(server.asked) == asked, "nothing is fetched unasked"
    assert "%nix index update" in repr(nix.index())


def test_a_playground_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_CHANNELS_URL", "http://127.0.0.1:9")
    with simulated() as made:
        found = nix.search("git")
        assert found.attribute[0] == "git"
        assert found.state[0].startswith("installed in 5, profile 3, home-manager 2")
        assert "PLAYGROUND" in repr(found)
        assert nix.search("text editor", installed=True).attribute[0] == "vim"
        assert nix.search("neofetch").state[0] == "formerly in 4"
        everything = nix.search("git", all_columns=True)
        assert everything.generations[0].startswith("5, 4, 3, 2, 1, profile 3")
        assert nix.options("firewall").name[0].startswith("networking.firewall.")
        assert nix.which("hx").attribute[0] == "helix"
        assert "PLAYGROUND" in repr(nix.info("git"))
        assert made.playground is not None
        assert all(state.path.startswith(made.playground) for state in index_states(made))


# what is remembered


def test_answers_are_remembered_until_their_index_is_another(
    indexed: Machine, server: Server
) -> None:
    backend = NixBackend()

    def ask() -> str:
        result = asyncio.run(backend.execute(NixOperation(OperationType.SEARCH, ["hello"])))
        return str(result.data["results"][0].entry.version)

    assert [ask(), ask()] == ["2.12", "2.12"]
    assert backend.get_metrics()["cache_hit_rate"] == 0.5
    newer = {"pname": "hello", "version": "3.0"}
    server.serve(
        "channels/nixos-unstable/packages.json.br",
        lists.packed(lists.packages(hello=newer)),
        etag='"2"',
    )
    nix.index("update", "nixos-unstable", kind="packages")
    assert ask() == "3.0"
    later = time.monotonic() + 301
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: later)
        assert backend.cache.clear_expired() == 1


def test_updating_is_never_remembered(bare: Machine, server: Server) -> None:
    backend = NixBackend()
    for _ in range(2):
        operation = NixOperation(OperationType.INDEX, options={"action": "update"})
        assert asyncio.run(backend.execute(operation)).success
    assert backend.get_metrics()["details"]["cache_misses"] == 0


# keeping them


def test_status_add_and_remove(indexed: Machine) -> None:
    shown = nix.index()
    assert list(shown.columns) == ["name", "lists", "entries", "age_days", "state", "source"]
    assert list(shown.state) == ["ready"] * 3
    names = [state.source.name for state in index_states(indexed)]
    nix.index("remove", "programs")
    assert "programs" in names
    assert "programs" not in list(nix.index().name)
    with pytest.raises(NotFound, match="nowhere") as missing:
        nix.index("remove", "nowhere")
    assert not any("index add" in todo for todo in missing.value.todo)
    with pytest.raises(Refused):
        nix.index("remove")
    assert json.loads(nix.index(json=True))["indexes"][0]["source"]["kind"] == "packages"


def test_lines_are_explained(indexed: Machine, tmp_path: Path) -> None:
    for line in ("search x", "info x", "which x", "options x", "option x --no-value"):
        assert "It asks an index" in repr(nix.explain(line))
        assert len(nix.explain(line).commands) == 0
    assert "over HTTP" in repr(nix.explain("index update"))
    assert len(nix.explain("index add nixos-25.11").commands) == 0


def test_what_cannot_be_had_is_not_added(bare: Machine, server: Server) -> None:
    with pytest.raises(NixError) as failed:
        nix.index("add", "nixos-23.05")
    assert "404" in failed.value.why
    assert "nixos-23.05" not in list(nix.index().name)
    assert not any("23.05" in name for name in os.listdir(index_folder(bare)))


def test_in_the_background_it_is_a_job(bare: Machine, server: Server) -> None:
    job = nix.index("update", bg=True)
    frame = job.result(20)
    assert list(frame.state) == ["ready", "ready"]


def test_an_old_index_answers_and_is_refreshed_beside_the_kernel(
    indexed: Machine, server: Server
) -> None:
    newer = {"pname": "hello", "version": "3.0"}
    server.serve(
        "channels/nixos-unstable/packages.json.br",
        lists.packed(lists.packages(hello=newer)),
        etag='"2"',
    )
    packages = index_states(indexed)[0]
    old = time.time() - 8 * 86400
    os.utime(packages.path, (old, old))
    found = nix.search("hello")
    assert found.version[0] == "2.12"
    assert "8 days ago" in repr(found) and "brought up to date beside" in repr(found)
    deadline = time.monotonic() + 30
    while index_states(indexed)[0].stale:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert nix.search("hello").version[0] == "3.0"


def test_offline_an_old_index_answers_and_says_so(indexed: Machine, server: Server) -> None:
    server.files["channels/nixos-unstable/packages.json.br"].faults = ["500"] * 9
    packages = index_states(indexed)[0]
    old = time.time() - 8 * 86400
    os.utime(packages.path, (old, old))
    assert nix.search("hello").version[0] == "2.12"
    deadline = time.monotonic() + 30
    while index_states(indexed)[0].problem is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    asked = len(server.asked)
    again = nix.search("firefox")
    assert again.version[0] == "139.0" and "could not be brought up to date" in repr(again)
    time.sleep(0.5)
    assert len(server.asked) == asked, "it is not tried again at once"


# names in other places


def test_names_are_completed_from_the_index(indexed: Machine) -> None:
    def offered(text: str) -> list[str]:
        completions = complete(text)
        return [word for word, _ in completions.found] if completions else []

    assert offered("%nix install fire") == ["firefox"]
    assert offered("%nix install hello rip") == ["ripgrep"]
    assert offered("%nix shell nixpkgs#vs") == ["nixpkgs#vscode"]
    assert offered("%nix install other#vs") == []
    assert offered("%nix info python3Packages.") == ["python3Packages.requests"]
    assert offered("%nix option services.ng") == [
        "services.nginx.enable",
        "services.nginx.virtualHosts.<name>.forceSSL",
    ]
    complete("%nix option s")
    started = time.perf_counter()
    offered("%nix install p")
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize(
    ("said", "offered"),
    [
        ("error: undefined variable 'firefx'\n at «stdin»:1:1", "firefox"),
        ("error: attribute 'ripgep' missing\n", "ripgrep"),
        ("error: attribute 'ripgep' in selection path 'ripgep' not found", "ripgrep"),
        (
            "error: flake 'path:/x' does not provide attribute 'packages.x86_64-linux.firefx', "
            "'legacyPackages.x86_64-linux.firefx' or 'firefx'",
            "firefox",
        ),
        (
            "error: The option `services.opensh.enable' does not exist. Definition values:",
            "services.openssh.enable",
        ),
        ("error: attribute 'xyzzyplugh' missing", None),
        ("error: attribute 'ripgep' missing\n Did you mean ripgrep?", None),
        ("error: something else", None),
    ],
)
def test_nix_errors_offer_names(indexed: Machine, said: str, offered: str | None) -> None:
    error = CommandFailed("nix failed.", said, stderr=said)
    near = near_names(indexed, NixOperation(OperationType.BUILD), error)
    assert (f" {offered}" in near[0]) if offered else near == []
    if offered:
        asked_for = "flake" in said or "option" in said
        assert near[0].startswith("Did you mean" if asked_for else "In nixpkgs there is")


def test_a_package_that_is_not_there_offers_names(indexed: Machine) -> None:
    operation = NixOperation(OperationType.INSTALL, packages=["hello", "firefx"])
    error = NotFound("There is no package 'firefx'.")
    assert near_names(indexed, operation, error)[0].startswith("Did you mean firefox")
    told = NotFound("There is no package 'firefx'.", "", ["Did you mean fire?"])
    assert near_names(indexed, operation, told) == []


SCRIPT = """
import sys
from luminous_nix_ipy import completion, verbs, settings
heavy = {"sqlite3", "brotli", "http.client", "lzma", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

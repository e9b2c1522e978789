"""Loading, reloading, unloading; how a line of %nix becomes a call; how errors are shown."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import completion, loop, settings
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.magics import NixMagics
from luminous_nix_ipy.verbs import VERBS
from tests.shell import NAME, new_shell, run, usage_error

HEAVY = {
    "asyncio",
    "humanize",
    "ipywidgets",
    "jinja2",
    "logging.handlers",
    "msgspec",
    "pandas",
    "platformdirs",
    "rich",
    "sqlite3",
}


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        yield shell


def instances(shell: InteractiveShell) -> int:
    return sum(isinstance(c, NixMagics) for c in shell.configurables)


def matchers(shell: InteractiveShell) -> int:
    found = shell.Completer.custom_matchers
    return sum(getattr(m, "matcher_identifier", "") == completion.IDENTIFIER for m in found)


def test_loading_twice_and_reloading_leave_one_instance(shell: InteractiveShell) -> None:
    shell.run_line_magic("load_ext", NAME)
    for _ in range(3):
        shell.run_line_magic("reload_ext", NAME)
    assert (instances(shell), matchers(shell)) == (1, 1)
    assert "NixMagics" in shell.magics_manager.registry


def test_unloading_leaves_nothing(shell: InteractiveShell) -> None:
    run(shell, "%config NixMagics.progress = 'none'")
    assert settings.get("progress") == "none"

    async def nothing() -> None: ...

    loop.run(nothing())
    assert loop._server is not None
    shell.run_line_magic("unload_ext", NAME)
    assert (instances(shell), matchers(shell)) == (0, 0)
    assert "NixMagics" not in shell.magics_manager.registry
    assert shell.find_line_magic("nix") is None
    assert shell.find_cell_magic("nix") is None
    assert loop._server is None
    assert settings.get("progress") == "auto"


def test_a_magic_of_the_user_with_our_name_survives_unloading(shell: InteractiveShell) -> None:
    def nix(line: str) -> str:
        return "mine"

    shell.register_magic_function(nix)
    shell.run_line_magic("unload_ext", NAME)
    assert shell.run_line_magic("nix", "list") == "mine"


def test_settings_set_by_config_hold_over_a_reload(shell: InteractiveShell) -> None:
    run(shell, "%config NixMagics.cache_seconds = 7")
    shell.run_line_magic("reload_ext", NAME)
    assert settings.get("cache_seconds") == 7


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("progress = 'bogus'", "It takes auto, widget, text, none; the default, 'auto', holds."),
        ("cache_seconds = -1", "It takes a whole number, 0 or more"),
    ],
)
def test_a_bad_setting_is_told_and_does_not_kill_the_next_load(
    shell: InteractiveShell, setting: str, words: str
) -> None:
    shell.run_cell(f"%config NixMagics.{setting}")
    run(shell, "%config NixMagics.loop = 'thread'")
    with pytest.warns(UserWarning, match="is not understood, so it is dropped") as told:
        shell.extension_manager.reload_extension(NAME)
    assert words in str(told[0].message)
    assert instances(shell) == 1
    assert settings.get("progress") == "auto"
    assert shell.config.NixMagics == {"loop": "thread"}


def test_an_unknown_setting_is_told_with_the_known_ones() -> None:
    with new_shell(load=False) as shell:
        shell.config.NixMagics.progres = "none"
        with pytest.warns(UserWarning, match="The settings are .*, progress"):
            shell.extension_manager.load_extension(NAME)
        assert instances(shell) == 1


def test_an_ipython_without_these_matchers_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("IPython.core.completer.context_matcher")
    with new_shell(load=False) as shell:
        monkeypatch.delattr(shell.Completer, "custom_matchers")
        shell.extension_manager.load_extension(NAME)
        assert run(shell, "%nix help") is not None
        shell.extension_manager.unload_extension(NAME)
        assert instances(shell) == 0


LOADING = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.extension_manager.load_extension("luminous_nix_ipy")
print(*sorted(set(sys.modules) - before))
"""


def test_loading_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "luminous_nix_ipy.magics" in loaded
    assert loaded & HEAVY == set()
    ours = {name for name in loaded if name.startswith(NAME)}
    rooms = ("completion", "magics", "pending", "settings", "verbs", "verbs.cells")
    assert ours == {NAME, *(f"{NAME}.{room}" for room in rooms)}


def test_public_names_are_imported_at_first_use() -> None:
    code = textwrap.dedent("""
        import sys, luminous_nix_ipy
        assert "msgspec" not in sys.modules
        for name in luminous_nix_ipy.__all__:
            assert getattr(luminous_nix_ipy, name) is not None, name
            assert name in dir(luminous_nix_ipy), name
        try:
            luminous_nix_ipy.NixBackned
        except AttributeError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "module 'luminous_nix_ipy' has no attribute 'NixBackned'"


def test_help_in_every_way_is_the_same_text(shell: InteractiveShell) -> None:
    wanted = run(shell, "%nix help rollback")
    assert "--dry-run" in wanted
    assert run(shell, "%nix rollback -h") == wanted
    assert run(shell, "%nix rollback 41 --help") == wanted
    assert run(shell, "%nix help") == run(shell, "%nix -h")


def test_the_docstring_lists_every_verb(shell: InteractiveShell) -> None:
    lines = inspect.getdoc(shell.find_line_magic("nix")).splitlines()
    start = lines.index("::") + 2
    assert [line.split()[:2] for line in lines[start : start + len(VERBS)]] == [
        ["%nix", verb] for verb in VERBS
    ]
    assert all(line.startswith("    %nix") for line in lines[start : start + len(VERBS)])


def test_wrong_syntax_is_one_line_without_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean rollback?" in usage_error(shell, "%nix rolback")
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "UsageError: %nix: there is no verb 'rolback'; did you mean rollback? Its help: %nix help"
    ]
    assert told.out == ""


def test_a_failure_is_shown_without_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIX_STORE_DIR", "/nowhere/store")
    monkeypatch.setenv("NIX_STATE_DIR", "/nowhere/var")
    result = shell.run_cell("%nix list")
    assert isinstance(result.error_in_exec, NixError)
    shown = capsys.readouterr().out
    assert shown.startswith("NotFound: There is no Nix on this machine.")
    assert "%nix playground start" in shown
    assert "Traceback" not in shown
    assert "File " not in shown


def test_nothing_is_expanded_but_whole_tokens(shell: InteractiveShell) -> None:
    shell.push({"verb": "rollback", "a": 5, "number": 41})
    assert run(shell, "%nix help {verb}") == run(shell, "%nix help rollback")
    # pkgs.${a}, $a and { a } stay as they are.
    assert "'pkgs.${a}'" in usage_error(shell, "%nix list pkgs.${a}")
    assert "'$a'" in usage_error(shell, "%nix list $a")
    assert "'{ a }: a'" in usage_error(shell, "%nix list '{ a }: a'")
    assert "'{a.b}'" in usage_error(shell, "%nix list {a.b}")
    assert "'41'" in usage_error(shell, "%nix list {number}")
    assert "{nowhere} names no variable" in usage_error(shell, "%nix list {nowhere}")


def test_variables_of_a_function_are_seen(shell: InteractiveShell) -> None:
    run(shell, "def f(verb):\n    x = %nix help {verb}\n    return x")
    assert run(shell, "f('diff')") == run(shell, "%nix help diff")


def test_a_semicolon_shows_nothing_but_assigns(shell: InteractiveShell) -> None:
    assert run(shell, "%nix help;") is None
    assert run(shell, "%nix help ; ") is None
    run(shell, "x = %nix help;")
    assert shell.user_ns["x"] == run(shell, "%nix help")


def test_the_rest_of_a_cell_is_the_note(shell: InteractiveShell) -> None:
    assert "takes no text below its line" in usage_error(shell, "%%nix list\nsystem")
    both = usage_error(shell, "%%nix note 41 before\nbelow")
    assert "on its line or below it, not both" in both
    assert run(shell, "%%nix help diff\n\n") == run(shell, "%nix help diff")


def test_an_open_quotation_is_told(shell: InteractiveShell) -> None:
    assert "double quotes" in usage_error(shell, "%nix note 41 don't")

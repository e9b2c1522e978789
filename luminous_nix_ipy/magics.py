"""`%nix` and `%%nix`: split the line, find the verb, run it, return the result."""

from __future__ import annotations

import inspect
import shlex
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)
from traitlets import TraitError
from traitlets.config import Config

from . import completion, pending, settings, verbs
from .verbs import cells

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

F = TypeVar("F", bound=Callable[..., Any])


def _with_overview(function: F) -> F:
    """Put the verbs into the docstring, which `%nix?` shows."""
    overview = textwrap.indent(verbs.overview(), "    ")
    function.__doc__ = inspect.cleandoc(function.__doc__ or "").replace("    VERBS", overview)
    return function


@magics_class
class NixMagics(settings.SettingTraits, Magics):
    """The magic `%nix`, and the settings that `%config NixMagics` shows."""

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    @_with_overview
    def nix(
        self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None
    ) -> object:
        """See and change the Nix or NixOS of this machine.

        ::

            VERBS

        `%nix VERB -h` tells what a verb takes. Each returns what it shows, so `x = %nix list` keeps
        it; a semicolon at the end shows nothing. Below a `%%nix` line stands a Nix expression:
        `%nix eval -h`. The line is split as a POSIX shell would, without
        expansions; only a whole word `{name}` becomes the value of the variable `name`. From Python
        the same verbs are the methods of `luminous_nix_ipy.nix`.
        """
        text, quiet = _without_semicolon(line)
        tokens = [self._value(token, local_ns or {}) for token in split(text)]
        verb, arguments = _parse(tokens, cell)
        from .verbs.session import session

        result = verbs.load(verb).run(session(), **arguments)
        return None if quiet and not self._is_assigned(line) else result

    def _value(self, token: str, local_ns: Mapping[str, Any]) -> str:
        """The value of the variable that a whole token `{name}` names; any other token itself."""
        name = token[1:-1]
        if not (token == f"{{{name}}}" and name.isidentifier()):
            return token
        variables = {**getattr(self.shell, "user_ns", {}), **local_ns}
        if name not in variables:
            raise UsageError(f"%nix: {token} names no variable; define {name} first")
        return str(variables[name])

    def _is_assigned(self, line: str) -> bool:
        """Whether the running cell keeps what this line returns (`x = %nix list;`)."""
        history = getattr(getattr(self.shell, "history_manager", None), "input_hist_parsed", [""])
        return f"= get_ipython().run_line_magic('nix', {line!r})" in history[-1]


def split(line: str) -> list[str]:
    """The words of a line, as a POSIX shell splits them, without comments or expansions.

    Raises:
        UsageError: a quotation mark is not closed.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        reason = str(error).lower()
        raise UsageError(f"%nix: {reason}; put text with an apostrophe in double quotes") from None


def load(shell: InteractiveShell) -> None:
    """Register the magic, its settings and its completion, once."""
    unload(shell)
    for name, value in _bad_settings(shell):
        warnings.warn(
            f"NixMagics.{name} = {value!r} is not understood, so it is dropped. "
            f"{_what_it_takes(name)}",
            stacklevel=2,
        )
        del shell.config.NixMagics[name]
    magics = NixMagics(shell)
    shell.register_magics(magics)
    settings.activate(magics)
    completion.register(shell)
    cells.register(shell)
    if (notice := pending.notice()) is not None:
        print(notice)


def unload(shell: InteractiveShell) -> None:
    """Take away what `load` registered, if it did, and stop the private loop."""
    manager = shell.magics_manager
    ours = [c for c in shell.configurables if type(c).__name__ == NixMagics.__name__]
    if ours and (entered := sys.modules.get(f"{__package__}.shell_path")) is not None:
        for package_shell in entered.entered():
            package_shell.exit()
    for magics in ours:
        shell.configurables.remove(magics)
        for kind in ("line", "cell"):
            if getattr(manager.magics[kind].get("nix"), "__self__", None) is magics:
                del manager.magics[kind]["nix"]
    if NixMagics.__name__ in manager.registry:
        del manager.registry[NixMagics.__name__]
    completion.unregister(shell)
    cells.unregister(shell)
    settings.activate(None)
    for name in ("loop", "log"):
        if (module := sys.modules.get(f"{__package__}.{name}")) is not None:
            module.stop()


def _parse(tokens: list[str], cell: str | None) -> tuple[str, dict[str, Any]]:
    from .verbs.parser import parse_line, usage_error

    with_body = cell is not None and cell.strip()
    verb, arguments = parse_line(_of_cell(tokens) if with_body else tokens)
    if with_body:
        name = getattr(verbs.load(verb), "BODY", None)
        if name is None:
            usage_error(f"%%nix {verb} takes no text below its line; write %nix {verb}")
        if arguments[name]:
            usage_error(f"%%nix {verb}: give the text on its line or below it, not both")
        arguments[name] = f"\n{cell}"  # so that its lines count as the notebook counts them
    return verb, arguments


def _of_cell(tokens: list[str]) -> list[str]:
    """The line of a cell that has text below it, which is a Nix expression unless the verb says
    otherwise."""
    from .verbs.parser import HELP

    if not tokens or (tokens[0].startswith("-") and not set(tokens) & set(HELP)):
        return ["eval", *tokens]
    return ["eval", "--build", *tokens[1:]] if tokens[0] == "build" else tokens


def _without_semicolon(line: str) -> tuple[str, bool]:
    stripped = line.rstrip()
    return (stripped[:-1], True) if stripped.endswith(";") else (line, False)


def _bad_settings(shell: InteractiveShell) -> list[tuple[str, Any]]:
    """The configured settings that are unknown, or whose values the traits refuse: `%config` keeps
    a value that it has complained about, and it would be refused at each later load."""
    section = shell.config.get(NixMagics.__name__, Config())
    return [(name, value) for name, value in section.items() if not _is_understood(name, value)]


def _is_understood(name: str, value: Any) -> bool:
    if name not in settings.SettingTraits.class_traits(config=True):
        return False
    try:
        NixMagics(config=Config(NixMagics={name: value}))
    except TraitError:
        return False
    return True


def _what_it_takes(name: str) -> str:
    for known, _, choices, default, _ in settings.table():
        if known == name:
            return f"It takes {choices}; the default, {default!r}, holds."
    return f"The settings are {', '.join(row[0] for row in settings.table())}."

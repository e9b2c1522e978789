"""A real IPython shell for unit tests, with the extension loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

NAME = "luminous_nix_ipy"


@contextmanager
def new_shell(load: bool = True) -> Iterator[InteractiveShell]:
    """The one shell of this process, without history on disk; taken away again at the end."""
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.IPCompleter.use_jedi = False
    shell = InteractiveShell.instance(config=config)
    try:
        if load:
            shell.extension_manager.load_extension(NAME)
        yield shell
    finally:
        shell.extension_manager.unload_extension(NAME)
        InteractiveShell.clear_instance()


def run(shell: InteractiveShell, cell: str) -> Any:
    """What a cell returns; raises what it raised."""
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()
    return result.result


def usage_error(shell: InteractiveShell, cell: str) -> str:
    """The one line that a cell with wrong syntax is answered with."""
    result = shell.run_cell(cell)
    error = result.error_in_exec
    assert type(error) is UsageError, f"{cell}: {error!r}"
    assert "\n" not in str(error)
    return str(error)

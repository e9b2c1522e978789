"""Put packages into the PATH of this kernel, so that !command finds them.

They are built or fetched, but installed nowhere: --exit takes away what was put there last, and so
does the end of the kernel. Until then no garbage collection deletes them. Without packages it shows
what is there. In Python, the result is a context: with nix.shell("hello"): ...

Examples:
  %nix shell hello tree
  %nix shell --exit
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..shell_path import PackageShell
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("packages", metavar="PKG", nargs="*", default=[], help="what to put there")
    parser.add_argument("--exit", action="store_true", help="take away what was put there last")


def run(
    session: Session, *, packages: str | Sequence[str] = (), exit: bool = False
) -> PackageShell | Text:
    from ..backend.model import NixOperation, OperationType
    from ..shell_path import PackageShell, entered
    from ..widgets.show import Text

    names = [packages] if isinstance(packages, str) else list(packages)
    if exit:
        if names:
            usage_error("%nix shell: give packages or --exit, not both. Its help: %nix shell -h")
        if not entered():
            return Text("Nothing was put into PATH.")
        last = entered()[-1]
        last.exit()
        return Text(f"{', '.join(last.packages)}: no longer in PATH.")
    if not names:
        there = [f"{', '.join(shell.packages)}: {shell.path}" for shell in entered()]
        return Text("\n".join(there) or "Nothing was put into PATH.")
    import os
    from tempfile import TemporaryDirectory

    kept = TemporaryDirectory(prefix="luminous-nix-", dir=session.machine.env.get("TMPDIR"))
    operation = NixOperation(
        type=OperationType.SHELL,
        packages=names,
        options={"link": os.path.join(kept.name, "package")},
    )
    try:
        shell = PackageShell(names, session.perform(operation)["paths"], kept)
    except BaseException:
        kept.cleanup()
        raise
    shell.enter()
    return shell

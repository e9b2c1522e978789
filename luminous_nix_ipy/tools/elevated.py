"""How root is had for a program: what goes before its arguments, and what on its stdin.

A password is for sudo alone, and goes to it on stdin (sudo(8), `--stdin`): never in an argument, a
variable, a file or a record.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from ..errors import Refused
from ..machine import Machine

Program = Literal["root", "sudo", "doas", "run0"]
"""What elevates; "root": this process is root's, so nothing does."""

_FLAGS = {
    "sudo": ("-n", "-H", "--"),
    "doas": ("-n",),
    "run0": ("--no-ask-password", "--"),
}
_WITH_PASSWORD = ("-k", "-S", "-H", "-p", "", "--")
"""`-k` with a command: sudo asks although it knows the password, so that it takes the line off
stdin, and does not remember it (sudo(8))."""
_WITHOUT_STDIN = ("sh", "-c", 'exec "$@" </dev/null', "sh")
"""Where sudo asks for no password after all, the line must not reach the program's stdin."""


class Password:
    """A password that is never shown, and that can be forgotten."""

    __slots__ = ("_bytes",)

    def __init__(self, text: str) -> None:
        """Raises: Refused: sudo reads one line, so that it can be no password."""
        if not text or {"\n", "\0"} & {*text}:
            raise Refused("That can be no password: it is empty or more than a line.")
        self._bytes = bytearray(text.encode("utf-8", "surrogateescape"))

    def line(self) -> bytes:
        """What sudo reads; nothing once it is forgotten."""
        return bytes(self._bytes) + b"\n" if self._bytes else b""

    def forget(self) -> None:
        self._bytes[:] = bytes(len(self._bytes))
        self._bytes.clear()

    def __repr__(self) -> str:
        return "<password>"

    def __reduce__(self) -> Any:
        raise TypeError("A password is not copied and not saved.")


class Elevated:
    """How this process gets root for the programs that need it.

    Attributes:
        program: what elevates.
    """

    def __init__(
        self,
        machine: Machine,
        program: Program,
        path: str = "",
        password: Password | None = None,
    ) -> None:
        """
        Args:
            path: where `program` is.
            password: what sudo asks for; None where it asks for none.
        """
        self.program = program
        self._machine = machine
        self._path = path
        self._password = password

    def __repr__(self) -> str:
        return f"<Elevated: {self}>"

    def __str__(self) -> str:
        if self.program == "root":
            return "root"
        asked = "no password" if self._password is None else "with a password"
        return f"{self.program} ({asked})"

    def argv(self, command: Sequence[str], *, stdin: bool = True) -> tuple[str, ...]:
        """The arguments that run `command` as root.

        No environment comes along: the machine's own variables go in front as arguments of env,
        and the program is named by its whole path, found in this process's PATH.

        Args:
            stdin: the command reads its stdin. It must pass over a first line that it does not
                understand: the password, which sudo leaves there where it needs none.
        """
        if self.program == "root":
            return tuple(command)
        inner = (self._whole(command[0]), *command[1:])
        variables = tuple(f"{name}={value}" for name, value in self._machine.env.items())
        if variables:
            inner = (self._whole("env"), *variables, *inner)
        if self._password is None:
            return (self._path, *_FLAGS[self.program], *inner)
        if not stdin:
            inner = (self._whole(_WITHOUT_STDIN[0]), *_WITHOUT_STDIN[1:], *inner)
        return (self._path, *_WITH_PASSWORD, *inner)

    @property
    def has_password(self) -> bool:
        """Whether sudo asks for one."""
        return self._password is not None

    @property
    def stdin_prefix(self) -> bytes:
        """What comes first on the stdin of what `argv` gave."""
        return b"" if self._password is None else self._password.line()

    def forget(self) -> None:
        """Forget the password; what needs it is refused by sudo from now on."""
        if self._password is not None:
            self._password.forget()

    def _whole(self, program: str) -> str:
        """Another user's PATH may lead elsewhere, or nowhere."""
        found = shutil.which(program, path=self._machine.child_environment().get("PATH"))
        return program if found is None else os.path.abspath(found)


class Credentials:
    """How root is had for the deed that goes on, found once.

    A view that asks for a password hands over what it found, and takes it back when the deed has
    ended. The repr never shows a password.
    """

    def __init__(self) -> None:
        self.elevated: Elevated | None = None

    @contextmanager
    def given(self, elevated: Elevated) -> Iterator[None]:
        """Hold it for the deeds of this block, and forget it afterwards."""
        self.elevated = elevated
        try:
            yield
        finally:
            self.forget()

    def forget(self) -> None:
        if self.elevated is not None:
            self.elevated.forget()
        self.elevated = None

"""Asking for the password that sudo wants: only where somebody can answer, and never kept."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from ..errors import NoConsent, Refused
from .consent import can_answer

if TYPE_CHECKING:
    from ..tools.elevated import Elevated, Password
    from .session import Session

_TRIES = 3


def unlock(session: Session) -> Elevated:
    """How root is had on the session's machine; where only sudo is left and wants a password, it is
    asked for.

    Raises:
        Refused: root cannot be had, nobody can be asked, or no password was right.
        NoConsent: none was given.
    """
    from ..tools.elevation import PasswordNeeded, WrongPassword, elevate

    machine = session.machine
    try:
        return session.wait(elevate(machine))
    except PasswordNeeded:
        if not can_answer(session.shell):
            raise
    for left in reversed(range(_TRIES)):
        password = _ask(session.host)
        try:
            return session.wait(elevate(machine, password))
        except BaseException as error:
            password.forget()
            if not isinstance(error, WrongPassword):
                raise
        if left:
            print(f"sudo does not take that. {left} more {'tries' if left > 1 else 'try'}.")
    raise Refused(f"sudo took none of {_TRIES} passwords. Nothing was changed.")


def _ask(host: str) -> Password:
    """Raises: NoConsent: nothing was typed."""
    from ..tools.elevated import Password

    try:
        # Found in its module each time: ipykernel puts its own there, which asks the frontend.
        return Password(getpass.getpass(f"Password of {getpass.getuser()} for sudo on {host}: "))
    except (EOFError, KeyboardInterrupt):
        pass
    except Refused as error:
        raise NoConsent(f"{error.what} Nothing was changed.") from None
    raise NoConsent("No password was given. Nothing was changed.")

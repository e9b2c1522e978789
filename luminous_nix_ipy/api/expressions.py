"""Verbs that evaluate, explain and tell why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..verbs.session import session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.explanation import Explanation
    from ..widgets.show import Text


class Expressions:
    """Verbs that evaluate, explain and tell why."""

    def eval(
        self,
        expression: str,
        *,
        name: str | None = None,
        build: bool = False,
        json: bool = False,
        bg: bool = False,
    ) -> Any:
        """The value of a Nix expression: a number, text, list or dict; a DataFrame for a list of
        attribute sets.

        Args:
            expression: in the Nix language; relative paths are below the current folder.
            name: store the result in this variable of the notebook as well.
            build: realise what it describes, and return the store paths.
            json: as JSON text.
            bg: return a job at once.

        Example:
            >>> nix.eval("builtins.attrNames (import ./hosts.nix)")
        """
        from ..verbs.eval import run

        return run(session(), expression=expression, name=name, build=build, json=json, bg=bg)

    def log(self, path: int | str, *, last: int | None = None, profile: str | None = None) -> Text:
        """The log of the build that made something.

        Args:
            path: a store path, a derivation, a link to one, or a generation.
            last: only so many of its last lines.
            profile: whose generation.

        Example:
            >>> nix.log("./result", last=20)
        """
        from ..verbs.log import run

        return run(session(), path=path, last=last, profile=profile)

    def why(
        self,
        path: int | str,
        needs: int | str,
        *,
        profile: str | None = None,
        json: bool = False,
    ) -> NixFrame | Text:
        """Why one thing needs another: the shortest chains of references.

        Args:
            path: a generation, store path or link.
            needs: the same, or the name of a package in its closure.
            profile: whose generations are meant.
            json: as JSON text.

        Example:
            >>> nix.why("current", "glibc")
        """
        from ..verbs.why import run

        return run(session(), path=path, needs=needs, profile=profile, json=json)

    def explain(self, line: str) -> Explanation:
        """The commands that a line of `%nix` would run, in their order.

        Example:
            >>> nix.explain("rollback 41")
        """
        from ..verbs.explain import run

        return run(session(), line=line)

"""Plots of the past: sizes of generations, versions of packages, how long builds took.

sizes: what each generation needs, and what of it no other generation of the profile has.
versions: which versions of packages the generations have, chosen or needed; by the names that
stand in store paths. builds: the median of each name's last builds, on which estimates rest.

The result's .data is a DataFrame, its .figure one of matplotlib. --last takes only the newest
generations; of builds, the names that were built last.

Examples:
  %nix plot sizes
  %nix plot versions linux openssl --last 20
  p = %nix plot builds
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import OneOf, Parser, add_profile, number
from .session import Session

if TYPE_CHECKING:
    from ..widgets.plots import PlotView

_KINDS = ("sizes", "versions", "builds")
_MOST = 8
"""Packages that fit into one picture."""


def arguments(parser: Parser) -> None:
    parser.add_argument("kind", metavar="KIND", type=OneOf(*_KINDS), help=", ".join(_KINDS))
    parser.add_argument("names", metavar="NAME", nargs="*", help="packages whose versions to plot")
    add_profile(parser)
    parser.add_argument("--last", metavar="N", type=number, help="only the newest N")


def run(
    session: Session,
    *,
    kind: str,
    names: str | Sequence[str] = (),
    profile: str | None = None,
    last: int | None = None,
) -> PlotView:
    from ..errors import Refused

    wanted = [names] if isinstance(names, str) else list(names)
    if kind not in _KINDS:
        raise Refused(f"There is no plot {kind!r}.", f"There is {', '.join(_KINDS)}.")
    if wanted and kind != "versions":
        raise Refused(f"A plot of {kind} takes no names.", "", ["%nix plot versions NAME"])
    if kind == "builds" and profile is not None:
        raise Refused("Builds belong to no profile.", "", ["%nix plot builds"])
    if kind == "sizes":
        return _sizes(session, profile, last)
    return (
        _versions(session, wanted, profile, last) if kind == "versions" else _builds(session, last)
    )


def _sizes(session: Session, profile: str | None, last: int | None) -> PlotView:
    from ..backend.model import OperationType
    from ..backend.validation import check_value
    from ..errors import NotFound
    from ..frames import plots as plot_frames
    from ..widgets import drawing, plots

    if last is not None:
        check_value("last", last, int)
    data = session.execute(OperationType.LIST_GENERATIONS, profile=profile, sizes=True)
    found = data["generations"][:last]
    if not found:
        raise NotFound(
            f"{data['profile'].name} has no generation yet.",
            f"There is none beside {data['profile'].path}.",
            ["Try the verbs on a system of their own: %nix playground start"],
        )
    return plots.PlotView(
        f"Size of the generations of {data['profile'].name}",
        plots.about_sizes(found),
        plot_frames.sizes(found),
        drawing.sizes,
        playground=session.machine.playground is not None,
    )


def _versions(
    session: Session, names: list[str], profile: str | None, last: int | None
) -> PlotView:
    from functools import partial

    from ..backend.model import NixOperation, OperationType
    from ..errors import Refused
    from ..frames import plots as plot_frames
    from ..widgets import drawing, plots

    if not names:
        raise Refused("No package is named.", "", ["%nix plot versions linux openssl"])
    if len(set(names)) > _MOST:
        raise Refused(
            f"{len(set(names))} packages are more than a picture holds.", f"It holds {_MOST}."
        )
    options = {"profile": profile, "last": last}
    data = session.answer(NixOperation(OperationType.VERSIONS, names, options=options))
    numbers = sorted(generation.number for generation in data["generations"])
    return plots.PlotView(
        f"Versions in the generations of {data['profile'].name}",
        plots.about_versions(data["versions"]),
        plot_frames.versions(data["versions"]),
        partial(drawing.versions, numbers=numbers),
        playground=session.machine.playground is not None,
    )


def _builds(session: Session, last: int | None) -> PlotView:
    from ..backend.model import OperationType
    from ..frames import plots as plot_frames
    from ..widgets import drawing, plots

    times = session.execute(OperationType.BUILD_TIMES, last=last)["times"]
    return plots.PlotView(
        "How long builds took",
        plots.about_builds(times),
        plot_frames.builds(times),
        drawing.builds,
        playground=session.machine.playground is not None,
    )

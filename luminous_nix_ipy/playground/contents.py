"""The whole contents of a playground's store, described."""

from __future__ import annotations

from .catalogue import Packages, versions
from .description import Description
from .homes import add_environment, add_home
from .systems import add_system


def describe(generations: int) -> Description:
    """The store of a playground: so many systems, and a user's environments and homes."""
    packages = Packages()
    newest = versions(generations, generations)
    systems = [add_system(packages, number, generations) for number in range(1, generations + 1)]
    user = [
        add_environment(packages, names, newest)
        for names in (["git"], ["git", "helix"], ["git", "helix", "fastfetch"])
    ]
    git = "[user]\n\tname = player\n"
    home = [
        add_home(packages, ["git"], {"git/config": git}, newest),
        add_home(
            packages,
            ["git", "helix"],
            {
                "git/config": f"{git}[pull]\n\trebase = true\n",
                "helix/config.toml": 'theme = "onedark"\n',
            },
            newest,
        ),
    ]
    return Description(packages.derivations, systems, user, home)

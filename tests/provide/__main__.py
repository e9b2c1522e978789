"""`python -m tests.provide`: see what the tests need, provide what this machine can, tell the rest.

Ends with 1 when something is missing and LUMINOUS_NIX_TEST_REQUIRE is "all". With arguments, it
installs Debian's packages of these names instead, and ends with 1 when it cannot.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence

from . import apt, things
from .things import Thing


def main(packages: Sequence[str], wanted: Mapping[str, Thing] = things.THINGS) -> int:
    if packages:
        try:
            apt.install(packages)
        except apt.CannotProvide as error:
            print(f"{' '.join(packages)}: missing. {error}", file=sys.stderr)
            return 1
        return 0
    missing = [name for name, thing in wanted.items() if not _provided(name, thing)]
    return 1 if missing and os.environ.get("LUMINOUS_NIX_TEST_REQUIRE") == "all" else 0


def _provided(name: str, thing: Thing) -> bool:
    if thing.there():
        print(f"{name}: there", flush=True)
        return True
    began = time.monotonic()
    try:
        thing.provide()
    except apt.CannotProvide as error:
        print(f"{name}: missing. {error}", flush=True)
        return False
    if not thing.there():
        print(f"{name}: missing, though it was provided. {thing.sentence}", flush=True)
        return False
    print(f"{name}: provided in {time.monotonic() - began:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m tests.provide`: see what the tests need, provide what this machine can, tell the rest.

Ends with 1 when something is missing and LUMINOUS_NIX_TEST_REQUIRE is "all".
"""

from __future__ import annotations

import os
import sys
import time

from . import things
from .apt import CannotProvide


def main() -> int:
    missing = 0
    for name, thing in things.THINGS.items():
        began = time.monotonic()
        verdict = "there"
        if not thing.there():
            try:
                thing.provide()
                verdict = f"provided in {time.monotonic() - began:.0f} s"
            except CannotProvide as error:
                verdict = f"missing. {error}"
            if not thing.there():
                missing += 1
                verdict = verdict if verdict.startswith("missing") else "missing, though provided."
        print(f"{name}: {verdict}", flush=True)
    return 1 if missing and os.environ.get("LUMINOUS_NIX_TEST_REQUIRE") == "all" else 0


sys.exit(main())

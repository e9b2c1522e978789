"""Run inside a host, by whoever changes it: one operation of the backend, as a notebook's cell asks
for it. The first argument is the operation, the second its options as JSON. Prints one JSON object:
what became of it.
"""

import asyncio
import json
import sys

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType


def main():
    kind, options = OperationType(sys.argv[1]), json.loads(sys.argv[2])
    result = asyncio.run(NixBackend().execute(NixOperation(kind, options=options)))
    error = result.data.get("exception")
    report = result.data.get("report") or getattr(error, "report", None)
    told = {
        "success": result.success,
        "message": result.message,
        "error": result.error,
        "kind": type(error).__name__ if error else "",
        "why": getattr(error, "why", ""),
        "outcome": report.outcome if report else None,
        "verified": [[c.name, c.verdict, c.reason] for c in report.verified] if report else [],
        "duration": result.duration,
        "commands": [str(command) for command in report.commands] if report else [],
    }
    print(json.dumps(told))


main()

"""Record the logs in `fixtures/internal_json` anew: `python -m tests.record_activity_logs`.

Each Nix that is provided builds, fetches and fails in a private store; what it logged is kept with
the store's folder as /nix/store.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from luminous_nix_ipy.machine import Machine
from tests.private_nix import make_machine, package
from tests.provide import nix

FOLDER = Path(__file__).parent / "fixtures" / "internal_json"
_PHASE = """echo '@nix {"action":"setPhase","phase":"buildPhase"}' >&2; echo working"""
_LOG = ("--log-format", "internal-json", "-v")


def chain() -> str:
    """Three builds, each of which needs the one before."""
    first = package("alpha-1.2", script=_PHASE)
    second = package("beta-0.3", needs=(first,), script=_PHASE)
    return package("gamma", needs=(second,), script=_PHASE)


def failing() -> str:
    """Of three builds that two need, one fails; the others are done with --keep-going."""
    good = package("good-1", script="sleep 0.3; echo fine")
    bad = package("bad-2", script="echo compiling; echo 'no such file' >&2; exit 3")
    return package("all", needs=(good, bad, package("slow-3", script="sleep 0.6")))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in ("old", "new"):
        programs = nix.find(name)
        if programs is None:
            print(f"There is no {name} Nix: its logs stay as they are.")
            continue
        root = Path(tempfile.mkdtemp())
        machine = make_machine(root, programs)
        _record(machine, f"{name}-chain", "nix-build", "--no-out-link", "-E", chain())
        keep_going = ("--keep-going", "--max-jobs", "2", "--no-out-link", "-E", failing())
        _record(machine, f"{name}-failing", "nix-build", *keep_going)
        _record(machine, f"{name}-missing", "nix-instantiate", "--eval", "-E", "{ foo = 1; }.fooo")
        cache = f"file://{root}/cache"
        filler = "head -c 20000 /dev/zero >> $out/content"
        expression = package("delta-2.0", needs=(package("epsilon-1.5", script=filler),))
        path = _run(machine, "nix-build", "--no-out-link", "-E", expression).stdout.strip()
        experimental = ("--extra-experimental-features", "nix-command")
        _run(machine, "nix", *experimental, "copy", "--to", cache, path)
        _run(machine, "nix-store", "--gc")
        options = ("--option", "substituters", cache, "--option", "require-sigs", "false")
        _record(machine, f"{name}-fetch", "nix-store", "--realise", path, *options)
        shutil.rmtree(root)


def _record(machine: Machine, name: str, program: str, *arguments: str) -> None:
    said = _run(machine, program, *_LOG, *arguments).stderr
    root = machine.store_dir.removesuffix("/store")
    (FOLDER / f"{name}.log").write_text(
        said.replace(machine.store_dir, "/nix/store").replace(root, "/tmp/machine")
    )


def _run(machine: Machine, *argv: str) -> subprocess.CompletedProcess[str]:
    env = machine.child_environment()
    program = shutil.which(argv[0], path=env["PATH"])
    assert program
    return subprocess.run((program, *argv[1:]), env=env, capture_output=True, text=True)


if __name__ == "__main__":
    main()

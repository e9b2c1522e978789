"""A new Nix: Debian sid's, unpacked into the cache and started with its own C library.

The system's own packages, sources and lists are left alone: apt-get works on folders of ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import apt, nix
from .apt import CannotProvide, Source
from .cache import cache_dir, locked

MIRROR = "LUMINOUS_NIX_TEST_DEBIAN_MIRROR"
KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
)
_WRAPPER = """\
#!/bin/sh
here=${{0%/bin/*}}
exec "$here/{loader}" --library-path "$here/{libraries}" --argv0 "${{0##*/}}" \\
    "$here/usr/bin/nix" "$@"
"""
_TRIAL = """\
derivation {
  name = "trial"; system = builtins.currentSystem; builder = "/bin/sh";
  args = [ "-c" "echo built > $out" ];
}
"""


def provide() -> None:
    """Put a Nix of at least 2.34 into the cache, unless one that runs is there.

    Raises:
        CannotProvide: this machine cannot; the sentence says why.
    """
    cache = cache_dir()
    with locked(cache, "nix-new"):
        if nix.find("new") is not None:
            return
        line = source_line(*choose_mirror(apt.read_sources(), dict(os.environ)))
        with tempfile.TemporaryDirectory(dir=cache, prefix=".sid-") as folder:
            work = Path(folder)
            packages = _download(work, line)
            root = work / "root"
            for package in packages:
                subprocess.run(["dpkg", "-x", package, root], check=True)
            _write_programs(root)
            version = _try(root / "bin", work / "trial")
            kept = cache / f"nix-{version}"
            shutil.rmtree(kept, ignore_errors=True)
            root.rename(kept)
        link = cache / ".nix-new"
        link.unlink(missing_ok=True)
        link.symlink_to(kept.name)
        link.replace(nix.new_nix_dir(cache))


def choose_mirror(sources: list[Source], environ: dict[str, str]) -> tuple[str, str]:
    """The address of Debian's archive and the keyring that it is signed with.

    Raises:
        CannotProvide: no such archive or keyring is known here.
    """
    codename = apt.os_release().get("VERSION_CODENAME", "")
    archive = apt.debian_archive(sources, codename)
    uri = environ.get(MIRROR) or (archive.uri if archive else "")
    if not shutil.which("dpkg") or not uri:
        raise CannotProvide(
            "No mirror of Debian is configured for apt on this machine: set "
            f"{MIRROR} to one (apt-get, dpkg and Debian's keyring are needed too)."
        )
    told = archive.signed_by if archive else ""
    for keyring in (told, *KEYRINGS):
        if keyring.startswith("/") and os.path.exists(keyring):
            return uri, keyring
    raise CannotProvide(
        "Debian's signing keys are not on this machine: apt-get install debian-archive-keyring."
    )


def source_line(uri: str, keyring: str) -> str:
    """The package source of sid, whose signature is checked, for sources.list(5)."""
    return f"deb [signed-by={keyring}] {uri} sid main\n"


def _download(work: Path, line: str) -> list[Path]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    (work / "sid.list").write_text(line)
    settings = {
        "Dir::Etc::sourcelist": work / "sid.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": work,
        "Dir::State::lists": work / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    apt.apt_get(*options, "update")
    wanted = ("install", "--yes", "--no-install-recommends", "--download-only")
    apt.apt_get(*options, *wanted, "--target-release", "sid", "nix-bin")
    return sorted((work / "cache/archives").glob("*.deb"))


def _write_programs(root: Path) -> None:
    """Write one wrapper under the name of each program; the tree can be moved afterwards."""
    loaders = [*root.glob("usr/lib64/ld-linux-*.so*"), *root.glob("usr/lib/ld-linux-*.so*")]
    libraries = [path.parent for path in root.glob("usr/lib/*/libc.so.6")]
    if not loaders or not libraries:
        raise CannotProvide("Debian's libc6 holds no loader where it is looked for.")
    script = _WRAPPER.format(
        loader=loaders[0].relative_to(root), libraries=libraries[0].relative_to(root)
    )
    (root / "bin").mkdir()
    for name in nix.PROGRAMS:
        program = root / "bin" / name
        program.write_text(script)
        program.chmod(0o755)


def _try(bin_dir: Path, work: Path) -> str:
    """Build something in a store below `work`; the version of the Nix that did.

    Raises:
        CannotProvide: this Nix is too old or does not build.
    """
    version = nix.version_of(bin_dir / "nix")
    if version < nix.NEW_ENOUGH:
        raise CannotProvide(f"Debian sid's Nix does not run here, or is too old: {version}.")
    env = {
        "PATH": f"{bin_dir}:/usr/bin:/bin",
        "HOME": str(work / "home"),
        "NIX_CONFIG": "sandbox = false\nsubstituters =\nbuild-users-group =\nbuild-hook =",
    }
    for name in ("home", "store", "state", "log", "conf"):
        (work / name).mkdir(parents=True)
        env[f"NIX_{name.upper()}_DIR"] = str(work / name)
    done = subprocess.run(
        [bin_dir / "nix-build", "--no-out-link", "-E", _TRIAL],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise CannotProvide(f"Debian sid's Nix cannot build here: {done.stderr[-300:]}")
    return ".".join(map(str, version))

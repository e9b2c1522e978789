"""Small lists of packages and options, in the shapes in which channels publish them."""

from __future__ import annotations

import io
import json
import lzma
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import brotli


def packages(**more: Any) -> dict[str, Any]:
    """A packages.json of a few packages, and those that are given: attribute -> its `meta`, with
    `pname` and `version` in it."""
    listed = {
        "hello": {
            "pname": "hello",
            "version": "2.12",
            "description": "Program that produces a familiar, friendly greeting",
            "mainProgram": "hello",
            "license": {"spdxId": "GPL-3.0-or-later"},
            "homepage": "https://www.gnu.org/software/hello/",
        },
        "firefox": {
            "pname": "firefox",
            "version": "139.0",
            "description": "Web browser",
            "mainProgram": "firefox",
            "license": [{"spdxId": "MPL-2.0"}],
        },
        "ripgrep": {
            "pname": "ripgrep",
            "version": "14.1.1",
            "description": "Utility that combines the usability of ag with the speed of grep",
            "mainProgram": "rg",
            "license": [{"spdxId": "MIT"}, {"spdxId": "Unlicense"}],
        },
        "vscode": {
            "pname": "vscode",
            "version": "1.99",
            "description": "Open source code editor",
            "mainProgram": "code",
            "license": {"fullName": "Unfree"},
            "unfree": True,
        },
        "python3Packages.requests": {
            "pname": "requests",
            "version": "2.32",
            "description": "HTTP library for Python",
        },
        "oldssl": {
            "pname": "oldssl",
            "version": "1.0",
            "description": "Cryptographic library",
            "insecure": True,
            "broken": True,
            "knownVulnerabilities": ["CVE-2020-0001"],
        },
        **more,
    }
    return {"version": "2", "packages": {name: _package(meta) for name, meta in listed.items()}}


def options(**more: Any) -> dict[str, Any]:
    """An options.json of a few options, and those that are given."""
    nginx = "nixos/modules/services/web-servers/nginx/default.nix"
    return {
        "services.nginx.enable": {
            "type": "boolean",
            "default": {"_type": "literalExpression", "text": "false"},
            "description": "Whether to enable Nginx Web Server.",
            "declarations": [nginx],
            "loc": ["services", "nginx", "enable"],
            "readOnly": False,
        },
        "services.nginx.virtualHosts.<name>.forceSSL": {
            "type": "boolean",
            "default": {"_type": "literalExpression", "text": "false"},
            "description": "Whether to redirect to SSL.",
            "declarations": [{"name": f"<nixpkgs/{nginx}>", "url": f"https://example.org/{nginx}"}],
            "loc": ["services", "nginx", "virtualHosts", "<name>", "forceSSL"],
            "readOnly": False,
        },
        "services.openssh.enable": {
            "type": "boolean",
            "description": "Whether to enable the OpenSSH secure shell daemon.",
            "declarations": ["nixos/modules/services/networking/ssh/sshd.nix"],
            "loc": ["services", "openssh", "enable"],
            "readOnly": False,
        },
        **more,
    }


def packed(value: object) -> bytes:
    """A list as a channel has it."""
    return bytes(brotli.compress(json.dumps(value).encode(), quality=3))


def write_programs(path: Path, rows: list[tuple[str, str]]) -> None:
    """A database of programs (nixpkgs, command-not-found): (command, package)."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table Programs (name text not null, system text not null, "
            "package text not null, primary key (name, system, package))"
        )
        connection.executemany(
            "insert into Programs values (?, ?, ?)",
            [(name, system, package) for name, package in rows for system in _SYSTEMS],
        )
    connection.close()


def expressions(folder: Path, rows: list[tuple[str, str]]) -> bytes:
    """A nixexprs.tar.xz with such a database in it."""
    database = folder / "programs-for-archive.sqlite"
    write_programs(database, rows)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(__file__, "nixos-26.05/default.nix")
        archive.add(database, "nixos-26.05/programs.sqlite")
    database.unlink()
    return lzma.compress(stream.getvalue(), preset=0)


_SYSTEMS = ("x86_64-linux", "aarch64-linux")


def _package(meta: dict[str, Any]) -> dict[str, Any]:
    meta = dict(meta)
    pname, version = meta.pop("pname"), meta.pop("version")
    return {
        "name": f"{pname}-{version}",
        "pname": pname,
        "version": version,
        "system": "x86_64-linux",
        "outputs": {"out": None},
        "meta": meta,
    }

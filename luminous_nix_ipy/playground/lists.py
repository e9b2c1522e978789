"""What a playground can be searched for: lists of its own packages, of options and of commands, in
the shapes in which a channel publishes its own."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from contextlib import closing
from typing import Any

from ..machine import Machine
from .catalogue import PACKAGES, versions

_ABOUT: dict[str, tuple[str, str, str]] = {
    "glibc": ("", "LGPL-2.1-or-later", "C library that every program needs"),
    "zlib": ("", "Zlib", "Library that compresses data without loss"),
    "openssl": ("openssl", "Apache-2.0", "Library for encrypted connections, and its tool"),
    "bash-interactive": ("bash", "GPL-3.0-or-later", "Shell that most systems start with"),
    "curl": ("curl", "curl", "Command line tool that fetches and sends files by URL"),
    "systemd": ("systemctl", "LGPL-2.1-or-later", "Manager of a system and its services"),
    "openssh": ("ssh", "BSD-2-Clause", "Secure shell: log in to other machines"),
    "nginx": ("nginx", "BSD-2-Clause", "Web server and reverse proxy"),
    "postgresql": ("psql", "PostgreSQL", "Relational database"),
    "prometheus-node-exporter": ("node_exporter", "Apache-2.0", "Measures a machine"),
    "docker": ("docker", "Apache-2.0", "Runs programs in containers"),
    "podman": ("podman", "Apache-2.0", "Runs programs in containers, without a daemon"),
    "git": ("git", "GPL-2.0-only", "Distributed version control"),
    "python3": ("python3", "PSF-2.0", "Interpreter of the language Python"),
    "nodejs": ("node", "MIT", "Interpreter of JavaScript for servers"),
    "vim": ("vim", "Vim", "Text editor for those who know their keys"),
    "helix": ("hx", "MPL-2.0", "Text editor with several selections"),
    "fastfetch": ("fastfetch", "MIT", "Shows what a machine is, in colours"),
    "neofetch": ("neofetch", "MIT", "Shows what a machine is; no longer looked after"),
    "firefox": ("firefox", "MPL-2.0", "Web browser"),
    "tzdata": ("", "Unlicense", "When it is what time where"),
    "yt-dlp": ("yt-dlp", "Unlicense", "Fetches videos from web sites"),
}
"""Package -> main program, licence, description."""

_SERVICES = {
    "nginx": "Nginx, the web server",
    "openssh": "the OpenSSH daemon, so that others can log in",
    "postgresql": "PostgreSQL, the database",
}
_BOOL, _STRING, _PACKAGE = "boolean", "string", "package"
_OPTIONS: dict[str, tuple[str, str, str]] = {
    "networking.hostName": (_STRING, '"nixos"', "The name of the machine."),
    "networking.firewall.enable": (_BOOL, "true", "Whether to enable the firewall."),
    "networking.firewall.allowedTCPPorts": (
        "list of 16 bit unsigned integer; between 0 and 65535 (both inclusive)",
        "[ ]",
        "TCP ports that others may connect to.",
    ),
    "environment.systemPackages": (
        "list of package",
        "[ ]",
        "Packages that every user of the system has.",
    ),
    "time.timeZone": ("null or string", "null", "The time zone, such as `Europe/Berlin`."),
    "users.users.<name>.extraGroups": (
        "list of string",
        "[ ]",
        "Further groups that the user is in.",
    ),
    "services.nginx.virtualHosts.<name>.forceSSL": (
        _BOOL,
        "false",
        "Whether to lead all visitors of the host to its encrypted address.",
    ),
    "services.openssh.settings.PasswordAuthentication": (
        _BOOL,
        "true",
        "Whether a password is enough to log in.",
    ),
    "services.postgresql.package": (_PACKAGE, "pkgs.postgresql", "Which PostgreSQL is used."),
    "virtualisation.docker.enable": (_BOOL, "false", "Whether to enable Docker."),
    "virtualisation.podman.enable": (_BOOL, "false", "Whether to enable Podman."),
    "programs.git.enable": (_BOOL, "false", "Whether to install and configure Git."),
    "boot.loader.timeout": ("null or signed integer", "5", "Seconds that the boot menu waits."),
    **{
        f"services.{name}.enable": (_BOOL, "false", f"Whether to enable {what}.")
        for name, what in _SERVICES.items()
    },
}
"""Option -> type, default (Nix text), description."""


def write_lists(machine: Machine, generations: int) -> None:
    """Write packages.json, options.json and programs.sqlite where a playground's channel is."""
    folder = f"{machine.etc_dir}/channels"
    os.makedirs(folder, exist_ok=True)
    newest = versions(generations, generations)
    packages = {name: _package(name, newest.get(name) or _last_version(name)) for name in _ABOUT}
    _write(f"{folder}/packages.json", {"version": "2", "packages": packages})
    _write(f"{folder}/options.json", {name: _option(name) for name in _OPTIONS})
    _write_programs(f"{folder}/programs.sqlite")


def _last_version(name: str) -> str:
    return next(version for version in reversed(PACKAGES[name].versions) if version is not None)


def _package(name: str, version: str) -> dict[str, Any]:
    program, licence, description = _ABOUT[name]
    meta: dict[str, Any] = {"description": description, "license": {"spdxId": licence}}
    if program:
        meta["mainProgram"] = program
    return {
        "name": f"{name}-{version}",
        "pname": name,
        "version": version,
        "system": _system(),
        "outputs": {"out": None},
        "meta": meta,
    }


def _option(name: str) -> dict[str, Any]:
    kind, default, description = _OPTIONS[name]
    return {
        "type": kind,
        "default": {"_type": "literalExpression", "text": default},
        "description": description,
        "declarations": [],
        "loc": name.split("."),
        "readOnly": False,
    }


def _write(path: str, value: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def _write_programs(path: str) -> None:
    rows = {(name, _system(), name) for name in _ABOUT} | {
        (program, _system(), name) for name, (program, _, _) in _ABOUT.items() if program
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "create table Programs (name text not null, system text not null, "
            "package text not null, primary key (name, system, package))"
        )
        connection.executemany("insert into Programs values (?, ?, ?)", sorted(rows))


def _system() -> str:
    return f"{platform.machine()}-linux"

"""Settings of Nix that bite, each with its reason (nix.conf(5))."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..machine import Machine
from ..records import Finding, Severity
from ..store.nix_conf import read_settings

Settings = dict[str, str]
Told = tuple[str, Severity, str, str] | None
"""Setting, severity, reason, repair."""

_YES = ("true", "yes", "1")
_NO = ("false", "no", "0")


def examine_settings(machine: Machine) -> list[Finding]:
    """The settings that bite; "ok" where none does."""
    settings = read_settings(machine)
    file = f"{machine.conf_dir}/nix.conf"
    found = []
    for rule in _RULES:
        told = rule(settings)
        if told is not None:
            name, severity, reason, repair = told
            value = f"{name} = {settings.get(name, '')}".rstrip()
            found.append(Finding("Nix setting", severity, value, reason, repair))
    return found or [Finding("Nix settings", "ok", file, "None is known to bite.")]


def _sandbox(settings: Settings) -> Told:
    name = "sandbox" if "sandbox" in settings else "build-use-sandbox"
    if settings.get(name) in _NO and sys.platform == "linux":
        reason = (
            "Builds see the whole system and the network, so that what they make may depend on "
            "this machine."
        )
        return name, "warning", reason, "Leave it out of nix.conf: on Linux it is on."
    return None


def _max_jobs(settings: Settings) -> Told:
    if settings.get("max-jobs") == "0" and settings.get("builders", "@") == "":
        reason = "Nothing can be built here, and builders is empty, so nothing elsewhere either."
        return "max-jobs", "problem", reason, "Set max-jobs to auto, or name builders."
    if settings.get("max-jobs") == "0":
        reason = "Nothing is built here: it needs builders, or is fetched, or fails."
        return "max-jobs", "note", reason, "Set max-jobs to auto where that is not meant."
    return None


def _substituters(settings: Settings) -> Told:
    extra = settings.get("extra-substituters", "")
    if settings.get("substituters") == "" and not extra:
        reason = "Nothing is fetched as built elsewhere: everything is compiled here."
        return "substituters", "note", reason, "Leave it out of nix.conf where that is not meant."
    return None


def _keys(settings: Settings) -> Told:
    none = settings.get("trusted-public-keys") == "" and not settings.get(
        "extra-trusted-public-keys"
    )
    if none and settings.get("require-sigs") not in _NO and settings.get("substituters") != "":
        reason = "Signatures are required and no key is trusted: what substituters have is refused."
        repair = "Leave it out of nix.conf, or name the keys of your substituters."
        return "trusted-public-keys", "warning", reason, repair
    return None


def _signatures(settings: Settings) -> Told:
    if settings.get("require-sigs") in _NO:
        reason = "Whatever a substituter sends is taken, whoever made it."
        repair = "Leave it out of nix.conf, and name the keys in trusted-public-keys."
        return "require-sigs", "warning", reason, repair
    return None


def _trusted_users(settings: Settings) -> Told:
    for name in ("trusted-users", "extra-trusted-users"):
        if "*" in settings.get(name, "").split():
            reason = "Every user can make the daemon do what root can."
            return name, "warning", reason, "Name root, and whom you trust as root."
    return None


def _optimise(settings: Settings) -> Told:
    if settings.get("auto-optimise-store") in _YES:
        reason = "Every path that is added is compared with the store, which makes builds slower."
        return "auto-optimise-store", "note", reason, "Without it, now and then: %nix optimise"
    return None


def _keep_outputs(settings: Settings) -> Told:
    name = "keep-outputs" if "keep-outputs" in settings else "gc-keep-outputs"
    if settings.get(name) in _YES:
        reason = "Collecting frees less: what kept derivations build stays, build tools as well."
        return name, "note", reason, "Good for developing; leave it out where space is short."
    return None


_RULES: tuple[Callable[[Settings], Told], ...] = (
    _sandbox,
    _max_jobs,
    _substituters,
    _keys,
    _signatures,
    _trusted_users,
    _optimise,
    _keep_outputs,
)

"""Every setting: what it means, its environment variable, its default.

The magics class inherits these traits, so that `%config NixMagics` lists and sets them. A value is
what `%config` (or an IPython configuration file) said, else the environment variable's, else the
default. An environment variable that cannot be understood is told once, and the default holds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from typing import Any

from traitlets import (
    Bool,
    Enum,
    Float,
    HasTraits,
    Int,
    List,
    TraitError,
    TraitType,
    Unicode,
    observe,
)

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off", ""}


class Preference(TraitType[tuple[str, ...], Any]):
    """Some of several words, the most wanted first: a list, or a text with commas between them;
    "none" or nothing: not one."""

    def __init__(self, words: tuple[str, ...], **metadata: Any) -> None:
        super().__init__(words, **metadata)
        self.words = words
        self.info_text = f"some of {', '.join(words)} with commas between them, or none"

    def validate(self, obj: Any, value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)):
            self.error(obj, value)
        named = [str(word).strip().lower() for word in given]
        wanted = [word for word in named if word not in ("", "none")]
        if not {*wanted} <= {*self.words} or (wanted and "none" in named):
            self.error(obj, value)
        return tuple(dict.fromkeys(wanted))


class SettingTraits(HasTraits):
    """The settings as traits; mix it into a Configurable for `%config`."""

    progress = Enum(
        ["auto", "widget", "text", "none"],
        "auto",
        help="How progress is drawn; auto: widget in a notebook, text in a terminal.",
    ).tag(config=True, env="LUMINOUS_NIX_PROGRESS")
    consent = Enum(
        ["auto", "button", "prompt"],
        "auto",
        help="How a change is agreed to: by a button, whose cell ends at once, or by a prompt; "
        "auto: a button where a notebook with widgets asks for one cell. In an app: button.",
    ).tag(config=True, env="LUMINOUS_NIX_CONSENT")
    loop = Enum(
        ["thread", "nested"],
        "thread",
        help="Where coroutines run: on a private thread, or nested in the notebook's own loop.",
    ).tag(config=True, env="LUMINOUS_NIX_LOOP")
    log_level = Enum(
        ["DEBUG", "INFO", "WARNING", "ERROR"],
        "INFO",
        help="What is written to the log file in the state folder.",
    ).tag(config=True, env="LUMINOUS_NIX_LOG_LEVEL")
    enhanced_backend = Bool(
        True,
        help="Read Nix's files and database directly (true) or through Nix's programs (false).",
    ).tag(config=True, env="LUMINOUS_NIX_ENHANCED_BACKEND")
    allow_unprivileged = Bool(
        False,
        help="Permit system operations without root on a system-shaped profile that you own.",
    ).tag(config=True, env="LUMINOUS_NIX_ALLOW_UNPRIVILEGED")
    elevation = Preference(
        ("sudo", "doas", "run0"),
        help="What gives root where it is needed, in this order; without a password first.",
    ).tag(config=True, env="LUMINOUS_NIX_ELEVATION")
    cache_seconds = Int(
        300,
        min=0,
        help="Seconds that lists are remembered, while what they were read from is unchanged.",
    ).tag(config=True, env="LUMINOUS_NIX_CACHE_SECONDS")
    retries = Int(
        3,
        min=0,
        help="How often a download that failed for a passing reason is tried again.",
    ).tag(config=True, env="LUMINOUS_NIX_RETRIES")
    index_folder = Unicode(
        "",
        help="Where the indexes of packages and options are kept; empty: in the cache folder.",
    ).tag(config=True, env="LUMINOUS_NIX_INDEX_FOLDER")
    index_days = Int(
        7,
        min=0,
        help="Days after which an index is brought up to date in the background; 0: never.",
    ).tag(config=True, env="LUMINOUS_NIX_INDEX_DAYS")
    channels_url = Unicode(
        "https://channels.nixos.org",
        help="Where the lists of a channel's packages and options are fetched from.",
    ).tag(config=True, env="LUMINOUS_NIX_CHANNELS_URL")
    releases_url = Unicode(
        "https://releases.nixos.org",
        help="Where the lists of one release are fetched from.",
    ).tag(config=True, env="LUMINOUS_NIX_RELEASES_URL")
    expect = List(
        Unicode(),
        help="Command lines that must succeed after every activation, or it is put back.",
    ).tag(config=True, env="LUMINOUS_NIX_EXPECT")
    expect_url = List(
        Unicode(),
        help="URLs that must answer with 2xx or 3xx after every activation, or it is put back.",
    ).tag(config=True, env="LUMINOUS_NIX_EXPECT_URL")
    expect_unit = List(
        Unicode(),
        help="systemd units that must be active after every activation, or it is put back.",
    ).tag(config=True, env="LUMINOUS_NIX_EXPECT_UNIT")
    expect_timeout = Float(
        10.0,
        min=0.1,
        help="Seconds that one expectation has to come true.",
    ).tag(config=True, env="LUMINOUS_NIX_EXPECT_TIMEOUT")
    settle = Float(
        0.0,
        min=0.0,
        help="Seconds to watch the machine after an activation, before the change is confirmed.",
    ).tag(config=True, env="LUMINOUS_NIX_SETTLE")
    confirm_timeout = Float(
        30.0,
        min=1.0,
        help="Seconds without a sign of life from the kernel, after which a change is put back.",
    ).tag(config=True, env="LUMINOUS_NIX_CONFIRM_TIMEOUT")
    activation_timeout = Float(
        900.0,
        min=1.0,
        help="Seconds that an activation may take, before it is ended and put back.",
    ).tag(config=True, env="LUMINOUS_NIX_ACTIVATION_TIMEOUT")
    strict_checks = Bool(
        False,
        help="Let a cell fail when an exercise that %nix check looks at is not right.",
    ).tag(config=True, env="LUMINOUS_NIX_STRICT_CHECKS")

    @observe("log_level")
    def _log_level_changed(self, change: Any) -> None:
        logging.getLogger(__package__).setLevel(change["new"])

    def chosen(self, name: str) -> bool:
        """Whether `%config`, a configuration file or an assignment set this one."""
        section = getattr(self, "config", {}).get(type(self).__name__, {})
        value = getattr(self, name)
        # A value that the trait refused stays in the configuration, but was never taken.
        if name in section and section[name] == value:
            return True
        trait = self.traits()[name]
        if name in section and isinstance(trait, Preference):  # kept there as it was written
            with contextlib.suppress(TraitError):
                return bool(trait.validate(self, section[name]) == value)
        return bool(value != trait.default())


_active: SettingTraits = SettingTraits()
_told: set[tuple[str, str]] = set()


def activate(settings: SettingTraits | None) -> None:
    """Take the values from this object (the loaded magics); None means the defaults."""
    global _active
    _active = SettingTraits() if settings is None else settings


def get(name: str) -> Any:
    """The value of one setting now.

    Raises:
        KeyError: there is no such setting.
    """
    trait = _active.traits()[name]
    variable = trait.metadata["env"]
    raw = os.environ.get(variable)
    if _active.chosen(name) or raw is None:
        return getattr(_active, name)
    try:
        return _parse(trait, raw)
    except (ValueError, TraitError):
        if (variable, raw) not in _told:
            _told.add((variable, raw))
            warnings.warn(
                f"{variable}={raw!r} is not understood: it takes {_choices(trait)}. "
                f"The default, {getattr(_active, name)!r}, is used.",
                stacklevel=2,
            )
        return getattr(_active, name)


def table() -> list[tuple[str, str, str, Any, str]]:
    """Every setting as (name, environment variable, what it takes, default, meaning)."""
    return [
        (name, t.metadata["env"], _choices(t), t.default(), t.help)
        for name, t in sorted(SettingTraits.class_traits(config=True).items())
    ]


def _parse(trait: TraitType[Any, Any], raw: str) -> Any:
    if isinstance(trait, Bool):
        word = raw.strip().lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
        raise ValueError(raw)
    if isinstance(trait, Int):
        number = int(raw)
        if trait.min is not None and number < trait.min:
            raise ValueError(raw)
        return number
    if isinstance(trait, Float):
        seconds = float(raw)
        # Neither may NaN stand, which no comparison refuses.
        if not trait.min <= seconds < float("inf"):
            raise ValueError(raw)
        return seconds
    if isinstance(trait, Unicode):
        return raw.strip()
    if isinstance(trait, List):
        return [line.strip() for line in raw.splitlines() if line.strip()]
    if isinstance(trait, Preference):
        return trait.validate(_active, raw)
    for value in getattr(trait, "values", ()):
        if raw.strip().lower() == value.lower():
            return value
    raise ValueError(raw)


def _choices(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Bool):
        return "true, 1, yes, on or false, 0, no, off"
    if isinstance(trait, Int):
        return f"a whole number, {trait.min} or more"
    if isinstance(trait, Float):
        return f"a number, {trait.min:g} or more"
    if isinstance(trait, Unicode):
        return "text"
    if isinstance(trait, List):
        return "a list of texts; in a variable one a line"
    if isinstance(trait, Preference):
        return trait.info()
    return ", ".join(str(value) for value in getattr(trait, "values", ()))

"""How a change is to be watched: options and settings put together, and what is refused of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy.backend.model import Expectation, NixOperation, OperationType, Safety
from luminous_nix_ipy.backend.safety import SAFETY, parse_seconds, safety_of
from luminous_nix_ipy.backend.validation import validate
from luminous_nix_ipy.errors import Refused
from luminous_nix_ipy.machine import Machine

PLAYGROUND = Machine(playground="/somewhere")


def safety(**options: Any) -> Safety:
    validate(NixOperation(OperationType.ROLLBACK, options=options), SAFETY)
    return safety_of(PLAYGROUND, options)


def refusal(**options: Any) -> str:
    with pytest.raises(Refused) as refused:
        safety(**options)
    return str(refused.value)


def test_without_options_the_defaults_hold() -> None:
    assert safety() == Safety()
    assert safety(expect=None, settle=None, restore=None, force=None) == Safety()


def test_everything_that_can_be_asked_for() -> None:
    asked = safety(
        expect=["curl -f 'http://localhost/a b'", "true"],
        expect_url="https://localhost:8443/health?x=1",
        expect_unit=("nginx", "srv.mount", "getty@tty1.service", "a.b", "-.mount"),
        settle="10s",
        confirm_timeout=60,
        force=["disk space"],
        restore=False,
    )
    assert asked == Safety(
        expectations=(
            Expectation("command", "curl -f 'http://localhost/a b'"),
            Expectation("command", "true"),
            Expectation("url", "https://localhost:8443/health?x=1"),
            Expectation("unit", "nginx.service"),
            Expectation("unit", "srv.mount"),
            Expectation("unit", "getty@tty1.service"),
            Expectation("unit", "a.b.service"),
            Expectation("unit", "-.mount"),
        ),
        settle=10.0,
        confirm_timeout=60.0,
        force=("disk space",),
        restore=False,
    )


def test_the_settings_hold_for_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "EXPECT": "true\nfalse\n",
        "EXPECT_URL": "http://localhost/",
        "EXPECT_UNIT": "sshd",
        "SETTLE": "3",
        "CONFIRM_TIMEOUT": "45",
        "EXPECT_TIMEOUT": "4.5",
        "ACTIVATION_TIMEOUT": "120",
    }.items():
        monkeypatch.setenv(f"LUMINOUS_NIX_{name}", value)
    expected = (
        Expectation("command", "true"),
        Expectation("command", "false"),
        Expectation("url", "http://localhost/"),
        Expectation("unit", "sshd.service"),
    )
    standing = safety()
    assert standing.expectations == expected
    assert (standing.settle, standing.confirm_timeout) == (3.0, 45.0)
    assert (standing.expect_timeout, standing.activation_timeout) == (4.5, 120.0)
    more = safety(expect=["true", "uptime"], expect_unit=["sshd.service"], settle=0)
    assert set(more.expectations) == {*expected, Expectation("command", "uptime")}
    assert len(more.expectations) == 5
    assert more.settle == 0.0 and more.confirm_timeout == 45.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10), ("10s", 10), ("0", 0), ("1.5m", 90), ("2 min", 120), ("1h", 3600),
        ("24h", 86400), (7, 7), (0.5, 0.5),
    ],
)  # fmt: skip
def test_spans_of_time(text: str | float, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "-1s", "1d", "10 sec onds", "1e3", "nan", "٣s", "25h", -0.1, 1e9]
)
def test_what_is_no_span_of_time(text: str | float) -> None:
    with pytest.raises(Refused, match="is no span of time"):
        parse_seconds(text)
    assert "is no span of time" in refusal(settle=text)


def test_nan_and_infinity_are_no_spans_of_time() -> None:
    for number in (float("nan"), float("inf")):
        assert "is no span of time" in refusal(confirm_timeout=number)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"expect": "curl 'http://x"}, "cannot be split into words: no closing quotation"),
        ({"expect": "  "}, "It names no program."),
        ({"expect": "'' x"}, "It names no program."),
        ({"expect": ["true", "a\0b"]}, "It holds a NUL character."),
        ({"expect": [1]}, "The option 'expect' takes texts, not 1."),
        ({"expect": 5}, "takes a list or text, not 5"),
        ({"expect_url": "ftp://localhost/"}, "Only http and https URLs are asked."),
        ({"expect_url": "localhost:8080"}, "Only http and https URLs are asked."),
        ({"expect_url": "http:///x"}, "It names no host."),
        ({"expect_url": "http://localhost:port/"}, "cannot be asked"),
        ({"expect_url": "http://localhost:0/"}, "There is no port 0."),
        ({"expect_url": "http://[::1/"}, "cannot be asked"),
        ({"expect_url": "http://a b/"}, "It holds a blank or a control character."),
        ({"expect_url": "http://a/\r\nX: 1"}, "It holds a blank or a control character."),
        ({"expect_url": f"http://{'a' * 64}ü.de/"}, "Its host can be no name."),
        ({"expect_url": "http://me:word@localhost/"}, "It holds a user name or password"),
        ({"expect_unit": "/srv"}, "A mount point or a device has a unit of another name."),
        ({"expect_unit": "a b"}, "Names of units have letters"),
        ({"expect_unit": "web*"}, "Names of units have letters"),
        ({"expect_unit": ""}, "Names of units have letters"),
        ({"confirm_timeout": 0}, "confirm_timeout takes 1 s at least, not 0."),
        ({"settle": True}, "takes a number or text, not True"),
        ({"force": "windows"}, "There is no check 'windows' that could be forced."),
        ({"restore": "no"}, "takes True or False"),
        ({"setle": 5}, "Did you mean 'settle'?"),
    ],
)
def test_what_can_never_be_expected_is_refused(options: dict[str, Any], words: str) -> None:
    assert words in refusal(**options)


def test_a_setting_that_can_never_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_EXPECT_URL", "localhost")
    words = refusal()
    assert "'localhost' cannot be asked." in words
    assert "the setting expect_url (%config NixMagics.expect_url or LUMINOUS_NIX_EXPECT" in words


def test_no_unit_can_be_expected_where_systemd_does_not_run(tmp_path: Path) -> None:
    bare = Machine(run_dir=str(tmp_path))
    with pytest.raises(Refused, match=r"nginx\.service can never be active here\."):
        safety_of(bare, {"expect_unit": ["nginx"]})
    (tmp_path / "systemd" / "system").mkdir(parents=True)
    expected = safety_of(bare, {"expect_unit": ["nginx"]}).expectations
    assert expected == (Expectation("unit", "nginx.service"),)

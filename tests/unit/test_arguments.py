"""Whatever is typed after %nix is understood, or answered in one line of IPython's UsageError."""

from __future__ import annotations

import inspect
import shlex

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from luminous_nix_ipy.magics import split
from luminous_nix_ipy.verbs import VERBS, load
from luminous_nix_ipy.verbs.parser import Parser, parse_line

OPTIONS = sorted({name for verb in VERBS for name in Parser(verb).options()})
WORDS = st.one_of(
    st.sampled_from([*VERBS, *OPTIONS, "41", "start", "--", "-", "--profile=system"]),
    st.text(max_size=12),
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=6).map(" ".join)))
@example("rollback " + "9" * 5000)
@example("rollback ²")
@example("note 1 \x00 \n\r")
@example("list --profile=a\nb --sizes=no")
@example("--to\r\n41")
def test_every_line_is_understood_or_answered_in_one_line(line: str) -> None:
    try:
        verb, arguments = parse_line(split(line))
    except UsageError as error:
        assert type(error) is UsageError
        assert len(str(error).splitlines()) == 1
    else:
        inspect.signature(load(verb).run).bind(None, **arguments)


@given(st.text(min_size=1))
def test_a_quoted_text_arrives_whole(text: str) -> None:
    assume(text != "--")  # which argparse takes for the end of the options, quoted or not
    _, arguments = parse_line(split(f"note 41 -- {shlex.quote(text)}"))
    assert arguments["text"] == [text]


@given(st.integers(min_value=1, max_value=10**17))
def test_generation_numbers(number: int) -> None:
    assert parse_line(split(f"rollback {number}"))[1]["generation"] == number


@pytest.mark.parametrize(
    ("line", "verb", "expected"),
    [
        ("", "status", {"json": False}),
        ("--json", "status", {"json": True}),
        ("list --all-columns", "list", {"all_columns": True, "sizes": False}),
        ("list --profile .#host", "list", {"profile": ".#host"}),
        ("diff", "diff", {"before": None, "after": None}),
        ("diff 41 ./result", "diff", {"before": "41", "after": "./result"}),
        ("rollback --to 3 days ago --yes", "rollback", {"to": ["3", "days", "ago"], "yes": True}),
        ("rollback --to='3 days ago'", "rollback", {"to": ["3 days ago"]}),
        ("rollback --boot", "rollback", {"mode": "boot", "generation": None}),
        ("rollback 41 --test", "rollback", {"mode": "test", "generation": 41}),
        ("rollback", "rollback", {"mode": "switch"}),
        ("note 41 before the upgrade", "note", {"text": ["before", "the", "upgrade"]}),
        ("note 41 --remove", "note", {"text": [], "remove": True}),
        ("undo x --dry-run", "undo", {"id": "x", "dry_run": True, "list": False}),
        ("journal --last 3", "journal", {"last": 3}),
        ("playground reset --generations 7", "playground", {"action": "reset", "generations": 7}),
        ("help", "help", {"verb": None}),
        ("-h", "help", {"verb": None}),
        ("rollback six --help", "help", {"verb": "rollback"}),
        ("note 41 -- --remove", "note", {"text": ["--remove"], "remove": False}),
    ],
)
def test_lines(line: str, verb: str, expected: dict[str, object]) -> None:
    found, arguments = parse_line(split(line))
    assert found == verb
    assert arguments | expected == arguments


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rolback", "did you mean rollback?"),
        ("frobnicate", "there is status, dashboard, list"),
        ("list --profle x", "did you mean --profile?"),
        ("list --prof x", "did you mean --profile?"),
        ("list --al", "did you mean --all-columns?"),
        ("list --sizes=yes", "--sizes"),
        ("list extra", "'extra' is one argument too many"),
        ("list # a comment", "'#' is one argument too many"),
        ("rollback 6.6.30", "follow --to, as in --to 6.6.30"),
        ("rollback 0", "whole number from 1 up"),
        ("rollback -1", "whole number from 1 up"),
        ("rollback --boot --test", "not allowed with"),
        ("rollback --to", "expected at least one argument"),
        ("playground strat", "did you mean start?"),
        ("help rolback", "did you mean rollback?"),
        ("note", "required: N"),
        ("note 41 don't", "put text with an apostrophe in double quotes"),
        ("journal --last none", "'none' is not a whole number"),
    ],
)
def test_wrong_syntax_names_what_is_right(line: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_line(split(line))
    assert words in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1

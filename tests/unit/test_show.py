"""Plans, reports, the status and text: what they say, in a terminal and in a notebook."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from luminous_nix_ipy.backend.model import Backup, ChangeReport, Plan, Status
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.records import (
    Check,
    ClosureDiff,
    Command,
    Generation,
    PackageChange,
    Profile,
    UnitChange,
)
from luminous_nix_ipy.widgets import page
from luminous_nix_ipy.widgets.show import PlanView, ReportView, StatusView, Text

HOSTILE = "<script>alert('1')</script>\"&\x1b]0;owned\x07\x1b[31mred\u202egnp\udce9"
ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\udc80-\udcff]|<script")
SYSTEM = Profile("system", "/nix/var/nix/profiles/system", "system")
WHEN = datetime(2026, 11, 22, 21, 14).astimezone()


def generation(number: int, **fields: Any) -> Generation:
    return Generation(
        **{
            "number": number,
            "date": WHEN,
            "current": number == 42,
            "nixos_version": "25.11",
            "kernel_version": f"6.12.{number}",
            "path": f"/nix/store/{number:032d}-nixos",
            **fields,
        }
    )


def package(name: str, index: int = 0) -> PackageChange:
    return PackageChange(
        name=name,
        change="downgraded",
        old_versions=("6.12.42",),
        new_versions=("6.12.41",),
        selected_before=index == 0,
        selected_after=index == 0,
        old_bytes=2_000_000,
        new_bytes=1_000_000,
    )


def closure_diff(*changes: PackageChange) -> ClosureDiff:
    return ClosureDiff(
        before="/nix/store/a",
        after="/nix/store/b",
        changes=changes,
        rebuilt=0,
        paths_before=1523,
        paths_after=1522,
        paths_added=20,
        paths_removed=21,
        bytes_before=3_328_599_654,
        bytes_after=3_327_599_654,
        source="database",
    )


PLAN = Plan(
    operation="rollback",
    mode="switch",
    profile=SYSTEM,
    before=generation(42),
    target=generation(41, note="before the kernel upgrade"),
    diff=closure_diff(package("linux"), package("nginx", 1)),
    units=(UnitChange("nginx.service", "restart", "its unit file differs"),),
    reboot_needed=True,
    reboot_reason="Changed since boot: linux (6.12.42 → 6.12.41).",
    checks=(
        Check("privileges", "ok", "you are root."),
        Check("live switch", "unknown", "it cannot be read"),
    ),
    commands=(
        Command(("/nix/store/x/bin/switch-to-configuration", "test"), "start and stop units"),
        Command(("nix-env", "-p", "a b", "--switch-generation", "41"), "make 41 the current one"),
    ),
    notices=("the next boot still starts the old one",),
    playground=True,
    fingerprint="f",
)
PLAN_TEXT = """\
PLAYGROUND: this is not the real machine, and nothing here can touch it.
Plan: rollback of system, 42 → 41
Note: The next boot still starts the old one.

In short
From          generation 42, 2026-11-22 21:14, NixOS 25.11, Linux 6.12.42
To            generation 41, 2026-11-22 21:14, NixOS 25.11, Linux 6.12.41, note:
              before the kernel upgrade
Takes effect  now and at the next boot
Reboot        needed. Changed since boot: linux (6.12.42 → 6.12.41).

Packages
package  change      before   after    selected        size
───────  ──────────  ───────  ───────  ────────  ──────────
linux    downgraded  6.12.42  6.12.41  yes       −976.6 KiB
nginx    downgraded  6.12.42  6.12.41  no        −976.6 KiB
paths 1,523 → 1,522 (+20 −21), 3.1 GiB → 3.1 GiB (−976.6 KiB)

Units
unit           action   reason
─────────────  ───────  ─────────────────────
nginx.service  restart  its unit file differs

Checks
check        verdict  reason
───────────  ───────  ─────────────────
privileges   ok       You are root.
live switch  unknown  It cannot be read

Commands, in this order
1. Start and stop units.
   $ /nix/store/x/bin/switch-to-configuration test
2. Make 41 the current one.
   $ nix-env -p 'a b' --switch-generation 41"""


def replace(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


def report(**fields: Any) -> ChangeReport:
    return ChangeReport(
        **{
            "plan": PLAN,
            "outcome": "done",
            "message": "Generation 41 is current and running.",
            "verified": (Check("profile", "ok", "it points to generation 41."),),
            "commands": PLAN.commands[:1],
            "backup": Backup(
                id="20261122-1",
                made=WHEN,
                operation="rollback",
                profile=SYSTEM.path,
                number=42,
                path="/nix/store/x",
                root="/nix/var/nix/gcroots/x",
            ),
            "journal_id": "20261122-1",
            "started": WHEN,
            "duration": 12.3,
            **fields,
        }
    )


STATUS = Status(
    machine="NixOS 25.11",
    host="laptop",
    nix_version="2.34.1",
    nixos_version="25.11",
    profile=SYSTEM,
    current=42,
    running=42,
    running_path="/nix/store/r",
    booted=42,
    booted_path="/nix/store/r",
    differ=(),
    reboot_needed=False,
    reboot_reason="Kernel and systemd are those that were booted.",
    generations=1200,
    store_bytes=3_328_599_654,
    store_paths=1523,
    store_free_bytes=50_000_000_000,
    boot_free_bytes=312_000_000,
    reader="direct",
    backups=2,
)


def visible(page: str) -> str:
    """What a reader of the HTML sees."""

    class Reader(HTMLParser):
        text = ""
        styled = False

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.styled = self.styled or tag == "style"
            self.text += " "

        def handle_endtag(self, tag: str) -> None:
            self.styled = self.styled and tag != "style"
            self.text += " "

        def handle_data(self, data: str) -> None:
            self.text += "" if self.styled else data

    reader = Reader()
    reader.feed(page)
    return " ".join(reader.text.split())


def rows(page: str) -> dict[str, str]:
    """The facts of a page: row name -> value, as HTML."""
    return dict(
        re.findall(r'<tr>\s*<th scope="row">([^<]*)</th>\s*<td[^>]*>([^<]*)</td>\s*</tr>', page)
    )


def test_a_plan_in_a_terminal() -> None:
    assert repr(PlanView(PLAN)) == PLAN_TEXT


def test_a_plan_in_a_narrow_terminal_is_narrower(monkeypatch: pytest.MonkeyPatch) -> None:
    def width(terminal: int | None) -> int:
        monkeypatch.setattr(page, "terminal_width", lambda: terminal)
        return max(map(len, repr(PlanView(PLAN)).splitlines()))

    assert width(60) <= 60 < width(80)
    assert width(200) == width(None) == width(80)


def test_a_plan_in_a_notebook_says_the_same() -> None:
    page = PlanView(PLAN)._repr_html_()
    words = re.sub(r"[─$]+|^\d\. ", " ", PLAN_TEXT, flags=re.MULTILINE)
    assert visible(page) == " ".join(words.split())
    for caption in ("In short", "Packages", "Units", "Checks"):
        assert f"<caption>{caption}</caption>" in page
    assert page.count("<table") == page.count("<caption>")
    assert '<th scope="col" class="number">size</th>' in page
    assert '<th scope="col">package</th>' in page
    assert "<code>nix-env -p &#39;a b&#39; --switch-generation 41</code>" in page
    assert re.findall(r'<tr class="strong">\s*<th scope="row">([^<]*)', page) == ["live switch"]


def test_a_plan_has_its_parts_as_frames() -> None:
    view = PlanView(PLAN)
    assert view.plan is PLAN
    assert list(view.packages.name) == ["linux", "nginx"]
    assert list(view.units.action) == ["restart"]
    assert list(view.checks.verdict) == ["ok", "unknown"]
    assert view.commands.command[1] == "nix-env -p 'a b' --switch-generation 41"


def test_a_plan_shows_twenty_packages_and_counts_the_rest() -> None:
    many = closure_diff(*(package(f"package-{n}", n) for n in range(33)))
    view = PlanView(replace(PLAN, diff=many))
    for shown in (repr(view), visible(view._repr_html_())):
        assert "package-19" in shown
        assert "package-20" not in shown
        assert "… and 13 more, all in its .packages" in shown
    assert len(view.packages) == 33


def test_a_plan_says_why_something_could_not_be_had() -> None:
    view = PlanView(
        replace(
            PLAN,
            diff=None,
            diff_problem="the database is busy",
            units=None,
            units_reason="the preview needs root.",
            reboot_needed=None,
            reboot_reason="Not known: no system was booted from Nix.",
            before=None,
            playground=False,
        )
    )
    for shown in (repr(view), visible(view._repr_html_())):
        assert "PLAYGROUND" not in shown
        assert "Plan: rollback of system, nothing → 41" in shown
        assert re.search(r"From\s+no generation", shown)
        assert re.search(r"Packages\s+Not compared: the database is busy\.", shown)
        assert re.search(r"Units\s+No preview: the preview needs root\.", shown)
        assert re.search(r"Reboot\s+unknown: no system was booted from Nix\.", shown)
    with pytest.raises(NotFound, match="the database is busy"):
        _ = view.packages
    with pytest.raises(NotFound, match="needs root"):
        _ = view.units


def test_a_plan_without_changes_says_none() -> None:
    text = repr(PlanView(replace(PLAN, diff=closure_diff(), units=(), units_reason="")))
    assert "Packages\nNo package changes.\npaths 1,523" in text
    assert "Units\nNone would change.\n" in text
    text = repr(PlanView(replace(PLAN, units=(), units_reason="only a system has units.")))
    assert "None would change. Only a system has units." in text


def test_units_have_a_column_of_reasons_only_where_there_is_one() -> None:
    stop, start = UnitChange("a.service", "stop"), UnitChange("b.service", "start", "it is new")
    assert "\na.service  stop\n\n" in repr(PlanView(replace(PLAN, units=(stop,))))
    text = repr(PlanView(replace(PLAN, units=(stop, start))))
    assert "\na.service  stop    –\nb.service  start   it is new\n" in text


@pytest.mark.parametrize(
    ("mode", "words"), [("boot", "at the next boot, not now"), ("test", "now, until the next boot")]
)
def test_a_plan_says_when_it_takes_effect(mode: str, words: str) -> None:
    assert words in repr(PlanView(replace(PLAN, mode=mode)))


def test_a_users_plan_has_no_boot_to_speak_of() -> None:
    user = replace(PLAN, profile=Profile("profile", "/home/ada/.nix-profile", "user"))
    assert "Takes effect" not in repr(PlanView(user))


def test_a_refused_plan_says_so_first() -> None:
    refused = Check("profile link", "refused", "absolute. Mend it: nix-env -p /p --switch 42")
    view = PlanView(replace(PLAN, checks=(refused,), notices=(), playground=False))
    for shown in (repr(view), visible(view._repr_html_())):
        assert shown.startswith("Refused: rollback of system, 42 → 41")
        assert "These checks do not allow it: profile link." in shown
        assert "--switch 42" in shown
        assert "--switch 42." not in shown


def test_a_plan_with_nothing_to_do_says_so_first() -> None:
    plan = replace(PLAN, nothing_to_do=True, commands=(), checks=(), playground=False)
    text = repr(PlanView(plan))
    assert text.startswith("Nothing to do: rollback of system, 42 → 41\n")
    assert "Commands" not in text
    assert "Checks" not in text


def test_a_report_in_a_terminal() -> None:
    assert (
        repr(ReportView(report()))
        == """\
PLAYGROUND: this is not the real machine, and nothing here can touch it.
Done: Generation 41 is current and running.

In short
Change   rollback of system, 42 → 41
Took     12 s
Reboot   needed. Changed since boot: linux (6.12.42 → 6.12.41).
Backup   generation 42 is kept; %nix undo puts it back
Journal  20261122-1

Verified afterwards
check    verdict  reason
───────  ───────  ───────────────────────────
profile  ok       It points to generation 41.

Commands that were run
1. Start and stop units.
   $ /nix/store/x/bin/switch-to-configuration test"""
    )


def test_a_report_in_a_notebook_says_the_same() -> None:
    view = ReportView(report())
    words = re.sub(r"[─$]+|^\d\. ", " ", repr(view), flags=re.MULTILINE)
    assert visible(view._repr_html_()) == " ".join(words.split())


def test_a_report_has_its_parts_as_frames() -> None:
    view = ReportView(report())
    assert view.report.outcome == "done"
    assert view.plan.plan is PLAN
    assert list(view.checks.name) == ["profile"]
    assert len(view.commands) == 1
    assert len(view.packages) == 2


def test_red_checks_that_were_passed_over_are_told() -> None:
    plan = replace(PLAN, checks=(Check("live\x1b switch", "forced", "it needs a reboot"),))
    said = "These red checks are passed over: live\\x1b switch."
    assert said in repr(PlanView(plan)) and said in visible(PlanView(plan)._repr_html_())
    assert "Red checks passed over  live\\x1b switch" in repr(ReportView(report(plan=plan)))
    assert "passed over" not in repr(ReportView(report()))


@pytest.mark.parametrize(
    ("outcome", "message", "first"),
    [
        ("restored", "The rollback failed.", "Failed, and everything was put back: The rollback"),
        ("failed", "The rollback failed.", "Failed: The rollback failed."),
        ("nothing to do", "Nothing to do: generation 41.", "Nothing to do: generation 41."),
    ],
)
def test_a_report_says_its_outcome_first(outcome: str, message: str, first: str) -> None:
    plan = replace(PLAN, playground=False)
    view = ReportView(
        report(
            plan=plan,
            outcome=outcome,
            message=message,
            error="it ended with 4.\n\x1b[31mwarning:\x1b[0m failed: <nginx>\r\n",
            backup=None,
            journal_id=None,
            verified=(),
            commands=(),
        )
    )
    assert repr(view).startswith(first)
    assert "What went wrong\nit ended with 4.\nwarning: failed: <nginx>\n\n" in repr(view)
    assert not re.search("Backup|Journal|Reboot|Verified|Commands", repr(view))
    assert visible(view._repr_html_()).startswith(first)
    assert "<p>warning: failed: &lt;nginx&gt;</p>" in view._repr_html_()


def test_the_status() -> None:
    view = StatusView(STATUS)
    assert (
        repr(view)
        == """\
NixOS 25.11 on laptop

At a glance
Nix                 2.34.1
NixOS               25.11
Profile             system (/nix/var/nix/profiles/system)
Generations         1,200
Current generation  42
Running generation  42
Booted generation   42
Differences         none
Reboot              not needed. Kernel and systemd are those that were booted.
Backups             2
Store               3.1 GiB in 1,523 paths
Free for the store  46.6 GiB
Free for booting    297.5 MiB
Reader              direct"""
    )
    assert rows(view._repr_html_()) == dict(zip(view.facts.fact, view.facts.value, strict=True))
    assert view.status is STATUS


def test_what_the_status_does_not_know_is_unknown() -> None:
    unknown = {
        name: None
        for name in Status.__struct_fields__
        if name.endswith(("bytes", "paths", "version", "path"))
        or name in ("profile", "current", "running", "booted", "reboot_needed")
    }
    view = StatusView(replace(STATUS, **unknown, reboot_reason="", machine="playground"))
    facts = dict(zip(view.facts.fact, view.facts.value, strict=True))
    assert facts.pop("Profile") == "none found"
    known = {name: facts.pop(name) for name in ("Generations", "Backups", "Reader")}
    assert known == {"Generations": "1,200", "Backups": "2", "Reader": "direct"}
    assert set(facts.values()) == {"unknown"}
    assert repr(view).startswith("PLAYGROUND")


def test_the_status_tells_differences_and_systems_of_no_generation() -> None:
    view = StatusView(
        replace(
            STATUS,
            running=None,
            booted=41,
            differ=("a is running", "b is booted."),
            nixos_rebuild_module="/x/nixos_rebuild",
        )
    )
    facts = rows(view._repr_html_())
    assert facts["Running generation"] == "none of this profile: /nix/store/r"
    assert facts["Booted generation"] == "41"
    assert facts["Differences"] == "A is running. B is booted."
    assert facts["nixos-rebuild module"] == "/x/nixos_rebuild"


def test_nothing_that_others_wrote_is_active_anywhere() -> None:
    """In every text of every record: neither markup, nor a terminal's codes, nor reordering."""
    plan = _hostile(PLAN)
    views: list[Any] = [
        PlanView(plan),
        PlanView(replace(plan, diff=None, units=None)),
        PlanView(replace(plan, units=())),
        ReportView(_hostile(report(plan=PLAN, error=HOSTILE))),
        StatusView(_hostile(replace(STATUS, running=None, nixos_rebuild_module=""))),
        Text(HOSTILE),
    ]
    for view in views:
        page, text = view._repr_html_(), repr(view)
        assert not ACTIVE.search(page), page
        assert not ACTIVE.search(text.replace("<script", "")), text
        assert "&lt;script&gt;" in page
        page.encode()
        text.encode()


def _hostile(value: Any) -> Any:
    """The same record with hostile text wherever it may hold any."""
    if isinstance(value, msgspec.Struct):
        words = {"mode", "kind", "verdict", "action", "change", "outcome"}
        return replace(
            value,
            **{
                name: _hostile(getattr(value, name))
                for name in value.__struct_fields__
                if name not in words
            },
        )
    if isinstance(value, tuple):
        return tuple(map(_hostile, value))
    return HOSTILE if isinstance(value, str) else value


def test_text_is_itself_and_shows_without_quotes() -> None:
    text = Text('%nix list  <N> "x"\n\tsecond\n')
    assert text == '%nix list  <N> "x"\n\tsecond\n'
    assert repr(text) == '%nix list  <N> "x"\n        second\n'
    page = text._repr_html_()
    assert "<pre>%nix list  &lt;N&gt; &#34;x&#34;<br>        second<br></pre>" in page


def test_importing_the_views_imports_nothing_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'jinja2', 'rich', 'IPython', 'ipywidgets', 'msgspec', 'asyncio'}"
    program = (
        "import sys, luminous_nix_ipy.widgets.show as show; "
        f"print({heavy} & set(sys.modules)); "
        "text = show.Text('x'); repr(text); print({'jinja2', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\nset()\n", done.stderr

"""Lists of packages, options and programs as channels and Nix write them, read as streams."""

from __future__ import annotations

import io
import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.errors import ListUnreadable
from luminous_nix_ipy.search_records import Declaration, OptionEntry, PackageEntry
from luminous_nix_ipy.store.description_text import to_markdown
from luminous_nix_ipy.store.option_list import option_entry, read_options, to_nix
from luminous_nix_ipy.store.package_list import package_entry, read_packages
from luminous_nix_ipy.store.program_list import read_programs

HELLO = {
    "name": "hello-2.12.1",
    "pname": "hello",
    "version": "2.12.1",
    "system": "x86_64-linux",
    "outputs": {"out": None, "man": None},
    "meta": {
        "description": "A  program\nthat greets",
        "longDescription": "GNU Hello greets.\n",
        "homepage": ["https://example.org", "https://example.com"],
        "license": {"spdxId": "GPL-3.0-or-later", "fullName": "GPL", "free": True},
        "mainProgram": "hello",
        "maintainers": [{"name": "A", "github": "a"}, {"name": "B"}],
        "platforms": ["x86_64-linux", "aarch64-linux"],
        "position": "pkgs/by-name/he/hello/package.nix:1",
        "available": True,
        "broken": False,
    },
}


def read(value: object, **options: Any) -> list[PackageEntry]:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(read_packages(io.BytesIO(text), **options))


def test_a_channels_list() -> None:
    [entry] = read({"version": 2, "packages": {"hello": HELLO}})
    assert entry == PackageEntry(
        attribute="hello",
        pname="hello",
        version="2.12.1",
        description="A program that greets",
        long_description="GNU Hello greets.",
        main_program="hello",
        licenses=("GPL-3.0-or-later",),
        homepages=("https://example.org", "https://example.com"),
        position="pkgs/by-name/he/hello/package.nix:1",
        outputs=("out", "man"),
        maintainers=("a", "B"),
        platforms=("x86_64-linux", "aarch64-linux"),
    )


def test_what_nix_env_prints() -> None:
    [entry] = read({"nixpkgs.hello": {"name": "hello-2.12.1", "meta": {}}}, prefix="nixpkgs.")
    assert (entry.attribute, entry.pname, entry.version) == ("hello", "hello", "2.12.1")


def test_what_nix_search_prints() -> None:
    value = {"pname": "requests", "version": "2.32", "description": "HTTP"}
    [entry] = read({"legacyPackages.x86_64-linux.python3Packages.requests": value})
    assert entry.attribute == "python3Packages.requests"
    assert entry.description == "HTTP"


@pytest.mark.parametrize(
    ("licence", "shown"),
    [
        ("MIT", ("MIT",)),
        ([{"spdxId": "MIT"}, {"shortName": "unfreeish"}], ("MIT", "unfreeish")),
        ({"fullName": "Own"}, ("Own",)),
        (None, ()),
        (3, ()),
    ],
)
def test_licences(licence: object, shown: tuple[str, ...]) -> None:
    assert package_entry("a", {"meta": {"license": licence}}).licenses == shown


def test_what_is_unavailable_for_no_other_reason_is_unsupported() -> None:
    assert package_entry("a", {"meta": {"available": False}}).unsupported
    assert not package_entry("a", {"meta": {"available": False, "unfree": True}}).unsupported
    assert not package_entry("a", {"meta": {"available": True}}).unsupported


def test_commands_are_added_where_they_are_known() -> None:
    [entry] = read({"packages": {"hello": HELLO}}, programs={"hello": ("hello", "hi")})
    assert entry.programs == ("hello", "hi")


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"   ",
        b"[]",
        b'"text"',
        b"<html>Not found</html>",
        b'{"packages": {"hello": {"name": "hel',
        b'{"packages": {"hello": {"name": "hello"}}',
        b'{"hello": {"name": "\xff"}}',
        b'{"hello": {}} trailing',
    ],
)
def test_a_damaged_list_is_refused(damaged: bytes) -> None:
    with pytest.raises(ListUnreadable) as caught:
        read(damaged)
    assert "cannot be read" in caught.value.what


OPTION = {"declarations": ["nixos/modules/x.nix"], "loc": ["x"], "type": "boolean"}


def test_a_list_of_options_is_none_of_packages() -> None:
    with pytest.raises(ListUnreadable, match="of options, not of packages") as caught:
        read({"services.x.enable": OPTION})
    assert "--kind nixos, home-manager" in caught.value.why


@pytest.mark.parametrize("packages", [{"hello": HELLO}, {"version": 2, "packages": {"a": HELLO}}])
def test_a_list_of_packages_is_none_of_options(packages: object) -> None:
    with pytest.raises(ListUnreadable, match="of packages, not of options"):
        list(read_options(io.BytesIO(json.dumps(packages).encode()), "nixos"))


def test_what_came_before_the_damage_was_given() -> None:
    entries = read_packages(io.BytesIO(b'{"packages": {"a": {}, "b": {"na'))
    assert next(entries).attribute == "a"
    with pytest.raises(ListUnreadable):
        list(entries)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
META = ("description", "license", "homepage", "maintainers", "platforms", "mainProgram", "broken")
metas = st.dictionaries(st.sampled_from(META), json_values)


@given(metas | json_values, json_values)
def test_any_metadata_is_read(meta: object, name: object) -> None:
    assert package_entry("set.a", {"meta": meta, "name": name, "outputs": name}).pname


@given(st.dictionaries(st.text(max_size=5), json_values))
def test_any_option_is_read(value: dict[str, Any]) -> None:
    assert option_entry("a.b", value, "nixos").name == "a.b"


def test_a_long_list_is_never_held_whole() -> None:
    class Endless:
        """A list of 6,000 packages, some 4 MB, made as it is read."""

        def __init__(self) -> None:
            self.parts: Iterator[bytes] = self._parts()
            self.rest = b""

        def _parts(self) -> Iterator[bytes]:
            yield b'{"packages": {'
            member = json.dumps(HELLO).encode()
            for number in range(6_000):
                yield b'%s"p%d": %s' % (b"," if number else b"", number, member)
            yield b"}}"

        def read(self, size: int) -> bytes:
            while len(self.rest) < size and (part := next(self.parts, b"")):
                self.rest += part
            taken, self.rest = self.rest[:size], self.rest[size:]
            return taken

    tracemalloc.start()
    count = sum(1 for _ in read_packages(cast(BinaryIO, Endless())))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 6_000
    assert most < 1_500_000


OPTION = {
    "declarations": [
        "nixos/modules/a.nix",
        {"name": "<home-manager/a.nix>", "url": "https://example.org/a.nix"},
    ],
    "default": {"_type": "literalExpression", "text": "pkgs.hello"},
    "example": ["a", 1, {"b-c": None, "1x": "${d}"}],
    "description": {"_type": "mdDoc", "text": "Whether to *greet*, as {option}`a.b` says.\n"},
    "loc": ["a", "b"],
    "readOnly": True,
    "type": "boolean",
}


def test_options() -> None:
    text = json.dumps(
        {"a.b": OPTION, "a.c": {"internal": True}, "a.d": {"visible": False}, "e": {}}
    )
    first, second = read_options(io.BytesIO(text.encode()), "home-manager")
    assert first == OptionEntry(
        name="a.b",
        kind="home-manager",
        type="boolean",
        default="pkgs.hello",
        example='[ "a" 1 { b-c = null; "1x" = "\\${d}"; } ]',
        description="Whether to *greet*, as `a.b` says.",
        declared=(
            Declaration("nixos/modules/a.nix"),
            Declaration("<home-manager/a.nix>", "https://example.org/a.nix"),
        ),
        read_only=True,
    )
    assert second == OptionEntry(name="e", kind="home-manager")


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "null"), (9052, "9052"), ({}, "{ }"), ([], "[ ]"), ('"', '"\\""')],
)
def test_values_in_nixs_own_words(value: object, text: str) -> None:
    assert to_nix(value) == text


@pytest.mark.parametrize(
    ("docbook", "markdown"),
    [
        ("Set <option>a.b</option> &lt; 3.", "Set `a.b` < 3."),
        ("One.</para>\n\n<para>Two <literal>x</literal>.", "One.\n\nTwo `x`."),
        ('<link xlink:href="https://e.org">site</link>', "[site](https://e.org)"),
        ('See <xref linkend="opt-a.b"/> now.', "See `a.b` now."),
        (
            "<citerefentry><refentrytitle>nix</refentrytitle><manvolnum>1</manvolnum>"
            "</citerefentry>",
            "nix(1)",
        ),
        (
            "<itemizedlist><listitem><para>a</para></listitem>"
            "<listitem><para>b</para></listitem></itemizedlist>",
            "- a\n\n- b",
        ),
        ("<screen>\n$ nix &amp;\n</screen>", "```\n$ nix &\n```"),
        ("<warning><para>Hot.</para></warning>", "Warning: Hot."),
        ("Broken <literal>x</literal> <b & c", "Broken x <b & c"),
    ],
)
def test_docbook_becomes_markdown(docbook: str, markdown: str) -> None:
    assert to_markdown(docbook) == markdown


def test_markdown_stays_as_it_is() -> None:
    assert to_markdown("A `<name>` and <https://e.org> & {file}`/etc`.") == (
        "A `<name>` and <https://e.org> & `/etc`."
    )


def test_entities_cannot_be_declared() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]><literal>&b;</literal>'
    assert "bbbb" not in to_markdown(bomb).replace('"bbbb"', "")


@given(st.text())
def test_any_description_is_text(text: str) -> None:
    assert isinstance(to_markdown(text), str)
    assert isinstance(to_markdown({"_type": "literalDocBook", "text": text}), str)


def test_programs(tmp_path: Path) -> None:
    path = tmp_path / "programs.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table Programs (name, system, package)")
        rows = [
            ("psql", "x86_64-linux", "postgresql"),
            ("psql", "aarch64-linux", "postgresql"),
            ("initdb", "x86_64-linux", "postgresql"),
            (".psql-wrapped", "x86_64-linux", "postgresql"),
            ("rg", "x86_64-linux", "ripgrep"),
        ]
        connection.executemany("insert into Programs values (?, ?, ?)", rows)
    assert read_programs(str(path)) == {"postgresql": ("initdb", "psql"), "ripgrep": ("rg",)}


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but long enough" * 30])
def test_a_damaged_database_of_programs_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "programs.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ListUnreadable):
        read_programs(str(path))

"""An index is built whole or not at all, and finds what people mean."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from luminous_nix_ipy.errors import IndexUnusable
from luminous_nix_ipy.search_records import IndexSource, OptionEntry, PackageEntry
from luminous_nix_ipy.store import index_schema
from luminous_nix_ipy.store.index import OptionIndex, PackageIndex, open_options, open_packages
from luminous_nix_ipy.store.index_build import build_index, read_facts
from luminous_nix_ipy.store.index_named import named_packages

SOURCE = IndexSource(
    name="channel", kind="packages", origin="https://example.org/packages.json", etag='"1"'
)
OPTIONS = IndexSource(name="channel", kind="nixos", origin="options.json", revision="abc")


def package(attribute: str, description: str = "", program: str | None = None) -> PackageEntry:
    return PackageEntry(
        attribute=attribute,
        pname=attribute.rpartition(".")[2],
        version="1.0",
        description=description,
        main_program=program,
        platforms=("x86_64-linux",) if program else (),
        programs=("psql", "initdb") if attribute == "postgresql" else (),
    )


PACKAGES = [
    package("firefox", "Web browser built from Firefox source tree", "firefox"),
    package("firefox-esr", "Web browser built from Firefox source tree", "firefox-esr"),
    package("vimPlugins.firefox", "Control Firefox from vim"),
    package("vscode", "Code editor developed by Microsoft", "code"),
    package("vscode-extensions.ms-python.python", "Python extension for VS Code"),
    package("code", "Coding in a terminal"),
    package("python3", "High-level language", "python3"),
    package("python313Packages.requests", "HTTP library for Python"),
    package("python314Packages.requests", "HTTP library for Python"),
    package("python313Packages.requests-mock", "Mock for requests"),
    package("perlPackages.requests", "Something else"),
    package("ripgrep", "Recursive search, faster than grep", "rg"),
    package("ranger", "File manager with a console interface", "ranger"),
    package("nautilus", "File manager for GNOME", "nautilus"),
    package("file", "Shows the type of a file", "file"),
    package("postgresql", "Powerful relational database", "postgres"),
    package("gnumake", "Controls the making of files", "make"),
    package("_7zz", "Archiver", "7zz"),
    package("c++filt", "C++ symbols", "c++filt"),
    package("R", "Statistics", "R"),
    package("go", "Simple language", "go"),
    package("gosec", "Security checker", "gosec"),
    package("moods", "Change the colours of sounds", "moods"),
    package("_", "Whose name has no word"),
]

NGINX = "services.nginx"


def option(name: str, description: str, type: str = "boolean") -> OptionEntry:
    return OptionEntry(name=name, kind="nixos", type=type, description=description)


OPTION_LIST = [
    option(f"{NGINX}.enable", "Whether to enable the nginx web server."),
    option(f"{NGINX}.package", "The nginx package to use."),
    option(f"{NGINX}.virtualHosts", "Virtual hosts.", "attribute set"),
    option(f"{NGINX}.virtualHosts.<name>.forceSSL", "Redirect HTTP to HTTPS."),
    option(f"{NGINX}.virtualHosts.<name>.root", "Path of the root folder.", "path"),
    option("services.httpd.virtualHosts.<name>.forceSSL", "Redirect HTTP to HTTPS."),
    option("services.dash.nginx", "How dash shows nginx."),
    option("networking.firewall.allowedTCPPorts", "TCP ports that are open.", "list of port"),
    option("networking.firewall.enable", "Whether to enable the firewall."),
    option("networking.hostName", "The name of the machine.", "string"),
    option("services.cloud.hostName", "The host of the cloud.", "string"),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageIndex]:
    path = str(tmp_path_factory.mktemp("index") / "packages.sqlite")
    build_index(path, SOURCE, PACKAGES)
    opened = open_packages(path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OptionIndex]:
    path = str(tmp_path_factory.mktemp("index") / "options.sqlite")
    build_index(path, OPTIONS, OPTION_LIST)
    opened = open_options(path)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("firefox", "firefox"),
        ("Firefox", "firefox"),
        ("firef", "firefox"),
        ("fierfox", "firefox"),
        ("fire fox", "firefox"),
        ("firefox esr", "firefox-esr"),
        ("esr firefox", "firefox-esr"),
        ("vs code", "vscode"),
        ("visual editor microsoft", "vscode"),
        ("python requests", "python313Packages.requests"),
        ("requests-python", "python313Packages.requests"),
        ("python313Packages.requests", "python313Packages.requests"),
        ("requets mock", "python313Packages.requests-mock"),
        ("rg", "ripgrep"),
        ("file manager console", "ranger"),
        ("how to use a console file manager", "ranger"),
        ("file", "file"),
        ("psql", "postgresql"),
        ("posgres", "postgresql"),
        ("make", "gnumake"),
        ("7zz", "_7zz"),
        ("r", "R"),
        ("c++", "c++filt"),
        ("gnome files", "nautilus"),
        ("whose name", "_"),
        ("golang", "go"),
        ("audio colors", "moods"),
    ],
)
def test_what_people_mean_comes_first(index: PackageIndex, query: str, first: str) -> None:
    assert index.search(query)[0].entry.attribute == first


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("nginx", f"{NGINX}.enable"),
        ("enable nginx", f"{NGINX}.enable"),
        ("nginx package", f"{NGINX}.package"),
        ("nginx vhost ssl", f"{NGINX}.virtualHosts.<name>.forceSSL"),
        ("nginx virtualHosts forceSSL", f"{NGINX}.virtualHosts.<name>.forceSSL"),
        ("services.nginx.virtualHosts", f"{NGINX}.virtualHosts"),
        ("open tcp ports", "networking.firewall.allowedTCPPorts"),
        ("allowedTcpPorts", "networking.firewall.allowedTCPPorts"),
        ("allowedTCPPort", "networking.firewall.allowedTCPPorts"),
        ("hostname", "networking.hostName"),
        ("firewal", "networking.firewall.enable"),
    ],
)
def test_what_people_mean_of_options(options: OptionIndex, query: str, first: str) -> None:
    assert options.search(query)[0].entry.name == first


def test_a_hit_says_what_was_met(index: PackageIndex) -> None:
    def met(query: str) -> str:
        return index.search(query)[0].matched

    assert met("firefox") == "attribute"
    assert met("rg") == "program"
    assert met("requests") == "name"
    assert met("microsoft") == "description"


def test_exact_takes_names_alone(index: PackageIndex) -> None:
    found = [hit.entry.attribute for hit in index.search("requests", exact=True)]
    assert sorted(found) == [
        "perlPackages.requests",
        "python313Packages.requests",
        "python314Packages.requests",
    ]
    assert index.search("fierfox", exact=True) == []


def test_what_is_not_wanted_is_left_out(index: PackageIndex) -> None:
    hits = index.search("firefox", keep=lambda entry: entry.main_program is None)
    assert [hit.entry.attribute for hit in hits] == ["vimPlugins.firefox"]


def test_no_more_than_were_asked_for(index: PackageIndex) -> None:
    assert len(index.search("f", 3)) == 3
    assert index.search("firefox", 0) == []


def test_an_entry_comes_back_whole(index: PackageIndex) -> None:
    assert [index.find(entry.attribute) for entry in PACKAGES] == PACKAGES
    assert index.find("firefo") is None
    assert index.find("Firefox") is None


def test_commands(index: PackageIndex) -> None:
    assert [entry.attribute for entry in index.with_program("psql")] == ["postgresql"]
    assert [entry.attribute for entry in index.with_program("rg")] == ["ripgrep"]
    assert index.with_program("ripgrep") == []
    assert index.with_program("PSQL") == []


def test_what_is_the_same_package_brings_the_same_commands(tmp_path: Path) -> None:
    def node(attribute: str, version: str = "24", programs: tuple[str, ...] = ()) -> PackageEntry:
        return PackageEntry(
            attribute=attribute,
            pname="nodejs",
            version=version,
            main_program="node",
            programs=programs,
            platforms=("x86_64-linux",),
        )

    listed = [node("nodejs"), node("nodejs_24", programs=("node", "npm")), node("nodejs_22", "22")]
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, listed)
    with closing(open_packages(path)) as opened:
        found = opened.with_program("npm")
        assert [entry.attribute for entry in found] == ["nodejs", "nodejs_24"]
        assert found[0] == node("nodejs", programs=("node", "npm"))
        assert opened.find("nodejs_22") == listed[2]


def test_completion(index: PackageIndex, options: OptionIndex) -> None:
    assert index.complete("fire") == ["firefox", "firefox-esr"]
    assert index.complete("python313Packages.req", 1) == ["python313Packages.requests"]
    assert index.complete("nothing") == []
    assert set(options.complete("networking.")) == {
        "networking.firewall.allowedTCPPorts",
        "networking.firewall.enable",
        "networking.hostName",
    }


def test_close_names(index: PackageIndex, options: OptionIndex) -> None:
    assert index.close_names("fierfox", 1) == ["firefox"]
    assert index.close_names("riprep") == ["ripgrep"]
    assert index.close_names("python3Packages.requests")[0] == "python313Packages.requests"
    assert "python313Packages.requests" in index.close_names("pyhton3Packages.reqests")
    assert options.close_names("services.ngnix.enable", 1) == [f"{NGINX}.enable"]
    assert index.close_names("firefox", 1) != ["firefox"]
    assert index.close_names("qqqqqqqqq") == []


def test_a_misspelling_that_something_obscure_has_too(tmp_path: Path) -> None:
    famous = [package(f"kitty-{part}", "Of the terminal kitty") for part in ("themes", "img")]
    path = str(tmp_path / "i.sqlite")
    listed = [package("kitti3", "Dropdown"), package("kitty", "Terminal", "kitty"), *famous]
    build_index(path, SOURCE, [*listed, package("zolla", "Of zolla"), package("zulla", "Of zulla")])
    with closing(open_packages(path)) as opened:
        assert opened.search("kitti terminal")[0].entry.attribute == "kitty"
        assert opened.search("kitti3")[0].entry.attribute == "kitti3"
        found = [hit.entry.attribute for hit in opened.search("zolla")]
        assert found == ["zolla"], "the very name of something is no misspelling"


def test_a_command_is_sought_of_what_is_named_for_it(tmp_path: Path) -> None:
    boxes = [
        PackageEntry(attribute=name, pname=name, programs=("awk", "x"), description=told)
        for name, told in (("abox", "Many tools"), ("gawk", ""), ("zbox", "Many tools"))
    ]
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, boxes)
    with closing(open_packages(path)) as opened:
        assert opened.search("awk")[0].entry.attribute == "gawk"
        assert opened.search("x")[0].entry.attribute == "abox"


def test_a_project_is_found_by_the_name_of_its_site(tmp_path: Path) -> None:
    def at(name: str, homepage: str) -> PackageEntry:
        return PackageEntry(attribute=name, pname=name, homepages=(homepage,))

    listed = [
        at("messenger-desktop", "https://www.carrier.org/download"),
        at("british-desktop", "https://docs.carriage.co.uk"),
        PackageEntry(attribute="pigeons", pname="pigeons", description="Speak with carrier"),
        *(at(f"tool{number}", f"https://user{number}.hoster.io") for number in range(11)),
        at("local", "http://localhost/"),
    ]
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, listed)
    with closing(open_packages(path)) as opened:
        first = opened.search("carrier")[0]
        assert (first.entry.attribute, first.matched) == ("messenger-desktop", "name")
        assert opened.search("carriage")[0].entry.attribute == "british-desktop"
        assert opened.search("carrier", exact=True) == [], "it is not its name"
        assert opened.search("hoster") == [], "a site of many is no name of one"


def test_a_command_is_sought_of_what_it_is_of(tmp_path: Path) -> None:
    def brings(name: str, *programs: str, told: str = "Many tools") -> PackageEntry:
        main = name if name in programs else None
        return PackageEntry(
            attribute=name, pname=name, description=told, programs=programs, main_program=main
        )

    utilities = ("cut", "head", "sort", "tail")
    path = str(tmp_path / "i.sqlite")
    listed = [
        brings("aaa", "aaa", *utilities, told="Famous emulator"),
        brings("utils", *utilities),
        brings("utils-full", "utils-full", *utilities, "stat"),
        brings("part", "cut"),
    ]
    build_index(path, SOURCE, listed)
    with closing(open_packages(path)) as opened:
        found = [entry.attribute for entry in opened.with_program("head")]
        assert found == ["utils-full", "utils", "aaa"], "a variant of the same has it of its own"
        found = [hit.entry.attribute for hit in opened.search("sort")]
        assert found[-1] == "aaa" and len(found) == 3
        assert "aaa" in [hit.entry.attribute for hit in opened.search("sort", exact=True)]


def test_a_command_that_is_an_ordinary_word(tmp_path: Path) -> None:
    toolkit = PackageEntry(
        attribute="toolkit",
        pname="toolkit",
        description="Draws windows",
        homepages=("https://toolkit.org",),
        programs=("clock",),
    )
    clock = package("wall-clock", "Clock for the wall", "wall-clock")
    ordinary = [package(f"made{n}", "Made by the clock") for n in range(51)]
    others = [
        PackageEntry(attribute=f"other{n}", pname=f"other{n}", programs=("clock",))
        for n in range(3)
    ]
    path = str(tmp_path / "i.sqlite")
    for listed, first in (
        ([toolkit, clock, *ordinary[:30]], "toolkit"),
        ([toolkit, clock, *ordinary], "wall-clock"),
        ([toolkit, clock, *ordinary, *others], "toolkit"),
    ):
        build_index(path, SOURCE, listed)
        with closing(open_packages(path)) as opened:
            assert opened.search("clock")[0].entry.attribute == first
    named = PackageEntry(attribute="clock-kit", pname="clock-kit", programs=("clock", "timer"))
    build_index(path, SOURCE, [toolkit, clock, named, *ordinary])
    with closing(open_packages(path)) as opened:
        assert opened.search("clock")[0].entry.attribute == "clock-kit"


def test_a_program_of_a_set_that_was_not_asked_for(tmp_path: Path) -> None:
    path = str(tmp_path / "i.sqlite")
    listed = [
        package("rubyPackages.webclient", program="webclient"),
        package("seagull", "Web client for the command line", "seagull"),
    ]
    build_index(path, SOURCE, listed, named=("seagull",))
    with closing(open_packages(path)) as opened:
        assert opened.search("web client")[0].entry.attribute == "seagull"
        assert opened.search("ruby webclient")[0].entry.attribute == "rubyPackages.webclient"


def test_what_is_grown_comes_before_what_is_young(tmp_path: Path) -> None:
    twins = [
        PackageEntry(attribute=name, pname=name, version=version, description="Animal")
        for name, version in (("aardvark", "0.9"), ("yak", "0-unstable-2024-01-01"), ("zebra", "1"))
    ]
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, twins)
    with closing(open_packages(path)) as opened:
        assert opened.search("animal")[0].entry.attribute == "zebra"


def test_what_is_large_and_old_comes_before_what_is_small_and_new(tmp_path: Path) -> None:
    def animal(
        name: str, version: str = "1.9", outputs: tuple[str, ...] = ("out",)
    ) -> PackageEntry:
        return PackageEntry(
            attribute=name, pname=name, version=version, description="Animal", outputs=outputs
        )

    path = str(tmp_path / "i.sqlite")
    for better in (animal("zebra", "2"), animal("zebra", outputs=("out", "man", "dev"))):
        build_index(path, SOURCE, [animal("adder"), animal("camel", "2026.1"), better])
        with closing(open_packages(path)) as opened:
            found = [hit.entry.attribute for hit in opened.search("animal")]
            assert found == ["zebra", "adder", "camel"], "a date is no sign of age"


def test_of_equals_the_shorter_name_comes_first(tmp_path: Path) -> None:
    listed = [package(f"{name}.cache", "Cache") for name in ("php82Packages", "phpPackages")]
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, listed)
    with closing(open_packages(path)) as opened:
        assert opened.search("cache")[0].entry.attribute == "phpPackages.cache"


def test_what_options_name_is_better_known(tmp_path: Path) -> None:
    options = [
        OptionEntry(name="a.package", kind="nixos", default="pkgs.zebra"),
        OptionEntry(name="a.extra", kind="nixos", example="[ pkgs.sets.yak ]"),
        option("a.enable", "Whether `pkgs.über` or a backpkgs.horse is wanted."),
    ]
    path, paths = str(tmp_path / "p.sqlite"), str(tmp_path / "o.sqlite")
    build_index(paths, OPTIONS, options)
    named = named_packages(paths)
    assert named == {"zebra", "sets.yak"}
    pair = [package("adder", "Animal"), package("zebra", "Animal")]
    for known, first in (((), "adder"), (named, "zebra")):
        build_index(path, SOURCE, pair, named=known)
        with closing(open_packages(path)) as opened:
            assert opened.search("animal")[0].entry.attribute == first


def test_an_index_of_options_that_cannot_be_read_names_nothing(tmp_path: Path) -> None:
    assert named_packages(str(tmp_path / "none")) == set()
    (tmp_path / "damaged").write_bytes(b"not a database " * 100)
    assert named_packages(str(tmp_path / "damaged")) == set()


hostile = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            "AND",
            "OR",
            "NOT",
            "NEAR(",
            '"',
            "*",
            "(",
            ")",
            "^",
            ":",
            "title",
            "-",
            "+",
            "'",
            ";",
            "\0",
        ]
    )
).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile)
@example("x" * 10_000)
@example("word " * 2_000)
@example('title : "firefox" AND NOT vim*')
@example("'; drop table document; --")
@example("ﬁrefox 🦊 ＦＩＲＥＦＯＸ \ud800")
@example("100% _ % \\")
def test_nothing_in_a_query_is_syntax(
    index: PackageIndex, options: OptionIndex, query: str
) -> None:
    for opened in (index, options):
        assert isinstance(opened.search(query), list)
        assert isinstance(opened.search(query, exact=True), list)
        assert isinstance(opened.close_names(query), list)
        assert isinstance(opened.complete(query), list)
    assert index.find(query) is None or query in {entry.attribute for entry in PACKAGES}
    assert isinstance(index.with_program(query), list)


@pytest.mark.parametrize("query", ["", " ", '"', "***", "🦊"])
def test_what_has_no_word_finds_nothing(index: PackageIndex, query: str) -> None:
    assert index.search(query) == []


@given(st.permutations(["firefox", "esr"]), st.sampled_from([" ", "-", "_", ".", "/", ", "]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_and_separators_do_not_matter(
    index: PackageIndex, parts: list[str], separator: str
) -> None:
    assert index.search(separator.join(parts))[0].entry.attribute == "firefox-esr"


def test_threads_share_an_index(index: PackageIndex) -> None:
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(30):
                assert index.search("firefox")[0].entry.attribute == "firefox"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_facts(tmp_path: Path) -> None:
    path = str(tmp_path / "new folder" / "i.sqlite")
    told: list[int] = []
    facts = build_index(path, SOURCE, PACKAGES, told.append)
    assert facts == read_facts(path)
    assert facts.source == SOURCE
    assert facts.entries == len(PACKAGES)
    assert facts.bytes == os.path.getsize(path)
    assert facts.built.tzinfo is not None
    assert told[-1] == len(PACKAGES)


def test_the_first_of_two_entries_of_one_name_counts(tmp_path: Path) -> None:
    path = str(tmp_path / "i.sqlite")
    assert build_index(path, SOURCE, [package("a", "one"), package("a", "two")]).entries == 1
    with closing(open_packages(path)) as opened:
        found = opened.find("a")
    assert found is not None and found.description == "one"


def test_who_has_the_old_index_open_keeps_reading_it(tmp_path: Path) -> None:
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, PACKAGES)
    with closing(open_packages(path)) as old:
        build_index(path, SOURCE, [package("other")])
        assert old.search("firefox")[0].entry.attribute == "firefox"
        with closing(open_packages(path)) as new:
            assert new.search("firefox") == []
            assert new.find("other") is not None


def failing(error: BaseException) -> Iterator[PackageEntry]:
    yield from PACKAGES
    raise error


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit()])
def test_what_fails_leaves_the_old_index_and_no_litter(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "indexes" / "i.sqlite"
    build_index(str(path), SOURCE, PACKAGES)
    before = path.read_bytes()
    with pytest.raises(type(error)):
        build_index(str(path), SOURCE, failing(error))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["i.sqlite"]


def test_an_empty_list_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable, match="empty"):
        build_index(str(tmp_path / "indexes" / "i.sqlite"), SOURCE, [])
    assert os.listdir(tmp_path / "indexes") == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexUnusable, match="could not be written"):
        build_index(str(tmp_path / "file" / "i.sqlite"), SOURCE, PACKAGES)


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "indexes" / "i.sqlite"
    small = index_schema.TABLES.replace(
        "create table meta", "pragma max_page_count = 30; create table meta"
    )
    monkeypatch.setattr("luminous_nix_ipy.store.index_build.TABLES", small)
    with pytest.raises(IndexUnusable, match="could not be written") as caught:
        build_index(str(path), SOURCE, (package(f"a{n}", "word " * 40) for n in range(2000)))
    assert "full" in caught.value.why
    assert os.listdir(path.parent) == []


def test_an_index_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable, match="There is no index") as caught:
        open_packages(str(tmp_path / "none"))
    assert caught.value.todo


@pytest.mark.parametrize("content", [b"", b"not a database " * 100])
def test_a_file_that_is_no_index(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "i.sqlite"
    path.write_bytes(content)
    with pytest.raises(IndexUnusable, match="cannot be read") as caught:
        open_packages(str(path))
    assert "index update" in caught.value.todo[0]


def test_an_index_that_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    build_index(
        str(path), SOURCE, [*PACKAGES, *(package(f"a{n}", "some text") for n in range(999))]
    )
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + os.urandom(len(whole) - 8192))
    with pytest.raises(IndexUnusable):
        opened = open_packages(str(path))
        opened.search("some text")


def test_an_index_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    build_index(str(path), SOURCE, PACKAGES)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update meta set value = '0' where name = 'schema'")
    with pytest.raises(IndexUnusable, match="another version"):
        read_facts(str(path))


def test_options_are_no_packages(tmp_path: Path) -> None:
    path = str(tmp_path / "i.sqlite")
    build_index(path, OPTIONS, OPTION_LIST)
    with pytest.raises(IndexUnusable, match="options"):
        open_packages(path)
    build_index(path, SOURCE, PACKAGES)
    with pytest.raises(IndexUnusable, match="packages"):
        open_options(path)


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    path = str(tmp_path / "i.sqlite")
    build_index(path, SOURCE, PACKAGES)
    opened = open_packages(path)
    opened.close()
    with pytest.raises(IndexUnusable):
        opened.search("firefox")


def test_sqlite_without_full_text_search(tmp_path: Path) -> None:
    class Lacking(sqlite3.Connection):
        def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:  # type: ignore[override]
            if "fts5" in sql:
                raise sqlite3.OperationalError("no such module: fts5")
            return super().execute(sql, *arguments)

    connection = sqlite3.connect(":memory:", factory=Lacking)
    with closing(connection), pytest.raises(IndexUnusable, match="FTS5") as caught:
        index_schema.check_fts5(connection)
    assert "no such module" in caught.value.why
    assert caught.value.todo

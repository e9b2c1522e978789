"""`python docs/links.py FOLDER`: tell which links of a built site lead nowhere; fail if one does.

Links within the site must reach a file, and an anchor in it. Of links to other hosts only the form
is looked at: nothing is fetched. What a page loads, such as a script or an image, must be in the
site.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What one page links to and loads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if "href" in given:
            (self.links if tag == "a" else self.loads).add(given["href"])
        if "src" in given:
            self.loads.add(given["src"])


def problems(site: Path) -> list[str]:
    """Each link that leads nowhere, as a sentence."""
    page = cache(Page)
    found = []
    for path in sorted(set(site.rglob("*.html")) - set(site.glob("_static/**/*"))):
        for link in sorted(page(path).links | page(path).loads):
            reason = _wrong(path, link, link in page(path).loads, page)
            if reason is not None:
                found.append(f"{path.relative_to(site)}: {link} {reason}")
    return found


def _wrong(path: Path, link: str, is_loaded: bool, page: Callable[[Path], Page]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        if is_loaded:
            return "is loaded from another host"
        well_formed = parts.scheme in ("http", "https") and "." in parts.netloc
        return None if well_formed and " " not in link else "is no address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if not target.is_file():
        return "is no file of the site"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in page(target).anchors:
        return "is no anchor of that page"
    return None


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)

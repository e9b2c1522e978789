"""How text becomes words, for an index and for what is asked of it.

A word is lower case, without accents, letters and digits ("c++" and "c#" keep their signs). A name
gives its words, the parts of those that are joined by case or digits ("allowedTCPPorts": allowed,
tcp, ports), and its key: all of it with nothing between ("python-requests" and "pythonRequests"
have the same key).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[^\W_]+(?:\+\+|#)?")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_NO_KEY = re.compile(r"[\W_]+")

LONGEST_QUERY = 200
"""Characters of a query that are looked at."""
MOST_WORDS = 8
"""Words of a query that are looked at."""

_IDLE = (
    "a an and are as at be by can do does for from get has how i in into is it its me my no not of"
    " on or out set some that the this to use used using via want what when which who will with"
    " you your nixos nixpkgs enable disable package packages program software tool tools app"
    " application option options setting settings configure configuration config install"
)
IDLE = frozenset(_IDLE.split())
"""Words that say little of what is sought: an answer need not have them, where others are asked."""

ALIASES = (
    ("acme", "letsencrypt"),
    ("analyzer", "analyser", "analysis"),
    ("audio", "sound"),
    ("authentication", "auth", "login"),
    ("c#", "csharp"),
    ("c++", "cpp"),
    ("certificate", "cert", "tls", "ssl"),
    ("color", "colour"),
    ("configuration", "config"),
    ("container", "containers"),
    ("convert", "converter", "conversion"),
    ("cpu", "processor"),
    ("database", "db"),
    ("development", "dev"),
    ("directory", "dir", "folder"),
    ("email", "mail"),
    ("environment", "env"),
    ("go", "golang"),
    ("graphical", "gui"),
    ("javascript", "js"),
    ("kubernetes", "k8s"),
    ("language", "lang"),
    ("library", "lib"),
    ("manager", "mgr"),
    ("memory", "ram"),
    ("message", "messaging", "messenger"),
    ("nameserver", "nameservers", "dns"),
    ("network", "net", "networking"),
    ("password", "passwd"),
    ("picture", "image", "photo"),
    ("postgres", "postgresql"),
    ("python", "py"),
    ("regex", "regexp"),
    ("replacement", "alternative", "clone"),
    ("repository", "repo"),
    ("recognition", "recogniser", "recognizer"),
    ("server", "daemon"),
    ("site", "website"),
    ("ssh", "openssh", "sshd"),
    ("sync", "synchronize", "synchronise", "synchronization", "synchronisation"),
    ("terminal", "console", "tty", "cli", "tui", "curses", "ncurses"),
    ("timezone", "tz"),
    ("torrent", "bittorrent"),
    ("typescript", "ts"),
    ("utilities", "utils", "utility"),
    ("video", "movie"),
    ("viewer", "reader"),
    ("vhost", "virtualhost", "virtualhosts"),
    ("wifi", "wireless", "wlan"),
)
"""Words that mean much the same, in computing at large."""

_ALIASES_OF: dict[str, tuple[str, ...]] = {}
for _group in ALIASES:
    for _word in _group:
        others = tuple(other for other in _group if other != _word)
        _ALIASES_OF[_word] = _ALIASES_OF.get(_word, ()) + others


def valid(text: str) -> str:
    """`text` with question marks for what is no character, which no database takes."""
    return text.encode("utf-8", "replace").decode()


def plain(text: str) -> str:
    """`text` without accents, and compatibility forms resolved; its case stays."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def words(text: str, *, fold: bool = True) -> list[str]:
    """The words of running text, in order; with `fold` in lower case."""
    text = plain(text)
    return _WORD.findall(text.casefold() if fold else text)


def key(name: str) -> str:
    """A name with nothing between its words, to be compared."""
    name = plain(name).casefold()
    return name if name.isalnum() else _NO_KEY.sub("", name)


def name_words(name: str) -> list[str]:
    """The words of a name, each followed by its parts where it is joined of several."""
    if _is_one_word(name):
        return [name]
    return list(dict.fromkeys(part for word in _split(name) for part in word))


def simple_words(name: str) -> list[str]:
    """The words of a name, those that are joined of several taken apart."""
    if _is_one_word(name):
        return [name]
    return list(dict.fromkeys(part for word in _split(name) for part in word[1:] or word))


def _is_one_word(name: str) -> bool:
    """Whether there is nothing to take apart, as in most names."""
    return name.isalpha() and name.islower() and name.isascii()


def _split(name: str) -> list[tuple[str, ...]]:
    return [_with_parts(word) for word in _WORD.findall(plain(name))]


@lru_cache(maxsize=2**14)
def _with_parts(word: str) -> tuple[str, ...]:
    """A word of a name and its parts; a number goes with the part before it."""
    parts = [part.casefold() for part in _PART.findall(word)]
    whole = word.casefold()
    if len(parts) < 2:
        return (whole,)
    found = [part for part in parts if len(part) > 1 and not part.isdigit()]
    if len(parts) > 2:
        found += [one + number for one, number in pairwise(parts) if number.isdigit()]
    return (whole, *found)


def query_words(query: str) -> list[str]:
    """The words of a query that are looked at, each once."""
    return list(dict.fromkeys(words(query[:LONGEST_QUERY])))[:MOST_WORDS]


def aliases(word: str) -> tuple[str, ...]:
    """Other words for the same."""
    return _ALIASES_OF.get(word, ())

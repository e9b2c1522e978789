"""Descriptions of options as Markdown, whichever of nixpkgs' two notations they are written in.

Until 22.11 NixOS described options in DocBook 5 (elements: docbook.org/tdg5), since 23.11 in
CommonMark with roles such as {option}`…` (nixpkgs, doc/README.md). Both become plain Markdown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

_CODE = (
    "literal|option|filename|command|code|varname|envar|package|replaceable|uri|prompt|constant"
    "|function|userinput|computeroutput|parameter|classname|key|systemitem|property"
)
_BLOCKS = "para|simpara|listitem|note|warning|important|tip|caution|title"
_NAMED = "note|warning|important|tip|caution"
_LISTINGS = "programlisting|screen|literallayout|synopsis"
_DOCBOOK = re.compile(
    rf"</(?:{_CODE}|{_BLOCKS}|{_LISTINGS}|link|emphasis|citerefentry)>|<(?:xref|link) [^>]*/>"
)
_ROLE = re.compile(r"\{[a-z]+\}(?=`)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_LINK_TARGET = "{http://www.w3.org/1999/xlink}href"
_ROOT = '<root xmlns:xlink="http://www.w3.org/1999/xlink"><para>{}</para></root>'


def to_markdown(description: Any) -> str:
    """A description as Markdown; empty where there is none.

    Args:
        description: text, or {"_type": "mdDoc" | "literalMD" | "literalDocBook" | …, "text": …}.
    """
    docbook = False
    if isinstance(description, Mapping):
        docbook = description.get("_type") == "literalDocBook"
        description = description.get("text")
    if not isinstance(description, str):
        return ""
    if docbook or _DOCBOOK.search(description):
        return _from_docbook(description)
    return _ROLE.sub("", description).strip()


def _from_docbook(text: str) -> str:
    try:
        # What declares entities must stand before the root, so none can be declared in `text`.
        root = ElementTree.fromstring(_ROOT.format(text))
    except ElementTree.ParseError:
        return html.unescape(_TAG.sub("", text)).strip()
    return re.sub(r"\n\s*\n\s*", "\n\n", _inner(root)).strip()


def _inner(element: ElementTree.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        parts += [_outer(child), child.tail or ""]
    return "".join(parts)


def _outer(element: ElementTree.Element) -> str:
    name = element.tag
    inner = _inner(element)
    if name in _CODE.split("|"):
        return f"`{inner.strip()}`" if "`" not in inner else inner
    if name in _LISTINGS.split("|"):
        return f"\n\n```\n{inner.strip(chr(10))}\n```\n\n"
    if name == "emphasis":
        return f"*{inner.strip()}*"
    if name == "link":
        target = element.get(_LINK_TARGET) or element.get("linkend", "")
        return f"[{inner.strip()}]({target})" if inner.strip() else f"<{target}>"
    if name == "xref":
        return f"`{element.get('linkend', '').removeprefix('opt-')}`"
    if name == "manvolnum":
        return f"({inner.strip()})"
    if name == "term":
        return f"\n\n- {inner.strip()}: "
    if name == "listitem":
        return "\n\n- " + " ".join(inner.split())
    if name in _BLOCKS.split("|"):
        head = f"{name.capitalize()}: " if name in _NAMED.split("|") else ""
        return f"\n\n{head}{inner.strip()}\n\n"
    return inner

"""The Python API, from its signatures and docstrings, as entries of Sphinx's Python domain."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
import typing

from luminous_nix_ipy import NixOperation, NixResult, OperationType
from luminous_nix_ipy.api import Nix
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.cache import OperationCache
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.verbs import VERBS

from . import prose

_SECTION = re.compile(r"^(Args|Raises|Examples?):\n((?: {4}.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^(\w[\w, ]*): ", re.MULTILINE)


def nix() -> str:
    """Every verb as a method of `nix`."""
    return "\n\n".join(_method("nix", verb, getattr(Nix, verb)) for verb in VERBS)


def backend() -> str:
    """`NixBackend`, and what goes into it and comes out."""
    progress = ("estimate_completion", "state")
    parts = [
        _class(NixBackend, [name for name in vars(NixBackend) if not name.startswith("_")]),
        _class(NixOperation, []),
        _class(NixResult, []),
        _class(OperationType, []),
        _class(Progress, progress),
        _class(OperationCache, ("clear", "clear_expired")),
    ]
    return "\n\n".join(parts)


def _class(kind: type, names: typing.Iterable[str]) -> str:
    head = kind.__name__
    if dataclasses.is_dataclass(kind):
        head += _signature(kind)
    members = [_member(kind, name) for name in names]
    return _entry("class", head, "\n\n".join([text(inspect.getdoc(kind) or ""), *members]))


def _member(kind: type, name: str) -> str:
    value = inspect.getattr_static(kind, name)
    if not isinstance(value, property):
        return _method(kind.__name__, name, value)
    about = text(inspect.getdoc(value) or "")
    returns = inspect.get_annotations(value.fget)["return"]
    return _entry("property", f"{kind.__name__}.{name}", about, f"type: {returns}")


def _method(owner: str, name: str, function: typing.Callable[..., object]) -> str:
    """A method; an overloaded one returns what any of its forms does."""
    forms = typing.get_overloads(function) or [function]
    returns = [str(inspect.get_annotations(form).get("return", "None")) for form in forms]
    result = " | ".join(dict.fromkeys(part for r in returns for part in _alternatives(r)))
    options = ["async"] if inspect.iscoroutinefunction(function) else []
    head = f"{owner}.{name}{_signature(function)} -> {result}"
    return _entry("method", head, text(inspect.getdoc(function) or ""), *options)


def _alternatives(annotation: str) -> list[str]:
    """The parts of a union, but not those within brackets."""
    return re.split(r" \| (?![^\[]*\])", annotation)


def _signature(function: typing.Callable[..., object]) -> str:
    """The parameters with their defaults; what each takes is told in words below."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    plain = signature.replace(parameters=parameters, return_annotation=signature.empty)
    return re.sub(r"<factory>", "...", str(plain))


def _entry(kind: str, head: str, body: str, *options: str) -> str:
    given = "".join(f":{option}:\n" if ":" not in option else f":{option}\n" for option in options)
    fence = "`" * (3 + max([0, *(len(run) - 2 for run in re.findall(r"`{3,}", body))]))
    return f"{fence}{{py:{kind}}} {head}\n{given}\n{body}\n{fence}"


def text(docstring: str) -> str:
    """A docstring as Markdown: prose, fields for arguments and errors, code for its example."""
    parts = []
    pieces = iter(_SECTION.split(docstring))
    for words in pieces:
        parts.append(prose.text(words))
        title, body = next(pieces, ""), textwrap.dedent(next(pieces, "")).strip("\n")
        if title.startswith("Example"):
            lines = "\n".join(line[4:] for line in body.splitlines())
            parts.append(f"```python\n{lines}\n```")
        elif title:
            parts.append(_fields("param" if title == "Args" else "raises", body))
    return "\n\n".join(part for part in parts if part)


def _fields(kind: str, body: str) -> str:
    _, *entries = _ENTRY.split(body)
    return "\n".join(
        f":{kind} {names.replace(', ', '/')}: {' '.join(prose.line(meaning).split())}"
        for names, meaning in zip(entries[::2], entries[1::2], strict=True)
    )

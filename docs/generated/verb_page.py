"""The page of a verb: its help as Markdown, and its example run on a playground."""

from __future__ import annotations

import argparse

from luminous_nix_ipy.verbs.parser import Parser

from . import prose

_PAGE = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# %nix {verb}

{about}

```text
{usage}
```

## Example

{beginning}

{example}

{end}

## What it takes

{arguments}

## Lines to copy

```ipython
{lines}
```

## From Python

{{py:meth}}`nix.{verb}` takes the same, and returns the same.
"""

_BEGINNING = """\
```{{code-cell}}
:tags: [remove-cell]
%load_ext luminous_nix_ipy
from luminous_nix_ipy import playground
{start}
```
"""
_START = "await playground.start(real={real});"

_END = """\
```{code-cell}
:tags: [remove-cell]
if playground.status():
    await playground.stop()
```
"""


def page(verb: str, example: str) -> str:
    """The page of a verb as a MyST notebook. A hidden cell starts a playground, without Nix where
    the example can do without, unless the example itself does."""
    parser = Parser(verb)
    about, _, examples = (parser.description or "").partition("\nExamples:\n")
    starts = "" if "%nix playground start" in example else _START
    return _PAGE.format(
        verb=verb,
        about=prose.text(about),
        usage=parser.format_usage().removeprefix("usage: ").replace("\n" + " " * 7, "\n").strip(),
        beginning=_BEGINNING.format(
            start=starts.format(real=None if "needs-nix" in example else False)
        ),
        example=example.strip(),
        end=_END,
        arguments="\n\n".join(_argument(a) for a in parser._actions),
        lines="\n".join(row.strip() for row in examples.strip().splitlines()),
    )


def _argument(action: argparse.Action) -> str:
    """One argument and what it means, as an entry of a definition list."""
    value = action.metavar or action.dest.upper()
    names = [
        name if action.nargs == 0 else f"{name} {value}" for name in action.option_strings
    ] or [str(value)]
    named = ", ".join(f"`{name}`" for name in names)
    return f"{named}\n: {' '.join(prose.line((action.help or '') % vars(action)).split())}"

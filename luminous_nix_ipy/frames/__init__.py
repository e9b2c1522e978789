r"""Records as DataFrames, with fixed column names and dtypes, whether there are rows or not.

| values | dtype | missing |
|---|---|---|
| text | `string[python]` | `<NA>` |
| counts and bytes | `int64`, or `Int64` where one may be missing | `<NA>` |
| yes or no | `bool` | never |
| times | `datetime64[us, <local zone>]` | `NaT` |
| how long a change took | `timedelta64[us]` | `NaT` |
| rates and seconds | `float64` | `NaN` |

Text is pandas' nullable string on Python objects, by choice: it is the same dtype under pandas 2
and 3, with and without pyarrow; `df[df.note.str.contains("kernel")]` works where notes are missing,
which it does not on objects; and a missing text is never taken for a true value, as NaN is.

Text that is not UTF-8, or that holds controls, has visible escapes (`\xe9`, `\x1b`): frames can be
printed, displayed, and saved as CSV or JSON, and different paths stay different. The records keep
the exact text. Several values in one cell are joined with ", ", commands with "; ".
"""

from __future__ import annotations

from .care import choices, findings, garbage, keepers
from .expressions import attribute_sets, chains
from .generations import diff, generations, profiles
from .inputs import inputs, updates
from .journal import backups, journal, journals, ran
from .kernel import jobs, metrics
from .nixframe import NixFrame
from .packages import installed, package_steps
from .plans import checks, commands, facts, units

__all__ = [
    "NixFrame",
    "attribute_sets",
    "backups",
    "chains",
    "checks",
    "choices",
    "commands",
    "diff",
    "facts",
    "findings",
    "garbage",
    "generations",
    "inputs",
    "installed",
    "jobs",
    "journal",
    "journals",
    "keepers",
    "metrics",
    "package_steps",
    "profiles",
    "ran",
    "units",
    "updates",
]

"""Every Python snippet of the migration guide, as written, in order, in one IPython session.

Only its imports of the old module names are left to the session, which has those names from this
package; the free names of the snippets are bound beforehand.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[1] / "fixtures" / "migration_guide.md"

SESSION = """
import asyncio, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from luminous_nix_ipy import (EnhancedNativeNixBackend, NativeNixBackend, NixBackend, NixOperation,
    OperationType, playground)

old_modules = ("python.native_nix_backend", "python.enhanced_native_nix_backend",
               "enhanced_native_nix_backend")
snippets = Path(sys.argv[1]).read_text().split("```python\\n")[1:]
snippets = [snippet.split("```")[0] for snippet in snippets]
asyncio.run(playground.start(real=False))
shell = InteractiveShell.instance()
heard = []
shell.push({
    "NixBackend": NixBackend, "NativeNixBackend": NativeNixBackend,
    "EnhancedNativeNixBackend": EnhancedNativeNixBackend, "NixOperation": NixOperation,
    "OperationType": OperationType, "my_callback": lambda m, f: heard.append((m, f)),
    "operation": NixOperation(OperationType.ROLLBACK, options={"generation": 98}),
    "list_op": NixOperation(OperationType.LIST_GENERATIONS),
})
try:
    for number, snippet in enumerate(snippets):
        lines = [line for line in snippet.splitlines()
                 if not line.startswith(tuple(f"from {module} import" for module in old_modules))]
        print(f"--- snippet {number}", flush=True)
        result = shell.run_cell("\\n".join(lines))
        result.raise_error()
    assert heard, "the callback was told nothing"
    assert shell.user_ns["result2"].data == shell.user_ns["result1"].data
    assert shell.user_ns["backend"].get_metrics()["cache_hit_rate"] > 0
finally:
    asyncio.run(playground.stop())
print("all", len(snippets), "snippets ran")
"""


@pytest.fixture(scope="module")
def session_output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("guide")
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(GUIDE)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_snippet_runs(session_output: str) -> None:
    assert "all 10 snippets ran" in session_output


def test_the_failing_operation_shows_error_and_suggestions(session_output: str) -> None:
    assert "Error: There is no generation 98." in session_output
    assert "Suggestions:\n  - " in session_output


def test_the_benchmark_prints_its_figures(session_output: str) -> None:
    assert "List generations: 0." in session_output
    assert "Native API used: False" in session_output
    assert "'total_operations': 1" in session_output

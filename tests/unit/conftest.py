"""Unit tests need no Nix, so they find none."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_nix(path_without_nix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_without_nix)

"""Gives each test a folder of its own to work in, with `mmpipe` on the PATH of its shells."""

from pathlib import Path

import pytest

from support.harness import put_on_path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put_on_path(tmp_path)
    return tmp_path

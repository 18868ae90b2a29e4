"""Gives each test a folder of its own to work in, with `mmpipe` on the PATH of its shells."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from program.harness import put_on_path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put_on_path(tmp_path)
    return tmp_path


@pytest.fixture
def needs() -> Callable[[str], None]:
    """Says that a test is about a program; on a user's machine it may be missing, but never where CI promises it."""

    def look_for(program: str) -> None:
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    return look_for

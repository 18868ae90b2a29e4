"""Gives each test of this folder a working folder of its own, with `mmpipe` on the PATH of its shells."""

import ctypes
import sys
from pathlib import Path

import pytest

from support.harness import put_on_path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as slow: each starts processes."""
    folder = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(folder):
            item.add_marker("slow")


PR_SET_DUMPABLE = 4  # <linux/prctl.h>


@pytest.fixture(autouse=True)
def dumpable() -> None:
    """Undo what a tool that ran inside this process has left: an ordinary user cannot open files of /proc/self then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put_on_path(tmp_path)
    return tmp_path

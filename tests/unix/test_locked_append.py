"""Lines are appended and synced on every system."""

import os
from pathlib import Path

import pytest

from mmpipe.unix.locked_append import open_locked


@pytest.mark.parametrize("has_fdatasync", [True, False])
def test_a_system_without_fdatasync_syncs_too(
    has_fdatasync: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_fdatasync:
        # As on macOS.
        monkeypatch.delattr(os, "fdatasync", raising=False)
    file = open_locked(str(tmp_path / "journal"), 0o600, lambda _: None)
    file.append_lines(b"one\n")
    file.sync()
    file.append_durably(b"two\n")
    file.output.close()
    assert b"one\ntwo\n" == (tmp_path / "journal").read_bytes()

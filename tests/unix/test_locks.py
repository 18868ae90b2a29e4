"""A lock that another process holds is an error that says what kind of process that is."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.errors import Busy
from mmpipe.unix.locks import explain_lock_error, lock, lock_to_read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "out").touch()
    return tmp_path / "out"


@pytest.fixture
def ours(path: Path) -> Iterator[int]:
    yield from opened(path)


@pytest.fixture
def theirs(path: Path) -> Iterator[int]:
    """Another opening of the file: its locks are as foreign as those of another process."""
    yield from opened(path)


def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def test_a_reader_that_holds_a_shared_lock_is_called_a_reader(path: Path, ours: int, theirs: int) -> None:
    fcntl.flock(theirs, fcntl.LOCK_SH)
    words = rf"^another process \(process {os.getpid()}\) holds a shared lock on {path} while it reads, .*try again"
    for _ in range(2):
        with pytest.raises(Busy, match=words) as error:
            lock(ours, str(path))
        assert error.value.retryable
    lock_to_read(ours, str(path))


def test_a_run_that_writes_is_called_a_run(path: Path, ours: int, theirs: int) -> None:
    fcntl.flock(theirs, fcntl.LOCK_EX)
    words = rf"^another run \(process {os.getpid()}\) has locked {path}$"
    with pytest.raises(Busy, match=words):
        lock(ours, str(path))
    with pytest.raises(Busy, match=words):
        lock_to_read(ours, str(path))
    fcntl.flock(theirs, fcntl.LOCK_UN)
    assert lock(ours, str(path))


def test_looking_at_a_lock_of_readers_leaves_none_behind(path: Path, ours: int, theirs: int) -> None:
    fcntl.flock(theirs, fcntl.LOCK_SH)
    with pytest.raises(Busy):
        lock(ours, str(path))
    fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_locks_is_named_with_what_works_instead(number: int) -> None:
    error = explain_lock_error("out.jsonl", OSError(number, os.strerror(number)))
    assert (
        "cannot lock out.jsonl: its file system has no locks; keep the file on a local disk, and copy it when the run has ended"
        == error.message
    )


def test_any_other_error_of_a_lock_has_its_own_words() -> None:
    assert (
        "cannot lock x: Bad file descriptor"
        == explain_lock_error("x", OSError(errno.EBADF, "Bad file descriptor")).message
    )

"""A file under a name that nobody typed is read only if it is a small, regular file of the user; otherwise it is missing."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mmpipe.unix.trusted_file import UntrustedFile, read_trusted, replace_trusted

LIMIT = 4096
NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def make_link(path: Path) -> None:
    (path.parent / "target").write_bytes(b"of the victim")
    path.symlink_to("target")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def make_link_to_an_endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_link_to_standard_input(path: Path) -> None:
    path.symlink_to("/proc/self/fd/0")


def make_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def make_device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this user can make no devices")


def make_long(path: Path) -> None:
    path.write_bytes(b"x" * (LIMIT + 1))


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


UNTRUSTED: list[tuple[Callable[[Path], object], str]] = [
    (make_link, "it is a symbolic link"),
    (make_dangling_link, "it is a symbolic link"),
    (make_link_to_itself, "it is a symbolic link"),
    (make_link_to_an_endless_device, "it is a symbolic link"),
    (make_link_to_standard_input, "it is a symbolic link"),
    (Path.mkdir, "it is not a regular file"),
    (os.mkfifo, "it is not a regular file"),
    (make_socket, "it is not a regular file"),
    (make_device, "it is not a regular file"),
    (make_long, f"it is longer than {LIMIT} bytes"),
    (make_sparse, f"it is longer than {LIMIT} bytes"),
]


@pytest.mark.parametrize(("make", "reason"), UNTRUSTED)
def test_what_is_no_small_file_counts_as_missing(
    make: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "name"
    make(path)
    with pytest.raises(UntrustedFile) as raised:
        read_trusted(str(path), LIMIT)
    assert isinstance(raised.value, FileNotFoundError)
    assert (reason, str(path)) == (raised.value.strerror, raised.value.filename)


def test_a_file_of_the_user_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "name"
    for content in (b"", b"\0\xff\n", b"x" * LIMIT):
        path.write_bytes(content)
        assert content == read_trusted(str(path), LIMIT)


def test_a_file_that_is_not_there_is_missing_and_its_reason_is_that_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        read_trusted(str(tmp_path / "name"), LIMIT)
    assert "No such file or directory" == raised.value.strerror
    assert not isinstance(raised.value, UntrustedFile)


def test_a_name_without_a_folder_is_one_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    replace_trusted("name", b"here", 0o600)
    assert b"here" == read_trusted("name", LIMIT)


def test_a_second_name_of_the_same_file_is_no_hindrance(tmp_path: Path) -> None:
    # Backups and containers give files second names; a file is never written under its name.
    (tmp_path / "one").write_bytes(b"same")
    os.link(tmp_path / "one", tmp_path / "two")
    assert b"same" == read_trusted(str(tmp_path / "two"), LIMIT)


@AS_ROOT
@pytest.mark.parametrize(
    ("folder", "file", "is_read"),
    [(0, NOBODY, False), (NOBODY, NOBODY, True), (NOBODY, 0, True), (1, 2, False)],
)
def test_a_file_belongs_to_this_user_or_to_the_owner_of_the_folder(
    folder: int, file: int, is_read: bool, tmp_path: Path
) -> None:
    (tmp_path / "name").write_bytes(b"text")
    os.chown(tmp_path / "name", file, -1)
    os.chown(tmp_path, folder, -1)
    read = b""
    with suppress(UntrustedFile):
        read = read_trusted(str(tmp_path / "name"), LIMIT)
    assert (b"text" if is_read else b"") == read


@pytest.mark.parametrize(
    "make", [make_link, make_dangling_link, os.mkfifo, make_socket, make_device, make_sparse]
)
def test_a_write_replaces_the_name_and_leaves_what_it_pointed_to(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "name"
    make(path)
    replace_trusted(str(path), b"new", 0o640)
    assert b"new" == read_trusted(str(path), LIMIT)
    assert stat.S_ISREG(path.lstat().st_mode)
    assert {"name", "target"} >= {found.name for found in tmp_path.iterdir()}
    if make is make_link:
        assert b"of the victim" == (tmp_path / "target").read_bytes()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_trusted(str(tmp_path / "name"), b"new", 0o600)
    assert ["name"] == [found.name for found in tmp_path.iterdir()]

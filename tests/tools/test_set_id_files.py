"""No set-ID file of a sandboxed tool stays in the folder that it may write to, wherever it hides it."""

import os
import stat
from pathlib import Path

import pytest

from mmpipe.errors import ToolError
from mmpipe.tools.set_id_files import SetIdGuard

pytestmark = pytest.mark.tools


def make(path: Path, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(mode)
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize(
    ("made", "left"),
    [
        (0o4755, 0o755),
        (0o2755, 0o755),
        (0o6777, 0o777),
        (0o4000, 0),
        (0o2644, 0o644),
        (0o5711, 0o1711),
        (0o6111, 0o111),
    ],
)
@pytest.mark.parametrize("name", ["file", "a/b/c/file", " ", "new\nline", "\x1b[2J", "\udcff"])
def test_the_bits_of_new_files_are_removed_and_nothing_else(
    made: int, left: int, name: str, tmp_path: Path
) -> None:
    guard = SetIdGuard.survey(str(tmp_path))
    path = make(tmp_path / name, made)
    sentence = guard.strip_new()
    assert left == mode_of(path)
    assert sentence is not None
    assert "bits are removed" in sentence
    assert sentence.isprintable()
    assert None is guard.strip_new()


def test_files_that_had_their_bits_before_keep_them_and_changed_ones_do_not(tmp_path: Path) -> None:
    kept, changed, replaced = (make(tmp_path / name, 0o4755) for name in ("kept", "changed", "replaced"))
    guard = SetIdGuard.survey(str(tmp_path))
    changed.chmod(0o6755)
    replaced.unlink()
    make(replaced, 0o4755)
    guard.strip_new()
    assert [0o4755, 0o755, 0o755] == [mode_of(path) for path in (kept, changed, replaced)]


def test_other_modes_folders_and_links_stay(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside" / "file", 0o4755)
    folder = tmp_path / "folder"
    folder.mkdir()
    guard = SetIdGuard.survey(str(folder))
    (folder / "link").symlink_to(outside)
    (folder / "link to folder").symlink_to(outside.parent)
    (folder / "below").mkdir()
    (folder / "below").chmod(0o2775)
    make(folder / "sticky", 0o1777)
    os.mkfifo(folder / "pipe")
    assert None is guard.strip_new()
    assert [0o4755, 0o2775, 0o1777] == [
        mode_of(path) for path in (outside, folder / "below", folder / "sticky")
    ]


@pytest.mark.parametrize("mode", [0, 0o111, 0o444, 0o311, 0o077])
def test_a_closed_folder_hides_nothing(mode: int, tmp_path: Path) -> None:
    guard = SetIdGuard.survey(str(tmp_path))
    path = make(tmp_path / "closed" / "file", 0o4755)
    path.parent.chmod(mode)
    assert guard.strip_new() is not None
    path.parent.chmod(0o700)
    assert 0o755 == mode_of(path)


def test_a_depth_beyond_every_path_hides_nothing(tmp_path: Path) -> None:
    guard = SetIdGuard.survey(str(tmp_path))
    levels, name = 3000, "x" * 20
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_CREAT, 0o755, dir_fd=descriptor))
    os.chmod("file", 0o4711, dir_fd=descriptor)  # noqa: S103
    try:
        sentence = guard.strip_new()
        assert sentence is not None
        assert 300 > len(sentence)
        assert 0o711 == stat.S_IMODE(os.stat("file", dir_fd=descriptor).st_mode)
    finally:
        os.unlink("file", dir_fd=descriptor)
        for _ in range(levels):
            above = os.open("..", os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            os.rmdir(name, dir_fd=above)
            descriptor = above
        os.close(descriptor)


def test_many_files_are_all_stripped_and_few_are_named(tmp_path: Path) -> None:
    guard = SetIdGuard.survey(str(tmp_path))
    made = [make(tmp_path / str(number % 7) / str(number), 0o4711) for number in range(100)]
    sentence = guard.strip_new()
    assert sentence is not None
    assert sentence.endswith(" and 97 more")
    assert {0o711} == {mode_of(path) for path in made}


def test_the_file_of_another_is_not_changed(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    guard = SetIdGuard.survey(str(tmp_path))
    path = make(tmp_path / "file", 0o755)
    os.chown(path, 4321, 4321)
    path.chmod(0o4755)
    assert None is guard.strip_new()
    assert 0o4755 == mode_of(path)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    make(tmp_path / "a" / "b" / "file", 0o4755)
    before = len(list(Path("/proc/self/fd").iterdir()))
    SetIdGuard.survey(str(tmp_path)).strip_new()
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_a_folder_that_its_tool_has_closed_hides_nothing(tmp_path: Path) -> None:
    guard = SetIdGuard.survey(str(tmp_path))
    path = make(tmp_path / "file", 0o4755)
    tmp_path.chmod(0o111)
    guard.strip_new()
    assert 0o755 == mode_of(path)


def test_a_folder_that_is_gone_is_reported(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    guard = SetIdGuard.survey(str(tmp_path / "folder"))
    (tmp_path / "folder").rmdir()
    assert "cannot look for set-ID files" in str(guard.strip_new())
    with pytest.raises(ToolError, match="cannot look into --tool-dir"):
        SetIdGuard.survey(str(tmp_path / "folder"))

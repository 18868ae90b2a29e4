"""`-o FILE` is the whole answer or what was there before, and never anything in between."""

import stat
from pathlib import Path

import pytest

from support.harness import MMPIPE, eventually, mmpipe, names, service, shell, started

pytestmark = pytest.mark.outputs

OLD = "what was there before"


@pytest.fixture
def folder(here: Path) -> Path:
    made = here / "folder"
    made.mkdir()
    (made / "answer").write_text(OLD)
    return made


def test_a_whole_answer_takes_the_place_of_the_file_and_keeps_its_mode(folder: Path) -> None:
    (folder / "answer").chmod(0o640)
    with service() as server:
        done = mmpipe("chat", "-n", "-o", "folder/answer", "sim:echo new", server=server)
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr)
    assert ("new\n", 0o640) == (
        (folder / "answer").read_text(),
        stat.S_IMODE((folder / "answer").stat().st_mode),
    )
    assert names(folder) == ["answer"]


@pytest.mark.parametrize(
    ("command", "fault", "status"),
    [("chat", "500", 7), ("stream", "cut", 8), ("stream", "event-1027", 10), ("chat", "length", 11)],
)
def test_a_failure_leaves_the_old_content_and_nothing_beside_it(
    folder: Path, command: str, fault: str, status: int
) -> None:
    with service(fault) as server:
        done = mmpipe(command, "-n", "--retries", "0", "-o", "folder/answer", "sim:chunks 40", server=server)
    assert (status, b"") == (done.status, done.stdout)
    assert (OLD, ["answer"]) == ((folder / "answer").read_text(), names(folder))


def test_the_file_behind_a_link_is_replaced_and_the_link_stays(folder: Path) -> None:
    (folder / "link").symlink_to("answer")
    with service() as server:
        done = mmpipe("chat", "-n", "-o", "folder/link", "sim:echo new", server=server)
    assert done.status == 0
    assert (folder / "link").is_symlink()
    assert ("new\n", ["answer", "link"]) == ((folder / "answer").read_text(), names(folder))


def test_a_new_file_has_the_mode_that_the_umask_gives(folder: Path) -> None:
    with service() as server:
        done = shell("umask 027; mmpipe chat -n --json -o folder/new 'sim:echo fresh'", server)
    assert done.status == 0
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o640


def test_standard_output_by_its_name_is_standard_output(folder: Path) -> None:
    with service() as server:
        done = shell("mmpipe chat -n -o /dev/stdout 'sim:echo more' >> folder/answer", server)
    assert (0, f"{OLD}more\n") == (done.status, (folder / "answer").read_text())


@pytest.mark.parametrize("path", ["nowhere/answer", "folder", "folder/answer/below"])
def test_a_file_that_cannot_be_written_is_found_out_before_anything_is_asked(folder: Path, path: str) -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "-o", path, "hi", server=server)
        assert (13, []) == (done.status, server.requests)
    assert done.stderr_text.startswith("mmpipe: ")
    assert names(folder) == ["answer"]


def test_a_process_that_is_killed_leaves_the_old_content(folder: Path) -> None:
    command = (*MMPIPE, "stream", "-n", "-o", "folder/answer", "sim:chunks 40")
    with service("hang-mid") as server, started(command, server) as process:
        eventually(lambda: any(entry.stat().st_size for entry in folder.glob(".*")), "the answer has begun")
        process.kill()
        assert (-9, OLD) == (process.wait(), (folder / "answer").read_text())


def test_no_file_is_written_unless_asked_for(here: Path) -> None:
    before = sorted(here.rglob("*"))
    with service() as server:
        done = mmpipe("chat", "-n", "sim:echo x", server=server)
    assert (0, before) == (done.status, sorted(here.rglob("*")))

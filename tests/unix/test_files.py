"""A file is replaced completely or not at all, and a descriptor is written directly."""

import os
import stat
from pathlib import Path

import pytest

from mmpipe.errors import OutputError, UsageError
from mmpipe.unix.files import open_output, reject_input_as_output, reject_shared_outputs, replace_output
from mmpipe.unix.streams import Streams


def test_a_file_appears_whole(tmp_path: Path) -> None:
    with replace_output(str(tmp_path / "answer")) as output:
        output.write(b"all ")
        assert not (tmp_path / "answer").exists()
        output.write(b"of it")
    assert b"all of it" == (tmp_path / "answer").read_bytes()


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "answer").write_bytes(b"old")

    def fail() -> None:
        with replace_output(str(tmp_path / "answer")) as output:
            output.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert ["answer"] == [found.name for found in tmp_path.iterdir()]
    assert b"old" == (tmp_path / "answer").read_bytes()


def test_the_mode_of_the_old_file_is_kept_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"")
    (tmp_path / "old").chmod(0o666)
    before = os.umask(0o027)
    try:
        for name in ("old", "new"):
            with replace_output(str(tmp_path / name)) as output:
                output.write(b"x")
    finally:
        os.umask(before)
    assert [0o666, 0o640] == [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("old", "new")]


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    with replace_output(str(tmp_path / "link")) as output:
        output.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert b"new" == (tmp_path / "target").read_bytes()


def test_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    name = "a" * 255
    with replace_output(str(tmp_path / name)) as output:
        output.write(b"x")
    assert [name] == [found.name for found in tmp_path.iterdir()]


@pytest.mark.parametrize("path", ["no/such/folder", "", "."])
def test_a_place_that_cannot_be_written_is_an_output_error(path: str, tmp_path: Path) -> None:
    for opening in (replace_output, open_output):
        with pytest.raises(OutputError, match="cannot write"), opening(f"{tmp_path}/{path}"):
            pass


def test_a_descriptor_is_written_where_it_is(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"before ")
        for opening in (replace_output, open_output):
            with opening(f"/dev/fd/{file.fileno()}") as output:
                output.write(b"and more ")
    assert b"before and more and more " == (tmp_path / "file").read_bytes()


def test_a_descriptor_that_is_not_open_is_an_output_error() -> None:
    # Tests that ran before in this process may have left many open.
    beyond = max(int(entry.name) for entry in Path("/dev/fd").iterdir()) + 100
    with pytest.raises(OutputError, match="Bad file descriptor"), open_output(f"/dev/fd/{beyond}"):
        pass


@pytest.mark.parametrize("number", [2**31, 2**32 + 1, 10**20])
def test_a_number_that_no_descriptor_has_is_an_output_error(number: int) -> None:
    for opening in (replace_output, open_output):
        with pytest.raises(OutputError, match="cannot write to /dev/fd"), opening(f"/dev/fd/{number}"):
            pass


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with replace_output(str(tmp_path / "pipe")) as output:
        output.write(b"x")
    assert b"x" == os.read(reading, 9)
    os.close(reading)


def over(path: Path) -> Streams:
    """Return streams with standard input and output on this file, opened twice."""
    path.touch()
    streams = Streams.fake()
    for descriptor, how in (
        (streams.stdin.descriptor, os.O_RDONLY),
        (streams.stdout.descriptor, os.O_WRONLY),
    ):
        opened_anew = os.open(path, how)
        os.dup2(opened_anew, descriptor, inheritable=False)
        os.close(opened_anew)
    return streams


def test_two_outputs_to_one_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "other").hardlink_to(tmp_path / "file")
    (tmp_path / "new").symlink_to("made")
    streams = over(tmp_path / "file")
    pairs = [("file", "link"), ("other", "file"), ("new", "made"), ("-", "other")]
    for pair in pairs:
        with pytest.raises(UsageError, match="same file"):
            reject_shared_outputs(
                streams, None, *(one if one == "-" else str(tmp_path / one) for one in pair)
            )


def test_two_outputs_may_share_a_pipe_or_a_device(tmp_path: Path) -> None:
    """Descriptors too, which may share one open file."""
    streams = over(tmp_path / "file")
    own = f"/dev/fd/{streams.stdout.descriptor}"
    reject_shared_outputs(
        streams, None, "-", "-", own, own, str(tmp_path / "another"), "/dev/null", "/dev/null"
    )
    for name in ("/dev/null", "/dev/tty"):
        reject_input_as_output(over(Path("/dev/null")), ["-", name], ["-", name])


def test_an_output_that_is_also_an_input_is_refused_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    streams, name = over(tmp_path / "file"), str(tmp_path / "link")
    own = f"/dev/fd/{streams.stdout.descriptor}"
    for written, read in (("-", "-"), ("-", name), (name, "-"), (name, str(tmp_path / "file")), (own, name)):
        called = "standard output" if written == "-" else written
        with pytest.raises(UsageError, match=f"^{called} is both input and output$"):
            reject_input_as_output(streams, [None, written], [None, read])
    reject_input_as_output(streams, ["-", name], [str(tmp_path / "another")])


def test_appending_keeps_what_is_there(tmp_path: Path) -> None:
    for line in (b"one\n", b"two\n"):
        with open_output(str(tmp_path / "log"), append=True) as output:
            output.write(line)
    assert b"one\ntwo\n" == (tmp_path / "log").read_bytes()

"""A file must be at every reading what it was at the first one; only what is appended is no part of it."""

import gzip
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.input_file import InputFile, describe_repeated, find_files
from mmpipe.batch.records.sources import Piece, read_pieces
from mmpipe.errors import InputError
from mmpipe.unix.streams import Input, Streams
from support.record_reading import read_raw

CONTENT = b"".join(b"%d %s\n" % (number, b"x" * 1000) for number in range(400))
STDIN = Streams.fake().stdin
MESSAGE = "was cut or rewritten during the run: only what was read before that is asked"

Change = Callable[[Path], object]


def appends(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more of it\n")


def is_replaced(path: Path, content: bytes) -> None:
    path.with_name("new").write_bytes(content)
    path.with_name("new").rename(path)


def writes(path: Path, content: bytes, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def is_copied_over(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(b"")
    path.write_bytes(content)


def becomes_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


HARMLESS: dict[str, Change] = {
    "nothing happens": lambda _: None,
    "appended": appends,
    "touched": lambda path: os.utime(path, (1, 1)),
    "other mode": lambda path: path.chmod(0o600),
    "written anew with the same content": is_copied_over,
    "replaced by the same content": lambda path: is_replaced(path, path.read_bytes()),
    "replaced by more content": lambda path: is_replaced(path, path.read_bytes() + b"more\n"),
}
HARMFUL: dict[str, Change] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by one byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "cut by a whole piece": lambda path: os.truncate(path, path.stat().st_size - 2**16),
    "first byte": lambda path: writes(path, b"?"),
    "last byte": lambda path: writes(path, b"?", path.stat().st_size - 1),
    "one byte at a border of pieces": lambda path: writes(path, b"?", 2**16),
    "a line inserted at the top": lambda path: path.write_bytes(b"new\n" + path.read_bytes()),
    "the top line removed": lambda path: path.write_bytes(path.read_bytes().partition(b"\n")[2]),
    "cut, then grown to the same size": lambda path: writes(path, bytes(path.stat().st_size)),
    "replaced by another of the same size": lambda path: is_replaced(path, path.read_bytes()[::-1]),
    "replaced by a shorter one": lambda path: is_replaced(path, path.read_bytes()[:-1]),
    "now zipped": lambda path: path.write_bytes(gzip.compress(path.read_bytes())),
    "a pipe": becomes_a_pipe,
}


def contents(file: InputFile) -> bytes:
    return b"".join(file.contents())


@pytest.fixture(params=["plain", "zipped"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    # Level 0, so that it has several pieces too.
    content = CONTENT if request.param == "plain" else gzip.compress(CONTENT, 0, mtime=0)
    (tmp_path / "in").write_bytes(content)
    return tmp_path / "in"


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_later_reading_finds_what_the_first_one_found(path: Path, change: Change) -> None:
    files = find_files([str(path)], STDIN)
    first = list(read_pieces(files))
    assert CONTENT == b"".join(piece.content for piece in first)
    change(path)
    assert first == list(read_pieces(files))


@pytest.mark.parametrize("change", HARMFUL.values(), ids=HARMFUL)
def test_what_has_changed_since_the_first_reading_is_refused_and_nothing_of_it_comes(
    path: Path, change: Change
) -> None:
    before = path.read_bytes()
    (file,) = find_files([str(path)], STDIN)
    contents(file)
    change(path)
    found: list[bytes] = []
    with pytest.raises(InputError, match=f"^{path} {MESSAGE}$"):
        found.extend(file.contents())
    assert before.startswith(b"".join(found))


def saves_as_editors_do(path: Path) -> None:
    path.rename(path.with_name("in~"))
    path.write_bytes(path.with_name("in~").read_bytes().replace(b"7", b"8"))


def maps(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0:1] = b"?"


# What happens after the last byte was read.
HARMLESS_AT_THE_END = {
    **HARMLESS,
    "removed": Path.unlink,
    "renamed": lambda path: path.rename(path.with_name("old")),
}
HARMFUL_AT_THE_END = {**HARMFUL, "saved by an editor": saves_as_editors_do, "mapped": maps}


@pytest.mark.parametrize("change", HARMLESS_AT_THE_END.values(), ids=HARMLESS_AT_THE_END)
@pytest.mark.parametrize("readings", [1, 2])
def test_at_the_end_a_file_may_have_grown_or_be_gone(path: Path, change: Change, readings: int) -> None:
    (file,) = find_files([str(path)], STDIN)
    for _ in range(readings):
        contents(file)
    change(path)
    file.check_unchanged()


@pytest.mark.parametrize("change", HARMFUL_AT_THE_END.values(), ids=HARMFUL_AT_THE_END)
@pytest.mark.parametrize("readings", [1, 2])
def test_at_the_end_a_file_that_was_cut_or_rewritten_is_an_error(
    path: Path, change: Change, readings: int
) -> None:
    (file,) = find_files([str(path)], STDIN)
    for _ in range(readings):
        contents(file)
    change(path)
    with pytest.raises(InputError, match=f"^{path} {MESSAGE}$"):
        file.check_unchanged()


def test_at_the_end_only_what_was_read_counts(path: Path) -> None:
    (file,) = find_files([str(path)], STDIN)
    file.check_unchanged()
    reading = file.contents()
    next(reading)
    writes(path, b"?", path.stat().st_size - 1)
    file.check_unchanged()
    writes(path, b"?", 5)
    with pytest.raises(InputError, match=f"^{path} {MESSAGE}$"):
        file.check_unchanged()


def test_a_large_file_is_read_once_more_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.touch()
    os.truncate(path, 2**24 + 1)
    (file,) = find_files([str(path)], STDIN)
    contents(file)
    file.check_unchanged()
    path.chmod(0o600)
    file.check_unchanged()
    writes(path, b"?", 2**24)
    with pytest.raises(InputError, match=f"^{path} {MESSAGE}$"):
        file.check_unchanged()


def test_files_of_the_kernel_may_change() -> None:
    (file,) = find_files(["/proc/uptime"], STDIN)
    contents(file)
    file.check_unchanged()


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_file_that_is_read_once_may_grow_meanwhile(path: Path, change: Change) -> None:
    before, reading = path.read_bytes(), InputFile(str(path), STDIN).contents()
    first = next(reading)
    change(path)
    assert before == first + b"".join(reading)


NOT_YET_READ = ("last byte", "one byte at a border of pieces")
OTHER_FILE = ("replaced by another of the same size", "replaced by a shorter one", "a pipe")


@pytest.mark.parametrize("name", NOT_YET_READ)
def test_a_change_of_what_was_not_yet_read_is_read(path: Path, name: str) -> None:
    reading = InputFile(str(path), STDIN).contents()
    first = next(reading)
    HARMFUL[name](path)
    assert path.read_bytes() == first + b"".join(reading)


@pytest.mark.parametrize("name", [name for name in HARMFUL if name not in (*NOT_YET_READ, *OTHER_FILE)])
def test_a_change_during_the_only_reading_is_an_error_at_its_end(path: Path, name: str) -> None:
    reading = InputFile(str(path), STDIN).contents()
    next(reading)
    HARMFUL[name](path)
    with pytest.raises(InputError, match=MESSAGE):
        list(reading)


@pytest.mark.parametrize("name", OTHER_FILE)
def test_a_file_that_lost_its_name_is_read_to_its_end(path: Path, name: str) -> None:
    before, reading = path.read_bytes(), InputFile(str(path), STDIN).contents()
    first = next(reading)
    HARMFUL[name](path)
    assert before == first + b"".join(reading)


def test_a_file_that_is_gone_is_named(path: Path) -> None:
    (file,) = find_files([str(path)], STDIN)
    contents(file)
    path.unlink()
    with pytest.raises(InputError, match=f"^cannot read {path}: No such file"):
        contents(file)


@pytest.mark.parametrize("change", [appends, *HARMFUL.values()], ids=["appended", *HARMFUL])
def test_a_file_that_an_earlier_run_has_checked_must_be_opened_as_it_was_found(
    path: Path, change: Change
) -> None:
    (file,) = find_files([str(path)], STDIN)
    file.is_known = True
    if change is becomes_a_pipe:
        return
    change(path)
    with pytest.raises(InputError, match=MESSAGE):
        next(file.contents())


def test_an_unchanged_file_that_an_earlier_run_has_checked_is_read_and_may_grow_then(path: Path) -> None:
    before = path.read_bytes()
    (file,) = find_files([str(path)], STDIN)
    file.is_known = True
    reading = file.contents()
    first = next(reading)
    appends(path)
    assert before == first + b"".join(reading)


def test_the_same_file_twice_is_held_twice(path: Path) -> None:
    files = find_files([str(path), str(path)], STDIN)
    assert 2 * CONTENT == b"".join(piece.content for piece in read_pieces(files))
    writes(path, b"?", path.stat().st_size - 20)
    for file in files:
        with pytest.raises(InputError, match=MESSAGE):
            contents(file)


def test_a_file_that_is_given_again_is_named_under_whatever_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "link").symlink_to("a")
    a, b, link = (str(tmp_path / name) for name in ("a", "b", "link"))
    assert [] == [*describe_repeated(find_files([a, b, "/dev/null", "/dev/null", f"{a}x", f"{a}x"], STDIN))]
    assert [
        f"{a} is given twice: each of its records comes twice",
        f"{link} is given twice, also as {a}: each of its records comes twice",
    ] == [*describe_repeated(find_files([a, b, a, link], STDIN))]


def test_a_last_line_without_a_newline_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"one\ntw")
    files = find_files([str(path)], STDIN)
    path.write_bytes(b"one\ntwo\nthree\n")
    for _ in range(2):
        assert b"one\ntw" == b"".join(piece.content for piece in read_pieces(files))


def test_an_empty_file_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "in").touch()
    (file,) = find_files([str(tmp_path / "in")], STDIN)
    assert b"" == contents(file)
    appends(tmp_path / "in")
    assert b"" == contents(file)


@pytest.fixture
def redirected(tmp_path: Path) -> Iterator[tuple[Path, Input]]:
    (tmp_path / "in").write_bytes(b"passed over\n" + CONTENT)
    descriptor = os.open(tmp_path / "in", os.O_RDONLY)
    os.lseek(descriptor, len(b"passed over\n"), os.SEEK_SET)
    yield tmp_path / "in", Input(descriptor)
    os.close(descriptor)


def test_redirected_input_may_grow_and_must_not_change(redirected: tuple[Path, Input]) -> None:
    path, stdin = redirected
    reading = InputFile("-", stdin).contents()
    first = next(reading)
    appends(path)
    assert CONTENT == first + b"".join(reading)
    os.lseek(stdin.descriptor, 0, os.SEEK_SET)
    for change in ("a line inserted at the top", "cut in the middle"):
        reading = InputFile("-", stdin).contents()
        next(reading)
        HARMFUL[change](path)
        with pytest.raises(InputError, match=f"^standard input {MESSAGE}$"):
            list(reading)
        os.lseek(stdin.descriptor, 0, os.SEEK_SET)


def test_redirected_input_is_compared_at_the_end_and_its_position_stays(
    redirected: tuple[Path, Input],
) -> None:
    path, stdin = redirected
    file = InputFile("-", stdin)
    reading = file.contents()
    next(reading)
    position = os.lseek(stdin.descriptor, 0, os.SEEK_CUR)
    # What was passed over is no input.
    writes(path, b"?")
    is_replaced(path, b"under the same name")
    file.check_unchanged()
    assert position == os.lseek(stdin.descriptor, 0, os.SEEK_CUR)


@given(before=st.binary(max_size=50), after=st.binary(max_size=50))
def test_a_second_reading_gives_the_same_bytes_or_an_error(before: bytes, after: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as named:
        path = Path(named.name)
        path.write_bytes(before)
        file = InputFile(named.name, STDIN)
        assert before == contents(file)
        path.write_bytes(after)
        try:
            found = contents(file)
        except InputError:
            assert not after.startswith(before)
        else:
            assert (before, True) == (found, after.startswith(before))


def test_pieces_end_with_an_empty_one_at_every_reading(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\n")
    files = find_files([str(tmp_path / "in")], STDIN)
    for _ in range(3):
        assert [Piece(files[0].name, b"a\n"), Piece(files[0].name, b"")] == list(read_pieces(files))
    assert [b"a"] == [getattr(line, "content", None) for line in read_raw([files[0].path], STDIN)]

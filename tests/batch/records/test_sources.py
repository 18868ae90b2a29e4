"""Files and standard input are read in order, as soon as something is there, and what cannot be read is named."""

import gzip
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.record_format import NUL, RawRecord, Unreadable, too_long
from mmpipe.batch.records.input_file import find_files
from mmpipe.batch.records.sources import Piece, read_pieces
from mmpipe.errors import InputError
from mmpipe.text.encodings import describe_unmarked
from mmpipe.unix.streams import Input, Streams
from support.record_reading import read_raw


def read(*paths: Path | str, stdin: bytes = b"", limit: int = 1000) -> list[RawRecord | Unreadable]:
    return list(read_raw([str(path) for path in paths], Streams.fake(stdin).stdin, limit=limit))


def texts(lines: list[RawRecord | Unreadable]) -> list[bytes]:
    return [line.content for line in lines if isinstance(line, RawRecord)]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_files_are_read_in_order_and_each_counts_its_own_lines(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"\xef\xbb\xbfa\nb")
    two.write_bytes(b"\xef\xbb\xbfc\n")
    expected = [
        RawRecord(str(one), 1, b"a", skipped=3),
        RawRecord(str(one), 2, b"b"),
        RawRecord(str(two), 1, b"c", skipped=3),
    ]
    assert expected == read(one, two)


def test_a_dash_is_standard_input_and_so_is_no_file_at_all(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"a\n")
    assert [RawRecord("standard input", 1, b"piped")] == read(stdin=b"piped\n")
    assert [b"a", b"piped", b"a"] == texts(read(tmp_path / "one", "-", tmp_path / "one", stdin=b"piped"))


def test_the_same_file_may_be_read_twice_and_counts_its_lines_anew(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"a\nb")
    assert [(1, b"a"), (2, b"b")] * 2 == [
        (line.number, line.content) for line in read(path, path) if isinstance(line, RawRecord)
    ]


def test_an_empty_file_among_others_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(b"")
    (tmp_path / "none.gz").write_bytes(gzip.compress(b"", mtime=0))
    (tmp_path / "one").write_bytes(b"a\n")
    assert [b"a"] == texts(read(tmp_path / "none", tmp_path / "none.gz", tmp_path / "one"))


def test_lines_appended_later_are_not_part_of_the_input(tmp_path: Path) -> None:
    """Standard input may stand anywhere in its file; what is another file now has its own end."""
    names = [str(tmp_path / name) for name in ("grows", "replaced", "empty")]
    for name in names[:2]:
        Path(name).write_bytes(b"one\ntwo\n")
    Path(names[2]).write_bytes(b"")
    paths, stdin = [*names, "-"], Streams.fake(b"passed over\nabc\n").stdin
    os.lseek(stdin.descriptor, 12, os.SEEK_SET)
    files = find_files(paths, stdin)
    with Path(names[0]).open("ab") as file:
        file.write(b"more\n")
    os.pwrite(stdin.descriptor, b"more\n", 16)
    (tmp_path / "another").write_bytes(b"another of more lines\n")
    (tmp_path / "another").rename(names[1])
    found = [(piece.source, piece.content) for piece in read_pieces(files) if piece.content]
    assert [
        (names[0], b"one\ntwo\n"),
        (names[1], b"another of more lines\n"),
        ("standard input", b"abc\n"),
    ] == found


def test_a_file_of_the_kernel_has_no_size_and_is_read_all_the_same() -> None:
    paths, stdin = ["/proc/self/status"], Streams.fake().stdin
    assert b"Name:" in b"".join(piece.content for piece in read_pieces(find_files(paths, stdin)))


def test_each_source_ends_with_an_empty_piece_and_has_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"", mtime=0) + gzip.compress(b"a", mtime=0))
    expected = [Piece(str(path), b"a"), Piece(str(path), b""), Piece("standard input", b"")]
    assert expected == list(read_pieces(find_files([str(path), "-"], Streams.fake(b"").stdin)))


def test_items_may_end_with_nul() -> None:
    lines = read_raw([], Streams.fake(b"a\nb\0c").stdin, separator=NUL)
    assert [b"a\nb", b"c"] == texts(list(lines))


def test_the_first_line_of_a_live_pipe_comes_before_the_second_is_there(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    lines = read_raw([], Input(reading))
    os.write(writing, b"one\ntw")
    assert RawRecord("standard input", 1, b"one") == next(lines)
    os.write(writing, b"o\n")
    assert RawRecord("standard input", 2, b"two") == next(lines)


def test_a_pipe_that_another_process_made_non_blocking_is_waited_for(pipe: tuple[int, int]) -> None:
    import threading

    reading, writing = pipe
    os.set_blocking(reading, False)
    later = threading.Timer(0.05, os.write, (writing, b"late\n"))
    later.start()
    assert RawRecord("standard input", 1, b"late") == next(read_raw([], Input(reading)))
    later.join()


@pytest.mark.parametrize("name", ["missing", "", ".", "nul\0", "missing.gz"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"cannot read .*{tmp_path}"):
        read(f"{tmp_path}/{name}")


def test_standard_input_that_is_closed_is_an_input_error(pipe: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="cannot read standard input"):
        list(read_raw([], Input(pipe[1])))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.sampled_from([b"", bytes(7)]))
def test_zipped_files_read_like_plain_ones_also_joined_and_padded(parts: list[bytes], padding: bytes) -> None:
    import tempfile

    content = b"".join(parts)
    # What begins as a gzip file does is read as one, whatever its name is.
    assume(not content.startswith(b"\x1f\x8b") and describe_unmarked("x", content) is None)
    with tempfile.TemporaryDirectory() as folder:
        plain, zipped = Path(folder, "x"), Path(folder, "x.gz")
        plain.write_bytes(content)
        zipped.write_bytes(b"".join(gzip.compress(part, mtime=0) + padding for part in parts))
        assert texts(read(plain)) == texts(read(zipped))


def test_a_zipped_file_that_unpacks_to_a_thousand_times_its_size_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(20 * 2**20) + b"\nend\n", mtime=0))
    tracemalloc.start()
    try:
        assert [too_long(str(path), 1, 1000), RawRecord(str(path), 2, b"end")] == read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_every_zipped_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    whole = gzip.compress(b"one\ntwo\n", mtime=0)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"x\.gz is cut off"):
            read(path)


@pytest.mark.parametrize(
    "spoilt",
    [b"plain\n", gzip.compress(b"x", mtime=0)[:-8] + bytes(8), gzip.compress(b"x", mtime=0) + b"junk"],
)
def test_a_gzip_file_with_invalid_data_is_refused(spoilt: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(spoilt)
    with pytest.raises(InputError, match=r"x\.gz is not valid gzip data"):
        read(tmp_path / "x.gz")


def test_lines_before_the_damage_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"one\ntwo\n", mtime=0)[:-1])
    lines = read_raw([str(tmp_path / "x.gz")], Streams.fake().stdin)
    assert b"one" == texts([next(lines)])[0]

"""Packed files are read like plain ones, in pieces; files that are no text are refused with the way to their text."""

import bz2
import gzip
import lzma
import os
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.record_format import RawRecord, Unreadable, too_long
from mmpipe.batch.records.input_file import find_files
from mmpipe.batch.records.sources import read_pieces
from mmpipe.errors import InputError
from mmpipe.text.encodings import describe_unmarked
from mmpipe.text.file_kinds import kind_of
from mmpipe.unix.streams import Input, Streams
from support.record_reading import read_raw

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
ENDINGS = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz"}


def read(path: Path | str, limit: int = 1000) -> list[RawRecord | Unreadable]:
    return list(read_raw([str(path)], Streams.fake().stdin, limit=limit))


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    st.sampled_from([*PACK]),
    st.sampled_from([b"", bytes(8)]),
    st.booleans(),
)
def test_a_packed_file_reads_like_a_plain_one_whatever_its_name(
    parts: list[bytes], name: str, padding: bytes, has_ending: bool
) -> None:
    # What begins like a file of another kind is taken for one.
    content = b"".join(parts)
    assume(kind_of(content) is None and describe_unmarked("x", content) is None)
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder, "x"), Path(folder, "y" + ENDINGS[name] * has_ending)
        plain.write_bytes(content)
        packed.write_bytes(b"".join(PACK[name](part) + padding for part in parts))
        expected = [line.content for line in read(plain) if isinstance(line, RawRecord)]
        assert expected == [line.content for line in read(packed) if isinstance(line, RawRecord)]


@pytest.mark.parametrize("name", PACK)
def test_packed_data_is_recognised_in_a_pipe(name: str) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, PACK[name](b"one\n"))
        os.close(writing)
        writing = -1
        found = [piece.content for piece in read_pieces(find_files([], Input(reading)))]
        assert [b"one\n", b""] == found
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


@pytest.mark.parametrize("name", PACK)
def test_packed_data_that_is_cut_off_or_spoilt_is_refused(name: str, tmp_path: Path) -> None:
    path, whole = tmp_path / ("x" + ENDINGS[name]), PACK[name](b"one\ntwo\n")
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=rf"is cut off: its {name} data has no end"):
            read(path)
    for spoilt in (b"plain text, not packed\n", whole + b"junk that follows", whole[:-9] + bytes(9)):
        path.write_bytes(spoilt)
        with pytest.raises(InputError, match=rf"is not valid {name} data|is cut off"):
            read(path)


@pytest.mark.parametrize("name", PACK)
def test_what_unfolds_to_a_thousand_times_its_size_is_read_in_pieces(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACK[name](bytes(8 * 2**20) + b"\nend\n"))
    tracemalloc.start()
    try:
        assert [too_long(str(path), 1, 1000), RawRecord(str(path), 2, b"end")] == read(path)
        # The dictionary of xz, and one piece.
        assert tracemalloc.get_traced_memory()[1] < (10 if name == "xz" else 1) * 2**20
    finally:
        tracemalloc.stop()


def test_xz_data_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xz"
    path.write_bytes(lzma.compress(b"a", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 200 << 20}]))
    with pytest.raises(
        InputError, match=r"needs more than 96 MiB of memory to be unpacked: `xz -dc .*/x.xz \| mmpipe batch`"
    ):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x28\xb5\x2f\xfd\x04\x00\x09\x00\x00abc", "is zstd data, not text: `zstd -dc FILE | mmpipe batch` reads its content"),
        (b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "is an Office document, not text: export its table as CSV"),
        (b"PK\x03\x04" + bytes(26) + b"a.csv", "is a zip archive, not text: `unzip -p FILE | mmpipe batch` reads its content (--input-format csv for a table)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "is an old Office document, not text: export its table as CSV"),
        (b"PAR1\x15\x04\x15", "is a Parquet file, not text: `duckdb -json"),
        (b"SQLite format 3\0\x10\0", "is an SQLite database, not text: `sqlite3 -csv -header FILE"),
        (b"%PDF-1.7\n", "is a PDF, not text: `pdftotext FILE - | mmpipe batch`"),
        (b"\x89PNG\r\n\x1a\n\0", "is a PNG image, not text: `mmpipe chat -a FILE` asks about it"),
        (gzip.compress(gzip.compress(b"x")), "is gzip data, not text: `gzip -dc FILE | mmpipe batch`"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_text_is_named_with_what_to_do(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.message.startswith(f"{path} {message.replace('FILE', str(path))}")

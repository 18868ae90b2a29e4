"""Input in any encoding is read as its text; a byte that cannot be decoded spoils its record alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.decoding import decode_contents, find_mark
from mmpipe.batch.records.formats.record_format import FormatOptions
from mmpipe.batch.records.input_file import find_files
from mmpipe.batch.records.records import Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import read_pieces
from mmpipe.errors import InputError
from mmpipe.unix.streams import Streams
from support.piece_cuts import PLACES, cut
from support.record_reading import MODEL


def prompts(path: Path, encoding: str = "utf-8") -> list[object]:
    """The prompt of each record, or what is wrong with it and its line."""
    pieces = read_pieces(find_files([str(path)], Streams.fake().stdin), encoding=encoding)
    return [
        found.request.messages[-1]["content"] if isinstance(found, Record) else (found.number, found.message)
        for found in read_records(pieces, RequestDefaults(MODEL), FormatOptions())
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", 'prompt,标题\r\n"好,\n很好",x\r\n再见,y\r\n'),
        ("in.jsonl", '{"prompt": "好,\\n很好"}\n"再见"\n'),
        ("in.json", '["好,\\n很好",\n"再见"]'),
    ],
)
@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8-sig", "utf-8"), ("utf-16", "utf-8"), ("utf-16", "gbk"), ("utf-32", "utf-8"), ("gbk", "gbk"), ("utf-16-be", "utf-16-be"), ("utf-16-le", "utf-16")],
)  # fmt: skip
def test_a_mark_or_the_option_tells_the_encoding(
    name: str, content: str, encoding: str, named: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert ["好,\n很好", "再见"] == prompts(tmp_path / name, named)


def test_a_byte_that_cannot_be_decoded_spoils_its_record_alone(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes("prompt\n好\n".encode("gbk") + b"\xba\xc3\xff\n" + "再见\n".encode("gbk"))
    assert ["好", (3, "it is not GBK: byte 0xff stands after 1 characters"), "再见"] == prompts(path, "gbk")
    path.write_bytes("prompt\na\n".encode("utf-16") + b"x\xd8" + "b\nc\n".encode("utf-16-le") + b"\n")
    bad = (3, "it is not UTF-16: byte 0x78 stands after 0 characters")
    assert ["a", bad, "c"] == prompts(path)[:3]


def test_text_in_a_wrong_encoding_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes("prompt\n这是一个测试\n".encode("gbk"))
    assert [(2, "it is not UTF-8: byte 0 is 0xd5; if it is GBK, add --encoding gbk")] == prompts(path)


def test_a_table_in_utf_16_without_a_mark_is_refused_whole_by_its_own_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes('id,prompt\r\n1,h\u00e9llo\r\n2,"\u518d\u89c1,\u4e86"\r\n'.encode(encoding))
        with pytest.raises(InputError, match=f"in.csv looks like UTF-16 .* add --encoding {encoding}$"):
            prompts(path)
        assert ["h\u00e9llo", "\u518d\u89c1,\u4e86"] == prompts(path, encoding)


@given(st.text(), PLACES, st.sampled_from(["gb18030", "utf-16", "utf-16-le", "shift-jis", "cp1252"]))
def test_text_cut_anywhere_is_the_same_text(text: str, places: list[int], encoding: str) -> None:
    content = text.encode(encoding, "ignore")
    assert content.decode(encoding) == b"".join(decode_contents(cut(content, places), encoding)).decode()


@given(
    st.binary(), PLACES, st.sampled_from(["gb18030", "utf-16-le", "big5", "cp1252", "iso2022-jp", "ascii"])
)
def test_any_bytes_in_any_encoding_are_decoded_or_marked(
    content: bytes, places: list[int], encoding: str
) -> None:
    found = b"".join(decode_contents(cut(content, places), encoding))
    try:
        expected = content.decode(encoding)
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            found.decode()
    else:
        assert expected == found.decode()


@pytest.mark.parametrize("codec", ["iso2022_jp", "iso2022_jp_2", "iso2022_kr", "hz"])
@pytest.mark.parametrize(
    "parts",
    [
        [b"\x1b$\x81", b"$$\xd8$\xd8\x1b"],
        [b"\x1b\nabcdefghijk"],
        [b"a\x1b$$$$$$", b"$$$$$$", b"$$$$"],
        [b"\x1b" * 20],
        [b"\x1b\x1b$\xff" * 5, b"$", b"\x1b$\x1b$\x1b$\x1b$"],
    ],
)
def test_an_escape_that_ends_nowhere_costs_no_text_around_it(codec: str, parts: list[bytes]) -> None:
    pieces = [b"first\n" + parts[0], *parts[1:], b"\nlast\n"]
    text = b"".join(decode_contents(pieces, codec))
    assert text.startswith(b"first\n")
    assert text.endswith(b"\nlast\n")
    if b"\x81" in parts[0] and codec != "hz":
        assert (6, 0x1B) == find_mark(text)

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.text.encodings import (
    decode_text,
    describe_no_text,
    describe_undecodable,
    find_codec,
    list_codecs,
    suggest_codec,
)

TEXT = "na\u00efve caf\u00e9, d\u00e9j\u00e0 vu\n"
TAR = b"f1".ljust(257, b"\0") + b"ustar  \0"
CHINESE = "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u8fd9\u662f\u4e00\u4e2a\u6d4b\u8bd5\u3002\n"


def complaint(content: bytes, encoding: str = "utf-8") -> str:
    with pytest.raises(UnicodeDecodeError) as raised:
        decode_text(content, encoding)
    return describe_undecodable("in.txt", raised.value)


@given(st.text(), st.sampled_from(["utf-8", "gb18030", "utf-16-le", "utf-16-be", "utf-32-le"]))
def test_text_in_a_named_encoding_is_what_was_written(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    # The first bytes may be a mark by chance, which says more than the option.
    if content[:2] not in (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb", b"\0\0"):
        assert text == decode_text(content, encoding)


@given(
    st.text().filter(lambda text: not text.startswith("\0")),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]),
    st.sampled_from(["utf-8", "gbk", "latin-1"]),
)
def test_a_byte_order_mark_is_recognised_whatever_encoding_is_named(
    text: str, encoding: str, named: str
) -> None:
    assert text == decode_text(("\ufeff" + text).encode(encoding), named)


@given(st.binary())
def test_any_other_bytes_are_refused_with_a_sentence(content: bytes) -> None:
    with suppress(UnicodeDecodeError):
        decode_text(content)
        return
    assert complaint(content).startswith("in.txt is ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.encode("latin-1"), "in.txt is not UTF-8: byte 2 is 0xef; if it is Latin-1, add --encoding latin-1"),
        (
            "\u201cquoted\u201d \u2013 so".encode("cp1252"),
            "in.txt is not UTF-8: byte 0 is 0x93; if it is Windows-1252, add --encoding cp1252",
        ),
        (
            b"ok " + CHINESE.encode("gbk"),
            "in.txt is not UTF-8: byte 3 is 0xc4; if it is GBK, add --encoding gbk",
        ),
        (
            "Gr\u00fc\u00dfe, \u4f60\u597d ".encode("utf-16-le") * 9,
            "in.txt is not UTF-8: byte 4 is 0xfc; if it is UTF-16, add --encoding utf-16-le",
        ),
        (
            "caf\u00e9".encode("latin-1"),
            "in.txt is not UTF-8: byte 3 is 0xe9; its last character is cut off, or if it is Latin-1, add --encoding latin-1",
        ),
        ("\u00e9caf\u00e9".encode()[:-1], "in.txt is not UTF-8: byte 5 is 0xc3; its last character is cut off"),
        (b"\xef\xbb\xbfok \xff ", "in.txt is not UTF-8: byte 6 is 0xff; if it is Latin-1, add --encoding latin-1"),
        # Bytes that are no text get no guess.
        (b"\x80\x01\x02\0\xfe\0\x03", "in.txt is not UTF-8: byte 0 is 0x80"),
        # The mark names the encoding, which the rest does not keep.
        (b"\xff\xfea\0b", "in.txt is not UTF-16-LE: byte 4 is 0x62"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_byte_and_the_likely_cure(content: bytes, expected: str) -> None:
    assert expected == complaint(content)


def test_a_text_that_is_not_in_the_named_encoding_is_refused_by_that_name() -> None:
    assert "in.txt is not GBK: byte 2 is 0xff" == complaint(b"ok\xff", "gbk")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "in.txt is a PNG image, not text: attach it with -a"),
        (b"%PDF-1.4\nall ASCII\n", "in.txt is a PDF, not text: `pdftotext in.txt -` prints what is in it"),
        (TAR, "in.txt is a tar archive, not text: `tar -xOf in.txt` prints what is in it"),
        (b"PAR1\x15\x04", "in.txt is a Parquet file, not text: `duckdb -json -c \"FROM 'in.txt'\"` prints what is in it"),
        (b"\x28\xb5\x2f\xfd\x04", "in.txt is zstd data, not text: `zstd -dc in.txt` prints what is in it"),
        (b"PK\x03\x04" + bytes(26) + b"xl/", "in.txt is an Office document, not text: export it as CSV or text"),
        (b"ID3\x04\xff", "in.txt is an MP3 sound, not text"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_by_its_kind_also_if_it_would_decode(
    content: bytes, expected: str
) -> None:
    assert expected == describe_no_text("in.txt", content, path="in.txt")
    assert expected == describe_no_text("in.txt", content, "latin-1", path="in.txt")


def test_the_command_of_a_refusal_can_be_pasted_into_a_shell() -> None:
    assert "`pdftotext 'a b.pdf' -`" in str(describe_no_text("in.txt", b"%PDF-1.7\n", path="a b.pdf"))
    assert "`pdftotext FILE -`" in str(describe_no_text("in.txt", b"%PDF-1.7\n", path=None))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "sim:echo one\n",
        "id,text\r\n1,h\u00e9llo\r\n2,\u201c\u518d\u89c1,\u4e86\u201d\r\n",
        "\u043f\u0440\u0438\u0432\u0435\u0442 \u03b3\u03b5\u03b9\u03ac",
        "\u7f16\u53f7,\u6587\u672c\n1,\u518d\u89c1\n",
        "it\u2019s \U0001f600 long " * 999,
    ],
)
def test_a_wide_encoding_without_a_mark_is_refused_with_its_name(text: str, encoding: str) -> None:
    expected = (
        f"in.txt looks like {encoding[:6].upper()} without a byte order mark: add --encoding {encoding}"
    )
    assert expected == describe_no_text("in.txt", text.encode(encoding))
    assert describe_no_text("in.txt", text.encode(encoding), encoding) is None
    assert describe_no_text("in.txt", ("\ufeff" + text).encode(encoding)) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"a\0", b"a\0b", b"\0\0\0\0\0\0\0\0", b"one\0two\0three\0", b"abc\0" * 99, b"10\0" * 99, b"%PDF", b"tar" * 85 + b"..ustar of old\n"],
)  # fmt: skip
def test_text_with_single_nuls_is_text(content: bytes) -> None:
    assert describe_no_text("in.txt", content) is None


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("GBK", "gbk"),
        ("gb2312", "gb2312"),
        ("GB18030", "gb18030"),
        ("big5", "big5"),
        ("Shift_JIS", "shift-jis"),
        ("latin1", "iso8859-1"),
        ("ISO-8859-1", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("UTF-16LE", "utf-16-le"),
        ("koi8-r", "koi8-r"),
    ],
)
def test_encodings_have_the_names_that_other_programs_use(name: str, codec: str) -> None:
    assert codec == find_codec(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "x",
            "base64",
            "rot13",
            "zlib",
            "hex",
            "idna",
            "punycode",
            "undefined",
            "unicode_escape",
            "utf-7",
        ),
        *("../utf_8", "\udcff", "utf-8\0", "a" * 10_000),
    ],
)
def test_what_no_file_is_written_in_is_no_encoding(name: str) -> None:
    assert find_codec(name) is None


def test_a_misspelt_encoding_gets_a_suggestion_that_is_taken() -> None:
    assert ["did you mean utf-8?", "did you mean gbk?"] == [suggest_codec("utf-9"), suggest_codec("gbkk")]
    # These are known, and no file is written in them.
    assert ["", "", ""] == [suggest_codec(name) for name in ("utf-7", "base64", "punycode")]


def test_every_listed_codec_that_is_found_decodes() -> None:
    codecs = {codec for name in list_codecs() if (codec := find_codec(name)) is not None}
    assert len(codecs) > 80
    for codec in codecs:
        assert isinstance(b"abcd".decode(codec, "replace"), str)

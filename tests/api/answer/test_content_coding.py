"""The content of a body is the same however it was compressed, named and cut, and unfolds in small pieces."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.content_coding import STEP, ContentDecoder, parse_codings
from mmpipe.errors import BadResponse
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

ANSWER = b'data: {"id": 1}\n\ndata: [DONE]\n\n'
MEGABYTE = 2**20


def raw_deflate(content: bytes, level: int = 6) -> bytes:
    compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


def members(content: bytes) -> bytes:
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(b"") + gzip.compress(content[half:])


def flushed(content: bytes) -> bytes:
    """Gzip that is flushed after each byte, as servers do with streams, and that has no end."""
    compressor = zlib.compressobj(wbits=31)
    pieces = (compressor.compress(bytes([byte])) + compressor.flush(zlib.Z_SYNC_FLUSH) for byte in content)
    return b"".join(pieces)


def decoded(sent: bytes, places: list[int], *codings: str) -> bytes:
    decoder = ContentDecoder(codings)
    found = [content for piece in cut(sent, places) for content in decoder.feed(piece)]
    return b"".join((*found, *decoder.close()))


FORMS: list[tuple[Callable[[bytes], bytes], tuple[str, ...]]] = [
    (bytes, ()),
    (bytes, ("gzip",)),
    (bytes, ("deflate",)),
    (bytes, ("br",)),
    (bytes, ("gzip", "zstd")),
    (gzip.compress, ("gzip",)),
    (gzip.compress, ("x-gzip",)),
    (gzip.compress, ("deflate",)),
    (gzip.compress, ("gzip", "gzip")),
    (gzip.compress, ()),
    (members, ("gzip",)),
    (flushed, ("gzip",)),
    (zlib.compress, ("deflate",)),
    (zlib.compress, ("gzip",)),
    (raw_deflate, ("deflate",)),
    (lambda content: gzip.compress(gzip.compress(content)), ("gzip", "gzip")),
    (lambda content: gzip.compress(gzip.compress(content)), ("gzip",)),
    (lambda content: gzip.compress(raw_deflate(content)), ("deflate", "gzip")),
]
TEXTS = st.sampled_from(
    [b"data: ", b'{"a": ', b"[{", b": ping\n\n", b"event: x\n", b"\xef\xbb\xbfdata: ", b"\n {}"]
)


@given(st.sampled_from(FORMS), TEXTS, st.binary(min_size=8, max_size=200), PLACES)
def test_the_content_does_not_depend_on_its_coding_its_names_or_its_cuts(
    form: tuple[Callable[[bytes], bytes], tuple[str, ...]], begin: bytes, rest: bytes, places: list[int]
) -> None:
    compress, codings = form
    sent = compress(begin + rest)
    assert begin + rest == decoded(sent, places, *codings) == decoded(sent, list(range(len(sent))), *codings)


@given(st.binary(), PLACES, st.sampled_from([(), ("gzip",), ("deflate",), ("br",), ("gzip", "deflate")]))
def test_bytes_of_any_kind_are_decoded_or_refused_however_they_are_cut(
    sent: bytes, places: list[int], codings: tuple[str, ...]
) -> None:
    def outcome(cuts: list[int]) -> bytes | None:
        try:
            return decoded(sent, cuts, *codings)
        except BadResponse:
            return None

    assert outcome(places) == outcome([])


@pytest.mark.parametrize("level", range(10))
@pytest.mark.parametrize(
    "begin", [b"data: {", b'{"id": "', b'[{"id"', b": ping", b"<html>", b"\xef\xbb\xbf{"]
)
def test_deflate_without_a_header_is_told_from_text(level: int, begin: bytes) -> None:
    content = begin + ANSWER * 20
    assert content == decoded(raw_deflate(content, level), [], "deflate") == decoded(content, [], "deflate")


def test_text_that_was_flushed_comes_out_at_once() -> None:
    decoder, compressor = ContentDecoder(("gzip",)), zlib.compressobj(wbits=31)
    for number in range(9):
        event = b"data: %d\n\n" % number
        sent = compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert event == b"".join(decoder.feed(sent))
    assert decoder.is_cut
    assert b"" == b"".join(decoder.feed(compressor.flush()))
    assert not decoder.is_cut


@pytest.mark.parametrize("end", [1, 9, 20])
def test_a_body_that_is_cut_off_is_known_as_such(end: int) -> None:
    for sent in (gzip.compress(ANSWER), zlib.compress(ANSWER)):
        decoder = ContentDecoder(("deflate",))
        list(decoder.feed(sent[: -min(end, len(sent) - 2)]))
        assert decoder.is_cut


@pytest.mark.parametrize("coding", ["br", "zstd", "compress"])
def test_a_coding_that_cannot_be_read_is_named(coding: str) -> None:
    for sent in (b"\x8b\x04\x80squeezed\x03", b"\x1b\x03"):
        with pytest.raises(BadResponse, match=f"compressed its answer with {coding},"):
            decoded(sent, [], coding)


@pytest.mark.parametrize(
    "sent",
    [
        gzip.compress(ANSWER, mtime=0)[:-8] + bytes(8),
        gzip.compress(ANSWER, mtime=0) + b"more",
        b"\x1f\x8b\x07" + bytes(9),
        zlib.compress(ANSWER) + b"more",
        zlib.compress(ANSWER) + gzip.compress(ANSWER),
    ],
)
def test_corrupt_bytes_are_refused(sent: bytes) -> None:
    with pytest.raises(BadResponse, match=r"corrupt: (Error -3|other bytes follow them)"):
        decoded(sent, [], "deflate")


def test_zeros_that_fill_up_a_compressed_body_are_no_part_of_it() -> None:
    for places in ([], list(range(200))):
        assert ANSWER == decoded(gzip.compress(ANSWER) + bytes(20), places, "gzip")


@pytest.mark.parametrize(
    ("codings", "sent"),
    [
        ((), b"x^2 is a square"),
        ((), raw_deflate(ANSWER)),
        (("gzip",), raw_deflate(ANSWER)),
        (("x-gzip",), raw_deflate(ANSWER)),
    ],
)
def test_bytes_that_are_compressed_as_nobody_said_are_left_alone(
    codings: tuple[str, ...], sent: bytes
) -> None:
    assert sent == decoded(sent, [], *codings)


def test_text_comes_out_at_once_if_no_coding_is_named() -> None:
    assert [b"data"] == [*ContentDecoder().feed(b"data")]


def test_a_text_that_begins_as_zlib_might_is_read_under_a_header_that_names_deflate() -> None:
    assert b"Hello, I am a proxy" == decoded(b"Hello, I am a proxy", [], "deflate")


@pytest.mark.parametrize("size", [STEP - 1, STEP, STEP + 1, STEP + 200, 2 * STEP])
def test_what_was_flushed_comes_out_whole_at_once_in_steps_of_any_size(size: int) -> None:
    compressor = zlib.compressobj(wbits=31)
    sent = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert size == sum(map(len, ContentDecoder().feed(sent)))
    # Its last bytes come out although no byte is left to read.
    assert bytes(size) == decoded(raw_deflate(bytes(size)), [], "deflate")


def test_the_first_bytes_of_deflate_are_not_unfolded_as_a_whole_to_know_them() -> None:
    decoder, bomb = ContentDecoder(("deflate",)), raw_deflate(bytes(20 * MEGABYTE), 9)
    tracemalloc.start()
    assert STEP == len(next(decoder.feed(bomb)))
    assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    tracemalloc.stop()


@pytest.mark.slow
def test_a_bomb_unfolds_in_small_pieces_and_small_memory() -> None:
    bomb = gzip.compress(gzip.compress(bytes(100 * MEGABYTE), 9), 9)
    decoder, size = ContentDecoder(("gzip",)), 0
    tracemalloc.start()
    for content in decoder.feed(bomb):
        assert len(content) <= STEP
        size += len(content)
        if size > 50 * MEGABYTE:
            break
    assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    tracemalloc.stop()


def test_compressed_bytes_that_unfold_to_nothing_have_a_limit() -> None:
    nothing = gzip.compress(b"") * 5000
    decoder = ContentDecoder(limit=3 * len(nothing))
    assert [] == [*decoder.feed(nothing), *decoder.feed(nothing), *decoder.feed(nothing)]
    with pytest.raises(BadResponse, match=f"longer than {3 * len(nothing)} bytes"):
        list(decoder.feed(b"\0"))


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", ()),
        ("identity", ()),
        ("utf-8", ()),
        ("none, application/json", ()),
        (" GZip ", ("gzip",)),
        ("gzip,br", ("gzip", "br")),
        ("deflate, identity, X-GZIP", ("deflate", "x-gzip")),
    ],
)
def test_words_that_name_no_coding_are_left_out(header: str, codings: tuple[str, ...]) -> None:
    assert codings == parse_codings(header)

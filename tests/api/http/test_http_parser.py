"""Responses of HTTP/1, valid and not: what is parsed does not depend on where the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.http.http_parser import MAX_HEAD, RawHead, ResponseParser
from mmpipe.errors import ExitStatus, MmpipeError
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
SIZED = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"
CHUNKED_HEAD = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = HEAD + b"\r\nhello"
FOLDED = b"HTTP/1.0 404 Not\xe9\nX-One: a\n  b\n\tc \nX-Two:\nContent-Length: 0\n\n"
INFORMED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + SIZED
SOUND = [SIZED, CHUNKED, UNTIL_CLOSE, FOLDED, INFORMED]

Parsed = tuple[RawHead | None, bytes, ExitStatus, bool, bool]


def parsed(*pieces: bytes) -> Parsed:
    """The head, the body, the status of the error, whether to retry, and whether the connection may be used again."""
    parser, parts, failure = ResponseParser("host:1"), list[RawHead | bytes](), ExitStatus.OK
    retryable = False
    try:
        for piece in pieces:
            # As a body is read: what is nothing but content comes without steps.
            content = parser.strip(piece)
            for part in parser.feed(piece) if content is None else [content]:
                parts.append(part)
        parser.end()
    except MmpipeError as error:
        failure, retryable = error.status, error.retryable
    heads = [part for part in parts if isinstance(part, RawHead)]
    body = b"".join(part for part in parts if isinstance(part, bytes))
    return heads[0] if heads else None, body, failure, retryable, parser.is_reusable


def test_a_body_ends_as_its_head_says() -> None:
    for response, reusable in ((SIZED, True), (CHUNKED, True), (UNTIL_CLOSE, False), (INFORMED, True)):
        head, body, status, _, kept = parsed(response)
        assert head is not None
        assert (200, b"hello", ExitStatus.OK, reusable) == (head.status, body, status, kept)


def test_folded_lines_are_joined_and_names_are_in_small_letters() -> None:
    head = parsed(FOLDED)[0]
    assert head is not None
    assert head.status == 404
    assert head.headers == {"x-one": ["a b c"], "x-two": [""], "content-length": ["0"]}


@pytest.mark.parametrize(
    ("field", "first", "kept"),
    [
        ("", "1", True),
        ("Connection: close", "1", False),
        ("Connection: x , Close", "1", False),
        ("Connection: keep-alive", "0", True),
        ("", "0", False),
    ],
)
def test_a_connection_is_kept_only_if_both_sides_want_it(field: str, first: str, kept: bool) -> None:
    lines = f"HTTP/1.{first} 200 OK\r\nContent-Length: 0\r\n{field}\r\n" + ("\r\n" if field else "")
    assert kept == parsed(lines.encode())[4]


def test_bytes_after_the_end_cost_the_connection_and_not_the_answer() -> None:
    head, body, status, _, kept = parsed(SIZED, SIZED)
    assert head is not None
    assert (b"hello", ExitStatus.OK, False) == (body, status, kept)


@given(st.sampled_from(SOUND), PLACES)
def test_the_cuts_do_not_matter(response: bytes, places: list[int]) -> None:
    assert parsed(response) == parsed(*cut(response, places))


@given(st.sampled_from(SOUND), PLACES, st.binary(max_size=3), st.integers(0, 200), st.integers(0, 3))
def test_the_cuts_of_a_damaged_response_do_not_matter(
    response: bytes, places: list[int], damage: bytes, place: int, lost: int
) -> None:
    damaged = response[:place] + damage + response[place + lost :]
    assert parsed(damaged) == parsed(*cut(damaged, places))


@given(st.sampled_from([SIZED, CHUNKED, INFORMED]), st.data())
def test_a_response_with_a_length_that_is_cut_off_is_never_whole(
    response: bytes, data: st.DataObject
) -> None:
    shorter = response[: data.draw(st.integers(0, len(response) - 1))]
    _, _, status, retryable, _ = parsed(shorter)
    assert status in (ExitStatus.NETWORK, ExitStatus.BAD_RESPONSE)
    assert retryable


@given(st.binary(max_size=200))
def test_nonsense_is_no_answer(received: bytes) -> None:
    head, body, status, _, _ = parsed(received)
    assert (None, b"") == (head, body)
    assert status in (ExitStatus.NETWORK, ExitStatus.BAD_RESPONSE)


@pytest.mark.parametrize(
    "endless",
    [
        HEAD + b"X-Long: " + b"x" * 2 * MAX_HEAD,
        HEAD + b"X: y\r\n" * MAX_HEAD,
        b"HTTP/1.1 200 " + b"x" * 2 * MAX_HEAD,
        b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_HEAD,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 2 * MAX_HEAD,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * MAX_HEAD,
    ],
)
def test_what_has_no_end_is_refused_at_a_limit(endless: bytes) -> None:
    head, body, status, retryable, _ = parsed(*cut(endless, list(range(0, len(endless), 1000))))
    assert (b"", ExitStatus.BAD_RESPONSE, False) == (body, status, retryable)
    # And no later than at the limit.
    before, _, _, may_come, _ = parsed(endless[: MAX_HEAD - 1000])
    assert (head, True) == (before, may_come)
    assert ExitStatus.BAD_RESPONSE == parsed(endless[: MAX_HEAD + 200])[2]


def test_a_head_that_comes_byte_by_byte_is_parsed_in_time_that_grows_with_its_length() -> None:
    long = HEAD + b"X: y\r\n" * 15_000 + b"Content-Length: 0\r\n\r\n"
    assert ExitStatus.OK == parsed(*(bytes([byte]) for byte in long))[2]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 200 %s\v",
        b"HTTP/1.1 200 OK\r\nX:%s\v",
        b"HTTP/1.1 200 OK\r\nX: y%sz%s\v",
        CHUNKED_HEAD + b"1%s\v",
        CHUNKED_HEAD + b"1;%s\r",
    ],
)
@pytest.mark.parametrize("filler", [b" ", b"\t", b"\r", b"; "])
def test_a_line_of_spaces_as_long_as_the_limit_is_refused_in_time_that_grows_with_its_length(
    line: bytes, filler: bytes
) -> None:
    # Where spaces could be shared out in many ways, this took minutes.
    long = (
        line.replace(b"%s", filler * (MAX_HEAD * 9 // 10 // line.count(b"%s") // len(filler))) + b"x\r\n\r\n"
    )
    assert ExitStatus.BAD_RESPONSE == parsed(long)[2]


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_piece_that_is_one_whole_chunk_is_its_content_and_any_other_is_parsed_in_steps() -> None:
    parser = ResponseParser("host:1")
    [head] = parser.feed(CHUNKS)
    assert isinstance(head, RawHead)
    assert [b"hello", b"\r\n"] == [parser.strip(b"5\r\nhello\r\n"), parser.strip(b"2;a=b\r\n\r\n\r\n")]
    for other in (
        b"5\r\nhell",
        b"5\r\nhello",
        b"4\r\nhello\r\n",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n" * 2,
        b"\r\n",
    ):
        assert parser.strip(other) is None
    assert [b"hel"] == [*parser.feed(b"5\r\nhel")]
    assert parser.strip(b"2\r\nlo\r\n") is None


def test_spaces_around_a_value_are_no_part_of_it() -> None:
    head = parsed(b"HTTP/1.1 200 OK\r\nA: \t b \tc\t \r\nB:\t \nC:d\r\nContent-Length: 0\r\n\r\n")[0]
    assert head is not None
    assert head.headers == {"a": ["b \tc"], "b": [""], "c": ["d"], "content-length": ["0"]}


def test_the_values_of_a_repeated_header_come_in_order_and_in_latin_1() -> None:
    head = parsed(b"HTTP/1.1 200 OK\r\nA: 1\r\na: \xe9\r\nContent-Length: 0\r\n\r\n")[0]
    assert head is not None
    assert head.headers["a"] == ["1", "é"]


def problem(*pieces: bytes) -> str:
    """Return the message of the error."""
    parser = ResponseParser("host:1")

    def parse() -> None:
        for piece in pieces:
            for _ in parser.feed(piece):
                pass
        parser.end()

    with pytest.raises(MmpipeError) as caught:
        parse()
    return caught.value.message


NOT_HTTP = "the response of the service is not HTTP: "


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"", "host:1: the service closed the connection without an answer"),
        (SIZED[:-1], "the answer is truncated: the connection ended inside the body"),
        (CHUNKED[:-1], "the answer is truncated: the connection ended inside the body"),
        (b"<html>hello</html>\nx", f"{NOT_HTTP}it begins with '<html>hello</html> x'"),
        (b"<html>\r\n", f"{NOT_HTTP}it begins with '<html>'"),
        (b"x" * 300, f"{NOT_HTTP}it begins with '{'x' * 59}…'"),
        (b"\x15\3\3\0\2", f"{NOT_HTTP}it begins with '␕␃␃␀␂'; it may speak https:// there"),
        (b"\x16\3\1", f"{NOT_HTTP}it begins with '␖␃␁'; it may speak https:// there"),
        (b"\x17\3\1", f"{NOT_HTTP}it begins with '␗␃␁'"),
        (b"HTTP/1.1 OK\r\n\r\n", f"{NOT_HTTP}its status line is 'HTTP/1.1 OK'"),
        (b"HTTP/1.1 101 Switch\r\n\r\n", f"{NOT_HTTP}its status line is 'HTTP/1.1 101 Switch'"),
        (HEAD + b"no sense\xe4\r\n\r\n", f"{NOT_HTTP}a header is 'no senseä'"),
        (HEAD + b"\xe4: x\r\n\r\n", f"{NOT_HTTP}a header is 'ä: x'"),
        (SIZED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
         f"{NOT_HTTP}it has both Content-Length and Transfer-Encoding"),
        (HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
         f"{NOT_HTTP}its Transfer-Encoding is 'gzip, chunked'"),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", f"{NOT_HTTP}its Content-Length is '5, 5'"),
        (HEAD + b"Content-Length: five\r\n\r\n", f"{NOT_HTTP}its Content-Length is 'five'"),
        (CHUNKED_HEAD + b"zz\r\n", f"{NOT_HTTP}the size of a chunk is 'zz'"),
        (CHUNKED_HEAD + b"2\r\nhey\r\n", f"{NOT_HTTP}a chunk is longer than its size"),
        (CHUNKED_HEAD + b"2\r\nhe\n", f"{NOT_HTTP}a chunk is longer than its size"),
        (CHUNKED_HEAD + b"1;" + b"x" * MAX_HEAD, f"{NOT_HTTP}a line between its chunks is longer than {MAX_HEAD} bytes"),
        (HEAD + b"X: " + b"x" * MAX_HEAD, f"{NOT_HTTP}its head is longer than {MAX_HEAD} bytes"),
    ],
)  # fmt: skip
def test_a_response_that_is_refused_is_described(response: bytes, expected: str) -> None:
    assert expected == problem(response)


@pytest.mark.parametrize("size", [1, 9, 10, 15, 16, 17, 0xAB, 0x1F00])
def test_the_size_of_a_chunk_is_hexadecimal_in_either_case(size: int) -> None:
    for written in (b"%x" % size, b"%X" % size, b"000%x" % size, b"%x  ; y=z" % size):
        response = CHUNKED_HEAD + written + b"\r\n" + b"a" * size + b"\r\n0\r\n\r\n"
        assert (b"a" * size, ExitStatus.OK) == parsed(response)[1:3]


@pytest.mark.parametrize("fold", [b"\n ", b"\n\t", b"\r\n \t "])
def test_a_line_is_folded_by_a_space_or_by_a_tab(fold: bytes) -> None:
    head = parsed(b"HTTP/1.1 200 OK\r\nA: b" + fold + b"c\r\nD: e\r\nContent-Length: 0\r\n\r\n")[0]
    assert head is not None
    assert head.headers == {"a": ["b c"], "d": ["e"], "content-length": ["0"]}


def test_two_fields_of_the_connection_count_both() -> None:
    for options in ((b"close", b"x"), (b"x", b"close"), (b"x, close", b"y")):
        fields = b"".join(b"Connection: " + option + b"\r\n" for option in options)
        assert not parsed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + fields + b"\r\n")[4]


def test_trailers_may_end_with_a_bare_line_feed() -> None:
    assert (b"hello", ExitStatus.OK, False, True) == parsed(CHUNKED[:-2] + b"\n")[1:]

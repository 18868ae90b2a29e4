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
            for part in parser.feed(piece):
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


def test_folded_lines_are_joined_and_names_keep_their_letters() -> None:
    head = parsed(FOLDED)[0]
    assert head is not None
    assert (404, [(b"X-One", b"a b c"), (b"X-Two", b""), (b"Content-Length", b"0")]) == (
        head.status,
        [*head.headers],
    )


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


def test_spaces_around_a_value_are_no_part_of_it() -> None:
    head = parsed(b"HTTP/1.1 200 OK\r\nA: \t b \tc\t \r\nB:\t \nC:d\r\nContent-Length: 0\r\n\r\n")[0]
    assert head is not None
    assert [(b"A", b"b \tc"), (b"B", b""), (b"C", b"d")] == [*head.headers][:3]

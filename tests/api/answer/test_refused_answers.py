"""An answer that is none, or no whole one, is an error with the right words, and says truly if a retry may help."""

import json

import pytest

from mmpipe.api.answer.wire import MAX_EXPLANATION, StreamDecoder, decode
from mmpipe.core.events import Stop
from mmpipe.errors import BadResponse, ServerError
from mmpipe.text.strict_json import MAX_ANSWER_DEPTH, MAX_ANSWER_VALUES
from support.sse_streams import chunk, stream, text_of


def whole(message: object, reason: str | None = "stop", **more: object) -> bytes:
    return json.dumps(
        {"choices": [{"index": 0, "message": message, "finish_reason": reason}], **more}
    ).encode()


def refused(*pieces: bytes, content_type: str = "") -> BadResponse:
    decoder = StreamDecoder(content_type=content_type)
    with pytest.raises(BadResponse) as caught:
        _ = [list(decoder.feed(piece)) for piece in pieces], list(decoder.close())
    return caught.value


@pytest.mark.parametrize(
    ("body", "message", "retryable"),
    [
        (whole(None), "the response of the service holds no message", True),
        (whole({}), "the answer of the service is empty", True),
        (whole({"content": ""}), "the answer of the service is empty", True),
        (stream(chunk({}, finish_reason="stop")), "the answer of the service is empty", True),
        (
            whole({"content": "5"}, "tool_calls"),
            "the answer ends with tool_calls, but holds no tool call",
            True,
        ),
        # A server that keeps a stream open without a choice may be better next time; other JSON stays what it is.
        (b'{"choices": []}', "the response of the service holds no answer", True),
        (b'{"error": {}}', "the response of the service holds no answer", True),
        (b'{"id": "1"}', "the response of the service holds no answer", False),
        (stream({"choices": []}, {"id": "1"}), "the response of the service holds no answer", False),
        (b": comment\n\n", "the response of the service holds no answer", True),
        (b"\xef\xbb\xbf\n: comment\n\n", "the response of the service holds no answer", True),
        (stream({"choices": [{"delta": "lost"}]}), "the delta is not an object: 'lost'", False),
        (stream({"choices": [{"message": "lost"}]}), "the message is not an object: 'lost'", False),
        (
            b"[" + whole({"content": "5"}) + b"," + whole({"content": "6"}) + b"]",
            "the service sent two answers, and nobody knows which one is meant",
            False,
        ),
        (b"data: \x20\t0x\n\n", "the response of the service is not JSON: 0x", False),
    ],
)
def test_an_answer_that_is_none_says_why_and_if_a_retry_may_help(
    body: bytes, message: str, retryable: bool
) -> None:
    error = refused(body)
    assert (message, retryable) == (error.message, error.retryable)
    assert len(error.message) < 100


@pytest.mark.parametrize(
    "body",
    [
        stream({"choices": "x" * 999}),
        stream({"choices": ["x" * 999]}),
        stream({"choices": [{"delta": "x" * 999}]}),
        b"data: " + b"x" * 999 + b"\n\n",
    ],
)
def test_the_quote_of_what_is_no_answer_is_short(body: bytes) -> None:
    assert len(refused(body).message) < 150


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_without_text_that_was_cut_short_ends_with_its_reason(reason: str) -> None:
    last = list(decode(whole({"content": ""}, reason)))[-1]
    assert reason == getattr(last, "reason", None)


def test_content_in_parts_of_unknown_types_is_not_empty() -> None:
    message = {"content": [{"type": "image", "data": "x"}], "role": "assistant"}
    assert Stop("stop", message) == list(decode(whole(message)))[-1]


def test_a_failure_without_a_finish_reason_is_reported() -> None:
    with pytest.raises(ServerError, match=r"^the service failed within the answer: upstream; retry later$"):
        list(decode(stream(chunk({"content": "a"}, error={"message": "upstream"}))))


def nested(brackets: str, levels: int) -> bytes:
    """A whole answer with so many levels in all."""
    opening = (brackets[0] if brackets[0] == "[" else '{"a":') * (levels - 1)
    inner = opening + "0" + brackets[1] * (levels - 1)
    return (
        b'{"choices": [{"index": 0, "message": {"content": "5"}, "finish_reason": "stop"}], "x": %b}'
        % inner.encode()
    )


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_an_answer_is_nested_no_deeper_than_what_can_be_read_again(brackets: str) -> None:
    assert "5" == text_of(list(decode(nested(brackets, MAX_ANSWER_DEPTH))))
    error = refused(nested(brackets, MAX_ANSWER_DEPTH + 1))
    assert f"the response of the service is nested deeper than {MAX_ANSWER_DEPTH} levels" == error.message


def test_an_answer_of_many_brackets_that_is_not_deep_is_read() -> None:
    assert "5" == text_of(list(decode(whole({"content": "5", "x": [[]] * MAX_ANSWER_DEPTH}))))


@pytest.mark.parametrize("begin", [b"", b"data: ", b"data: {}", b'{\n"a":'])
@pytest.mark.parametrize("sign", [b",", b"[", b"{"])
def test_very_many_values_are_refused_before_they_are_parsed(begin: bytes, sign: bytes) -> None:
    many = b"[" + sign * MAX_ANSWER_VALUES + b"0" + b"]"
    for end in (b"", b"\n\n"):
        message = refused(begin + many + end).message
        assert f"the response of the service holds more than {MAX_ANSWER_VALUES} JSON values" == message


@pytest.mark.parametrize("begin", [b"", b"data: "])
def test_very_many_values_are_no_whole_answer_although_they_are_json(begin: bytes) -> None:
    body = whole({"content": "5"}).replace(b'"5"', b'"5", "x": [0' + b",0" * MAX_ANSWER_VALUES + b"]")
    assert "JSON values" in refused(begin + body + b"\n\n").message


def test_a_long_text_is_not_taken_for_many_values() -> None:
    text = "x" * (MAX_ANSWER_VALUES + 1)
    assert text == text_of(list(decode(whole({"content": text}))))


def test_an_error_event_is_read_no_further_than_the_body_of_an_error() -> None:
    explanation = b'{"x": [' + b"0," * MAX_EXPLANATION + b'0], "message": "late"}'
    with pytest.raises(ServerError, match="no reason given"):
        list(decode(b"event: error\ndata: " + explanation + b"\n\n"))


@pytest.mark.parametrize(
    ("pieces", "content_type", "message"),
    [
        ([b"Not", b" Found"], "text/plain", "the service sent text/plain instead of an answer: Not Found"),
        ([b"Not ", b"Found"], "text/plain", "the service sent text/plain instead of an answer: Not Found"),
        (
            [b" " * 500, b"Not Found"],
            "text/plain",
            "the service sent text/plain instead of an answer: Not Found",
        ),
        ([b" \n", b"Not Found"], "text/plain", "the service sent text/plain instead of an answer: Not Found"),
        (
            [b"Hello\ndata: world\n\n"],
            "text/plain",
            "the service sent text/plain instead of an answer: Hello data: world",
        ),
    ],
)
def test_a_text_in_place_of_an_answer_is_quoted_as_it_came(
    pieces: list[bytes], content_type: str, message: str
) -> None:
    assert message == refused(*pieces, content_type=content_type).message


@pytest.mark.parametrize(
    "body",
    [
        '{"choices": [{"index": 0, "message": {"content": "fünf'.encode()[:-3],
        b'{"id": "1"}{"choices": [{"index": 0, "mess',
    ],
)
def test_json_that_is_cut_anywhere_is_truncated_and_may_be_retried(body: bytes) -> None:
    error = refused(body)
    assert ("the answer is truncated: it ends inside an event", True) == (error.message, error.retryable)


def test_json_that_is_not_utf_8_is_not_called_truncated() -> None:
    error = refused(b'{"choices": [{"index": 0, "message": {"content": "f\xfcnf"')
    assert ("the response of the service is not UTF-8 at byte 51", False) == (error.message, error.retryable)

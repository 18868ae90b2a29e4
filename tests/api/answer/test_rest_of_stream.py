"""A text or a page that follows a stream that breaks off is quoted in the error, and changes no whole answer."""

import json
from collections.abc import Iterable

import pytest

from mmpipe.api.answer.wire import StreamDecoder, decode
from mmpipe.core.events import Event, Text
from mmpipe.errors import BadResponse


def chunk(content: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def decode_in_pieces(pieces: Iterable[bytes]) -> list[Event]:
    decoder = StreamDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + list(decoder.close())


BEGUN = chunk("one ") + chunk("two")
PAGE = b"""<html>\r\n<head><title>504 Gateway Time-out</title></head>
<body>
<center><h1>504 Gateway Time-out</h1></center>\r\n<hr>

<center>nginx/1.18.0</center></body></html>"""


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (b"Internal Server Error", "Internal Server Error"),
        (b"Internal Server Error\n", "Internal Server Error"),
        (b"upstream connect error\r\nor disconnect", "upstream connect error or disconnect"),
        (PAGE, "504 Gateway Time-out: nginx/1.18.0"),
        (b"\n\n" + PAGE + b"\n\n", "504 Gateway Time-out"),
        (
            b"Traceback (most recent call last):\n  File x\nValueError: bad",
            "Traceback (most recent call last)",
        ),
        (b"\x1b[31mred", "[31mred"),
        (b"caf\xe9 closed", "caf\ufffd closed"),
        (b"stream error: stream ID 7; INTERNAL_ERROR", "stream error: stream ID 7"),
        (b"x" * 10**5, "x" * 50),
    ],
)
@pytest.mark.parametrize("step", [7, 10**7])
def test_the_first_words_after_a_truncated_stream_are_quoted(rest: bytes, words: str, step: int) -> None:
    body = BEGUN + rest
    with pytest.raises(BadResponse, match=r"the answer is truncated: ") as caught:
        decode_in_pieces(body[start : start + step] for start in range(0, len(body), step))
    assert f"; after it came: {words}" in caught.value.message.replace("\\x1b", "").replace("\u241b", "")
    assert len(caught.value.message) < 200
    assert caught.value.retryable


def test_text_before_a_later_event_is_not_quoted() -> None:
    with pytest.raises(BadResponse) as caught:
        list(decode(b"hello there\n" + BEGUN + b"noise\n" + chunk("three")))
    assert "after it came" not in caught.value.message


@pytest.mark.parametrize("rest", [b"Internal Server Error", PAGE, b"bye\n"])
def test_after_the_end_of_an_answer_a_text_changes_nothing(rest: bytes) -> None:
    events = list(decode(BEGUN + chunk(" three", "stop") + rest))
    assert "one two three" == "".join(event.text for event in events if isinstance(event, Text))


def test_a_body_that_is_no_stream_at_all_is_named_as_before() -> None:
    with pytest.raises(BadResponse, match=r"instead of an answer: Internal Server Error$"):
        list(decode(b"Internal Server Error"))


def test_a_reason_that_was_no_end_is_not_denied() -> None:
    with pytest.raises(BadResponse, match=r"it ends without a finish_reason after its last part$"):
        list(decode(chunk("one", "stop") + chunk("two")))
    with pytest.raises(BadResponse, match=r"it ends without a finish_reason$"):
        list(decode(chunk("one")))

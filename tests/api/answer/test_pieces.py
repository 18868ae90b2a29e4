"""Who knows how a server streams is believed; otherwise the usage may refute the guess."""

import pytest

from mmpipe.api.answer.cumulative import StreamKind
from mmpipe.api.answer.response import read_answer
from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.events import Event, Stop, Text, Thinking
from mmpipe.core.stream_pieces import Pieces
from mmpipe.errors import BadResponse
from support.sse_streams import chunk, stream, thought

PROSE = "The sky is blue because short waves of light are scattered more than long ones by the air."
ENDS = (36, 44, 52, 60, 68)
END = chunk({}, finish_reason="stop")


def written(body: bytes, kind: StreamKind = StreamKind.UNKNOWN) -> str:
    decoder = StreamDecoder(kind=kind)
    events: list[Event] = [*decoder.feed(body), *decoder.close()]
    return "".join(event.text for event in events if isinstance(event, Text | Thinking))


def grown(tokens: int | None, **more: object) -> bytes:
    """A stream that grows, and counts so many tokens."""
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": tokens, **more}}
    pieces = [chunk({"content": PROSE[:end]}) for end in ENDS]
    return stream(*pieces, END, *([] if tokens is None else [usage]))


@pytest.mark.parametrize("tokens", [None, 5, 17, 45])
def test_a_usage_that_fits_proves_nothing_against_a_cumulative_stream(tokens: int | None) -> None:
    assert PROSE[: ENDS[-1]] == written(grown(tokens))


@pytest.mark.parametrize("tokens", [65, 100, 170])
def test_a_usage_of_more_tokens_than_the_text_can_have_is_an_error_that_names_the_switch(tokens: int) -> None:
    with pytest.raises(BadResponse, match="--pieces new or --pieces repeated") as caught:
        written(grown(tokens))
    assert not caught.value.retryable


@pytest.mark.parametrize(("tokens", "of_thinking"), [(100, 85), (60, 45)])
def test_tokens_of_thinking_that_is_not_sent_do_not_count(tokens: int, of_thinking: int) -> None:
    assert PROSE[: ENDS[-1]] == written(
        grown(tokens, completion_tokens_details={"reasoning_tokens": of_thinking})
    )


@pytest.mark.parametrize("tokens", [None, 5, 100])
def test_who_knows_the_server_decides(tokens: int | None) -> None:
    assert PROSE[: ENDS[-1]] == written(grown(tokens), StreamKind.CUMULATIVE)
    assert "".join(PROSE[:end] for end in ENDS) == written(grown(tokens), StreamKind.INCREMENTAL)


def test_a_cumulative_stream_is_known_from_its_second_piece_on() -> None:
    decoder = StreamDecoder(kind=StreamKind.CUMULATIVE)
    events = [[*decoder.feed(stream(chunk({"content": text})))] for text in ("a", "ab", "ab", "abc")]
    assert [Text("a"), [Text("b")], [], [Text("c")]] == [events[0][-1], *events[1:]]


def ended(*texts: str) -> bytes:
    """A stream of these texts, with 200 tokens."""
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 200}}
    return stream(*(chunk({"content": text}) for text in texts), END, usage)


GROWN = [PROSE[:end] for end in range(40, 49)]


def test_a_stream_that_grew_eight_times_is_no_guess_that_the_usage_could_refute() -> None:
    assert GROWN[-1] == written(ended(*GROWN))
    for texts in (
        GROWN[:-1],
        [*GROWN[:5], "?!", *(GROWN[4] + "?!" + more for more in ("1", "12", "123", "1234"))],
    ):
        with pytest.raises(
            BadResponse, match="too many for its text; --pieces new or --pieces repeated says how"
        ):
            written(ended(*texts))


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ("auto", PROSE[:36] + PROSE[:44]),
        ("new", PROSE[:36] + PROSE[:44]),
        ("repeated", PROSE[:44]),
    ],
)
def test_the_switch_reaches_the_stream(pieces: Pieces, text: str) -> None:
    reader = read_answer(ResponseHead(ResponseInfo(), ""), pieces)
    body = stream(chunk({"content": PROSE[:36]}), chunk({"content": PROSE[:44]}), END)
    events = [*reader.feed(body), *reader.close()]
    assert text == "".join(event.text for event in events if isinstance(event, Text))


def test_the_message_of_a_cumulative_stream_has_its_thinking_once() -> None:
    chunks = [chunk(thought(PROSE[:end])) for end in ENDS]
    decoder = StreamDecoder()
    last = [*decoder.feed(stream(*chunks, chunk({"content": "5"}, finish_reason="stop"))), *decoder.close()][
        -1
    ]
    assert isinstance(last, Stop)
    assert {"content": "5", "role": "assistant"} | thought(PROSE[: ENDS[-1]]) == last.message

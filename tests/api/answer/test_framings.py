"""An answer is the same in every framing and compression, however it is cut into pieces, and a part of it is none."""

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.response import read_answer
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.events import Event, Start, Text
from mmpipe.errors import BadResponse, Rejected, ServerError
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

Chunk = dict[str, object]


def chunk(text: str, finish: str | None = None) -> Chunk:
    delta = {"content": text}
    return {"id": "1", "model": "M", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


USAGE: Chunk = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
TEXTS = st.lists(st.text('ab{}[]:"\\, \n<é😀', max_size=6), min_size=1, max_size=5)
CHUNKS = st.builds(
    lambda texts, has_usage: [*map(chunk, texts), chunk("∎", "stop"), *([USAGE] if has_usage else [])],
    TEXTS,
    st.booleans(),
)


def one(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def many(value: object) -> str:
    return json.dumps(value, indent=1)


def events(chunks: Sequence[Chunk], begin: str = "data: ", end: str = "\n\n") -> str:
    return "".join(f"{begin}{one(each)}{end}" for each in chunks)


def in_lines(value: object) -> str:
    return "".join(f"data: {line}\n" for line in many(value).splitlines()) + "\n"


FRAMINGS: dict[str, Callable[[Sequence[Chunk]], str]] = {
    "events": events,
    "events-and-done": lambda chunks: events(chunks) + "data: [DONE]\n\n",
    "events-with-names": lambda chunks: events(chunks, "id: 7\nevent: chunk\ndata: "),
    "events-in-lines": lambda chunks: "".join(map(in_lines, chunks)),
    "events-without-space": lambda chunks: events(chunks, "data:"),
    "events-and-pings": lambda chunks: events(chunks, 'event: ping\ndata: "x"\n\n: ping\n\ndata:\n\ndata: '),
    "single-line-ends": lambda chunks: events(chunks, end="\n"),
    "single-line-ends-and-spaces": lambda chunks: events(chunks, "data: ", " \n"),
    "single-line-ends-and-arrays": lambda chunks: events(chunks, "data: [", "]\n"),
    "events-in-events": lambda chunks: events(chunks, "data: data: ") + 'data: "[DONE]"\n\n',
    "events-and-notices": lambda chunks: events(chunks, 'event: ping\ndata: {"message": "x"}\n\ndata: : x\n\ndata: '),
    "single-line-ends-and-names": lambda chunks: events(chunks, "event: x\ndata: ", "\n") + "data: [DONE]\n",
    "lines": lambda chunks: events(chunks, "", "\n"),
    "lines-and-spaces": lambda chunks: events(chunks, " ", " \n"),
    "lines-and-done": lambda chunks: "\n" + events(chunks, "", "\n\n") + "[DONE]\n",
    "lines-of-many": lambda chunks: "\n\n".join(map(many, chunks)),
    "no-line-ends": lambda chunks: events(chunks, "", ""),
    "no-line-ends-between-events": lambda chunks: events(chunks, end="") + "data: [DONE]\n\n",
    "array": one,
    "array-of-many": many,
    "array-in-lines": lambda chunks: "[\n" + ",\n".join(map(one, chunks)) + "]",
    "array-with-commas-before": lambda chunks: "[" + "\n,\r\n".join(map(many, chunks)) + "]\n",
    "comment-and-array": lambda chunks: f": wait\n\n   {many(chunks)}\n\ndata: [DONE]\n\n",
}  # fmt: skip
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": bytes,
}
FEW = 10  # bytes
KINDS = ("text/event-stream", "application/json", "text/plain", "text/html", "")
WIRES = st.tuples(
    st.sampled_from(sorted(FRAMINGS)),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(sorted(COMPRESSIONS)),
    st.sampled_from(KINDS),
)
Wire = tuple[str, str, str, str]


def body_of(chunks: Sequence[Chunk], wire: Wire) -> tuple[ResponseHead, bytes]:
    framing, line_end, coding, kind = wire
    content = FRAMINGS[framing](chunks).replace("\r\n", "\n").replace("\n", line_end).encode()
    return ResponseHead(ResponseInfo(), kind, coding), COMPRESSIONS[coding](content)


def received(head: ResponseHead, pieces: Sequence[bytes]) -> list[Event]:
    reader = read_answer(head)
    found = [event for piece in pieces for content in reader.unpack(piece) for event in reader.feed(content)]
    return [*found, *reader.close()]


def text_of(found: Sequence[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, Text))


@given(CHUNKS, WIRES, PLACES)
def test_every_framing_brings_the_same_events(chunks: list[Chunk], wire: Wire, places: list[int]) -> None:
    expected = received(*_plain(chunks))
    head, body = body_of(chunks, wire)
    assert expected == received(head, cut(body, places)) == received(head, [body])


@pytest.mark.parametrize("framing", sorted(FRAMINGS))
def test_each_framing_is_read_however_it_is_cut(framing: str) -> None:
    chunks = [chunk("a  {"), chunk(" ∎", "stop"), USAGE]
    expected = received(*_plain(chunks))
    head, body = body_of(chunks, (framing, "\n", "", ""))
    for size in (1, 7, len(body)):
        assert expected == received(head, cut(body, list(range(0, len(body), size))))


def _plain(chunks: Sequence[Chunk]) -> tuple[ResponseHead, list[bytes]]:
    return ResponseHead(ResponseInfo(), "text/event-stream"), [events(chunks).encode()]


@given(CHUNKS, WIRES, st.integers(0, 2000), PLACES)
def test_a_body_that_is_cut_off_is_whole_or_an_error(
    chunks: list[Chunk], wire: Wire, missing: int, places: list[int]
) -> None:
    expected = text_of(received(*_plain(chunks)))
    head, body = body_of(chunks, wire)
    sent = body[: max(0, len(body) - missing)]
    found, is_retryable = outcome(head, cut(sent, places))
    # Of a few bytes nobody can tell that they are the beginning of an answer.
    assert is_retryable or expected == text_of(found) or (len(sent) < FEW and not found)


def outcome(head: ResponseHead, pieces: Sequence[bytes]) -> tuple[list[Event], bool]:
    """The events, or none and whether a retry may help."""
    try:
        return received(head, pieces), False
    except BadResponse as error:
        return [], error.retryable


@given(CHUNKS, WIRES, PLACES, st.integers(0, 6))
def test_an_error_is_found_in_every_framing(
    chunks: list[Chunk], wire: Wire, places: list[int], place: int
) -> None:
    chunks.insert(min(place, len(chunks)), {"error": {"message": "it broke", "code": 400}})
    head, body = body_of(chunks, wire)
    with pytest.raises(Rejected, match="it broke"):
        received(head, cut(body, places))


MESSAGE = {"id": "1", "choices": [{"index": 0, "message": {"content": "five"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body",
    [
        one(MESSAGE),
        many(MESSAGE),
        f"\ufeff  {one(MESSAGE)}\n",
        f"data: {one(MESSAGE)}",
        in_lines(MESSAGE) + "data: [DONE]",
        f": wait\n: wait\n\n{many(MESSAGE)}\n\ndata: [DONE]\n\n",
        f"[{one(MESSAGE)}]",
    ],
)
def test_a_whole_answer_is_read_from_every_framing(body: str, kind: str) -> None:
    head = ResponseHead(ResponseInfo(), kind)
    for size in (1, 3, 10**6):
        sent = body.encode()
        found = received(head, [sent[at : at + size] for at in range(0, len(sent), size)])
        assert (Start("1", "", None), "five") == (found[0], text_of(found))


@pytest.mark.parametrize(
    "body",
    [
        b"error: it broke\n",
        b"event: error\ndata: it broke\n\n",
        b"event: error\ndata: it broke",
        b"event: upstream_exception\ndata: it broke\n\n",
        b'error: {"message": "it broke"}\ndata: [DONE]\n\n',
        b'data: {"choices": []}\nerror: it broke\n',
        b'data: {"choices": []}\n{"error": "it broke"}\n\n',
        b': wait\n\n{\n"error": {\n"message": "it broke"\n}\n}',
        b'data: {"message": "it broke"}\nevent: error\n\n',
        b'event: x\ndata: {"error": {"message": "it broke"}}\n\n',
        b'event: x\ndata: {"base_resp": {"status_code": 1000, "status_msg": "it broke"}}\n\n',
        b'event: message\ndata: {"message": "it broke"}\n\n',
        b"event:error\ndata:it broke\n\n",
        b"data: it broke\nevent: error\n\n",
        b'{"message": "it broke"}',
    ],
)
@pytest.mark.parametrize("size", [1, 10**6])
def test_an_error_has_many_forms_in_a_stream(body: bytes, size: int) -> None:
    head = ResponseHead(ResponseInfo(request_id="trace"), "text/event-stream")
    with pytest.raises(ServerError, match="it broke") as caught:
        received(head, [body[at : at + size] for at in range(0, len(body), size)])
    assert "trace" == caught.value.request_id


def test_json_in_lines_comes_out_line_by_line() -> None:
    reader = read_answer(ResponseHead(ResponseInfo(), "application/x-ndjson"))
    for framing in ("lines", "single-line-ends"):
        reader = read_answer(ResponseHead(ResponseInfo(), ""))
        texts = [
            text_of(list(reader.feed(FRAMINGS[framing]([chunk(text)]).encode()))) for text in ("a", "b", "c")
        ]
        # One event must come before it shows that no blank line is to be waited for.
        assert texts == (["a", "b", "c"] if framing == "lines" else ["", "ab", "c"])


def test_a_whole_answer_in_one_line_is_finished_with_its_line() -> None:
    reader = read_answer(ResponseHead(ResponseInfo(), "application/json"))
    assert "five" == text_of(list(reader.feed(one(MESSAGE).encode() + b"\n")))
    assert reader.finished


def test_the_codings_of_a_head_decide_nothing_for_a_plain_body() -> None:
    chunks = [chunk("five", "stop")]
    head, pieces = _plain(chunks)
    for codings in (("gzip",), ("br",), ("zstd", "gzip"), ("deflate",)):
        assert "five" == text_of(received(replace(head, content_encoding=", ".join(codings)), pieces))

"""Chunks that repeat the one before but for their text are not parsed; the answer is that of chunks which all are."""

import json
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.repetition import ChunkPattern, find_repetition, learn_pattern
from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.core.events import Event, Text, Thinking
from mmpipe.errors import MmpipeError

Chunk = dict[str, object]
Form = Callable[[str], Chunk]

USAGE: Chunk = {"total_tokens": 3, "prompt_tokens": 1, "completion_tokens": 2}
CALL: Chunk = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}


def detail(text: str, **fields: object) -> Chunk:
    return {"type": "reasoning.text", "id": "r1", "index": 0, "text": text} | fields


def both(text: str) -> Chunk:
    return {"content": "", "reasoning_content": text, "reasoning_details": [detail(text)]}


# Texts that are also keys or values of the chunks, that grow, that JSON escapes, and that are no characters or tags.
TEXTS = ["a", "ab", "abc", "word ", "content", "text", "stop", "assistant", "M", "", "0"]
TEXTS += ['"', "\\", "\n", "<think>", "好😀", "\ud83d", "\ude00"]
FORMS: list[Form] = [
    lambda text: {"content": text},
    lambda text: {"content": text, "role": "assistant", "note": "n"},
    lambda text: {"content": text, "note": text},
    lambda text: {"content": text, "refusal": None, "tool_calls": None, "function_call": None},
    lambda text: {"content": text, "refusal": "no"},
    lambda text: {"content": text, "usage": USAGE},
    lambda text: {"content": text, "tool_calls": [CALL]},
    lambda text: {"content": text, "function_call": CALL["function"]},
    lambda text: {"content": [{"type": "text", "text": text}]},
    lambda text: {"reasoning": text, "content": None},
    lambda text: {"reasoning": text, "content": text},
    lambda text: {"reasoning": {}, "content": text},
    both,
    lambda text: both(text) | {"content": "x"},
    lambda text: {"reasoning_details": [detail(text), detail(text, index=1)]},
    lambda text: {"reasoning_details": [detail(text, signature="s")]},
    lambda text: {"reasoning_details": [detail(text, id=None)], "content": text},
    lambda text: {"reasoning_details": detail(text)},
    lambda text: {"content": text, "reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]},
]
OF_CHUNK: list[Chunk] = [
    {},
    {"created": 2},
    {"service_tier": "flex"},
    {"error": {}},
    {"usage": None},
    {"usage": USAGE},
]
OF_CHOICE: list[Chunk] = [
    {},
    {"finish_reason": None},
    {"finish_reason": ""},
    {"finish_reason": "stop"},
    {"index": 1},
    {"error": "e"},
    {"usage": USAGE},
    {"message": {"role": "assistant"}},
    {"message": {"content": "m"}},
]


@st.composite
def events(draw: st.DrawFn) -> list[bytes]:
    """The events of a stream: runs of chunks of one form, and few with a name or two chunks in one."""
    found: list[bytes] = []
    ascii_only = draw(st.booleans())
    for form in draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=4)):
        of_chunk, of_choice = draw(st.sampled_from(OF_CHUNK)), draw(st.sampled_from(OF_CHOICE))
        for text in draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6)):
            choice = {"delta": form(text)} | of_choice
            chunk = json.dumps({"model": "M", **of_chunk, "choices": [choice]}, ensure_ascii=ascii_only)
            data = chunk.encode(errors="backslashreplace")
            found.append(draw(st.sampled_from(6 * [b"data: "] + [b"event: message\ndata: "])) + data)
            found[-1] += draw(st.sampled_from([b""] * 9 + [data, b"[DONE]", b"\x0b"]))
            found[-1] = draw(st.sampled_from(6 * [b""] + [b": comment\n", b"data:{}\n\n"])) + found[-1]
            found[-1] += draw(
                st.sampled_from(6 * [b"\n\n"] + [b"\r\n\r\n", b"\r\r", b"\n", b"\n\n\n", b"\n\nid: 1\n"])
            )
    return [*found, b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}']


def outcome(stream: Sequence[bytes]) -> tuple[list[tuple[list[Event], int, float]], list[Event] | str]:
    """After each event what it yields, the progress and the pause; and the end, or the error."""
    decoder, steps = StreamDecoder(), list[tuple[list[Event], int, float]]()
    try:
        for event in stream:
            yielded = [*decoder.feed(event if event.endswith((b"\n", b"\r")) else event + b"\n\n")]
            steps.append((yielded, decoder.progress, decoder.longest_pause))
        return steps, [*decoder.close()]
    except MmpipeError as error:
        return steps, str(error)


def differing(repeated: Sequence[bytes]) -> list[bytes]:
    """The same events; with more and more spaces at its beginning, no chunk is like another."""
    return [event.replace(b"{", b"{" + b" " * place, 1) for place, event in enumerate(repeated)]


@pytest.mark.laws
@given(events())
def test_repeated_chunks_give_the_events_the_message_and_the_error_of_chunks_that_differ(
    repeated: list[bytes],
) -> None:
    assert outcome(differing(repeated)) == outcome(repeated)


@pytest.mark.parametrize("form", FORMS)
def test_whatever_stands_beside_the_text_counts_as_often_as_it_comes(form: Form) -> None:
    end = b'data: {"choices":[{"delta":{"note":"c"},"finish_reason":"stop"}]}'
    other = b'event: message\ndata: {"choices":[{"delta":{"reasoning":"r","note":"o"}}]}'
    for of_chunk, of_choice in [*((one, {}) for one in OF_CHUNK), *(({}, one) for one in OF_CHOICE)]:
        chunks = [
            b"data: " + json.dumps({**of_chunk, "choices": [{"delta": form(text)} | of_choice]}).encode()
            for text in ("x", "xy", "xyz", "u", "v", "w")
        ]
        messages = [b'data: {"choices":[{"message":{"content":"%b"}}]}' % text for text in (b"one ", b"two ")]
        repeated = [*chunks[:3], other, *chunks[3:], end]
        assert outcome(differing(repeated)) == outcome(repeated)
        repeated = [*messages, *chunks, end]
        assert outcome(differing(repeated)) == outcome(repeated)


def learned(data: bytes) -> ChunkPattern | None:
    chunk = json.loads(data)
    return learn_pattern(data, chunk, len(find_repetition(chunk["choices"]).keys))


@pytest.mark.parametrize("form", [lambda text: {"content": text}, both, lambda text: {"reasoning": text}])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_pattern_reads_each_text_that_json_can_write(form: Form, ascii_only: bool) -> None:
    def data(text: str) -> bytes:
        chunk = {"id": "a", "choices": [{"delta": form(text), "index": 0}], "usage": None}
        return json.dumps(chunk, ensure_ascii=ascii_only).encode()

    pattern = learned(data("a b"))
    assert pattern is not None
    for text in ("a b", '"', "\\", '\\"', "\n\x00", "好😀", "a" * 100_000, '","choices":[]'):
        assert text == pattern.read(data(text))


@pytest.mark.parametrize(
    "literal",
    [
        b"",
        b'a", "note": "b',
        b'a"',
        b"a\\",
        b"a\x01",
        b"a\n",
        b"\xff",
        b"\\ud800",
        b"\\x41",
    ],
)
def test_a_pattern_reads_nothing_that_is_not_one_text(literal: bytes) -> None:
    pattern = learned(b'{"choices":[{"delta":{"content":"a b"}}]}')
    assert pattern is not None
    assert pattern.read(b'{"choices":[{"delta":{"content":"%b"}}]}' % literal) is None


def test_texts_that_differ_in_two_fields_are_no_repetition() -> None:
    pattern = learned(b'{"choices":[{"delta":{"reasoning":"a","content":"a"}}]}')
    assert pattern is not None
    assert pattern.read(b'{"choices":[{"delta":{"reasoning":"b","content":"b"}}]}') == "b"
    assert pattern.read(b'{"choices":[{"delta":{"reasoning":"b","content":"c"}}]}') is None
    assert pattern.read(b'{"choices":[{"delta":{"reasoning":"bb","content":"c"}}]}') is None


@pytest.mark.parametrize(
    "data",
    [
        # The text is also a key, a value, or written in another way.
        b'{"choices":[{"delta":{"content":"content"}}]}',
        b'{"model":"M","choices":[{"delta":{"content":"M"}}]}',
        b'{"choices":[{"delta":{"content":"\\u0061"}}],"a":"b"}',
        b'{"choices":[{"delta":{"content":"a","content":"a"}}]}',
        b'{"choices":[{"delta":{"content":"\\/"}}]}',
    ],
)
def test_a_text_that_cannot_be_told_from_the_rest_gives_no_pattern(data: bytes) -> None:
    assert learned(data) is None


@pytest.mark.parametrize("rest", [b"[DONE]", b"\x0b", b" data:"])
def test_what_some_servers_write_behind_the_json_is_no_error_where_chunks_are_alike(rest: bytes) -> None:
    alike, decoder = b'data: {"choices":[{"delta":{"content":"%b"}}]}%b\n\n', StreamDecoder()
    end = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    stream = (*(alike % (text, rest) for text in (b"a", b"b", b"c")), end)
    found = [event for data in stream for event in decoder.feed(data)] + [*decoder.close()]
    assert "abc" == "".join(event.text for event in found if isinstance(event, Text))


WORDS = ("one ", "two ", "three ", "four ", "five")


def told(*chunks: Mapping[str, object]) -> list[Event]:
    """The events of a stream in which each chunk comes by itself."""
    decoder = StreamDecoder()
    sent = [
        b"data: " + json.dumps({"choices": [{"index": 0, **chunk}]}).encode() + b"\n\n" for chunk in chunks
    ]
    return [event for data in sent for event in decoder.feed(data)] + [*decoder.close()]


def test_a_last_frame_after_chunks_that_are_alike_brings_none_of_their_text_again() -> None:
    last = {"message": {"content": "".join(WORDS), "role": "assistant"}, "finish_reason": "stop"}
    events = told(*({"delta": {"content": word}} for word in WORDS), last)
    assert list(WORDS) == [event.text for event in events if isinstance(event, Text)]


@pytest.mark.parametrize("form", [lambda text: {"reasoning": text}, both])
def test_thinking_in_chunks_that_are_alike_counts_once_although_another_field_repeats_it_later(
    form: Form,
) -> None:
    thinking = [{"delta": form(word)} for word in WORDS]
    again = [{"delta": {"thinking": word}} for word in (*WORDS, "six")]
    events = told(*thinking, *again, {"delta": {"content": "7"}, "finish_reason": "stop"})
    assert [*WORDS, "six"] == [event.text for event in events if isinstance(event, Thinking)]


@pytest.mark.parametrize("literal", [b'\n"b"', b'"b"\n', b'"b"\n\n', b' "b"', b'"b" '])
def test_a_pattern_reads_no_text_with_white_space_around_it(literal: bytes) -> None:
    pattern = learned(b'{"choices":[{"delta":{"content":"a"}}]}')
    assert pattern is not None
    assert pattern.read(b'{"choices":[{"delta":{"content":%b}}]}' % literal) is None


def test_chunks_are_repeated_again_after_many_that_differ() -> None:
    decoder, alike = StreamDecoder(), b'data: {"id":%d,"choices":[{"delta":{"content":"%b"}}]}\n\n'
    for number in range(1000):
        assert [*decoder.feed(alike % (number, b"a"))]
    for number in range(70):
        assert [*decoder.feed(alike % (0, b"%d" % number))]
    # A chunk that is parsed may not have so many commas; what is one string has no values.
    commas = b"," * 2**22
    assert [Text(commas.decode())] == [*decoder.feed(alike % (0, commas))]

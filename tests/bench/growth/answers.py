"""Answers of servers, honest and hostile, for the decoder with all that stands behind it in `chat` and `batch`."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from growth.case import Case, cut
from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.core.calls import check_calls, distinguish_calls
from mmpipe.core.reply import Attempts, Reply, reply_error, reply_warnings
from mmpipe.core.thinking import arrange_thinking
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.thinking_tags import EventUse
from mmpipe.text.json_encoding import encode_json

_SOCKET = 4096  # bytes
_WORDS = "the quick brown fox jumps over the lazy dog; "


def read(stream: bytes, *, native: bool = False, live: bool = False, mode: ThinkingMode = "split") -> None:
    """Read an answer as `chat` does, up to its record."""
    decoder = StreamDecoder()

    def events() -> Iterator[object]:
        for piece in cut(stream, _SOCKET):
            yield from decoder.feed(piece)
            _ = decoder.longest_pause, decoder.progress
        yield from decoder.close()

    reply = Reply()
    use = EventUse.LIVE if live else EventUse.WHOLE
    distinct = distinguish_calls(events(), ())  # type: ignore[arg-type]
    arranged = arrange_thinking(distinct, mode, native=native, use=use)
    for event in check_calls(arranged):
        reply.add(event)
    reply_error(reply)
    reply_warnings(reply)
    encode_json(reply.record(Attempts(), with_thinking=True))


def data(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def delta(**fields: object) -> bytes:
    return data({"choices": [{"index": 0, "delta": fields}]})


_END = data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


def filled(size: int, events: Iterable[bytes]) -> bytes:
    """The first events, about `size` bytes of them."""
    found, length = list[bytes](), 0
    for event in events:
        found.append(event)
        length += len(event)
        if length >= size:
            break
    return b"".join((*found, _END))


def streamed(name: str, event: Callable[[int], bytes], **options: object) -> Case[bytes]:
    """A stream of events; each is made from its number."""
    return Case(name, lambda size: filled(size, map(event, count())), lambda made: read(made, **options))  # type: ignore[arg-type]


def begun(
    name: str, first: Callable[[int], bytes], event: Callable[[int], bytes], **options: object
) -> Case[bytes]:
    """A stream whose first event has half of the bytes."""

    def make(size: int) -> bytes:
        return first(size // 2) + filled(size // 2, map(event, count()))

    return Case(name, make, lambda made: read(made, **options))  # type: ignore[arg-type]


def whole(name: str, make: Callable[[int], object], finish: str = "stop") -> Case[bytes]:
    """An unstreamed answer, of a message for each size."""

    def body(size: int) -> bytes:
        choice = {"index": 0, "message": make(size), "finish_reason": finish}
        return json.dumps({"choices": [choice]}).encode()

    return Case(name, body, read)


def call(arguments: object = None, name: str | None = None, **fields: object) -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"function": {key: value for key, value in function.items() if value is not None}, **fields}


def prose(size: int) -> str:
    return _WORDS * (size // len(_WORDS))


def growing(size: int, field: str) -> bytes:
    """A cumulative stream of so many bytes, in a hundred pieces."""
    text = prose(size // 50)
    return filled(size, (delta(**{field: text[: len(text) * part // 100]}) for part in range(1, 101)))


def grows_then_tiny(size: int) -> bytes:
    """A stream that is proved cumulative, and goes on with pieces that continue nothing."""
    text = prose(size // 5)
    grown = b"".join(delta(content=text[: len(text) * part // 5]) for part in range(1, 6))
    return grown + filled(size - len(grown), (delta(content="!") for _ in count()))


def _surrogate(number: int) -> bytes:
    return delta(content="x\ud83d" if number % 2 == 0 else "\ude00y")


TEXTS = (
    streamed("text in small pieces", lambda _: delta(content="word ")),
    streamed("text in pieces of one character", lambda _: delta(content="x")),
    streamed("text of small signs", lambda _: delta(content="<")),
    streamed("text of line ends", lambda _: delta(content="\n")),
    streamed("halves of characters", _surrogate),
    begun("one long piece of text", lambda size: delta(content=prose(size)), lambda _: delta(content="x")),
    streamed("text of equal pieces", lambda _: delta(content="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
    Case("cumulative text", lambda size: growing(size, "content"), read),
    Case("cumulative thinking", lambda size: growing(size, "reasoning"), read),
    Case("cumulative, then no more", grows_then_tiny, read),
    streamed("cumulative in an unknown field", lambda number: delta(plan="a" * (number % 50), content="x")),
    streamed("thinking in three mirrors", lambda number: delta(
        reasoning=f"{number} ", reasoning_content=f"{number} ", reasoning_details=[{"type": "reasoning.text", "text": f"{number} "}])),
    streamed("thinking in fields that differ", lambda number: delta(
        reasoning=f"{number} ", reasoning_content=f"{number + 1} ", thinking=f"{number + 2} ")),
    streamed("mirrors far behind each other", lambda number: delta(**{("reasoning", "thinking")[number % 1000 > 500]: "abc "})),
    streamed("details of many indexes", lambda number: delta(
        reasoning_details=[{"type": "reasoning.text", "index": number, "text": "x"}])),
    streamed("details of many ids", lambda number: delta(
        reasoning_details=[{"type": "reasoning.text", "id": f"r{number}", "index": 0, "text": "x"}])),
    streamed("details without anything", lambda _: delta(reasoning_details=[{"text": "x"}, {"text": "y"}, {"data": "z"}])),
    streamed("content in parts", lambda number: delta(content=[{"type": "text", "text": "x", "index": number % 7}])),
    streamed("content in parts of many indexes", lambda number: delta(content=[{"type": "text", "text": "x", "index": number}])),
    streamed("content in parts of types in turn", lambda number: delta(
        content=[{"type": ("text", "thinking")[number % 2], "text": "x"}])),
    streamed("many unknown fields", lambda number: delta(content="x", **{f"field{number}": number})),
    streamed("an unknown field in pieces", lambda number: delta(content="x", plan=f"step {number} ")),
    streamed("an unknown list in pieces", lambda number: delta(content="x", plan=[number])),
    streamed("an unknown list that repeats", lambda _: delta(content="x", plan=["a", "b"])),
    streamed("unknown objects in pieces", lambda number: delta(content="x", plan={f"k{number}": {"a": "b"}})),
    streamed("an annotation that changes", lambda number: delta(content="x", seen_at=number)),
    streamed("a refusal in pieces", lambda _: delta(refusal="no ")),
    streamed("a finish reason in each chunk", lambda number: data(
        {"choices": [{"delta": {"content": f"{number} "}, "finish_reason": "stop"}]})),
    streamed("usage in each chunk", lambda number: data(
        {"choices": [{"delta": {"content": "x "}}], "usage": {"total_tokens": number}})),
    streamed("whole messages that repeat", lambda _: data(
        {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})),
    streamed("whole messages with a new field each", lambda number: data(
        {"choices": [{"message": {"content": "hello", f"f{number}": 1}, "finish_reason": "stop"}]})),
    begun("last frames after a long text", lambda size: delta(content=prose(size)), lambda _: data(
        {"choices": [{"message": {"content": "the quick"}}]})),
    streamed("messages in pieces", lambda number: data({"choices": [{"message": {"content": f"{number} "}}]})),
    streamed("choices of many indexes", lambda number: data({"choices": [{"index": number, "delta": {"content": "x"}}]})),
    Case("many choices in one chunk", lambda size: data(
        {"choices": [{"index": 0, "delta": {"content": "x"}} for _ in range(size // 40)]}) + _END, read),
    whole("one long text", lambda size: {"content": prose(size)}),
    whole("one text of escapes", lambda size: {"content": "\u2028\x9b" * (size // 12)}),
    whole("a message of many fields", lambda size: {"content": "x", **{f"f{number}": ["x" * 100] for number in range(size // 116)}}),
    whole("a message of many parts", lambda size: {"content": [{"type": "text", "text": "x"}] * (size // 35)}),
    whole("a message of many details", lambda size: {
        "content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "x"}] * (size // 50)}),
    whole("a message of nested parts", lambda size: {"content": [[[[{"text": "x"}]]]] * (size // 26)}),
)  # fmt: skip

THINKING = tuple(
    case
    for native in (False, True)
    for live in (False, True)
    for kind in [f"{'native' if native else 'split'}, {'live' if live else 'whole'}"]
    for case in (
        streamed(f"spaces before the text ({kind})", lambda _: delta(content=" "), native=native, live=live),
        begun(f"spaces in a block ({kind})", lambda size: delta(reasoning=prose(size)) + delta(content="<think>"),
              lambda _: delta(content=" "), native=native, live=live),
        begun(f"a block that repeats the field ({kind})",
              lambda size: delta(reasoning="abc " * (size // 4)) + delta(content="<think>"),
              lambda _: delta(content="abc "), native=native, live=live),
        begun(f"a block in pieces ({kind})", lambda _: delta(content="<think>"), lambda _: delta(content="abc "), native=native, live=live),
        streamed(f"many blocks ({kind})", lambda _: delta(content="<think>a</think>\n\nb\n"), native=native, live=live),
        streamed(f"many closers ({kind})", lambda _: delta(content="a\n</think>\n"), native=native, live=live),
        streamed(f"many openers ({kind})", lambda _: delta(content="a\n<think>\n"), native=native, live=live),
        streamed(f"tags in code ({kind})", lambda _: delta(content="`</think>` ```\n</think>\n"), native=native, live=live),
        streamed(f"fences ({kind})", lambda _: delta(content="```\n</think>\n~~~~\n`"), native=native, live=live),
        streamed(f"beginnings of tags ({kind})", lambda _: delta(content="\n<thin"), native=native, live=live),
        streamed(f"text and thinking in turn ({kind})",
                 lambda number: delta(**{("content", "reasoning")[number % 2]: "a "}), native=native, live=live),
    )
)  # fmt: skip

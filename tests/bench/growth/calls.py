"""Tool calls in pieces: few and long, many and short, numbered and named in every way."""

import json
from itertools import count

from growth.answers import begun, call, data, delta, filled, prose, read, streamed, whole
from growth.case import Case
from mmpipe.api.answer.call_arguments import read_arguments

_ARGUMENTS = '{"city":"Paris","note":"'


def _pieces(*calls: object) -> bytes:
    return delta(tool_calls=[*calls])


def _first(size: int) -> bytes:
    return _pieces(call(json.dumps({"note": prose(size)}), "get", index=0, id="a"))


def _open(_: int) -> bytes:
    return _pieces(call(_ARGUMENTS, "get", index=0, id="a"))


def _cumulative(size: int) -> bytes:
    text = json.dumps({"note": prose(size // 50)})
    parts = (text[: len(text) * part // 100] for part in range(1, 101))
    return filled(size, (_pieces(call(part, "get", index=0, id="a")) for part in parts))


_MARKS = {
    "braces": "{",
    "closing braces": "}",
    "brackets": "[{",
    "quotes": '"',
    "pairs": "{}",
    "backslashes": "\\",
}
_PARTS = {
    **_MARKS,
    "openings": '{"a',
    "objects": '{"a":1}',
    "spaces": " ",
    "surrogates": "\ud83d",
    "marks of all kinds": '"{[',
}

CALLS = (
    begun("arguments in pieces", _open, lambda _: _pieces(call("word ", index=0))),
    begun("arguments in pieces, named again", _open, lambda _: _pieces(call("word ", "get", index=0, id="a"))),
    begun("arguments in pieces without an index", _open, lambda _: _pieces(call("word "))),
    begun("arguments in pieces, an id for each", _open, lambda number: _pieces(call("word ", id=f"c{number}"))),
    begun("arguments in pieces, an index for each", _open, lambda number: _pieces(call("word ", index=number))),
    streamed("arguments that are not JSON", lambda _: _pieces(call("a" * 100, "get", index=0, id="a"))),
    streamed("arguments of brackets", lambda _: _pieces(call("}{", "get", index=0, id="a"))),
    streamed("arguments that close", lambda _: _pieces(call("{}x", "get", index=0, id="a"))),
    streamed("arguments that open", lambda _: _pieces(call('[{"a":', "get", index=0, id="a"))),
    streamed("arguments of quotes", lambda _: _pieces(call('\\"', "get", index=0, id="a"))),
    *(begun(f"a long piece of {name}", lambda size, mark=mark: _pieces(call(mark * (size // len(mark) // 2), "get", index=0)),  # type: ignore[misc]
            lambda _: _pieces(call("{}", "get", index=0))) for name, mark in _MARKS.items()),
    *(Case(f"arguments: pieces of {name}", lambda size, part=part: [part] * (size // 8), read_arguments)  # type: ignore[misc]
      for name, part in _PARTS.items()),
    streamed("arguments of spaces", lambda _: _pieces(call(" ", "get", index=0, id="a"))),
    streamed("documents that repeat", lambda _: _pieces(call('{"a":1}', "get", index=0, id="a"))),
    streamed("documents that differ", lambda number: _pieces(call(f'{{"a":{number}}}', "get", index=0, id="a"))),
    streamed("documents without an id", lambda number: _pieces(call(f'{{"a":{number}}}', "get", index=0))),
    streamed("documents without an id or an index", lambda _: _pieces(call('{"a":1}', "get"))),
    streamed("documents without anything", lambda _: _pieces(call("{}"))),
    streamed("openings without anything", lambda _: _pieces(call('{"a'))),
    streamed("nulls", lambda _: _pieces(call("null", "get", id="a"))),
    streamed("documents without a name", lambda number: _pieces(call(f'{{"a":{number}}}', index=0))),
    begun("a long document, and short ones", _first, lambda _: _pieces(call('{"a":1}', "get", index=0, id="a"))),
    begun("a long document, and short ones without a name", _first, lambda _: _pieces(call("{}", index=0))),
    begun("a long document, and its name", _first, lambda _: _pieces(call(None, "get", index=0, id="a"))),
    begun("a long document, and a word with its name", _first, lambda _: _pieces(call("x", "get", index=0, id="a"))),
    begun("a long document, and spaces", _first, lambda _: _pieces(call(" ", index=0))),
    begun("a long document, and placeholders", _first, lambda _: _pieces(call("{}", "get", index=0, id="a"))),
    begun("a placeholder, and words", lambda _: _pieces(call("{}", "get", index=0)), lambda _: _pieces(call("x", "get", index=0))),
    Case("cumulative arguments", _cumulative, read),
    streamed("arguments as objects", lambda number: _pieces(call({"a": number}, "get", index=0, id="a"))),
    streamed("an unknown field of a call in pieces", lambda number: _pieces(call("", index=0, id="a", plan=f"{number} "))),
    streamed("names in pieces", lambda _: _pieces(call(None, "ab", index=0, id="a"))),
    streamed("calls of many indexes", lambda number: _pieces(call("{}", "get", index=number))),
    streamed("calls of many ids", lambda number: _pieces(call("{}", "get", index=0, id=f"c{number}"))),
    streamed("calls without anything", lambda _: _pieces(call("{}", "get"))),
    streamed("calls of other names", lambda number: _pieces(call('{"a":1}', f"get{number % 3}"))),
    streamed("blank pieces", lambda number: _pieces({"index": number})),
    streamed("several calls in a delta", lambda _: _pieces(*[call("x")] * 20)),
    streamed("several calls in a delta, in turn", lambda number: _pieces(*[call("x")] * (2 + number % 5))),
    Case("blank pieces in one event", lambda size: _pieces(*({"index": number} for number in range(size // 16))), read),
    Case("pieces of a call in one event", lambda size: _pieces(
        call("{", "get", index=0, id="a"), *[call("x", index=0)] * (size // 50)), read),
    Case("calls in one event", lambda size: _pieces(
        *(call("{}", "get", index=number, id=f"c{number}") for number in range(size // 75))), read),
    Case("calls without an id in one event", lambda size: _pieces(*[call("{}", "get")] * (size // 55)), read),
    whole("a message of many calls", lambda size: {
        "tool_calls": [call("{}", "get", index=number, id=f"c{number}") for number in range(size // 75)]}, "tool_calls"),
    whole("a message of equal calls", lambda size: {"tool_calls": [call("{}", "get")] * (size // 55)}, "tool_calls"),
    whole("a message of long calls", lambda size: {
        "tool_calls": [call(json.dumps({"n": prose(size // 20)}), "get", id=f"c{number}") for number in range(20)]}, "tool_calls"),
    streamed("a call of the old form in pieces", lambda _: delta(function_call={"name": "get", "arguments": "x"})),
    streamed("messages that repeat calls", lambda _: data({"choices": [{"message": {
        "tool_calls": [call("{}", "get", id="a"), call("{}", "now", id="b")]}, "finish_reason": "tool_calls"}]})),
    Case("messages of more and more calls", lambda size: b"".join(
        data({"choices": [{"message": {"tool_calls": [call("{}", "get", id=f"c{number}") for number in range(calls)]},
                           "finish_reason": "tool_calls"}]})
        for calls in range(1, int((size / 30) ** 0.5))), read),
    begun("last frames after long arguments", _open, lambda number: data(
        {"choices": [{"message": {"tool_calls": [call("{}", "get", id=f"d{number}")]}}]})),
    Case("a thousand messages after arguments in pieces", lambda size: filled(
        size, (_pieces(call("word ", index=0, id="a")) for _ in count())) + data(
            {"choices": [{"message": {"tool_calls": [call("x", "get", id="a")]}}]}) * 1000, read),
)  # fmt: skip

"""Tool calls: how servers cut, number, name and repeat them, and what they send as arguments."""

from collections.abc import Mapping

from support.server_shapes.shape import GOOD, Call, Shape, body, call, data, delta, message, streamed

_PARIS = '{"city":"Paris"}'
_ROME = '{"city":"Rome"}'
_GET_PARIS: Call = ("get", _PARIS)
_BOTH: tuple[Call, ...] = (_GET_PARIS, ("get", _ROME))


def _streamed(*deltas: list[dict[str, object]], calls: tuple[Call, ...] = (_GET_PARIS,)) -> Shape:
    """A stream that has these pieces of calls in its deltas, before a good answer."""
    events = [delta({"tool_calls": pieces}) for pieces in deltas]
    sent = streamed(*events, delta({}, "tool_calls"))
    return Shape(sent=(sent, GOOD), calls=calls, text="done", requests=2)


def _whole(tool_calls: object, calls: tuple[Call, ...] = (_GET_PARIS,)) -> Shape:
    """A whole answer with these calls, before a good answer."""
    sent = body(message({"role": "assistant", "content": None, "tool_calls": tool_calls}, "tool_calls"))
    return Shape(sent=(sent, GOOD), calls=calls, text="done", requests=2)


def _in_messages(*messages: Mapping[str, object], calls: tuple[Call, ...]) -> Shape:
    """A stream that has messages in place of deltas, before a good answer."""
    events = [data(message(fields, None)) for fields in messages]
    sent = streamed(*events, data(message({}, "tool_calls")))
    return Shape(sent=(sent, GOOD), calls=calls, text="done", requests=2)


def _pieces(*arguments: object) -> Shape:
    """One call, with its arguments in these pieces."""
    first, *others = arguments
    return _streamed(
        [call("get", first, id="a", index=0)], *([call(None, piece, index=0)] for piece in others)
    )


SHAPES: dict[str, Shape] = {
    # Ollama, Gemini and gateways in front of them give each call the index 0.
    "same-index": _streamed(
        [call("get", _PARIS, id="a", index=0)], [call("get", _ROME, id="b", index=0)], calls=_BOTH
    ),
    "same-index-whole": _whole(
        [call("get", _PARIS, id="a", index=0), call("get", _ROME, id="b", index=0)], _BOTH
    ),
    "same-index-without-ids": _streamed(
        [call("get", _PARIS, id="", index=0)], [call("get", _ROME, id="", index=0)], calls=_BOTH
    ),
    "same-index-in-pieces": _streamed(
        [call("get", "", id="a", index=0)],
        [call(None, '{"city":', index=0)],
        [call(None, '"Paris"}', index=0)],
        [call("get", "", id="b", index=0)],
        [call(None, '{"city":', index=0)],
        [call(None, '"Rome"}', index=0)],
        calls=_BOTH,
    ),
    "same-index-another-name": _streamed(
        [call("now", "{}", index=0)], [call("get", _PARIS, index=0)], calls=(("now", "{}"), _GET_PARIS)
    ),
    # SGLang repeats id and name in each piece.
    "id-and-name-in-each-piece": _streamed(
        [call("get", "", id="0", index=0)],
        [call("get", '{"city":', id="0", index=0)],
        [call("get", '"Paris"}', id="0", index=0)],
        [call("get", _ROME, id="1", index=0)],
        calls=_BOTH,
    ),
    # vLLM made an id for each piece.
    "id-of-its-own-for-each-piece": _streamed(
        [call("get", "", id="a", index=0)],
        [call(None, '{"city":', id="b", index=0)],
        [call(None, '"Paris"}', id="c", index=0)],
    ),
    "interleaved-by-index": _streamed(
        [call("get", '{"city":', id="a", index=0), call("get", '{"city":', id="b", index=1)],
        [call(None, '"Paris"}', index=0)],
        [call(None, '"Rome"}', index=1)],
        calls=_BOTH,
    ),
    "interleaved-by-id": _streamed(
        [call("get", '{"city":', id="a", index=0)],
        [call("get", '{"city":', id="b", index=0)],
        [call(None, '"Paris"}', id="a", index=0)],
        [call(None, '"Rome"}', id="b", index=0)],
        calls=_BOTH,
    ),
    "no-index": _streamed(
        [call("get", '{"city":', id="a")],
        [call(None, '"Paris"}')],
        [call("get", '{"city":', id="b")],
        [call(None, '"Rome"}')],
        calls=_BOTH,
    ),
    "no-index-by-position": _streamed(
        [call("get", '{"city":', id="a"), call("get", '{"city":', id="b")],
        [call(None, '"Paris"}'), call(None, '"Rome"}')],
        calls=_BOTH,
    ),
    "no-index-by-position-one-at-a-time": _streamed(
        [call("get", '{"city":', id="a"), call("get", '{"city":', id="b")],
        [call(None, '"Paris"}')],
        [call(None, '"Rome"}')],
        calls=_BOTH,
    ),
    "no-index-no-id": _streamed([call("get", _PARIS), call("get", _ROME)], calls=_BOTH),
    "no-index-no-id-apart": _streamed([call("get", _PARIS)], [call("get", _ROME)], calls=_BOTH),
    "index-counts-pieces": _streamed(
        [call("get", "", id="a", index=0)],
        [call(None, '{"city":', index=1)],
        [call(None, '"Paris"}', index=2)],
    ),
    "index-as-text": _streamed(
        [call("get", '{"city":', id="a", index="0")], [call(None, '"Paris"}', index=0)]
    ),
    "arguments-object-whole": _whole([call("get", {"city": "Paris"}, id="a")]),
    "arguments-object-streamed": _pieces({"city": "Paris"}),
    "arguments-object-after-an-empty-one": _pieces({}, {"city": "Paris"}),
    "arguments-null-whole": _whole(
        [{"id": "a", "function": {"name": "now", "arguments": None}}], (("now", "{}"),)
    ),
    "arguments-null-as-text": _whole([call("now", "null", id="a")], (("now", "{}"),)),
    "arguments-missing": _streamed([call("now", id="a", index=0)], calls=(("now", "{}"),)),
    "arguments-empty": _whole([call("now", "", id="a")], (("now", "{}"),)),
    "arguments-null-then-real": _pieces("null", '{"city":', '"Paris"}'),
    "cumulative": _pieces('{"city"', '{"city":"Pa', _PARIS),
    "cumulative-from-nothing": _pieces("", "{", '{"city"', '{"city":"Pa', _PARIS),
    "cumulative-and-closed": _pieces("{}", '{"city":""}', '{"city":"Pa"}', _PARIS),
    "repeated-whole-at-the-end": _pieces('{"ci', 'ty":"Paris"}', _PARIS),
    "repeated-whole-with-spaces": _pieces('{ "city" : ', '"Paris" }', _PARIS),
    "repeated-with-its-name": _streamed(
        [call("get", '{"ci', id="a", index=0)],
        [call(None, 'ty":"Paris"}', index=0)],
        [call("get", _PARIS, id="a", index=0)],
    ),
    "placeholder": _pieces("{}", _PARIS),
    "placeholder-then-pieces": _pieces("{}", '{"ci', 'ty":"Paris"}'),
    "placeholder-with-its-name": _streamed(
        [call("get", "{}", id="a", index=0)], [call("get", _PARIS, id="a", index=0)]
    ),
    "no-arguments-and-then-a-call-without-ids": _streamed(
        [call("now", "{}", index=0)],
        [call("now", '{"n":1}', index=0)],
        calls=(("now", "{}"), ("now", '{"n":1}')),
    ),
    "placeholder-at-the-end": _pieces('{"ci', 'ty":"Paris"}', "{}"),
    "nested-that-looks-like-a-placeholder": _streamed(
        [call("get", '{"city":"', id="a", index=0)],
        [call(None, "{}", index=0)],
        [call(None, '"}', index=0)],
        calls=(("get", '{"city":"{}"}'),),
    ),
    "id-empty-whole": _whole([call("get", _PARIS, id="", index=0)]),
    "id-missing": _streamed([call("get", _PARIS, index=0)]),
    "id-null-as-text": _whole([call("get", _PARIS, id="null")]),
    "id-number": _whole([call("get", _PARIS, id=7)]),
    "id-twice-whole": _whole(
        [call("get", _PARIS, id="a", index=0), call("get", _ROME, id="a", index=1)], _BOTH
    ),
    "id-twice-streamed": _streamed(
        [call("get", _PARIS, id="a", index=0)], [call("get", _ROME, id="a", index=1)], calls=_BOTH
    ),
    "name-in-pieces": _streamed([call("ge", "", id="a", index=0)], [call("t", _PARIS, index=0)]),
    "name-repeated": _streamed([call("get", "", id="a", index=0)], [call("get", _PARIS, index=0)]),
    "name-cumulative": _streamed([call("ge", "", id="a", index=0)], [call("get", _PARIS, index=0)]),
    "name-with-spaces": _whole([call(" get\n", _PARIS, id="a")]),
    "character-in-two-pieces": _streamed(
        [call("get", '{"city":"\ud83d', id="a", index=0)],
        [call(None, '\ude00"}', index=0)],
        calls=(("get", '{"city":"\U0001f600"}'),),
    ),
    "one-call-and-no-list": _whole(call("get", _PARIS, id="a")),
    "object-of-calls": _whole({"0": call("get", _PARIS, id="a"), "1": call("get", _ROME, id="b")}, _BOTH),
    "without-the-level-of-function": _whole([{"id": "a", "name": "get", "arguments": {"city": "Paris"}}]),
    "type-missing": _streamed([call("get", _PARIS, id="a", index=0)]),
    "function-call-whole": Shape(
        sent=(
            body(
                message(
                    {"content": None, "function_call": {"name": "get", "arguments": _PARIS}}, "function_call"
                )
            ),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
    "function-call-streamed": Shape(
        sent=(
            streamed(
                delta({"function_call": {"name": "get", "arguments": ""}}),
                delta({"function_call": {"arguments": '{"city":'}}),
                delta({"function_call": {"arguments": '"Paris"}'}}),
                delta({}, "function_call"),
            ),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
    "function-call-beside-tool-calls": Shape(
        sent=(
            streamed(
                delta(
                    {
                        "function_call": {"name": "get", "arguments": _PARIS},
                        "tool_calls": [call("get", _PARIS, id="a", index=0)],
                    },
                    "tool_calls",
                )
            ),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
    "no-calls-in-a-list": Shape(
        sent=body(message({"role": "assistant", "content": "one", "tool_calls": [], "function_call": None})),
        text="one",
    ),
    "calls-null": Shape(
        sent=streamed(delta({"content": "one", "tool_calls": None, "function_call": None}, "stop")),
        text="one",
    ),
    "repeated-after-the-end": Shape(
        sent=(
            streamed(
                delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}, "tool_calls"),
                delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}),
                delta({"tool_calls": [call("get", "", id="a", index=0)]}),
            ),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
    "by-position-with-names": _streamed(
        [call("get", '{"city":'), call("get", '{"city":')],
        [call("get", '"Paris"}'), call("get", '"Rome"}')],
        calls=_BOTH,
    ),
    "arguments-in-the-last-frame": Shape(
        sent=(
            streamed(
                delta({"tool_calls": [call("get", "", id="a", index=0)]}),
                data(message({"content": "", "tool_calls": [call("get", _PARIS, id="a")]}, "tool_calls")),
            ),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
    # MiniMax's own last frame has the whole message.
    "one-call-only-in-the-last-frame": Shape(
        sent=(
            streamed(
                delta({"tool_calls": [call("get", _PARIS, id="c0", index=0)]}),
                data(
                    message(
                        {
                            "content": "",
                            "tool_calls": [
                                call("get", _PARIS, id="c0", index=0),
                                call("get", _ROME, id="c1", index=1),
                            ],
                        },
                        "tool_calls",
                    )
                ),
            ),
            GOOD,
        ),
        calls=_BOTH,
        text="done",
        requests=2,
    ),
    "arguments-whole-only-in-the-last-frame": Shape(
        sent=(
            streamed(
                delta({"tool_calls": [call("get", _PARIS[:12], id="a", index=0)]}),
                data(message({"content": "", "tool_calls": [call("get", _PARIS, id="a")]}, "tool_calls")),
            ),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
    # Gateways that stream messages and no deltas.
    "in-messages-one-call-each": _in_messages(
        {"tool_calls": [call("get", _PARIS, id="a", index=0)]},
        {"tool_calls": [call("now", "{}", id="b", index=1)]},
        calls=(_GET_PARIS, ("now", "{}")),
    ),
    "in-messages-one-call-each-without-ids": _in_messages(
        {"tool_calls": [call("get", _PARIS, index=0)]},
        {"tool_calls": [call("get", _ROME, index=1)]},
        calls=_BOTH,
    ),
    "in-messages-in-pieces": _in_messages(
        {"tool_calls": [call("get", _PARIS[:5], id="a", index=0)]},
        {"tool_calls": [call(None, _PARIS[5:], index=0)]},
        {"tool_calls": [call("get", _ROME, id="b", index=1)]},
        calls=_BOTH,
    ),
    "in-messages-of-calls-that-repeat-all-so-far": _in_messages(
        {"tool_calls": [call("get", _PARIS[:5], id="a")]},
        {"tool_calls": [call("get", _PARIS, id="a")]},
        {"tool_calls": [call("get", _PARIS, id="a"), call("get", _ROME, id="b")]},
        calls=_BOTH,
    ),
    "call-with-stop": Shape(
        sent=(
            streamed(delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}), delta({}, "stop")),
            GOOD,
        ),
        calls=(_GET_PARIS,),
        text="done",
        requests=2,
    ),
}

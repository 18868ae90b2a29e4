"""Shapes of the fields that hold text and thinking, by server."""

from support.server_shapes.shape import GOOD, Shape, body, call, data, delta, message, streamed, text

_PARIS = '{"city":"Paris"}'
_INSERT = "INSERT INTO t (id, name, mail) VALUES (1, 'a', 'x@y.z')"
_DETAILS = [
    {"type": "reasoning.summary", "index": 0, "summary": "I "},
    {"type": "reasoning.encrypted", "index": 0, "id": "e1", "data": "gAAA"},
    {"type": "reasoning.text", "index": 0, "text": "think."},
]
_PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "I think."}]},
    {"type": "text", "text": "six"},
]
_LEFT_OUT = ("more than one choice",)


def _choice(index: int, part: str, content: str) -> dict[str, object]:
    return {"index": index, part: {"content": content}, "finish_reason": "stop"}


SHAPES: dict[str, Shape] = {
    # vLLM, minimax_m3: the parser leaves the tags of M3 in the content.
    "mm-think": Shape(
        sent=streamed(text("<mm:"), text("think>I "), text("think.</mm:th"), text("ink>\n\nyes", "stop")),
        text="yes",
        thinking="I think.",
        message={"content": "<mm:think>I think.</mm:think>\n\nyes"},
    ),
    "mm-think-whole": Shape(
        sent=body(message({"role": "assistant", "content": "<mm:think>\nI think.\n</mm:think>\nyes"})),
        text="yes",
        thinking="I think.",
    ),
    "no-opener-whole": Shape(
        sent=body(message({"role": "assistant", "content": "I think.</mm:think>\n\n`</think>` is a tag"})),
        text="`</think>` is a tag",
        partial="I think.</mm:think>\n\n`</think>` is a tag\n",
        thinking="I think.",
        whole_says=("-t show",),
    ),
    "closer-in-a-fence": Shape(
        sent=streamed(text("Write:\n```\n</think>\n```\n"), text("and go on.", "stop")),
        text="Write:\n```\n</think>\n```\nand go on.",
    ),
    "closer-in-prose": Shape(sent=body(message({"content": "The tag </think>\nends it."})), text="The tag </think>\nends it."),
    "closer-beside-a-field": Shape(
        sent=streamed(delta({"reasoning": "I think."}), text("It ends with\n</think>\n\nyes", "stop")),
        text="It ends with\n</think>\n\nyes",
        thinking="I think.",
        says=("--native-thinking",),
    ),
    "block-never-closed": Shape(
        sent=streamed(text("<think> is a "), text("tag. The rest matters: 42.", "stop")),
        text="<think> is a tag. The rest matters: 42.",
        says=("never closes it",),
    ),
    "block-never-closed-whole": Shape(
        sent=body(message({"content": "\n<mm:think>\na\n\nb\n"})), text="\n<mm:think>\na\n\nb\n", says=("never closes it",)
    ),
    # With thinking disabled, tags are text.
    "block-not-asked-for": Shape(
        sent=streamed(text("<think>x</think>\n\n"), text("is a block", "stop")),
        text="<think>x</think>\n\nis a block",
        options=("-m", "m", "-p", 'thinking={"type":"disabled"}'),
    ),
    # vLLM, Ollama, Groq: 10_reasoning
    "reasoning": Shape(
        sent=streamed(delta({"reasoning": "I "}), delta({"reasoning": "think."}), text("yes", "stop")),
        text="yes",
        thinking="I think.",
        message={"reasoning": "I think.", "content": "yes"},
    ),
    "reasoning-whole": Shape(
        sent=body(message({"role": "assistant", "reasoning": "I think.", "reasoning_content": None, "content": "yes"})),
        text="yes",
        thinking="I think.",
        message={"reasoning": "I think.", "reasoning_content": None},
    ),
    # 11_reasoning_slow: each piece is progress, though it is the same.
    "reasoning-slow": Shape(
        sent=streamed(*[delta({"reasoning": "x"})] * 4, text("yes", "stop"), pause=0.4),
        text="yes",
        thinking="xxxx",
        message={"reasoning": "xxxx"},
        options=("--first-byte-timeout", "0.9"),
    ),
    "unknown-field-slow": Shape(
        sent=streamed(*[delta({"plan": word}) for word in ("a ", "b ", "c ", "d")], text("yes", "stop"), pause=0.4),
        text="yes",
        message={"plan": "a b c d"},
        options=("--first-byte-timeout", "0.9"),
    ),
    "thinking-string": Shape(
        sent=streamed(delta({"thinking": "I "}), delta({"thinking": "think.", "content": ""}), text("yes", "stop")),
        text="yes",
        thinking="I think.",
        message={"thinking": "I think."},
    ),
    # Gateways that serve clients of both names.
    "three-mirrors": Shape(
        sent=streamed(
            delta({"reasoning": "I ", "reasoning_content": "I ", "reasoning_details": [{"type": "reasoning.text", "text": "I "}]}),
            delta({"reasoning_content": "think.", "reasoning_details": [{"type": "reasoning.text", "text": "thi"}]}),
            delta({"reasoning": "think.", "reasoning_details": [{"type": "reasoning.text", "text": "nk."}]}),
            text("yes", "stop"),
        ),
        text="yes",
        thinking="I think.",
        message={"reasoning": "I think.", "reasoning_content": "I think."},
    ),
    "mirror-with-other-space": Shape(
        sent=body(
            message(
                {
                    "content": "yes",
                    "reasoning": "First.\n\nSecond.",
                    "reasoning_details": [
                        {"type": "reasoning.summary", "index": 0, "summary": "First."},
                        {"type": "reasoning.summary", "index": 1, "summary": "Second."},
                    ],
                }
            )
        ),
        text="yes",
        thinking="First.Second.",
    ),
    "two-different-fields": Shape(
        sent=streamed(delta({"reasoning": "I think.", "reasoning_content": "I plan."}), text("yes", "stop")),
        text="yes",
        thinking="I plan.I think.",
        message={"reasoning": "I think.", "reasoning_content": "I plan."},
    ),
    "other-field-goes-on": Shape(
        sent=streamed(delta({"reasoning_content": "I "}), delta({"reasoning": "think."}), text("yes", "stop")),
        text="yes",
        thinking="I think.",
    ),
    # Gateways that put the thinking into the content too.
    "mirror-between-tags": Shape(
        sent=streamed(
            delta({"reasoning_content": "I "}),
            delta({"reasoning_content": "think."}),
            text("<think>\nI th"),
            text("ink.\n</th"),
            text("ink>\n\nyes", "stop"),
        ),
        text="yes",
        thinking="I think.",
        message={"content": "<think>\nI think.\n</think>\n\nyes", "reasoning_content": "I think."},
    ),
    "other-block-than-the-thinking": Shape(
        sent=streamed(delta({"reasoning": "I think."}), text("<think>x</think> is "), text("a block", "stop")),
        text="<think>x</think> is a block",
        thinking="I think.",
    ),
    # OpenRouter: several types under one index
    "details-of-types": Shape(
        sent=streamed(*(delta({"reasoning_details": [detail]}) for detail in _DETAILS), text("yes", "stop")),
        text="yes",
        thinking="I think.",
        message={"reasoning_details": _DETAILS},
    ),
    "details-in-pieces": Shape(
        sent=streamed(
            delta({"reasoning": "I ", "reasoning_details": [_DETAILS[0]]}),
            delta({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "th"}, _DETAILS[1]]}),
            delta({"reasoning": "think.", "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "ink."}]}),
            text("yes", "stop"),
        ),
        text="yes",
        thinking="I think.",
        message={"reasoning_details": [_DETAILS[0], _DETAILS[2], _DETAILS[1]], "reasoning": "I think."},
    ),
    "details-whole": Shape(
        sent=body(message({"content": "yes", "reasoning": "I think.", "reasoning_details": _DETAILS})),
        text="yes",
        thinking="I think.",
        message={"reasoning_details": _DETAILS},
    ),
    # litellm: the signature comes in a last piece.
    "thinking-blocks": Shape(
        sent=streamed(
            delta({"reasoning_content": "I ", "thinking_blocks": [{"type": "thinking", "thinking": "I "}]}),
            delta({"reasoning_content": "think.", "thinking_blocks": [{"type": "thinking", "thinking": "think."}]}),
            delta({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "abc"}]}),
            text("yes", "stop"),
        ),
        text="yes",
        thinking="I think.",
        message={"thinking_blocks": [{"type": "thinking", "thinking": "I think.", "signature": "abc"}]},
    ),
    # Mistral: 41_parts
    "parts": Shape(
        sent=streamed(text(_PARTS[:1]), text(_PARTS[1:], "stop")),
        text="six",
        thinking="I think.",
        message={"content": _PARTS},
    ),
    "parts-in-pieces": Shape(
        sent=streamed(
            text([{"type": "thinking", "thinking": [{"type": "text", "text": "I "}]}]),
            text([{"type": "thinking", "thinking": [{"type": "text", "text": "think."}]}]),
            text("si"),
            text("x", "stop"),
        ),
        text="six",
        thinking="I think.",
        message={"content": _PARTS},
    ),
    "parts-whole": Shape(
        sent=body(message({"role": "assistant", "content": [*_PARTS, {"type": "widget", "size": 4}]})),
        text="six",
        thinking="I think.",
        message={"content": [*_PARTS, {"type": "widget", "size": 4}]},
    ),
    "content-object": Shape(
        sent=body(message({"content": {"type": "output_text", "text": "six"}})),
        text="six",
        message={"content": {"type": "output_text", "text": "six"}},
    ),
    "content-parsed-json": Shape(sent=body(message({"content": {"city": "Paris"}})), text=_PARIS),
    # A call beside content in parts: sent back as it came, whatever the model takes.
    "parts-beside-a-call": Shape(
        sent=(
            streamed(text(_PARTS[:1]), delta({"tool_calls": [call("get", _PARIS, id="a", index=0, type="function")]}, "tool_calls")),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="done",
        requests=2,
    ),
    "pair-in-two-pieces": Shape(
        sent=streamed(delta({"reasoning": "\ud83d"}), text("a\ud83d"), delta({"reasoning": "\ude00"}), text("\ude00b", "stop")),
        text="a\U0001f600b",
        thinking="\U0001f600",
        message={"content": "a\U0001f600b", "reasoning": "\U0001f600"},
    ),
    # OpenAI and gateways to it: 09_refusal
    "refusal": Shape(
        sent=streamed(delta({"refusal": "I must "}), delta({"refusal": "decline."}, "stop")),
        status=10,
        text="I must decline.",
        says=("refused",),
        message={"refusal": "I must decline."},
    ),
    "refusal-whole": Shape(
        sent=body(message({"role": "assistant", "content": None, "refusal": "I must decline."})),
        status=10,
        text="I must decline.",
        says=("refused",),
        message={"content": None, "refusal": "I must decline."},
    ),
    "refusal-in-a-part": Shape(
        sent=streamed(text([{"type": "refusal", "refusal": "I must "}]), text([{"type": "refusal", "refusal": "decline."}], "stop")),
        status=10,
        text="I must decline.",
        says=("refused",),
        message={"content": [{"type": "refusal", "refusal": "I must decline."}]},
    ),
    "no-refusal": Shape(
        sent=streamed(delta({"content": "yes", "refusal": None}), delta({"content": "", "refusal": ""}, "stop")),
        text="yes",
        message={"refusal": None},
    ),
    "lone-surrogate": Shape(
        sent=streamed(text("half \ud83d"), text(" of it", "stop")),
        text="half \ufffd of it",
        says=("lone surrogate",),
        message={"content": "half \ud83d of it"},
    ),
    "lone-surrogate-at-the-end": Shape(
        sent=streamed(delta({"reasoning": "hm \ude00"}), text("half \ud83d", "stop")),
        text="half \ufffd",
        thinking="hm \ufffd",
        says=("lone surrogate",),
        message={"content": "half \ud83d", "reasoning": "hm \ude00"},
    ),
    "lone-surrogate-whole": Shape(
        sent=body(message({"content": "half \ud83d"})),
        text="half \ufffd",
        says=("lone surrogate",),
        message={"content": "half \ud83d"},
    ),
    "lone-surrogate-sent-back": Shape(
        sent=(
            streamed(text("half \ud83d"), delta({"tool_calls": [call("get", _PARIS, id="a", index=0, type="function")]}, "tool_calls")),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="half \ufffd\ndone",
        requests=2,
    ),
    # Gateways that stream messages, or a message beside each delta.
    "messages-in-pieces": Shape(
        sent=streamed(*(data({"choices": [{"index": 0, "message": {"content": word}}]}) for word in ("one ", "two")), text("", "stop")),
        text="one two",
        message={"content": "one two"},
    ),
    "message-beside-each-delta": Shape(
        sent=streamed(text("one "), delta({"content": "two"}, message={"content": "one two"}), delta({}, "stop", message={"content": "one two"})),
        text="one two",
        message={"content": "one two"},
    ),
    "message-at-the-end": Shape(
        sent=streamed(text("one "), delta({}, "stop", message={"role": "assistant", "content": "one two", "reasoning": "hm"})),
        text="one two",
        thinking="hm",
        message={"content": "one two", "reasoning": "hm"},
    ),
    # vLLM without a reasoning parser: the template of the model opens the thinking, so the answer has the closer alone.
    "closer-alone": Shape(
        sent=streamed(text("I think.\n"), text("</think>"), text("\n\nyes", "stop")),
        text="yes",
        partial="I think.\n</think>\n\nyes\n",
        thinking="I think.",
        whole_says=("was taken for thinking",),
        live_says=("--native-thinking",),
        message={"content": "I think.\n</think>\n\nyes"},
    ),
    # Statements that begin alike are no cumulative stream.
    "statements-that-begin-alike": Shape(
        sent=streamed(text(_INSERT), text(f"{_INSERT}, (2);"), text(f"{_INSERT}, (2);"), text(f"{_INSERT}, (2); COMMIT;", "stop")),
        text=f"{_INSERT}{_INSERT}, (2);{_INSERT}, (2);{_INSERT}, (2); COMMIT;",
    ),
    "two-growths": Shape(
        sent=streamed(text(_INSERT), text(f"{_INSERT}, (2)"), text(f"{_INSERT}, (2), (3)", "stop")),
        text=f"{_INSERT}{_INSERT}, (2){_INSERT}, (2), (3)",
    ),
    # DashScope: each piece repeats all before.
    "cumulative-text": Shape(
        sent=streamed(*(text(_INSERT[:end]) for end in (2, 20, 40, 50)), text(_INSERT), text(_INSERT, "stop")), text=_INSERT
    ),
    "cumulative-text-that-is-new": Shape(
        sent=streamed(*(text(_INSERT[:end]) for end in (20, 40, 50)), text(_INSERT, "stop")),
        text=f"{_INSERT[:20]}{_INSERT[:40]}{_INSERT[:50]}{_INSERT}",
        options=("--pieces", "new"),
    ),
    "cumulative-text-that-is-short": Shape(
        sent=streamed(text("ab"), text("abc"), text("abcd", "stop")), text="abcd", options=("--pieces", "repeated")
    ),
    "cumulative-text-refuted-by-its-usage": Shape(
        sent=streamed(
            *(text(_INSERT[:end]) for end in (35, 40, 45, 50)),
            text(_INSERT, "stop"),
            data({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 60}}),
        ),
        status=8,
        partial=_INSERT,
        says=("--pieces",),
    ),
    # The server counts thinking that it does not send.
    "cumulative-text-of-many-pieces": Shape(
        sent=streamed(
            *(text(_INSERT[:end]) for end in range(35, 50)),
            text(_INSERT, "stop"),
            data({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 60}}),
        ),
        text=_INSERT,
    ),
    # The form of completions before chat.
    "text-of-a-choice": Shape(
        sent=streamed(
            data({"choices": [{"index": 0, "text": "ye", "finish_reason": None}]}),
            data({"choices": [{"index": 0, "text": "s", "finish_reason": "stop"}]}),
        ),
        text="yes",
        message={"content": "yes"},
    ),
    "index-of-the-choice-as-text": Shape(
        sent=streamed(data({"choices": [{"index": "0", "delta": {"content": "yes"}, "finish_reason": "stop"}]})),
        text="yes",
    ),
    "index-of-the-choice-counts-from-one": Shape(
        sent=body({"choices": [{"index": 1, "message": {"content": "yes"}, "finish_reason": "stop"}]}),
        text="yes",
    ),
    # Of servers that do not read `n`, or take a default of their own.
    "choice-beside-the-answer": Shape(
        sent=body({"choices": [_choice(1, "message", "no"), _choice(0, "message", "yes")]}), text="yes", says=_LEFT_OUT
    ),
    "choice-beside-the-answer-streamed": Shape(
        sent=streamed(*(data({"choices": [_choice(n, "delta", text)]}) for n, text in ((0, "yes"), (1, "no"), (1, "no")))),
        text="yes",
        says=_LEFT_OUT,
    ),
    "choice-of-calls-beside-the-answer": Shape(
        sent=body({
            "choices": [
                _choice(0, "message", "yes"),
                {"index": 1, "message": {"tool_calls": [call("get", _PARIS)]}, "finish_reason": "tool_calls"},
            ]
        }),
        text="yes",
        says=_LEFT_OUT,
    ),
    "choice-of-nothing-beside-the-answer": Shape(
        sent=streamed(data({"choices": [_choice(1, "delta", ""), _choice(0, "delta", "yes"), {"index": 2}]})), text="yes"
    ),
    "delta-that-is-no-object": Shape(
        sent=streamed(text("ye"), delta(["lost"]), text("s", "stop")),
        status=8,
        partial="ye",
        says=("delta is not an object", "lost"),
    ),
}  # fmt: skip

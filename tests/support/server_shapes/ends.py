"""Shapes of the end: finish reasons that are none, that mean failure or a limit, answers without anything, usage."""

from support.fault_cases import head
from support.fault_server import End, Script
from support.server_shapes.shape import (
    DONE,
    GOOD,
    Shape,
    body,
    call,
    data,
    delta,
    message,
    streamed,
    text,
)

_PARIS = '{"city":"Paris"}'
_USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
_THINKS = {"reasoning_content": "It is 42."}
_ALONE = ("no text",)
# Longer than an answer waits after its end.
_LONG = 1.3


def _stops(reason: object) -> Script:
    return streamed(text("half", reason))


SHAPES: dict[str, Shape] = {
    # A reason that is none, since more follows.
    "reason-in-each-chunk": Shape(
        sent=streamed(text("one ", "stop"), text("two ", "stop"), text("three", "stop"), pause=0.4), text="one two three"
    ),
    "reason-in-each-chunk-slow-after-two": Shape(
        sent=streamed(text("one ", "stop") + text("two ", "stop"), text("three", "stop"), pause=_LONG), text="one two three"
    ),
    "reason-in-each-chunk-then-cut": Shape(
        sent=streamed(text("one ", "stop"), text("two ", "stop"), b"data: {"),
        status=8,
        partial="one two ",
        says=("truncated",),
        requests=2,
    ),
    "reason-in-each-chunk-kept-open": Shape(
        sent=streamed(text("one ", "stop"), text("two", "stop"), DONE, end=End.SILENCE), text="one two"
    ),
    "reason-in-each-chunk-kept-open-with-usage": Shape(
        sent=streamed(
            text("one ", "stop"), text("two", "stop"), data({"choices": [], "usage": _USAGE}), end=End.SILENCE
        ),
        text="one two",
        usage=_USAGE,
    ),
    "reason-in-each-chunk-slow-from-the-first": Shape(
        sent=streamed(text("Hello ", "stop"), text("world", "stop") + DONE, pause=1.2, end=End.SILENCE), text="Hello world"
    ),
    "reason-with-the-first-text-then-an-error": Shape(
        sent=streamed(text("Hello ", "stop"), data({"error": {"message": "it broke", "code": 500}}), pause=1.2),
        status=7,
        partial="Hello ",
        says=("it broke",),
        requests=2,
    ),
    "reason-before-all": Shape(
        sent=streamed(delta({"role": "assistant", "content": ""}, "stop"), text("one"), text("", "stop"), pause=_LONG),
        text="one",
    ),
    "reason-in-the-thinking": Shape(
        sent=streamed(delta(_THINKS, "stop"), text("42", "stop"), pause=_LONG), text="42", thinking="It is 42."
    ),
    "text-after-the-reason": Shape(
        sent=streamed(text("one ", "stop"), text("two"), text("", "stop")), text="one two"
    ),
    "limit-then-more": Shape(
        sent=streamed(text("one ", "length"), text("two"), text("", "stop"), DONE), status=11, text="one two"
    ),
    "limit-then-stop": Shape(sent=streamed(text("one", "length"), delta({}, "stop"), DONE), status=11, text="one"),
    "stop-then-limit": Shape(sent=streamed(text("one", "stop"), delta({}, "max_tokens"), DONE), status=11, text="one"),
    "filter-then-more": Shape(
        sent=streamed(text("one ", "content_filter"), text("two", "stop")), status=10, text="one two"
    ),
    "text-after-done": Shape(sent=streamed(text("one ", "stop"), DONE, text("two", "stop"), DONE), text="one two"),
    "text-after-the-last-reason": Shape(
        sent=streamed(text("one ", "stop"), text("two")), status=8, partial="one two", says=("truncated",), requests=2
    ),
    "call-after-the-reason": Shape(
        sent=(
            streamed(
                text("I look.", "stop"),
                delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}, "tool_calls"),
                pause=1.2,
            ),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="I look.\ndone",
        requests=2,
    ),
    "call-long-after-its-reason": Shape(
        sent=(
            streamed(
                text("", "tool_calls"),
                delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}),
                text("", "tool_calls"),
                pause=_LONG,
            ),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="done",
        requests=2,
    ),
    "call-in-slow-pieces-after-the-reason": Shape(
        sent=(
            Script(
                (
                    head() + text("", "stop"),
                    *delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}, "tool_calls").partition(b"get"),
                ),
                pause=_LONG,
            ),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="done",
        requests=2,
    ),
    "reasons-two-at-the-end": Shape(
        sent=(
            streamed(
                delta({"tool_calls": [call("get", _PARIS, id="a", index=0)]}), text("", "tool_calls"), text("", "stop")
            ),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="done",
        requests=2,
    ),
    "reason-null-as-a-string": Shape(
        sent=streamed(text("one ", "null"), text("two", "stop"), pause=_LONG), text="one two"
    ),
    "reason-empty-in-each-chunk": Shape(sent=streamed(text("one ", ""), text("two", " "), text("", "stop")), text="one two"),
    "reason-never": Shape(
        sent=streamed(text("one", ""), DONE), status=8, partial="one", says=("truncated",), requests=2
    ),
    "reason-an-object": Shape(sent=streamed(text("one", {"type": "stop", "matched": 2})), text="one"),
    "index-null": Shape(
        sent=streamed(data({"choices": [{"index": None, "delta": {"content": "one"}, "finish_reason": "stop"}]})),
        text="one",
    ),
    # A real end.
    "kept-open": Shape(sent=streamed(text("one "), text("two", "stop"), end=End.SILENCE), text="one two"),
    "kept-open-after-a-short-answer": Shape(sent=streamed(text("one"), text("", "stop"), end=End.SILENCE), text="one"),
    "kept-open-after-one-chunk": Shape(
        sent=streamed(text("one", "stop"), end=End.SILENCE), text="one", options=("--idle-timeout", "1.3")
    ),
    "cut-after-the-end": Shape(sent=streamed(text("one ", "stop"), b'data: {"choi'), text="one "),
    "cut-in-the-usage": Shape(
        sent=streamed(text("one", "stop"), b'data: {"choices":[],"usage":{"total_tokens":7'), text="one"
    ),
    "cut-in-a-text-after-the-end": Shape(
        sent=streamed(text("one ", "stop"), b'data: {"choices":[{"delta":{"content":"tw'),
        status=8,
        partial="one ",
        says=("truncated",),
        requests=2,
    ),
    # Other words for the end.
    **{f"end-{reason}": Shape(sent=_stops(reason), text="half") for reason in ("STOP", "eos_token", "end_turn", "COMPLETE")},
    **{
        f"limit-{reason}": Shape(sent=_stops(reason), status=11, text="half", says=(reason, "--allow-truncated"))
        for reason in ("max_tokens", "MAX_TOKENS", "max_output_tokens", "model_context_window_exceeded", "model_length")
    },
    "limit-accepted": Shape(sent=_stops("MAX_TOKENS"), text="half", options=("--allow-truncated",)),
    "limit-before-a-word": Shape(
        sent=streamed(delta({"role": "assistant"}), delta({}, "length")), status=11, text="\n", says=("limit of tokens",)
    ),
    "limit-within-a-call": Shape(
        sent=streamed(delta({"tool_calls": [call("get", '{"city":"Par', id="a", index=0)]}), delta({}, "length")),
        status=11,
        says=("within a call of 'get'",),
    ),
    "limit-whole": Shape(
        sent=body(message({"content": "half"}, "max_output_tokens")), status=11, text="half", says=("max_output_tokens",)
    ),
    **{
        f"filter-{reason}": Shape(sent=_stops(reason), status=10, text="half", says=("moderation", reason))
        for reason in ("sensitive", "content_filter", "content-filter", "SAFETY", "guardrail_intervened")
    },
    "filter-before-a-word": Shape(sent=streamed(delta({}, "content_filter")), status=10, text="\n", says=("content_filter",)),
    **{
        f"failure-{reason}": Shape(
            sent=_stops(reason), status=7, partial="half", says=("the service failed", reason), requests=2
        )
        for reason in ("error", "abort", "network_error", "insufficient_system_resource", "cancelled")
    },
    "failure-and-then-good": Shape(sent=(streamed(delta({}, "error"), DONE), GOOD), text="done", requests=2),
    "failure-with-its-reason": Shape(
        sent=streamed(
            text("half"), delta({"content": ""}, "error", error={"code": 502, "message": "the upstream went away"}), DONE
        ),
        status=7,
        partial="half",
        says=("the upstream went away",),
        requests=2,
    ),
    "failure-without-a-finish-reason": Shape(
        sent=streamed(text("half"), delta({}, None, error={"message": "the upstream went away"})),
        status=7,
        partial="half",
        says=("the upstream went away",),
        requests=2,
    ),
    "failure-whole": Shape(
        sent=body({"choices": [{"message": {"content": "half"}, "finish_reason": "error", "error": "broke"}]}),
        status=7,
        partial="half",
        says=("broke",),
        requests=2,
    ),
    "failure-kept-open": Shape(
        sent=streamed(text("half", "abort"), end=End.SILENCE),
        status=7,
        partial="half",
        says=("abort",),
        requests=2,
        # The first chunk has the reason, and more may follow for longer than that.
        options=("--idle-timeout", "1.3"),
    ),
    "unknown-reason": Shape(sent=_stops("weird"), status=8, text="half", says=("'weird'",)),
    "unknown-reason-whole": Shape(
        sent=body(message({"content": "half"}, "OTHER")), status=8, text="half", says=("'OTHER'",)
    ),
    # Nothing.
    **{
        f"empty-{name}": Shape(sent=(sent, GOOD), text="done", requests=2)
        for name, sent in {
            "body": body(b""),
            "body-of-a-stream": streamed(),
            "body-without-a-type": body(b"", kind=""),
            "of-comments": streamed(b": ping\n\n"),
            "done-alone": streamed(DONE),
            "choices": body({"choices": []}),
            "choices-null": body({"choices": None}),
            "choices-and-usage": streamed(data({"choices": [], "usage": _USAGE}), DONE),
            "text": streamed(delta({"role": "assistant", "content": ""}), text("", "stop"), DONE),
            "text-whole": body(message({"role": "assistant", "content": ""})),
            "text-null": body(message({"role": "assistant", "content": None})),
            "message-null": body({"choices": [{"message": None, "finish_reason": "stop"}]}),
            "calls": body(message({"content": "", "tool_calls": []}, "tool_calls")),
            "kept-open": streamed(text("", "stop"), DONE, end=End.SILENCE),
        }.items()
    },
    "empty-twice": Shape(sent=body(message({"content": ""})), status=8, says=("is empty",), requests=2),
    "thinking-alone": Shape(
        sent=streamed(delta(_THINKS), text("", "stop")), text="\n", thinking="It is 42.", says=_ALONE
    ),
    # Usage.
    "usage-in-the-choice": Shape(
        sent=streamed(text("one"), delta({}, "stop", usage=_USAGE), DONE), text="one", usage=_USAGE
    ),
    "usage-without-a-total": Shape(
        sent=streamed(text("one", "stop"), data({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})),
        text="one",
        usage=_USAGE,
    ),
    "usage-of-other-names": Shape(
        sent=body(message({"content": "one"}, usage={"input_tokens": 3, "output_tokens": 4})), text="one", usage=_USAGE
    ),
    "usage-of-zeros": Shape(
        sent=streamed(data({"choices": [{"delta": {"content": "one"}, "finish_reason": "stop"}], "usage": dict.fromkeys(_USAGE, 0)})),
        text="one",
        usage={},
    ),
    "usage-never": Shape(sent=body(message({"content": "one"})), text="one", usage={}),
    "usage-of-nonsense": Shape(
        sent=body(message({"content": "one"}, usage={"total_tokens": 10**400, "prompt_tokens": -4})), text="one", usage={}
    ),
    "usage-of-truth-and-fractions": Shape(
        sent=body(message({"content": "one"}, usage={"total_tokens": True, "prompt_tokens": 3.5, "completion_tokens": 2**41})),
        text="one",
        usage={},
    ),
    "usage-as-text-and-floats": Shape(
        sent=streamed(text("one", "stop"), data({"choices": [], "usage": {"prompt_tokens": "3", "completion_tokens": 4.0}})),
        text="one",
        usage=_USAGE,
    ),
    "usage-of-groq": Shape(
        sent=streamed(text("one"), data({"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": _USAGE}}), DONE),
        text="one",
        usage=_USAGE,
    ),
    "usage-in-the-message": Shape(
        sent=body(message({"content": "one", "usage": _USAGE})), text="one", usage=_USAGE
    ),
}  # fmt: skip

"""Shapes of the service itself (api/FACTS.md): what is right for it must stay right."""

from support.fault_server import Script
from support.server_shapes.shape import DONE, GOOD, Shape, body, call, data, delta, message, streamed, text

_PARIS = '{"city":"Paris"}'

SHAPES: dict[str, Shape] = {
    "stream": Shape(sent=streamed(text("one "), text("two", "stop"), DONE), text="one two"),
    "whole": Shape(sent=body(message({"role": "assistant", "content": "one two"})), text="one two"),
    "thinking-in-two-fields": Shape(
        sent=streamed(
            delta({"reasoning_content": "I think.", "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "I think."}]}),
            text("yes", "stop"),
        ),
        text="yes",
        thinking="I think.",
        message={"reasoning_content": "I think."},
    ),
    "usage-at-the-end": Shape(
        sent=streamed(
            text("one"),
            text("", "stop"),
            data({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}),
        ),
        text="one",
        usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    ),
    "call": Shape(
        sent=(
            streamed(
                delta({"tool_calls": [call("get", '{"city":', id="a", index=0, type="function")]}),
                delta({"tool_calls": [call(None, '"Paris"}', index=0)]}, "tool_calls"),
            ),
            GOOD,
        ),
        calls=(("get", _PARIS),),
        text="done",
        requests=2,
    ),
    "closed": Shape(sent=(Script(), GOOD), text="done", requests=2),
    "truncated": Shape(sent=streamed(text("half")), status=8, partial="half", says=("truncated",), requests=2),
    "cut-off": Shape(sent=streamed(text("half", "length")), status=11, text="half", says=("--max-tokens",)),
}  # fmt: skip

"""Whole answers of servers that people run themselves, as each sends them, and their refusals of our fields."""

from support.fault_server import Script
from support.server_shapes.shape import DONE, Shape, body, data, delta, message, streamed, text

MODEL = ("-m", "MiniMaxAI/MiniMax-M2")
NATIVE = (*MODEL, "--native-thinking")
TOP = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1790008394,
    "model": "MiniMaxAI/MiniMax-M2",
}


def chunk(fields: object, finish: object = None, **more: object) -> bytes:
    """An event with the head that all servers send; `more` are fields of the choice."""
    return data(
        {**TOP, "choices": [{"index": 0, "delta": fields, "logprobs": None, "finish_reason": finish, **more}]}
    )


def usage(**more: object) -> bytes:
    counts = {"prompt_tokens": 9, "total_tokens": 14, "completion_tokens": 5}
    return data({**TOP, "choices": [], "usage": {**counts, **more}})


def refused(says: str, *hints: str, status: str = "400 Bad Request", value: object = None) -> Shape:
    sent = body({"error": {"message": says}} if value is None else value, status=status)
    return Shape(sent=sent, status=9, says=(says, *hints), options=MODEL)


def answered(*events: bytes, thinking: str = "", options: tuple[str, ...] = MODEL) -> Shape:
    """A stream with the answer `one two`."""
    return Shape(sent=streamed(*events), text="one two", thinking=thinking, options=options)


COUNTS = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}

SHAPES: dict[str, Shape] = {
    "vllm": Shape(
        sent=streamed(
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning_content": "I think."}),
            chunk({"content": "one "}),
            chunk({"content": "two"}, "stop", stop_reason=None, token_ids=None),
            usage(prompt_tokens_details=None),
            DONE,
        ),
        text="one two",
        thinking="I think.",
        usage=COUNTS,
        options=MODEL,
    ),
    "vllm-newer": answered(
        chunk({"role": "assistant", "content": "", "reasoning_content": None}),
        chunk({"reasoning": "I think.", "reasoning_content": "I think."}),
        chunk({"content": "one two"}),
        chunk({"content": ""}, "stop", stop_reason=200020),
        DONE,
        thinking="I think.",
    ),
    "vllm-without-a-parser": Shape(
        sent=streamed(
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "I think.\n</th"}),
            chunk({"content": "ink>\n\none two"}, "stop"),
            DONE,
        ),
        text="one two",
        partial="I think.\n</think>\n\none two\n",
        thinking="I think.",
        live_says=("without its opening tag",),
        options=NATIVE,
    ),
    "sglang": answered(
        chunk({"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}, matched_stop=None),
        chunk({"role": None, "content": None, "reasoning_content": "I think.", "tool_calls": None}),
        chunk({"role": None, "content": "one two", "reasoning_content": None, "tool_calls": None}),
        chunk({"role": None, "content": None, "reasoning_content": None, "tool_calls": None}, "stop", matched_stop=200020),
        DONE,
        thinking="I think.",
    ),
    "llama.cpp": Shape(
        sent=streamed(
            chunk({"role": "assistant", "content": None}),
            chunk({"content": "one "}),
            chunk({"content": "two"}),
            chunk({}, "stop"),
            data({**TOP, "choices": [], "usage": COUNTS, "timings": {"prompt_n": 9, "predicted_n": 5}}),
            DONE,
        ),
        text="one two",
        usage=COUNTS,
        options=MODEL,
    ),
    "ollama": answered(
        data({**TOP, "system_fingerprint": "fp_ollama", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "", "reasoning": "I think."}, "finish_reason": None}]}),
        chunk({"role": "assistant", "content": "one "}),
        chunk({"role": "assistant", "content": "two"}),
        chunk({"role": "assistant", "content": ""}, "stop"),
        DONE,
        thinking="I think.",
        options=(*MODEL, "-p", "max_tokens=50"),
    ),
    "text-generation-inference": answered(
        *(event.replace(b"data: ", b"data:") for event in (text("one "), text("two", "eos_token"))),
    ),
    "lm-studio": answered(
        delta({"role": "assistant", "content": "one "}),
        delta({"role": "assistant", "content": "two"}),
        delta({}, "stop"),
        DONE,
    ),
    "openrouter": answered(
        b": OPENROUTER PROCESSING\n\n",
        chunk({"role": "assistant", "content": "", "reasoning": "I think.", "reasoning_details": [{"type": "reasoning.text", "text": "I think.", "index": 0}]}, native_finish_reason=None),
        b": OPENROUTER PROCESSING\n\n",
        chunk({"role": "assistant", "content": "one two"}, native_finish_reason=None),
        chunk({"role": "assistant", "content": ""}, "stop", native_finish_reason="stop"),
        usage(cost=0.01, is_byok=False),
        DONE,
        thinking="I think.",
    ),
    "whole-of-vllm": Shape(
        sent=body(
            message(
                {"role": "assistant", "content": "one two", "reasoning_content": "I think.", "tool_calls": [], "refusal": None, "function_call": None},
                usage=COUNTS,
                prompt_logprobs=None,
                kv_transfer_params=None,
            )
        ),
        text="one two",
        thinking="I think.",
        usage=COUNTS,
        options=(*MODEL, "--temperature", "1.7"),
    ),
    "whole-with-tags": Shape(
        sent=body(message({"role": "assistant", "content": "<think>\nI think.\n</think>\n\none two"})),
        text="one two",
        thinking="I think.",
        options=NATIVE,
    ),
    "cut-off-at-max-tokens": Shape(
        sent=streamed(chunk({"role": "assistant", "content": "one"}), chunk({"content": " two"}, "length"), DONE),
        status=11,
        text="one two",
        says=("--max-tokens",),
        options=(*MODEL, "-p", "max_tokens=2"),
    ),
    "split-refused-by-nim": refused("Unsupported parameter(s): `reasoning_split`", "--native-thinking"),
    "split-refused-by-pydantic": refused(
        "Extra inputs are not permitted",
        "--native-thinking",
        status="422 Unprocessable Entity",
        value={"detail": [{"type": "extra_forbidden", "loc": ["body", "reasoning_split"], "msg": "Extra inputs are not permitted", "input": True}]},
    ),
    "split-refused-by-groq": refused("property 'reasoning_split' is unsupported", "--native-thinking"),
    "split-refused-by-go": refused('json: unknown field "reasoning_split"', "--native-thinking"),
    "limit-refused": refused("Unsupported parameter(s): `max_completion_tokens`", "-p max_tokens=N"),
    "two-fields-refused": refused(
        "Unsupported parameter(s): `reasoning_split`, `stream_options`", "--native-thinking and --wire whole"
    ),
    "temperature-refused": refused("temperature must be non-negative, got -1.0"),
    "model-unknown": refused("The model `MiniMaxAI/MiniMax-M2` does not exist", "did you mean MiniMax-M2", status="404 Not Found"),
    "wrong-path": Shape(
        sent=body(b'{"detail":"Not Found"}', status="404 Not Found"), status=9, says=("/v1",), options=MODEL
    ),
    "loading": Shape(
        sent=(
            body({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, status="503 Service Unavailable"),
            streamed(text("one two", "stop")),
        ),
        text="one two",
        requests=2,
        options=MODEL,
    ),
    "closed-while-starting": Shape(sent=(Script(), streamed(text("one two", "stop"))), text="one two", requests=2, options=MODEL),
}  # fmt: skip

"""Builds event streams as the service sends them (api/FACTS.md), and decodes them."""

import json
from collections.abc import Iterator

from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.api.response_head import ResponseInfo
from mmpipe.core.events import Event, Text

DETAIL = {"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0}
USAGE = {
    "id": "0700",
    "choices": [],
    "usage": {
        "total_tokens": 885,
        "total_characters": 0,
        "prompt_tokens": 769,
        "completion_tokens": 116,
        "completion_tokens_details": {"reasoning_tokens": 37},
        "prompt_tokens_details": {"cached_tokens": 443},
    },
    "base_resp": {"status_code": 0, "status_msg": ""},
}


def thought(text: str) -> dict[str, object]:
    return {"reasoning_content": text, "reasoning_details": [DETAIL | {"text": text}]}


def chunk(delta: object, **choice: object) -> dict[str, object]:
    choices = [{**choice, "index": 0, "delta": delta}]
    return {
        "id": "0700",
        "choices": choices,
        "model": "MiniMax-M2.7",
        "object": "chat.completion.chunk",
        "usage": None,
    }


def call(index: int | None, **fields: object) -> dict[str, object]:
    return {"tool_calls": [fields if index is None else fields | {"index": index}]}


def stream(*chunks: object) -> bytes:
    frames = (json.dumps(piece, ensure_ascii=False).encode(errors="backslashreplace") for piece in chunks)
    return b"".join(b"data: " + frame + b"\n\n" for frame in frames)


def streamed(body: bytes, size: int = 10**6) -> list[Event]:
    decoder = StreamDecoder(ResponseInfo(request_id="trace"))

    def events() -> Iterator[Event]:
        for at in range(0, len(body), size):
            yield from decoder.feed(body[at : at + size])
        yield from decoder.close()

    return list(events())


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))

"""The cost of reading a long stream, against the SDK's own iterator: `python tests/bench/decode.py`."""

import gc
import json
import time
from collections.abc import Callable

import httpx2
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.core.thinking import arrange_thinking

CHUNKS = 20_000
ROUNDS = 3


def chunks() -> list[bytes]:
    """A stream as in FACTS.md, "Chunks": half thinking, half answer, in the pieces of a socket."""
    fields = {"role": "assistant", "name": "MiniMax AI", "audio_content": ""}
    flags = dict.fromkeys(("input_sensitive", "output_sensitive"), False) | {"input_sensitive_type": 0}
    found = []
    for number in range(CHUNKS):
        text = f"word {number} of a sentence that goes on and on; "
        detail = {"type": "reasoning.text", "id": "reasoning-text-1", "format": "x", "index": 0, "text": text}
        thinking = {"content": "", "reasoning_content": text, "reasoning_details": [detail]}
        delta = fields | (thinking if number < CHUNKS / 2 else {"content": text})
        choice = {"index": 0, "delta": delta} | ({"finish_reason": "stop"} if number == CHUNKS - 1 else {})
        chunk = {
            "id": "0700",
            "choices": [choice],
            "created": 1,
            "model": "M",
            "object": "chat.completion.chunk",
        }
        found.append(b"data: " + json.dumps(chunk | {"usage": None} | flags).encode() + b"\n\n")
    return found


def by_us(stream: list[bytes]) -> int:
    decoder = StreamDecoder()
    events = (event for received in stream for event in decoder.feed(received))
    return sum(1 for _ in arrange_thinking(events, "split", native=False)) + sum(1 for _ in decoder.close())


def by_the_sdk(stream: list[bytes]) -> int:
    client = OpenAI(api_key="none")
    response = httpx2.Response(200, content=iter(stream), request=httpx2.Request("POST", "http://127.0.0.1/"))
    return sum(1 for _ in Stream(cast_to=ChatCompletionChunk, response=response, client=client))


def seconds(read: Callable[[list[bytes]], int], stream: list[bytes]) -> float:
    gc.collect()
    began = time.process_time()
    read(stream)
    return time.process_time() - began


def run() -> None:
    stream = chunks()
    theirs = min(seconds(by_the_sdk, stream) for _ in range(ROUNDS))
    ours = min(seconds(by_us, stream) for _ in range(ROUNDS))
    for name, time_taken in (("the SDK's iterator", theirs), ("mmpipe, to split events", ours)):
        print(f"{name:26} {time_taken / CHUNKS * 1e6:7.1f} us of CPU a chunk   {time_taken / theirs:5.2f} x")


if __name__ == "__main__":
    run()

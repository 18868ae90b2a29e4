"""The least that can answer a chat completion, so that no client waits for it: `python stub.py SECONDS_OF_LATENCY ADDRESS`.

Prints its port; at the end of its standard input the times at which whole requests had arrived, and its own seconds
of the processor, as JSON.

A line of its standard input is a number of seconds: the next request is refused with 429, and this Retry-After.
"""

import asyncio
import json
import os
import re
import sys
import time

TEXT = "The user asks something short. I answer it."
DETAIL = {
    "type": "reasoning.text",
    "id": "reasoning-text-1",
    "format": "MiniMax-response-v1",
    "index": 0,
    "text": TEXT,
}
ID = "0" * 32  # its place is that of a number: a client may take an id that comes again for an older answer
MESSAGE = {
    "content": "An answer of a few words, as a classifier gives it.",
    "role": "assistant",
    "name": "MiniMax AI",
    "audio_content": "",
    "reasoning_content": TEXT,
    "reasoning_details": [DETAIL],
}
USAGE = {
    "total_tokens": 87,
    "total_characters": 0,
    "prompt_tokens": 44,
    "completion_tokens": 43,
    "completion_tokens_details": {"reasoning_tokens": 20},
}
BODY = json.dumps(
    {
        "id": ID,
        "choices": [{"finish_reason": "stop", "index": 0, "message": MESSAGE}],
        "created": 1773818171,
        "model": "MiniMax-M3",
        "object": "chat.completion",
        "usage": USAGE,
        "input_sensitive": False,
        "output_sensitive": False,
        "base_resp": {"status_code": 0, "status_msg": ""},
    }
).encode()
HEAD = """HTTP/1.1 200 OK\r
Content-Type: application/json; charset=utf-8\r
Content-Length: %d\r
Trace-Id: 0609843beb940487f98bbf3b5141386f\r
Date: Tue, 24 Nov 2026 08:00:00 GMT\r
\r
"""
BEFORE, AFTER = ((HEAD % len(BODY)).encode() + BODY).split(ID.encode())
REFUSAL = b"""HTTP/1.1 429 Too Many Requests\r
Content-Type: application/json\r
Content-Length: 2\r
Retry-After: %b\r
\r
{}"""
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Stub(asyncio.Protocol):
    """One connection, which is kept for as long as the client likes."""

    def __init__(self, latency: float, arrivals: list[float], refusals: list[bytes]) -> None:
        self._latency, self._arrivals, self._refusals = latency, arrivals, refusals
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) >= 4:
            length = LENGTH.search(self._received, 0, end)
            end += int(length[1]) if length else 0
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._arrivals.append(time.monotonic())
            answer = b"%b%032d%b" % (BEFORE, len(self._arrivals), AFTER)
            if self._refusals:
                answer = REFUSAL % self._refusals.pop()
            if self._latency:
                self._loop.call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def serve(latency: float, address: str) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    arrivals, refusals = list[float](), list[bytes]()
    server = await loop.create_server(lambda: Stub(latency, arrivals, refusals), address, 0, backlog=4096)

    def read() -> None:
        line = os.read(sys.stdin.fileno(), 100).strip()
        refusals.append(line) if line else ended.set()

    loop.add_reader(sys.stdin, read)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    print(json.dumps({"arrivals": arrivals, "cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), sys.argv[2]))

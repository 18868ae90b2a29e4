"""The least that can answer a chat completion, so that no client waits for it.

`python stub.py SECONDS_OF_LATENCY ADDRESS [CONTENT [EACH [CERTIFICATE]]]`: with the content, with 400 for each so many-th
request, and over TLS with the certificate and key in the file.

Prints its port; at the end of its standard input the times at which whole requests had arrived, the number of
connections, and its own seconds of the processor, as JSON.

A line of its standard input is a number of seconds: the next request is refused with 429, and this Retry-After.
"""

import asyncio
import json
import os
import re
import ssl
import sys
import time
from dataclasses import dataclass, field

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
ANSWER = {
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
HEAD = """HTTP/1.1 200 OK\r
Content-Type: application/json; charset=utf-8\r
Content-Length: %d\r
Trace-Id: 0609843beb940487f98bbf3b5141386f\r
Date: Tue, 24 Nov 2026 08:00:00 GMT\r
\r
"""
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
REFUSAL = b"""HTTP/1.1 429 Too Many Requests\r
Content-Type: application/json\r
Content-Length: 2\r
Retry-After: %b\r
\r
{}"""
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Service:
    """What all connections share: their answer, and what was seen."""

    latency: float
    content: str = ""
    each: int = 0  # so many-th request is refused with 400; 0 for none
    arrivals: list[float] = field(default_factory=list)
    refusals: list[bytes] = field(default_factory=list)
    connections: int = 0

    def prepare(self) -> tuple[bytes, bytes]:
        """The bytes of an answer before and after its id."""
        MESSAGE["content"] = self.content or MESSAGE["content"]
        body = json.dumps(ANSWER).encode()
        before, after = ((HEAD % len(body)).encode() + body).split(ID.encode())
        return before, after


class Stub(asyncio.Protocol):
    """One connection, which is kept for as long as the client likes."""

    def __init__(self, service: Service, answer: tuple[bytes, bytes]) -> None:
        self._service, (self._before, self._after) = service, answer
        self._arrivals, self._refusals = service.arrivals, service.refusals
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._service.connections += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) >= 4:
            length = LENGTH.search(self._received, 0, end)
            end += int(length[1]) if length else 0
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._arrivals.append(time.monotonic())
            answer = b"%b%032d%b" % (self._before, len(self._arrivals), self._after)
            if self._service.each and not len(self._arrivals) % self._service.each:
                answer = BAD
            if self._refusals:
                answer = REFUSAL % self._refusals.pop()
            if self._service.latency:
                self._loop.call_later(self._service.latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def serve(service: Service, address: str, certificate: str = "") -> None:
    loop, ended, context = asyncio.get_running_loop(), asyncio.Event(), None
    answer = service.prepare()
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Stub(service, answer), address, 0, backlog=4096, ssl=context)

    def read() -> None:
        line = os.read(sys.stdin.fileno(), 100).strip()
        service.refusals.append(line) if line else ended.set()

    loop.add_reader(sys.stdin, read)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    seen = {"arrivals": service.arrivals, "connections": service.connections, "cpu": time.process_time()}
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    latency, address, content, each, certificate = [*sys.argv[1:], *("", "0", "")[len(sys.argv) - 3 :]]
    asyncio.run(serve(Service(float(latency), content, int(each)), address, certificate))

"""A server that answers each prompt with its hash, and breaks its connections in every way: `python pairs_server.py SEED`.

It drops, delays, cuts and repeats answers, puts responses of others on idle connections, and closes at random. Prompts whose
hash begins with 00 are rejected, and those with 01 are cut short. Prints its port; at the end of its standard input,
the counts of what it did, as JSON.
"""

import asyncio
import json
import random
import re
import select
import sys
from collections import Counter
from hashlib import sha256
from typing import Final

LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LATER: Final = 1.0  # seconds at most until something unasked comes on an idle connection
LATE: Final = 0.5
# Shares of all requests; the rest is answered plainly.
FAULTS: Final = {
    "dropped": 0.01,
    "reset": 0.01,
    "cut": 0.01,
    "repeated at once": 0.01,
    "repeated later": 0.01,
    "another's answer at once": 0.01,
    "another's answer later": 0.02,
    "half an answer later": 0.01,
    "408 later": 0.01,
    "closed later": 0.02,
    "delayed": 0.04,
}


def hash_of(prompt: str) -> str:
    return sha256(prompt.encode()).hexdigest()


def response(body: object, status: str = "200 OK") -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def answer(prompt: str) -> bytes:
    found = hash_of(prompt)
    if found.startswith("00"):
        return response(
            {"error": {"message": f"rejected {found}", "type": "invalid_request_error"}}, "400 Bad Request"
        )
    choice = {
        "index": 0,
        "finish_reason": "length" if found.startswith("01") else "stop",
        "message": {"role": "assistant", "content": found},
    }
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    return response({"id": found, "model": "MiniMax-M3", "choices": [choice], "usage": usage})


TIMED_OUT: Final = response({}, "408 Request Timeout")


class Connection(asyncio.Protocol):
    def __init__(self, chance: random.Random, done: Counter[str]) -> None:
        self._chance, self._done = chance, done
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._is_answered = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._done["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n") + 4
        length = LENGTH.search(self._received, 0, end)
        if end < 4 or length is None or len(self._received) < end + int(length[1]):
            return
        body, self._received = self._received[end:], b""
        self._done["requests"] += 1
        self._is_answered = False
        self._reply(json.loads(body)["messages"][-1]["content"])

    def _reply(self, prompt: str) -> None:
        fault = self._choose()
        own, other = answer(prompt), answer(f"another's {self._chance.random()}")
        unasked = {
            "repeated": own,
            "another's answer": other,
            "half an answer": other[: len(other) // 2],
            "408": TIMED_OUT,
        }
        if fault == "dropped":
            self._transport.close()
        elif fault == "reset":
            self._transport.abort()
        elif fault == "cut":
            self._transport.write(own[: self._chance.randrange(1, len(own))])
            self._transport.close()
        elif fault == "delayed":
            self._loop.call_later(self._chance.uniform(0, LATE), self._send, own)
        elif fault.endswith(" at once"):
            self._send(own + unasked[fault.removesuffix(" at once")])
        else:
            self._send(own)
        if fault == "closed later":
            self._loop.call_later(self._chance.uniform(0, LATER), self._transport.close)
        elif fault.endswith(" later"):
            sent = unasked[fault.removesuffix(" later")]
            self._loop.call_later(self._chance.uniform(0, LATER), self._send_unasked, sent)

    def _choose(self) -> str:
        number = self._chance.random()
        for fault, share in FAULTS.items():
            number -= share
            if number < 0:
                self._done[fault] += 1
                return fault
        return ""

    def _send(self, sent: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(sent)
            self._is_answered = True

    def _send_unasked(self, sent: bytes) -> None:
        """Send to a client that waits for nothing. A request that has come by now makes it wait, read or not."""
        if self._transport.is_closing() or not self._is_answered or self._received:
            return
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        if not poll.poll(0):
            self._transport.write(sent)
            self._done["unasked on an idle connection"] += 1


async def serve(seed: int) -> None:
    loop, ended, done, chance = (
        asyncio.get_running_loop(),
        asyncio.Event(),
        Counter[str](),
        random.Random(seed),  # noqa: S311  no secret
    )
    server = await loop.create_server(lambda: Connection(chance, done), "127.0.0.1", 0, backlog=4096)
    loop.add_reader(sys.stdin, ended.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

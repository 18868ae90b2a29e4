"""The cost of a long stream as a whole process, a chunk at a time: `python tests/bench/streams.py`.

Each of 20,000 chunks is sent in a packet of its own, to a file: by the SDK's loop with a flushed write, by `mmpipe stream` and
`mmpipe chat`, and by the least loop that Python has: it waits, reads and writes, and decodes nothing. The start is
subtracted: a run over 100 chunks. The server has a processor of its own: whether both share one changes the costs by half.
"""

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from decode import chunks
from measure import cost_of

CHUNKS, FEW, ROUNDS = 20_000, 100, 3
PAUSE = 0.0003  # seconds between two chunks, so that each is read by itself
LIMIT = 0.2
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
SDK = """
from openai import OpenAI
messages = [{"role": "user", "content": "go"}]
answer = OpenAI().chat.completions.create(model="MiniMax-M3", messages=messages, extra_body={"reasoning_split": True}, stream=True)
for chunk in answer:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
"""
LEAST = """
import os, socket
from urllib.parse import urlsplit
url = urlsplit(os.environ["OPENAI_BASE_URL"])
connection = socket.create_connection((url.hostname, url.port), 60)
connection.sendall(b"POST /v1/chat/completions HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
while connection.recv(65536):
    os.write(1, b"word 17 of a sentence that goes on and on; ")
"""


@contextmanager
def streaming(count: int) -> Iterator[str]:
    """A process that answers each request with so many chunks; its base URL."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        child = os.fork()
        if not child:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            pieces = chunks()
            pieces = [*pieces[: count - 1], pieces[-1]]
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    received = b""
                    # Each of the clients sends the question last.
                    while not received.endswith(b"}"):
                        received += connection.recv(65536)
                    connection.sendall(HEAD)
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(PAUSE)
                    connection.sendall(b"data: [DONE]\n\n")
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        script, least, target = Path(folder, "sdk.py"), Path(folder, "least.py"), Path(folder, "out")
        script.write_text(SDK, encoding="utf-8")
        least.write_text(LEAST, encoding="utf-8")
        lines = {
            "the SDK's loop": f"{script}",
            "mmpipe stream": "-m mmpipe stream -qn go",
            "mmpipe chat": "-m mmpipe chat -qn go",
            "wait, read, write": f"{least}",
        }
        commands = {
            name: ("sh", "-c", f"exec {sys.executable} {line} > {target}") for name, line in lines.items()
        }
        costs: dict[tuple[str, int], list[float]] = {}
        with streaming(CHUNKS) as many, streaming(FEW) as few:
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            for _ in range(ROUNDS):
                for name, command in commands.items():
                    for count, url in ((CHUNKS, many), (FEW, few)):
                        services = {f"{service}_BASE_URL": url for service in ("MINIMAX", "OPENAI")}
                        keys = {"MINIMAX_API_KEY": "anything", "OPENAI_API_KEY": "anything"}
                        cost = cost_of(command, os.environ | services | keys).cpu
                        costs.setdefault((name, count), []).append(cost)
        firsts: list[float] = []
        for name in commands:
            least_of, median_of = (
                (of(costs[name, CHUNKS]) - of(costs[name, FEW])) / (CHUNKS - FEW) for of in (min, median)
            )
            firsts = firsts or [least_of, median_of]
            limit = f"  (limit {LIMIT})" if name == "mmpipe stream" else ""
            print(
                f"{name:17} {least_of * 1e6:6.1f} us of CPU a chunk  {least_of / firsts[0]:5.2f} x{limit}"
                f"   median {median_of * 1e6:6.1f} us  {median_of / firsts[1]:5.2f} x"
            )
        print(f"load {Path('/proc/loadavg').read_text(encoding='ascii').strip()}")


if __name__ == "__main__":
    run()

"""The time to the first byte of an answer, and the cost of a call over TLS, against bare SDK scripts: `python tests/bench/first_byte.py`.

The answer is a stream of 20 tokens a second into a pipe. The certificate of the server is one more beside those that the system
trusts, whose reading is a part of the cost. `afar` is a server whose handshake takes two round trips of 100 ms, and its answer one.
"""

import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme
from measure import Cost, describe
from streams import HEAD, SDK

ROUNDS = 9
TOKENS, PAUSE = 6, 0.05  # seconds between two tokens
TRIP = 0.1  # seconds


def tokens() -> Iterator[bytes]:
    for number in range(TOKENS):
        end = {"finish_reason": "stop"} if number == TOKENS - 1 else {}
        choice = {"index": 0, "delta": {"role": "assistant", "content": f"word {number} "}, **end}
        chunk = {"id": "1", "created": 1, "model": "MiniMax-M3", "object": "chat.completion.chunk"}
        yield b"data: " + json.dumps(chunk | {"choices": [choice]}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def answer(connection: socket.socket, context: ssl.SSLContext | None, trip: float) -> None:
    """Answer one request; each of the clients sends the question last."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    time.sleep(2 * trip)
    with context.wrap_socket(connection, server_side=True) if context else connection as stream:
        received = b""
        while not received.endswith(b"}"):
            received += stream.recv(65536)
        time.sleep(trip)
        stream.sendall(HEAD)
        for token in tokens():
            stream.sendall(token)
            time.sleep(PAUSE)


@contextmanager
def serving(context: ssl.SSLContext | None = None, trip: float = 0) -> Iterator[str]:
    """A server in threads of this process, which does nothing else meanwhile; its base URL."""

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection, context, trip), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{listening.getsockname()[1]}/v1"


def first_byte(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Return the seconds to the first byte, and those of the processor for the whole run."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        wall = time.perf_counter() - began
        process.stdout.read()
    assert not process.returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def trusting(folder: str) -> tuple[ssl.SSLContext, str]:
    """A context of a server, and a file of the system's certificates that trusts it."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    system = ssl.get_default_verify_paths().cafile
    known = Path(system).read_bytes() if system else b""
    Path(folder, "ca.pem").write_bytes(known + authority.cert_pem.bytes())
    return context, str(Path(folder, "ca.pem"))


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        context, ca_file = trusting(folder)
        script = Path(folder, "sdk.py")
        script.write_text(SDK, encoding="utf-8")
        mmpipe = (sys.executable, "-m", "mmpipe")
        commands = {
            "SDK script": (sys.executable, str(script)),
            "mmpipe stream": (*mmpipe, "stream", "-n", "go"),
            "mmpipe chat": (*mmpipe, "chat", "-n", "go"),
        }
        with serving() as plain, serving(context) as near, serving(context, TRIP) as afar:
            for name, url in (("HTTP", plain), ("TLS", near), ("TLS, afar", afar)):
                pair = {"BASE_URL": url, "API_KEY": "anything"}
                services = ("MINIMAX", "OPENAI")
                variables = {f"{service}_{key}": value for service in services for key, value in pair.items()}
                compare(name, commands, os.environ | variables | {"SSL_CERT_FILE": ca_file})


def compare(name: str, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> None:
    """Print a line for each command: the median and the best of its times, and their ratios to those of the first."""
    environment = {key: value for key, value in environment.items() if key != "PYTHONDONTWRITEBYTECODE"}
    costs: dict[str, list[Cost]] = {command: [] for command in commands}
    for _ in range(ROUNDS):
        for command, words in commands.items():
            costs[command].append(first_byte(words, environment))
    first = costs[next(iter(commands))]
    for command, found in costs.items():
        print(f"{name:10} {command:14}", describe("wall", found, first), describe("cpu", found, first))


if __name__ == "__main__":
    run()

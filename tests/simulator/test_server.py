"""The server starts, stops and fails cleanly, in any thread."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from support.harness import AT_ONCE, eventually
from support.simulator_client import KEY, STREAM, ask, begun, chat, simulator

CLI = Path(__file__).parents[2] / "cli"


@contextmanager
def free_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def connected(running: RunningSimulator) -> socket.socket:
    address = urlsplit(running.base_url)
    return socket.create_connection((address.hostname, address.port))


def refuses(base_url: str) -> bool:
    address = urlsplit(base_url)
    try:
        socket.create_connection((address.hostname, address.port)).close()
    except ConnectionRefusedError:
        return True
    return False


class Hangup(BaseException):
    """An exception as a signal handler raises it."""


def test_it_has_a_base_url_and_ends_with_its_block() -> None:
    with RunningSimulator() as running:
        assert running.base_url.startswith("http://127.0.0.1:")
        assert running.base_url.endswith("/v1")
        assert not refuses(running.base_url)
    assert refuses(running.base_url)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Hangup])
def test_any_exception_in_its_block_ends_it(kind: type[BaseException]) -> None:
    heard: list[str] = []

    def fail() -> None:
        with RunningSimulator() as running:
            heard.append(running.base_url)
            raise kind

    with pytest.raises(kind):
        fail()
    assert refuses(heard[0])


def test_a_port_in_use_is_an_oserror() -> None:
    with (
        free_port() as taken,
        pytest.raises(OSError, match="in use"),
        RunningSimulator(SimulatorProfile(port=taken)),
    ):
        pass


def test_a_log_that_cannot_be_written_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), simulator(log=tmp_path / "no" / "log.jsonl"):
        pass


def test_the_port_can_be_chosen() -> None:
    with free_port() as port:
        pass
    with simulator(port=port) as running:
        assert running.base_url == f"http://127.0.0.1:{port}/v1"
        assert ask(running, chat()).status == 200


@pytest.mark.parametrize("fault", ["hang", "hang-mid", "hang-end", "comments", "slow"])
def test_a_hanging_answer_does_not_delay_the_end(fault: str) -> None:
    with simulator(fault) as running:
        client = connected(running)
        body = json.dumps(chat(**STREAM))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer k\r\nContent-Length: {len(body)}"
        client.sendall(f"{head}\r\n\r\n{body}".encode())
        eventually(lambda: running.in_flight, "the request")
        began = time.monotonic()
    # Without its own limit the server would wait 60 s for the answers in flight.
    assert time.monotonic() - began < AT_ONCE
    client.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mmpipe-simulator"]


def test_no_task_outlives_a_client_that_went_away() -> None:
    with simulator("hang-mid:#1", "comments:#2", "hang:#3") as running:
        for _ in range(2):
            with begun(running, chat(**STREAM)) as response:
                response.readline()
        assert len(running.requests) == 2


def test_an_idle_connection_does_not_delay_the_end() -> None:
    with simulator() as running:
        client = connected(running)
        began = time.monotonic()
    assert time.monotonic() - began < AT_ONCE
    client.close()


def test_connections_are_kept_open() -> None:
    with simulator() as running:
        connection = HTTPConnection(urlsplit(running.base_url).netloc, timeout=60)
        used = []
        for _ in range(2):
            connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {KEY}"})
            with connection.getresponse() as response:
                assert response.read()
            used.append(connection.sock.getsockname() if connection.sock else None)
        connection.close()
    assert used[0] is not None
    assert used[0] == used[1]


@pytest.mark.parametrize(
    "sent",
    ["POST /v1/chat", "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"],
)
def test_half_a_request_is_no_error_in_the_log(sent: str, caplog: pytest.LogCaptureFixture) -> None:
    with simulator() as running:
        with connected(running) as client:
            client.sendall(sent.encode())
            time.sleep(0.05)
        assert ask(running, chat()).status == 200
    assert not caplog.records


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01", b"HELO\r\n\r\n"])
def test_a_client_that_speaks_no_http_is_no_error_in_the_log(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with simulator() as running, connected(running) as client:
        client.sendall(sent)
        assert b" 400 " in client.recv(65536)
    assert not caplog.records


@pytest.mark.slow
def test_a_large_request_is_read_whole() -> None:
    with simulator() as running:
        big = {"role": "user", "content": "word " * 100_000}
        assert ask(running, chat(model="MiniMax-M3", messages=[big])).status == 200
        assert ask(running, chat("x" * 6_000_000)).status == 400


def test_only_the_server_needs_aiohttp() -> None:
    program = (
        "import sys; import mmpipe.simulator.profile, mmpipe.simulator.faults, mmpipe.simulator.endpoint; "
        "sys.exit('aiohttp' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(CLI)}, check=False).returncode
        == 0
    )


def test_it_runs_beside_an_event_loop_of_the_caller() -> None:
    async def inside() -> int:
        with simulator() as running:
            return await asyncio.to_thread(lambda: ask(running, chat()).status)

    assert asyncio.run(inside()) == 200


def test_many_answers_at_once_do_not_mix() -> None:
    with simulator(tps=2000) as running:
        answers: dict[int, str] = {}

        def one(number: int) -> None:
            answers[number] = ask(
                running, chat(f"sim:echo {number} " + "x" * 500, stream=True, reasoning_split=True)
            ).joined()

        threads = [threading.Thread(target=one, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: f"{number} " + "x" * 500 for number in range(30)}

"""The clock on the wall may be set at any moment: limits and waits go by one that only goes on."""

import json
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.main import main
from mmpipe.unix.streams import Streams
from support.failure_cases import failed
from support.fault_cases import BEGUN, GOOD, WHOLE, answered, head, sized
from support.fault_server import End, FaultServer, Script, fault_server
from support.harness import AT_ONCE, KEY, Finished, parsed

pytestmark = pytest.mark.processes

COMMANDS = ("chat", "stream", "batch")
DAYS = 86_400.0
SOUND = Script((sized(WHOLE),))
SCRIPTS: dict[str, Script | tuple[Script, ...]] = {
    "slow": Script(tuple(head() + GOOD[at : at + 40] if at == 0 else GOOD[at : at + 40] for at in range(0, len(GOOD), 40)), pause=0.2),
    "silent": Script((head()[:-2],), end=End.SILENCE),
    "stall": answered(BEGUN, end=End.SILENCE),
    "busy": (failed(429, b"", "Retry-After: 0.7"), SOUND),
    "busy-until": (failed(429, b"", "Retry-After: Thu, 21 May 2026 00:00:01 GMT", "Date: Thu, 21 May 2026 00:00:00 GMT"), SOUND),
    "busy-for-a-day": failed(429, b"", "Retry-After: Fri, 22 May 2026 00:00:00 GMT", "Date: Thu, 21 May 2026 00:00:00 GMT"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _restless(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock on the wall finds it days before or after the last one."""
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    jumps, now = cycle((3 * DAYS, -3 * DAYS, 0.0, 400 * DAYS)), time.time
    monkeypatch.setattr(time, "time", lambda: now() + next(jumps))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server(SCRIPTS) as running:
        yield running


def run(server: FaultServer, command: str, prompt: str, *options: str) -> Finished:
    streams = Streams.fake(prompt.encode() + b"\n")
    words = ("-q", "--input-format", "lines") if command == "batch" else ("-n", prompt)
    status = main([command, "--base-url", server.base_url, "--error-json", *options, *words], streams)
    return Finished(status, *streams.captured())


def error(done: Finished, command: str) -> dict[str, object]:
    found = parsed(done.stdout)["error"] if command == "batch" else json.loads(done.stderr)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_that_is_slow_is_whole(server: FaultServer, command: str) -> None:
    done = run(
        server, command, "slow", "--first-byte-timeout", "20", "--idle-timeout", "20", "--max-time", "60"
    )
    assert (0, 1) == (done.status, done.stdout.count(b"\n")), done.stderr_text
    assert "five and six" in done.stdout.decode()


@pytest.mark.parametrize(
    ("prompt", "limit"),
    [("silent", "--first-byte-timeout"), ("silent", "--max-time"), ("stall", "--idle-timeout")],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_limit_is_kept(server: FaultServer, command: str, prompt: str, limit: str) -> None:
    began = time.monotonic()
    # A batch asks in one piece by itself, for which there is no first byte to wait for.
    done = run(server, command, prompt, "--retries", "0", "--wire", "stream", limit, "0.8")
    assert 0.8 <= time.monotonic() - began < AT_ONCE
    assert (ExitStatus.TIMEOUT, True) == (error(done, command)["code"], limit in str(error(done, command)))


@pytest.mark.parametrize(("prompt", "seconds"), [("busy", 0.7), ("busy-until", 1.0)])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wait_that_the_service_asks_for_is_kept(
    server: FaultServer, command: str, prompt: str, seconds: float
) -> None:
    assert 0 == run(server, command, prompt).status
    first, second = server.times(prompt)
    assert seconds <= second - first < seconds + AT_ONCE


@pytest.mark.parametrize("command", COMMANDS)
def test_retry_after_is_computed_by_the_clock_of_the_service(server: FaultServer, command: str) -> None:
    done = run(server, command, "busy-for-a-day", "--retries", "0")
    assert DAYS == error(done, command)["retry_after"]


def test_a_batch_ends_at_its_deadline(server: FaultServer) -> None:
    began = time.monotonic()
    done = run(server, "batch", "silent", "--deadline", "0.8", "--grace", "0.1")
    assert 5 == done.status
    assert 0.8 <= time.monotonic() - began < AT_ONCE

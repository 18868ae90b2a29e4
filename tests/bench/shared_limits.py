"""`--limiter` on two hosts with three runs each: `python tests/bench/shared_limits.py [rpm tpm pause faults cost]`.

The hosts are network namespaces (root makes them), with a Redis server and a counting server in a third one. Counted where
requests arrive. Takes ten minutes.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Self

from stub_server import StubServer, as_object, environment, write_lines

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.permits import Permits, PermitSource, WaitLimit
from mmpipe.batch.pace.redis_script import RedisScript
from mmpipe.batch.pace.remote_limiter import RemoteLimiter
from mmpipe.batch.pace.remote_permits import open_remote_permits
from mmpipe.batch.pace.shared_limiter import open_limiter
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.request import Request

RPM, TOKENS = 600, 87  # of each answer of the stub
API, REDIS = "10.77.0.1", "10.77.0.2"
HUB, *HOSTS = (f"mmpipe-{name}-{os.getpid()}" for name in ("hub", "a", "b"))
RUNS = 3
SECONDS = 125
LATENCY = 0.1


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def inside(place: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", place)


@contextmanager
def network() -> Iterator[None]:
    """Two hosts, each with a link to the hub."""
    try:
        ip("netns", "add", HUB)
        for address in (API, REDIS):
            ip("-n", HUB, "address", "add", f"{address}/32", "dev", "lo")
        ip("-n", HUB, "link", "set", "lo", "up")
        for number, host in enumerate(HOSTS, 1):
            here, there = f"mm{os.getpid()}h{number}", "uplink"
            ip("netns", "add", host)
            ip("-n", HUB, "link", "add", here, "type", "veth", "peer", "name", there, "netns", host)
            ip("-n", HUB, "address", "add", f"10.77.{number}.1/24", "dev", here)
            ip("-n", host, "address", "add", f"10.77.{number}.2/24", "dev", there)
            for place, link in ((HUB, here), (host, there)):
                ip("-n", place, "link", "set", link, "up")
            ip("-n", host, "route", "add", "default", "via", f"10.77.{number}.1")
        yield
    finally:
        for place in (*HOSTS, HUB):
            subprocess.run(["ip", "netns", "delete", place], check=False)


class Redis:
    """A server in the hub, without anything on disk."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        options = ("--bind", REDIS, "--protected-mode", "no", "--save", "")
        command = (*inside(HUB), "redis-server", *options)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/")
        while "PONG" not in self.command("PING"):
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [*inside(HUB), "redis-cli", "-h", REDIS, *words], capture_output=True, text=True, check=False
        )
        return done.stdout


@dataclass
class Runs:
    """Three runs on each host, which have their own inputs and journals."""

    folder: Path
    server: StubServer
    options: Sequence[str]

    def start(self, *more: str) -> list[subprocess.Popen[bytes]]:
        """Start them all, and return once each has an answer: on a busy machine the first of them may take a minute."""
        command = (*self.server.batch("--allow-http", "--limiter", f"redis://{REDIS}"), *self.options, *more)
        found = []
        for host in HOSTS:
            for number in range(RUNS):
                folder = self.folder / f"{host}-{number}"
                folder.mkdir(exist_ok=True)
                files = (str(self.folder / "in.jsonl"), "-o", str(folder / "out.jsonl"))
                variables = environment(str(folder))
                found.append(subprocess.Popen((*inside(host), *command, *files), env=variables))
        while not more and len(self.answered()) < len(found):
            time.sleep(0.5)
        return found

    def answered(self) -> list[int]:
        """The number of records with a good answer of each run; none has two."""
        counts = []
        for path in self.folder.glob("*/out.jsonl"):
            lines = [
                json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"
            ]
            if not lines:
                continue
            good = [line["id"] for line in lines if line["error"] is None]
            assert len(good) == len(set(good)), path
            counts.append(len(good))
        return counts


@contextmanager
def prepared(records: int, *options: str) -> Iterator[tuple[Runs, Redis]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        network(),
        Redis() as redis,
        StubServer(LATENCY, API, inside(HUB)) as server,
    ):
        write_lines(Path(folder, "in.jsonl"), as_object, records)
        yield Runs(Path(folder), server, options), redis


def end(processes: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    for process in processes:
        with suppress(ProcessLookupError):
            process.terminate()
    return [process.wait() for process in processes]


def within(times: Sequence[float], start: float, seconds: float = 60) -> int:
    """The number of requests in so many seconds from that time on."""
    return bisect_left(times, start + seconds) - bisect_left(times, start)


def most(times: Sequence[float]) -> int:
    return max(within(times, start) for start in times)


def report_rate(name: str, *options: str) -> None:
    with prepared(10 * RPM, *options) as (runs, _):
        processes = runs.start()
        begin = time.monotonic()
        time.sleep(SECONDS)
        end(processes)
    times = runs.server.arrivals
    worst, second = most(times), within(times, begin + 60)
    print(
        f"{name}: at most {worst} in any 60 s ({worst / RPM:.1%}), {second} in the second minute"
        f" ({second / RPM:.1%}), by {len(HOSTS) * RUNS} runs on {len(HOSTS)} hosts",
        flush=True,
    )


def rpm() -> None:
    report_rate(f"--rpm {RPM}", "--rpm", str(RPM))


def tpm() -> None:
    report_rate(f"--tpm {RPM * TOKENS} ({RPM} answers)", "--tpm", str(RPM * TOKENS))


def pause() -> None:
    with prepared(10 * RPM, "--rpm", str(RPM)) as (runs, _):
        processes = runs.start()
        time.sleep(5)
        asked = time.monotonic()
        runs.server.refuse(10)
        time.sleep(20)
        end(processes)
    times = runs.server.arrivals
    first = times[bisect_left(times, asked)] + LATENCY
    print(
        f"429 with Retry-After 10: {within(times, first, 0.3)} requests in the 0.3 s after it,"
        f" {within(times, first + 0.3, 9.6)} until 9.9 s, {within(times, first + 10, 5)} in the next 5 s",
        flush=True,
    )


def faults() -> None:
    """Kill connections, the server, and links, while 900 records are asked."""
    records = 150
    with prepared(records, "--rpm", str(RPM)) as (runs, redis):
        processes = runs.start()
        time.sleep(5)
        redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(5)
        redis.kill()
        killed = time.monotonic()
        time.sleep(8)
        began = time.monotonic()
        redis.start()
        time.sleep(10)
        ip("-n", HOSTS[1], "route", "add", "blackhole", REDIS)
        cut = time.monotonic()
        time.sleep(8)
        ip("-n", HOSTS[1], "route", "delete", "blackhole", REDIS)
        time.sleep(5)
        ip("-n", HOSTS[0], "link", "set", "uplink", "down")
        down = time.monotonic()
        time.sleep(8)
        ip("-n", HOSTS[0], "link", "set", "uplink", "up")
        ip("-n", HOSTS[0], "route", "replace", "default", "via", "10.77.1.1")
        statuses = [process.wait() for process in processes]
        answered = runs.answered()
    times = runs.server.arrivals
    print(
        f"CLIENT KILL, Redis killed for 8 s, one host cut off from Redis for 8 s, the other one from all for 8 s:"
        f" statuses {statuses}, answers {answered} of {records}, {len(times)} requests,"
        f" {within(times, killed + 0.2, began - killed - 0.2)} while Redis was down (from 0.2 s on),"
        f" {within(times, cut + 0.3, 7)} and {within(times, down + 0.3, 7)} in 7 s of the cuts (half of {RPM * 7 // 60}"
        f" to all), at most {most(times)} in any 60 s",
        flush=True,
    )


def resume() -> None:
    """Kill the server for good, and continue the runs later."""
    records = 60
    with prepared(records, "--rpm", str(RPM), "--max-wait", "3") as (runs, redis):
        processes = runs.start()
        time.sleep(5)
        redis.kill()
        statuses = [process.wait() for process in processes]
        before = runs.answered()
        redis.start()
        again = [process.wait() for process in runs.start("--resume")]
        after = runs.answered()
    print(
        f"Redis killed for good: statuses {statuses} with {before} answers of {records};"
        f" after --resume {again} with {after}, {len(runs.server.arrivals)} requests in all",
        flush=True,
    )


def cost() -> None:
    """The cost of a permit, one after the other and 32 at once, from this machine's file and from a Redis server."""
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", socket, "--save", ""]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder) as redis:
            try:
                while not Path(socket).exists():
                    time.sleep(0.01)
                asyncio.run(_report_costs(folder, socket))
            finally:
                redis.kill()


async def _report_costs(folder: str, socket: str) -> None:
    limit, rates = WaitLimit(600, print), Rates(requests=1e8, tokens=1e10)
    for width in (1, 32):
        with open_limiter(
            rates, Endpoint("http://x", Key("key", "")), {"XDG_RUNTIME_DIR": folder}
        ) as limiter:
            await _report_cost("the file of this machine", Permits([limiter], lambda _: 100, limit), width)
        script = RedisScript(LimiterAddress.parse(f"unix://{socket}"), "mmpipe:limit:bench")
        remote = RemoteLimiter(rates, script)
        async with open_remote_permits(remote, "here", lambda _: 100, limit, StopSignal()) as permits:
            await _report_cost("Redis on this machine", permits, width)


async def _report_cost(name: str, permits: PermitSource, width: int, count: int = 6400) -> None:
    request, stop = Request("MiniMax-M3", ()), StopSignal()
    waits = list[float]()

    async def ask() -> None:
        for _ in range(count // width):
            begin = time.perf_counter()
            reserved = await permits.acquire(request, stop)
            waits.append(time.perf_counter() - begin)
            permits.settle(request, reserved or 0, 90)

    await permits.acquire(request, stop)
    before, begin = getrusage(RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(width)))
    seconds, after = time.perf_counter() - begin, getrusage(RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{name}, {width} at once: {cpu / count * 1e3:.3f} ms of the processor for a permit,"
        f" {count / seconds:.0f} permits/s, waited {sorted(waits)[len(waits) // 2] * 1e3:.2f} ms (median)",
        flush=True,
    )


PARTS: dict[str, Callable[[], None]] = {
    "cost": cost,
    "rpm": rpm,
    "tpm": tpm,
    "pause": pause,
    "faults": faults,
    "resume": resume,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()

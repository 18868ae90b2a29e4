"""`batch --engine ray` on a cluster of three nodes: `python tests/bench/cluster.py speed|deaths|starts...`; without words all.

`speed`: the local engine and clusters of one and two workers against one stub, and the processor's time of the driver.
`deaths`: 20,000 records under a limit, while a worker, a node and the driver are killed and a node is cut off by SIGSTOP.
`starts`: a hundred runs with a cluster of their own, and what is left of them.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from measure import cost_of
from stub_server import StubServer, as_object, as_text, environment, write_lines

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.ray_nodes import ray_nodes, until

RECORDS, AT_ONCE, LATENCY = 20_000, 256, 0.5
RPM = 6_000
BURST = (
    RPM // 120
)  # 0.25 s of the rate, and as much again for what the network bunches up (batch/pace/gcra.py)
SPEED_RECORDS = 10_000
STARTS = 100
TIME_WAIT: Final = "06"  # in /proc/net/tcp
SHARED_MEMORY, TEMPORARY = Path("/dev/shm"), Path("/tmp")  # noqa: S108  looked at
# Runs mmpipe, and adds the seconds of its own process and of its children to a file.
TIMED: Final = """
import os, resource, sys
from mmpipe.main import main
from mmpipe.unix.streams import Streams
status = main(sys.argv[2:], Streams.real())
times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
open(sys.argv[1], "w").write(" ".join(str(one.ru_utime + one.ru_stime) for one in times))
os._exit(status)
"""
# The same with a pool that has the answer already.
ALONE: Final = """
import json, sys, time
from contextlib import asynccontextmanager
from mmpipe.command_line import perform
from mmpipe.core.events import Start, Stop, Text, Thinking, Usage
from mmpipe.commands.program import Program
from mmpipe.commands.tree import TREE
from mmpipe.unix.streams import Streams
import mmpipe.batch.run, os
sys.path.insert(0, os.environ["BENCH"])
from stub import BODY
found = json.loads(BODY)
message = found["choices"][0]["message"]
text, thought = message["content"], message["reasoning_content"]
class Ready:
    is_ready = True
    async def ask(self, request, limits, observer=None):
        return [Start("id", request.model, "id"), Thinking(thought), Text(text), Usage(44, 43, 87, 20), Stop("stop", message)]
@asynccontextmanager
async def open_ready(*_):
    yield Ready()
mmpipe.batch.run.choose_engine = lambda *_: open_ready
streams = Streams.real()
perform(Program(streams, dict(os.environ), TREE, ["batch", *sys.argv[1:]]))
print(time.process_time())
os._exit(0)
"""
ENGINES: Final = (
    ("local engine", ()),
    ("Ray, 1 worker", ("--engine", "ray", "--ray-workers", "1")),
    ("Ray, 2 workers", ("--engine", "ray", "--ray-workers", "2")),
)
CHANGING = ("response_id", "request_id", "elapsed_ms")


def timed(server: StubServer, folder: str, records: int, *more: str) -> tuple[float, float, float]:
    """Run once; return the seconds of the clock, and of the processor for the driver and for its bridge."""
    source, times = Path(folder, f"{records}.txt"), Path(folder, "times")
    write_lines(source, as_text, records)
    options = (str(source), "-o", f"{folder}/out.jsonl", "--overwrite", "-j", str(AT_ONCE), *more)
    words = server.batch(*options)[3:]
    cost = cost_of((sys.executable, "-c", TIMED, str(times), *words), environment(folder))
    own, children = map(float, times.read_text().split())
    return cost.wall, own, children


def rate(arrivals: Sequence[float]) -> float:
    """Requests a second between the first and the last tenth of a run."""
    tenth = len(arrivals) // 10
    return (len(arrivals) - 2 * tenth) / (arrivals[-tenth - 1] - arrivals[tenth])


def lines(path: str) -> list[dict[str, object]]:
    """The lines of a journal by their records, without what the server and the clock choose anew."""
    with Path(path).open("rb") as file:
        found = [json.loads(line) for line in file]
    kept = ({name: value for name, value in line.items() if name not in CHANGING} for line in found)
    return sorted(kept, key=lambda line: int(str(line["index"])))


def speed(folder: str) -> None:
    print(f"Without latency, {AT_ONCE} at once, {SPEED_RECORDS} records; start-up subtracted:")
    costs, journals = [], []
    with StubServer() as server:
        for _, more in ENGINES:
            costs.append([timed(server, folder, records, *more) for records in (1, SPEED_RECORDS)])
            journals.append(lines(f"{folder}/out.jsonl"))
    for number, ((name, _), (base, whole)) in enumerate(zip(ENGINES, costs, strict=True)):
        rates = [
            rate(server.arrivals[run * (SPEED_RECORDS + 1) + 1 :][:SPEED_RECORDS]) for run in (0, number)
        ]
        own, bridge = (
            (after - before) / SPEED_RECORDS * 1000 for before, after in zip(base[1:], whole[1:], strict=True)
        )
        print(
            f"  {name:15} {rates[1]:7.0f} requests/s {rates[1] / rates[0]:6.2f} x"
            f"   CPU a record: driver {own:6.3f} ms, its bridge {bridge:6.3f} ms   a run of one record {base[0]:5.1f} s"
        )
    print(f"  the driver without any pool {alone(folder):35.3f} ms")
    same = all(journal == journals[0] for journal in journals)
    print(f"  the journals differ in nothing but times and the server's ids: {same}")


def alone(folder: str) -> float:
    """Return the milliseconds of the processor for a record whose answer is there at once: the engine, and all but its pool."""
    seconds = []
    for records in (1, SPEED_RECORDS):
        words = (
            "-q",
            f"{folder}/{records}.txt",
            "-o",
            f"{folder}/alone.jsonl",
            "--overwrite",
            "-j",
            str(AT_ONCE),
        )
        done = subprocess.run(
            [sys.executable, "-c", ALONE, *words],
            env=environment(folder) | {"BENCH": str(Path(__file__).parent)},
            check=True,
            capture_output=True,
            text=True,
        )
        seconds.append(float(done.stdout))
    return (seconds[1] - seconds[0]) / SPEED_RECORDS * 1000


class Story:
    """A run that is met at certain numbers of answers."""

    def __init__(self, command: Sequence[str], folder: str, out: Path) -> None:
        self._command, self._folder, self._out = command, folder, out
        self.begin()

    def begin(self, *more: str) -> None:
        self.process = subprocess.Popen((*self._command, *more), env=environment(self._folder))

    def at(self, answers: int, what: str, act: Callable[[], object]) -> None:
        """Act when so many answers are in the journal."""
        until(lambda: self.answered >= answers, f"{answers} answers", 600)
        print(f"  {self.answered:6} answers: {what}", flush=True)
        act()

    @property
    def answered(self) -> int:
        return self._out.read_bytes().count(b"\n") if self._out.exists() else 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def deaths(folder: str) -> None:
    print(f"Three nodes, {RECORDS} records, {AT_ONCE} at once, {LATENCY} s of latency, --rpm {RPM}:")
    source, out = Path(folder, "in.jsonl"), Path(folder, "deaths.jsonl")
    write_lines(source, as_object, RECORDS)
    with StubServer(LATENCY) as server, ray_nodes(3, environment(folder)) as nodes:
        where = ("--engine", "ray", "--ray-address", nodes.address)
        limits = ("-j", str(AT_ONCE), "--rpm", str(RPM))
        story = Story(server.batch(str(source), "-o", str(out), *limits, *where), folder, out)
        story.at(2_000, "a worker is killed", lambda: os.kill(nodes.workers(0)[0], signal.SIGKILL))
        story.at(5_000, "a node is killed", lambda: nodes.signal(2, signal.SIGKILL))
        story.at(8_000, "a node joins", nodes.add)
        story.at(10_000, "a node is cut off (SIGSTOP)", lambda: nodes.signal(1, signal.SIGSTOP))
        story.at(14_000, "it goes on (SIGCONT)", lambda: nodes.signal(1, signal.SIGCONT))
        story.at(16_000, "the driver is killed, and the run resumed", story.kill)
        story.begin("--resume")
        status = story.process.wait()
    report_deaths(lines(str(out)), server.arrivals, status)


def report_deaths(found: Sequence[dict[str, object]], arrivals: list[float], status: int) -> None:
    good = [line["index"] for line in found if line["error"] is None]
    # Of a worker, a node and a node that is cut off a third each; of the driver all.
    most = 2 * AT_ONCE
    busiest = max(
        sum(begin <= other < begin + 60 for other in arrivals[number : number + 2 * RPM])
        for number, begin in enumerate(arrivals)
        if number % 200 == 0
    )
    print(
        f"  status {status}; each record once good: {good == [*range(RECORDS)]}; failed lines: {len(found) - len(good)}"
    )
    print(f"  retried: {len(arrivals) - RECORDS}, in flight at the four breaks: at most {most}")
    print(f"  most requests in 60 s: {busiest} (limit {RPM + BURST})")


def starts(folder: str) -> None:
    def count() -> tuple[int, int, int, int]:
        # A closed connection stays with the kernel for a minute.
        sockets = sum(
            TIME_WAIT not in line.split()[3:4]
            for kind in ("tcp", "tcp6", "unix")
            for line in Path(f"/proc/net/{kind}").read_text().splitlines()
        )
        running = [
            entry
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and b"ray" in _command_of(entry)
        ]
        return (
            len(running),
            sockets,
            len([*SHARED_MEMORY.iterdir()]),
            len([*TEMPORARY.glob("mmpipe-*")]),
        )

    before, failures = count(), 0
    with StubServer() as server:
        for number in range(STARTS):
            try:
                timed(server, folder, 10, "--engine", "ray")
            except subprocess.CalledProcessError as error:
                failures += 1
                print(f"  {number}: status {error.returncode}", flush=True)
    # What ended in the last run may still be a zombie.
    time.sleep(2)
    print(f"{STARTS} starts and ends, {failures} failed: processes of Ray, sockets, shared memory, folders")
    print(f"  before {before}\n  after  {count()}")


def _command_of(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for part in sys.argv[1:] or ("speed", "deaths", "starts"):
            {"speed": speed, "deaths": deaths, "starts": starts}[part](name)

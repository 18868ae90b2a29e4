"""A cluster of three nodes, two of them in network namespaces, whose links go down: as root, `python tests/bench/cluster_network.py`.

A link that is down resets nothing: what is sent is lost.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from cluster import AT_ONCE, LATENCY, RECORDS, RPM, Story, lines, report_deaths
from stub_server import StubServer, as_object, environment, write_lines

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mmpipe.api.ray_pool.session import kill_session
from support.ray_nodes import until

NET: Final = "10.77.0"
PORT: Final = 7431


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True)


@contextmanager
def bridge() -> Iterator[None]:
    ip("link", "add", "mm0", "type", "bridge")
    try:
        ip("address", "add", f"{NET}.1/24", "dev", "mm0")
        ip("link", "set", "mm0", "up")
        yield
    finally:
        ip("link", "del", "mm0")


@contextmanager
def namespace(number: int) -> Iterator[str]:
    """A network namespace with one link to the bridge, whose end here is `mm<number>`."""
    name, here, there = f"mm-{number}", f"mm{number}", f"mm{number}n"
    ip("netns", "add", name)
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("link", "set", here, "master", "mm0", "up")
        ip("-n", name, "address", "add", f"{NET}.{number + 1}/24", "dev", there)
        ip("-n", name, "link", "set", there, "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


@contextmanager
def node(number: int, name: str | None, folder: str) -> Iterator[None]:
    """A node of Ray, started by `ray start`; the first one is the head."""
    inside = () if name is None else ("ip", "netns", "exec", name)
    role = (
        ("--head", f"--port={PORT}", "--include-dashboard=false")
        if number == 0
        else (f"--address={NET}.1:{PORT}",)
    )
    place = Path(folder, str(number))
    place.mkdir()
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            (
                *inside, str(Path(sys.executable).parent / "ray"), "start", "--block", "--disable-usage-stats", *role,
                f"--node-ip-address={NET}.{number + 1}", "--num-cpus=0", "--object-store-memory=100000000",
            ),
            env=environment(folder) | {"RAY_TMPDIR": str(place), "RAY_AUTH_MODE": "disabled"},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: b"Ray runtime started" in (place / "log").read_bytes(), f"node {number} starts", 300)
        yield
    finally:
        kill_session(process.pid)
        process.wait()


def run(folder: str) -> None:
    source, out = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
    write_lines(source, as_object, RECORDS)
    with ExitStack() as stack:
        stack.enter_context(bridge())
        server = stack.enter_context(StubServer(LATENCY, f"{NET}.1"))
        for number in range(3):
            name = stack.enter_context(namespace(number)) if number else None
            stack.enter_context(node(number, name, folder))
        print(
            f"Nodes in namespaces, {RECORDS} records, {AT_ONCE} at once, {LATENCY} s of latency, --rpm {RPM}:"
        )
        # The driver finds the files of the head there.
        os.environ |= {"RAY_TMPDIR": str(Path(folder, "0")), "RAY_AUTH_MODE": "disabled"}
        where = ("--engine", "ray", "--ray-address", f"{NET}.1:{PORT}", "--allow-http", "--rpm", str(RPM))
        story = Story(server.batch(str(source), "-o", str(out), "-j", str(AT_ONCE), *where), folder, out)
        story.at(2_000, "the link of a node goes down", lambda: ip("link", "set", "mm1", "down"))
        story.at(8_000, "it comes back", lambda: ip("link", "set", "mm1", "up"))
        story.at(10_000, "the link of the other node goes down", lambda: ip("link", "set", "mm2", "down"))
        story.at(14_000, "the driver is killed, and the run resumed", story.kill)
        story.begin("--resume")
        status = story.process.wait()
    report_deaths(lines(str(out)), server.arrivals, status)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="cn-", dir="/tmp") as name:
        run(name)

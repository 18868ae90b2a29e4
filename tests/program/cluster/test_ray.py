"""`batch --engine ray` on a real cluster: the same lines as without it, whatever ends in the middle."""

import json
import os
import re
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from mmpipe.api.ray_pool.session import list_session
from mmpipe.simulator.server import RunningSimulator
from support.harness import KEY, MMPIPE, Finished, Process, finished, mmpipe, service, started
from support.ray_nodes import RayNodes, ray_nodes, until

pytestmark = pytest.mark.crashes

COUNT = 80
AT_ONCE = 16
TIME = re.compile(r"[0-9.]+ s$", re.MULTILINE)
# What the server and the clock choose anew.
CHANGING = ("response_id", "request_id", "elapsed_ms")


@pytest.fixture(autouse=True)
def _ray() -> None:
    """Skip the tests without Ray; in CI, fail them."""
    if find_spec("ray") is None:
        reason = "Ray is not installed: pip install -e '.[test,ray]'"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture
def server() -> Iterator[RunningSimulator]:
    """Each answer takes about half a second, so that a run can be met in the middle."""
    with service(tps=250) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """The temporary folder of a run; with a short name, since the paths of sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as name:
        yield Path(name)


def command(nodes: RayNodes | None, *more: str) -> Sequence[str]:
    """A run over the records, on the cluster, or on one of its own."""
    where = () if nodes is None else ("--ray-address", nodes.address)
    return ("batch", "in.txt", "-o", "out.jsonl", "-j", str(AT_ONCE), "--engine", "ray", *where, *more)


def write_input(count: int = COUNT) -> None:
    Path("in.txt").write_text("".join(f"question {number}\n" for number in range(count)))


def lines(path: str = "out.jsonl") -> list[dict[str, object]]:
    """The lines of a journal in the order of the input, without what changes anew."""
    found = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    return sorted(
        ({name: value for name, value in line.items() if name not in CHANGING} for line in found),
        key=lambda line: int(str(line["index"])),
    )


def answered() -> int:
    out = Path("out.jsonl")
    return out.read_bytes().count(b"\n") if out.exists() else 0


def asked(server: RunningSimulator, since: int) -> Counter[str]:
    """The questions that have arrived, with their numbers."""
    return Counter(str(request["body"]) for request in server.requests[since:])


def check_once(server: RunningSimulator, since: int, again: int) -> None:
    """Each record has one good line, and no more were retried than were in flight."""
    good = [line["index"] for line in lines() if line["error"] is None]
    assert [*range(COUNT)] == good
    counts = asked(server, since)
    assert COUNT == len(counts)
    assert counts.total() - COUNT <= again


def summary(done: Finished) -> Sequence[str]:
    """The lines of a run, without its time and without a word on a cluster that is slow to start."""
    found = TIME.sub("", done.stderr_text).splitlines()
    return [line for line in found if not line.startswith("mmpipe: waiting for ")]


def bridges(process: Process) -> list[int]:
    """The children of a run."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in children.read_text().split()] if children.exists() else []


def writes_what_a_local_run_writes(nodes: RayNodes, server: RunningSimulator, _: Path) -> None:
    write_input(20)
    records = Path("in.txt").read_text().splitlines()
    records += [
        json.dumps({"id": "x", "prompt": "\u20ac \\ud800", "temperature": 0.5}),
        "sim:length 20",
        "sim:empty",
    ]
    Path("in.txt").write_text("\n".join(records))
    local = mmpipe("batch", "in.txt", "-o", "local.jsonl", "-j", "16", server=server)
    done = mmpipe(*command(nodes, "--record", "recordings"), server=server)
    assert (local.status, local.stdout) == (done.status, done.stdout)
    assert lines("local.jsonl") == lines()
    assert summary(local) == summary(done)
    # Recordings are written here, by what the nodes have heard.
    replayed = mmpipe("batch", "in.txt", "-o", "again.jsonl", "--replay", "recordings")
    assert local.status == replayed.status
    answers = [[line.get("content") for line in lines(path)] for path in ("out.jsonl", "again.jsonl")]
    assert answers[0] == answers[1]


def loses_only_what_was_in_flight_with_a_worker_and_a_node(
    nodes: RayNodes, server: RunningSimulator, _: Path
) -> None:
    write_input()
    since = len(server.requests)
    with started((*MMPIPE, *command(nodes)), server) as process:
        until(lambda: answered() >= AT_ONCE, "the first answers")
        (worker,) = nodes.workers(0)
        os.kill(worker, signal.SIGKILL)
        until(lambda: answered() >= COUNT // 2, "answers after a worker was killed")
        nodes.signal(1, signal.SIGKILL)
        done = finished(process)
    assert 0 == done.status, done.stderr_text
    check_once(server, since, 2 * AT_ONCE)


def leaves_nothing_running_and_is_resumed_when_killed_or_interrupted(
    nodes: RayNodes, server: RunningSimulator, folder: Path
) -> None:
    write_input()
    since = len(server.requests)
    env = {"TMPDIR": str(folder)}
    with started((*MMPIPE, *command(nodes)), server, env=env) as process:
        until(lambda: answered() >= AT_ONCE, "the first answers")
        (bridge,) = bridges(process)
        process.kill()
        process.wait()
        until(lambda: not [*list_session(bridge)], "the end of what the killed run had started")
    with started((*MMPIPE, *command(nodes, "--resume")), server, env=env) as process:
        until(lambda: answered() >= COUNT // 2, "answers of the resumed run")
        (bridge,) = bridges(process)
        process.send_signal(signal.SIGINT)
        done = finished(process)
        assert -signal.SIGINT == done.status
        assert [] == [*list_session(bridge)]
        assert "--resume" in done.stderr_text
    done = mmpipe(*command(nodes, "--resume"), server=server, env=env)
    assert 0 == done.status, done.stderr_text
    check_once(server, since, 2 * AT_ONCE)
    assert [] == [*folder.iterdir()]


def names_the_node_that_has_the_key_of_another_account(
    nodes: RayNodes, server: RunningSimulator, _: Path
) -> None:
    write_input()
    since = len(server.requests)
    done = mmpipe(*command(nodes), server=server, env={"MINIMAX_API_KEY": f"{KEY}-another"})
    assert 3 == done.status
    (reason,) = [line for line in done.stderr_text.splitlines() if line.startswith("mmpipe: auth: ")]
    assert reason.startswith(f"mmpipe: auth: the API key of node {os.uname().nodename} (")
    assert reason.endswith("(environment) is not the key of this run (environment)")
    assert since == len(server.requests)


SCENES = (
    writes_what_a_local_run_writes,
    names_the_node_that_has_the_key_of_another_account,
    leaves_nothing_running_and_is_resumed_when_killed_or_interrupted,
    # The last one, which leaves one node.
    loses_only_what_was_in_flight_with_a_worker_and_a_node,
)


def test_a_run_on_a_cluster(
    server: RunningSimulator,
    folder: Path,
    here: Path,
    subtests: pytest.Subtests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All scenes have one cluster: it takes longer to start than most of them."""
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # The nodes have a key of their own, for this server.
    with ray_nodes(2, {**own, "MINIMAX_API_KEY": KEY, "MINIMAX_BASE_URL": server.base_url}) as nodes:
        for scene in SCENES:
            with subtests.test(scene.__name__):
                place = here / scene.__name__
                place.mkdir()
                monkeypatch.chdir(place)
                scene(nodes, server, folder)


def test_without_an_address_the_cluster_is_this_runs_own_and_ends_with_it(
    server: RunningSimulator, folder: Path
) -> None:
    write_input()
    since = len(server.requests)
    env = {"TMPDIR": str(folder)}
    with started((*MMPIPE, *command(None)), server, env=env) as process:
        until(answered, "the first answer")
        (bridge,) = bridges(process)
        process.kill()
        process.wait()
        until(lambda: not [*list_session(bridge)], "the end of what the killed run had started")
        until(lambda: not [*folder.iterdir()], "the end of its files")
    with started((*MMPIPE, *command(None, "--resume")), server, env=env) as process:
        until(lambda: answered() > AT_ONCE, "an answer of the resumed run")
        (bridge,) = bridges(process)
        done = finished(process)
    assert (0, b"") == (done.status, done.stdout), done.stderr_text
    assert ([], []) == ([*list_session(bridge)], [*folder.iterdir()])
    assert 1 == len(summary(done)), done.stderr_text
    check_once(server, since, AT_ONCE)
    # Ray would keep a token of its own there.
    assert not Path(".ray").exists()


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("127.0.0.1:1", 6, "network: no Ray cluster answers at 127.0.0.1:1: "),
        ("ray://host:10001", 2, "usage: --ray-address is ray://host:10001: it must be HOST:PORT"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_named_before_anything_is_asked(
    address: str, status: int, message: str, server: RunningSimulator
) -> None:
    write_input()
    since = len(server.requests)
    done = mmpipe("batch", "in.txt", "--engine", "ray", "--ray-address", address, server=server)
    assert (status, b"") == (done.status, done.stdout)
    assert f"mmpipe: {message}" in done.stderr_text
    assert since == len(server.requests)

"""A real Ray cluster on this machine: each node has a raylet and workers of its own, which can be killed or stopped.

As a program it holds the cluster: each line of its input adds a node, and is answered by a line.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpipe.api.ray_pool.session import kill_session

_OBJECT_STORE = 100 * 1024 * 1024
_ATTEMPTS = 3


@dataclass
class RayNodes:
    """The address of the cluster, and the process of the raylet of each node."""

    process: "subprocess.Popen[str]"
    address: str = ""
    raylets: list[int] = field(default_factory=list)

    def add(self) -> None:
        """Add a node; the first one is the head."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        added = json.loads(self.process.stdout.readline())
        self.address = added["address"]
        self.raylets.append(added["raylet"])

    def workers(self, node: int) -> list[int]:
        """The processes of mmpipe's workers on a node."""
        found = []
        for process in _children(self.raylets[node]):
            with suppress(OSError):
                if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::NodeWorker"):
                    found.append(process)
        return found

    def signal(self, node: int, number: signal.Signals) -> None:
        """Send a signal to all processes of a node at once: SIGSTOP cuts it off without a reset."""
        for process in (*_children(self.raylets[node]), self.raylets[node]):
            with suppress(ProcessLookupError):
                os.kill(process, number)


@contextmanager
def ray_nodes(count: int, environment: Mapping[str, str]) -> Iterator[RayNodes]:
    """A cluster of so many nodes, in this environment; nothing of it is left."""
    # On a busy machine a node may need longer to start than Ray waits for it.
    for _ in range(_ATTEMPTS):
        # The paths of its sockets must be short.
        with (
            tempfile.TemporaryDirectory(prefix="rn-", dir="/tmp") as folder,
            _driver(environment, folder) as process,
        ):
            nodes = RayNodes(process)
            with suppress(json.JSONDecodeError):
                for _ in range(count):
                    nodes.add()
            if len(nodes.raylets) == count:
                yield nodes
                return
    raise AssertionError("Ray does not start")


@contextmanager
def _driver(environment: Mapping[str, str], folder: str) -> Iterator["subprocess.Popen[str]"]:
    """The process that starts nodes; at the end it is killed with them."""
    Path(folder, "ray").mkdir()
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **environment,
            "RAY_TMPDIR": folder,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
        },
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            kill_session(process.pid)


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                status = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                if int(status[1]) == parent:
                    found.append(int(entry.name))
    return found


def until(condition: Any, what: str, limit: float = 120) -> None:  # noqa: ANN401  any value that may be true
    """Wait for a condition of a cluster, which is slow."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def _hold() -> None:
    from ray._private.node import Node
    from ray.cluster_utils import Cluster

    # It takes as long to start as all the rest.
    Node.start_api_server = lambda *_, **__: None
    cluster = Cluster()
    for _ in sys.stdin:
        first = {} if cluster.head_node else {"no_monitor": True}
        node = cluster.add_node(
            num_cpus=0, object_store_memory=_OBJECT_STORE, include_log_monitor=False, **first
        )
        raylet = node.all_processes["raylet"][0].process.pid
        print(json.dumps({"address": cluster.address, "raylet": raylet}), flush=True)  # noqa: T201  its answer


if __name__ == "__main__":
    _hold()

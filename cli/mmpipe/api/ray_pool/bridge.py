"""The child process that is Ray's driver: `python -m mmpipe.api.ray_pool.bridge DESCRIPTOR`, a socket to the parent.

Ray ends its driver's process when the raylet is lost, prints, and takes over signals; all this happens here. The bridge
carries out the orders of the parent and decides nothing.
"""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from mmpipe.api.ray_pool.frames import read_frame, write_frame
from mmpipe.api.ray_pool.ray_cluster import RayCluster, join_cluster
from mmpipe.api.ray_pool.session import kill_session
from mmpipe.api.ray_pool.terms import ClusterRefused, ClusterTerms
from mmpipe.api.ray_pool.transport import (
    EndWorker,
    GroupArrived,
    NodesSeen,
    SendGroup,
    StartWorker,
    WorkerGone,
    WorkerGreets,
)
from mmpipe.api.ray_pool.values import pack_error
from mmpipe.errors import MmpipeError

_LOOK: Final = 2.0  # seconds between two looks at the nodes


class Bridge:
    """Carries orders to a cluster, and reports back."""

    def __init__(self, cluster: RayCluster, writer: asyncio.StreamWriter) -> None:
        self._cluster, self._writer = cluster, writer
        self._workers: dict[int, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Carry out orders until the parent ends the connection."""
        self._start(self._look_at_nodes())
        with suppress(EOFError):
            while True:
                match await read_frame(reader):
                    case StartWorker(worker, node):
                        self._workers[worker] = self._cluster.start_worker(node)
                        self._start(self._attend(worker, self._workers[worker]))
                    case SendGroup(worker, group):
                        if (found := self._workers.get(worker)) is not None:
                            # Its failure is that of `take`, too.
                            found.submit.remote(group)
                    case EndWorker(worker):
                        if (found := self._workers.pop(worker, None)) is not None:
                            self._start(asyncio.to_thread(self._cluster.kill_worker, found))

    async def _attend(self, worker: int, actor: Any) -> None:  # noqa: ANN401  Ray has no type for an actor
        """Report what a worker says, until it ends."""
        try:
            write_frame(self._writer, WorkerGreets(worker, await actor.greet.remote()))
            while worker in self._workers:
                write_frame(self._writer, GroupArrived(worker, await actor.take.remote()))
        except Exception as error:  # noqa: BLE001  the boundary of a worker: whatever has ended it
            write_frame(self._writer, WorkerGone(worker, *self._cluster.explain(error)))

    async def _look_at_nodes(self) -> None:
        while True:
            write_frame(self._writer, NodesSeen(await asyncio.to_thread(self._cluster.list_nodes)))
            await asyncio.sleep(_LOOK)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _serve(descriptor: int) -> ClusterTerms:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    terms = await read_frame(reader)
    assert isinstance(terms, ClusterTerms)  # noqa: S101  the parent sends nothing else
    # Whatever looks into the job at a cluster sees this name, and workers search modules beside it.
    sys.argv[0] = str(terms.folder / "mmpipe")
    try:
        cluster = join_cluster(terms)
    except MmpipeError as error:
        write_frame(writer, ClusterRefused(pack_error(error)))
        await writer.drain()
    else:
        await Bridge(cluster, writer).run(reader)
        cluster.leave()
    return terms


def main() -> None:
    """Serve the parent to its end, and leave nothing behind, even if the parent was killed."""
    try:
        terms = asyncio.run(_serve(int(sys.argv[1])))
    except EOFError:
        os._exit(0)
    if terms.address is None:
        kill_session(os.getpid())
    shutil.rmtree(terms.folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()

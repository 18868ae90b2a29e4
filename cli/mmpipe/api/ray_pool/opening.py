"""Chooses the cluster of a run by its options and its environment, and opens the pool over it."""

import os
import re
import secrets
from functools import partial
from importlib.util import find_spec
from typing import Final

from mmpipe.api.ask_many import OpenPool, RunSurroundings
from mmpipe.api.options import EngineOptions
from mmpipe.api.ray_pool.bridge_link import open_bridge
from mmpipe.api.ray_pool.cluster_pool import ClusterPool
from mmpipe.api.ray_pool.fleet import FleetLimits
from mmpipe.api.ray_pool.greeting import Greeting, WorkerTerms
from mmpipe.api.ray_pool.pool_times import PoolReports, PoolTimes
from mmpipe.core.endpoint import Endpoint
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line

INSTALL: Final = "pip install 'mmpipe[ray]'"
_ADDRESS: Final = re.compile(r"auto|local|\[?[\w.:-]+\]?:([0-9]{1,5})", re.ASCII)
_LAST_PORT: Final = 65_535


def choose_cluster(options: EngineOptions, surroundings: RunSurroundings) -> OpenPool:
    """Return the opener of a pool over the cluster of the options or of RAY_ADDRESS; without either, one for this run.

    Raises UsageError for an invalid address, and without Ray.
    """
    if find_spec("ray") is None:
        raise UsageError("--engine ray needs Ray, which is not installed", hint=INSTALL)
    variable = surroundings.environment.get("RAY_ADDRESS")
    address = options.ray_address or variable or None
    if address is not None and not _is_address(address):
        source = "--ray-address" if options.ray_address else "RAY_ADDRESS (environment)"
        raise UsageError(
            f"{source} is {one_line(address, 100)}: it must be HOST:PORT, as `ray start` prints it, or auto",
            hint="ray:// and http:// lead to a cluster from outside: run mmpipe on one of its nodes",
        )
    if address == "local":
        address = None
    workers = options.ray_workers or (1 if address else max(1, _count_cores() - 1))

    awaited = f"workers of the Ray cluster at {address}" if address else "Ray, which starts on this machine"

    def open_pool(endpoint: Endpoint, size: int) -> ClusterPool:
        terms = WorkerTerms(surroundings.resolve, size, secrets.token_bytes(32))
        return ClusterPool(
            endpoint,
            Greeting.of(endpoint, terms.salt),
            partial(open_bridge, address, terms, surroundings.environment),
            PoolTimes(surroundings.max_wait, fleet=FleetLimits(per_node=workers)),
            PoolReports(partial(surroundings.report, f"waiting for {awaited}"), surroundings.note),
        )

    return open_pool


def _is_address(address: str) -> bool:
    found = _ADDRESS.fullmatch(address)
    return found is not None and (found[1] is None or 1 <= int(found[1]) <= _LAST_PORT)


def _count_cores() -> int:
    """Return the cores that this process may use, where the system says that; or those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

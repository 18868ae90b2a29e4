"""The cluster that a run uses, and the errors by which the bridge refuses it; values that cross the socket."""

from pathlib import Path

from mmpipe.api.ray_pool.greeting import WorkerTerms
from mmpipe.api.ray_pool.values import PackedError
from mmpipe.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ClusterTerms:
    """The address of the cluster (None: one is started here, and ends with the run), an own folder, and the terms of a worker."""

    address: str | None
    folder: Path
    worker: WorkerTerms


@dataclass(frozen=True, slots=True)
class ClusterRefused:
    """The cluster cannot be used."""

    error: PackedError

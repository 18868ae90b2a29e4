"""The pools of a batch by the name of its engine; a new pool is a case here and a module beside this one."""

from mmpipe.api.ask_many import OpenPool, RunSurroundings
from mmpipe.api.options import EngineOptions
from mmpipe.api.pool import Pool


def find_pool(options: EngineOptions, surroundings: RunSurroundings) -> OpenPool:
    """Return the opener of the pool that is asked for. Raises UsageError for one that is not installed."""
    match options.engine:
        case "local":
            return Pool
        case "ray":
            # Loaded only when it is asked for.
            from mmpipe.api.ray_pool.opening import choose_cluster

            return choose_cluster(options, surroundings)

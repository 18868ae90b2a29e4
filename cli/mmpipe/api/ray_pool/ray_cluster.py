"""All that is asked of Ray itself: to start or join a cluster, and its nodes and actors. Only the bridge uses this module."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mmpipe.api.ray_pool.terms import ClusterTerms
from mmpipe.api.ray_pool.worker import NodeWorker
from mmpipe.errors import MmpipeError, NetworkError, UsageError, is_of_process
from mmpipe.text.visible import one_line

_CONNECT: Final = 10.0  # seconds
# Bytes of memory for calls and results of more than 100 KiB; what is more goes to the disk.
_OBJECT_STORE: Final = 256 * 2**20
# Words of Ray about a worker that has ended, and the reason.
_ENDS: Final = (
    ("its node has died", "the node is gone"),
    ("OUT_OF_MEMORY", "Ray has ended its process, since the node is low on memory"),
)


def _import_ray() -> Any:  # noqa: ANN401  an optional package, which mypy may not have
    import ray
    import ray.exceptions
    import ray.util.scheduling_strategies

    return ray


class RayCluster:
    """A cluster that this process has joined."""

    def __init__(self, ray: Any, terms: ClusterTerms) -> None:  # noqa: ANN401  a module
        self._ray, self._terms = ray, terms
        self._actor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(NodeWorker)

    def list_nodes(self) -> Mapping[str, str]:
        """Return the ids of the living nodes, with the names of their hosts."""
        return {
            node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            for node in self._ray.nodes()
            if node["Alive"]
        }

    def start_worker(self, node: str) -> Any:  # noqa: ANN401  Ray has no type for an actor
        """Start a worker on a node, which counts as no use of a processor: it mostly waits."""
        on_node = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        return self._actor.options(scheduling_strategy=on_node).remote(self._terms.worker)

    def kill_worker(self, actor: Any) -> None:  # noqa: ANN401  as above
        """End a worker at once."""
        self._ray.kill(actor, no_restart=True)

    def explain(self, error: Exception) -> tuple[str, bool, bool]:
        """Return the reason of a worker's end, True if it cannot run there at all, and True if it is a bug of mmpipe."""
        exceptions = self._ray.exceptions
        missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", str(error))
        if missing:
            return f"it has no module {missing[1]}: install mmpipe there", True, False
        if isinstance(error, exceptions.ActorDiedError) and not error.actor_init_failed:
            return describe_end(str(error)), False, False
        # The cause is what our code has raised there.
        cause: Any = error.cause if isinstance(error, exceptions.RayTaskError) else None
        is_foreign = not isinstance(cause, Exception) or isinstance(cause, exceptions.RayError)
        is_bug = not is_foreign and not is_of_process(cause)
        return _summarize(error), isinstance(error, exceptions.RuntimeEnvSetupError), is_bug

    def leave(self) -> None:
        """Leave the cluster of others, which then ends all workers; a cluster of this run is killed by its processes."""
        if self._terms.address is not None:
            self._ray.shutdown()


def join_cluster(terms: ClusterTerms) -> RayCluster:
    """Start a cluster, or join the one at the address. Raises UsageError and NetworkError."""
    if terms.address is not None:
        _check_reachable(terms.address)
    ray = _import_ray()
    quiet = {"log_to_driver": False, "configure_logging": False, "logging_level": "CRITICAL"}
    try:
        if terms.address is None:
            ray.init(address=_start_node(terms.folder), **quiet)
        else:
            # The nodes run the code of this mmpipe, with their own packages.
            package = {"py_modules": [str(Path(__file__).parents[2])]}
            ray.init(address=terms.address, runtime_env=package, **quiet)
    except Exception as error:
        # Ray raises whatever it likes.
        raise explain_refusal(error, terms.address) from error
    return RayCluster(ray, terms)


def _start_node(folder: Path) -> str:
    """Start a cluster of one node, with its files in the folder; returns its address.

    `ray.init` would start three more processes, and wait for them: the dashboard's, the autoscaler's, and one that forwards
    logs. They take as much of the processor as all others, and are of no use to a run.
    """
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    class QuietNode(Node):  # type: ignore[misc]  # Ray has no types
        def start_api_server(self, **_: object) -> None:
            """Start no dashboard."""

    params = RayParams(
        num_cpus=0,
        num_gpus=0,
        object_store_memory=_OBJECT_STORE,
        temp_dir=str(folder),
        include_dashboard=False,
        include_log_monitor=False,
        no_monitor=True,
    )
    node = QuietNode(params, head=True, shutdown_at_exit=False, spawn_reaper=True)
    return str(node.gcs_address)


def _check_reachable(address: str) -> None:
    """Raise NetworkError soon if nothing listens at the address; Ray itself would try for long."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT).close()
    except OSError as error:
        raise NetworkError(f"no Ray cluster answers at {address}: {error}") from error


def _summarize(error: BaseException) -> str:
    """Return what an error of Ray says: its cause says more, and of a traceback inside it the last line."""
    said = str(error.__cause__ or error).strip() or type(error).__name__
    if "Traceback (most recent call last)" in said:
        said = said.splitlines()[-1]
    return one_line(" ".join(said.split()), 300)


def describe_end(said: str) -> str:
    """Return the reason for which a worker has ended, from Ray's many words for that."""
    return next((reason for words, reason in _ENDS if words in said), "its process has ended")


def explain_refusal(error: Exception, address: str | None) -> MmpipeError:
    """Return the error of a cluster that could not be started or joined, from what Ray has raised."""
    message = _summarize(error)
    if address is None:
        return NetworkError(f"Ray has not started on this machine: {message}", retryable=True)
    if address == "auto" and "any running Ray instance" in message:
        return NetworkError(
            "no Ray cluster runs on this machine (auto)",
            hint="start one with `ray start`; without an address the run starts its own",
        )
    if isinstance(error, ConnectionError):
        return NetworkError(f"cannot join the Ray cluster at {address}: {message}")
    return UsageError(f"cannot join the Ray cluster at {address}: {message}")

"""Ray's own words are replaced by those of mmpipe where a user meets them."""

import pytest

from mmpipe.api.ray_pool.ray_cluster import describe_end, explain_refusal
from mmpipe.errors import NetworkError

DIED = """The actor died unexpectedly before finishing this task.
\tclass_name: NodeWorker
\tactor_id: 4ffd0b0cf8e3a5ae1a6b1f6101000000
\tpid: 12779
\tip: 10.0.0.5
"""
PROCESS = "The actor is dead because its worker process has died. Worker exit type: "


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (f"{DIED}{PROCESS}SYSTEM_ERROR Worker exit detail: code 2.", "its process has ended"),
        (f"{DIED}The actor died because its node has died. Node Id: 0", "the node is gone"),
        (
            f"{DIED}{PROCESS}NODE_OUT_OF_MEMORY",
            "Ray has ended its process, since the node is low on memory",
        ),
    ],
)
def test_the_end_of_a_worker_has_a_short_reason(said: str, reason: str) -> None:
    assert reason == describe_end(said)


def test_a_machine_without_a_cluster_is_not_answered_with_an_option_of_ray() -> None:
    said = ConnectionError(
        "Could not find any running Ray instance. Please specify the one to connect to by setting `--address` flag "
        "or `RAY_ADDRESS` environment variable."
    )
    error = explain_refusal(said, "auto")
    assert isinstance(error, NetworkError)
    assert (
        "no Ray cluster runs on this machine (auto); start one with `ray start`; without an address the run starts its own"
        == error.message
    )


def test_other_words_of_ray_are_shown_with_the_address() -> None:
    error = explain_refusal(ConnectionError("ray has\n gone"), "host:1")
    assert "cannot join the Ray cluster at host:1: ray has gone" == error.message

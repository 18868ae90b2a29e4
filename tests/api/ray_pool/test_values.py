"""Requests, results and errors cross a cluster whole."""

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe import errors
from mmpipe.api.attempt import Observer
from mmpipe.api.encoded_request import EncodedRequest
from mmpipe.api.ray_pool.values import (
    MOST_BYTES,
    ClusterRequest,
    ClusterResult,
    join_groups,
    pack_error,
    pack_head,
    pack_questions,
    pack_result,
    unpack_error,
    unpack_questions,
    unpack_results,
)
from mmpipe.api.response_head import RequestFacts, ResponseHead, ResponseInfo
from mmpipe.core.events import Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError, QuotaError

EVENTS = (
    Start("id", "m", "trace", of_minimax=True, host="https://host/v1"),
    Thinking("hm \ud800"),
    Text("a\n"),
    ToolCall(1, "call", "f", '{"a": 1.10}'),
    Usage(1, 2, 3, None, 0, 5, "tier"),
    ToolResult("call", "f", "done"),
    Stop(
        "stop",
        {"content": "\udfff", "odd": [10**30, 1e-9, None]},
        has_guessed_thinking=True,
        has_other_choice=True,
    ),
)
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MmpipeError)]


def crossed(result: ClusterResult) -> ClusterResult:
    (group,) = join_groups([pack_result(result)])
    (found,) = unpack_results(group)
    return found


def test_events_cross_with_every_field() -> None:
    found = crossed(ClusterResult(7, EVENTS))
    assert 7 == found.number
    # Not by ==, which leaves out some fields.
    assert [repr(event) for event in EVENTS] == [repr(event) for event in found.events]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_crosses_with_its_class_and_every_field(kind: type[MmpipeError]) -> None:
    error = kind(
        "it failed",
        hint="try this",
        http=429,
        api_code=1002,
        request_id="trace",
        retryable=True,
        retry_after=2.5,
    )
    found = crossed(ClusterResult(0, (), error)).error
    assert found is not None
    assert (kind, vars(error), error.message) == (type(found), vars(found), found.message)


def test_an_error_with_a_note_crosses_without_it() -> None:
    error = QuotaError("slow down", http=429)
    error.add_note("of a traceback")
    found = unpack_error(pack_error(error))
    assert ("slow down", 429) == (found.message, found.http)


def test_an_error_of_another_room_crosses_as_its_class_in_the_tree() -> None:
    class Stranger(errors.BadResponse):
        """An error that only one room knows."""

    found = unpack_error(pack_error(Stranger("no JSON", hint="look")))
    assert (errors.BadResponse, "no JSON; look") == (type(found), found.message)


def test_an_error_that_was_derived_from_another_crosses_whole() -> None:
    error = QuotaError("slow down", http=429).derived(retry_after=9.0, hint="wait")
    assert vars(error) == vars(unpack_error(pack_error(error)))


def test_the_response_as_it_came_is_shown_to_who_wants_it() -> None:
    head = ResponseHead(
        ResponseInfo(200, "trace", 1.5, "a date", "a place", RequestFacts("m", "none", True, "both")),
        "text/html",
        "gzip",
    )
    seen: list[object] = []
    found = crossed(ClusterResult(0, (), record=(pack_head(head), [b"one", b"two"])))
    found.replay(Observer(began=seen.append, received=seen.append))
    assert [head, b"one", b"two"] == seen


def test_a_deadline_crosses_as_the_time_that_is_left() -> None:
    limits = Limits(1, 2, 3, time.monotonic() + 100)
    request = EncodedRequest(b"{}", "m", True, "auto")
    (group,) = pack_questions([ClusterRequest(3, request, limits, takes_bytes=True)])
    (found,) = unpack_questions(group)
    assert (3, request, True) == (found.number, found.request, found.takes_bytes)
    assert 90 < found.limits.seconds_left <= 100


@given(st.lists(st.binary(max_size=30).map(lambda value: value * 2048)))
def test_groups_are_small_enough_to_travel_with_a_call_and_keep_the_order(values: list[bytes]) -> None:
    groups = [pickle.loads(group) for group in join_groups(values)]  # noqa: S301  just made
    assert values == [value for group in groups for value in group]
    assert all(len(group) == 1 or sum(map(len, group)) <= MOST_BYTES for group in groups)

"""Many requests at once: each is judged as a single one is, and connections are kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mmpipe.api.attempt import Observer
from mmpipe.api.client import ask
from mmpipe.api.pool import Pool
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import MmpipeError
from mmpipe.simulator.server import RunningSimulator
from support.harness import KEY, service

PATIENCE = Timeouts(connect=60, first_byte=60, idle=60, total=300, retries=0)
IMPATIENCE = replace(PATIENCE, first_byte=1, idle=1)
# What only a limit ends. All else must not depend on how busy the machine is.
ENDLESS = {"hang", "hang-mid", "comments"}
FAULTS = [
    "401",
    "402",
    "404",
    "500",
    "529",
    "1002",
    "1004",
    "1008",
    "1026",
    "2013",
    "2049",
    "base_resp-1002",
    "cut",
    "reset",
    "refuse-late",
    "no-finish",
    "html",
    "json-error",
    "empty",
    "hang",
    "hang-mid",
    "comments",
    "length",
    "filter",
    "bad-utf8",
    "bad-json",
    "choices-null",
    "redirect",
    "bom",
]


def endpoint(server: RunningSimulator) -> Endpoint:
    return Endpoint(server.base_url, Key(KEY, "test"))


def request(prompt: str, *, streamed: bool = False) -> Request:
    return Request("MiniMax-M3", ({"role": "user", "content": prompt},), {"reasoning_split": True}, streamed)


def asked(
    server: RunningSimulator, *requests: Request, patience: Timeouts = PATIENCE
) -> list[Sequence[Event] | BaseException]:
    async def all_at_once() -> list[Sequence[Event] | BaseException]:
        async with Pool(endpoint(server), 8) as pool:
            asking = (pool.ask(request, patience.limits()) for request in requests)
            return await asyncio.gather(*asking, return_exceptions=True)

    return asyncio.run(all_at_once())


def text(events: Sequence[Event] | BaseException) -> str:
    assert not isinstance(events, BaseException), events
    return "".join(event.text for event in events if isinstance(event, Text))


def outcome(server: RunningSimulator, request: Request, patience: Timeouts) -> tuple[object, ...]:
    """Return the result of the blocking client for the same answer."""
    try:
        events = list(ask(request, endpoint(server), patience.limits(), Observer()))
    except MmpipeError as error:
        return (type(error), error.message, error.http, error.api_code, error.retryable, error.retry_after)
    return tuple(event for event in events if isinstance(event, Text))


@pytest.mark.parametrize("streamed", [False, True])
def test_many_are_answered_each_with_its_own(streamed: bool) -> None:
    with service() as server:
        prompts = [f"number {number}" for number in range(40)]
        answers = asked(server, *(request(f"sim:echo {prompt}", streamed=streamed) for prompt in prompts))
    assert prompts == [text(events) for events in answers]


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_reported_as_by_the_blocking_client(fault: str, streamed: bool) -> None:
    asking = request("sim:echo hello there", streamed=streamed)
    patience = IMPATIENCE if fault in ENDLESS else PATIENCE
    with service(fault) as server:
        expected = outcome(server, asking, patience)
    with service(fault) as another:
        (answer,) = asked(another, asking, patience=patience)
    if isinstance(answer, MmpipeError):
        found: tuple[object, ...] = (
            type(answer),
            # Either has a port of its own.
            answer.message.replace(another.base_url.split("/")[2], server.base_url.split("/")[2]),
            answer.http,
            answer.api_code,
            answer.retryable,
            answer.retry_after,
        )
    else:
        assert not isinstance(answer, BaseException), answer
        found = tuple(event for event in answer if isinstance(event, Text))
    assert expected == found


@pytest.mark.parametrize(("fault", "streamed"), [("bad-json", True), ("no-finish", True), ("empty", False)])
def test_the_error_of_an_answer_carries_the_trace_id_of_its_response(fault: str, streamed: bool) -> None:
    with service(fault, fault) as server:
        (found,) = asked(server, request("sim:echo hello", streamed=streamed))
        with pytest.raises(MmpipeError) as caught:
            list(
                ask(
                    request("sim:echo hello", streamed=streamed),
                    endpoint(server),
                    PATIENCE.limits(),
                    Observer(),
                )
            )
    for error in (found, caught.value):
        assert isinstance(error, MmpipeError)
        assert error.request_id


def test_nothing_that_listens_is_a_refused_connection_and_no_timeout() -> None:
    with service() as server:
        pass
    (error,) = asked(server, request("hello"))
    assert isinstance(error, MmpipeError)
    host = server.base_url.split("/")[2]
    assert (6, f"{host}: the connection was refused: no server listens there", True) == (
        error.status,
        error.message,
        error.retryable,
    )


def test_the_key_is_in_no_message() -> None:
    with RunningSimulator() as server:
        (error,) = asked(server, request("hello"))
    assert KEY not in str(error)

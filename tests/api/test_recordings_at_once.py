"""Recordings of one request at a time serve many at once, and the other way round; also with the simulator as the server."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from mmpipe.api.ask_many import AskManyContext
from mmpipe.api.attempt import UNOBSERVED, AskOnce, Observer
from mmpipe.api.options import RecordingMode
from mmpipe.api.pool import Pool
from mmpipe.api.recorded_pool import open_recorded_pool
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import AuthError, MmpipeError, NetworkError
from support.harness import KEY, service
from support.scripted_answers import (
    GOOD,
    PATIENCE,
    REFUSED,
    REQUEST,
    STREAM,
    answering,
    asked,
    at,
    error_fields,
    recordings,
    text,
)


class FakePool(AbstractAsyncContextManager["FakePool"]):
    """Asks like `once`, while it is entered."""

    def __init__(self, once: AskOnce) -> None:
        self._once, self.is_open = once, False

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    @property
    def is_ready(self) -> bool:
        return True

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        assert self.is_open
        return list(self._once(request, limits, observer))


OTHER = Request("M", ({"role": "user", "content": "7 * 9?"},))


def echoing(words: str) -> Request:
    messages = ({"role": "user", "content": f"sim:echo {words}"},)
    return Request("MiniMax-M3", messages, {"reasoning_split": True})


def pool_at(base_url: str) -> Pool:
    return Pool(Endpoint(base_url, Key(KEY, "test")), 4)


def many(
    folder: Path, mode: RecordingMode, pool: AskManyContext | None, *requests: Request
) -> list[Sequence[Event] | BaseException]:
    async def all_at_once() -> list[Sequence[Event] | BaseException]:
        async with open_recorded_pool(recordings(folder, mode), pool) as asking:
            asked = (asking.ask(request, PATIENCE.limits()) for request in requests)
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(all_at_once())


def test_a_pool_is_recorded_and_is_not_needed_for_the_replay(tmp_path: Path) -> None:
    pool = FakePool(answering(STREAM, *GOOD))
    expected = many(tmp_path, "record", pool, REQUEST, OTHER)
    assert not pool.is_open
    assert expected == many(tmp_path, "replay", None, REQUEST, OTHER)
    assert 2 == len(list(tmp_path.iterdir()))


def test_a_pool_is_asked_for_what_the_cache_has_not(tmp_path: Path) -> None:
    seen: list[Request] = []
    pool = FakePool(answering(STREAM, *GOOD, seen=seen))
    many(tmp_path, "cache", pool, REQUEST)
    many(tmp_path, "cache", pool, REQUEST, OTHER)
    assert [REQUEST, OTHER] == seen


def test_each_of_many_has_its_own_failure(tmp_path: Path) -> None:
    many(tmp_path, "record", FakePool(answering(REFUSED)), REQUEST)
    refused, missed = many(tmp_path, "replay", None, REQUEST, OTHER)
    assert isinstance(refused, AuthError)
    assert isinstance(missed, NetworkError)
    assert error_fields(REFUSED) == error_fields(refused)
    assert f"{OTHER.sha256}.json" in missed.message


def test_an_observer_of_many_hears_of_each_head_and_piece(tmp_path: Path) -> None:
    heard: list[object] = []

    async def observed(mode: RecordingMode) -> None:
        async with open_recorded_pool(
            recordings(tmp_path, mode), FakePool(answering(STREAM, *GOOD))
        ) as asking:
            observer = Observer(received=heard.append, began=heard.append)
            await asking.ask(REQUEST, PATIENCE.limits(), observer)

    asyncio.run(observed("record"))
    assert [STREAM, *GOOD] == heard
    heard.clear()
    asyncio.run(observed("replay"))
    assert (STREAM, b"".join(GOOD)) == (
        heard[0],
        b"".join(piece for piece in heard if isinstance(piece, bytes)),
    )


def test_recordings_of_a_single_request_and_of_a_pool_answer_each_other(tmp_path: Path) -> None:
    streamed, unstreamed = echoing("one"), replace(echoing("two"), streamed=False)
    with service() as server:
        one = asked(tmp_path, "record", at(server.base_url), streamed)[0]
        (two,) = many(tmp_path, "record", pool_at(server.base_url), unstreamed)
    assert ["one", "two"] == [text(events) for events in (one, two) if not isinstance(events, BaseException)]
    assert [one, two] == many(
        tmp_path, "replay", None, replace(streamed, streamed=False), replace(unstreamed, streamed=True)
    )
    assert two == asked(tmp_path, "replay", None, unstreamed)[0]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "fault", ["401", "429", "529", "1008", "1026", "2049", "base_resp-1002", "json-error"]
)
def test_a_failure_that_the_service_tells_is_the_same_from_the_folder(
    fault: str, streamed: bool, tmp_path: Path
) -> None:
    request = replace(echoing("hello"), streamed=streamed)
    with service(fault) as server:
        by_one = asked(tmp_path / "one", "record", at(server.base_url), request)[2]
    with service(fault) as server:
        (by_many,) = many(tmp_path / "many", "record", pool_at(server.base_url), request)
    assert isinstance(by_many, MmpipeError)
    assert error_fields(by_one) == error_fields(asked(tmp_path / "one", "replay", None, request)[2])
    assert error_fields(by_many) == error_fields(asked(tmp_path / "many", "replay", None, request)[2])


@pytest.mark.parametrize("fault", ["cut", "reset", "no-finish", "html", "empty", "bad-utf8"])
def test_a_failure_that_it_does_not_tell_leaves_nothing(fault: str, tmp_path: Path) -> None:
    with service(fault) as server:
        (error,) = many(tmp_path, "record", pool_at(server.base_url), echoing("hello"))
    assert isinstance(error, MmpipeError)
    assert [] == list(tmp_path.iterdir())

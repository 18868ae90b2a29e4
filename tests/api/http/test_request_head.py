"""Requests that differ in nothing but their body have one head, which the SDK builds once."""

import asyncio
from itertools import pairwise

import pytest

from mmpipe.api.pool import Pool
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Timeouts
from support.harness import KEY, prompts, service

PATIENCE = Timeouts(connect=5, first_byte=5, idle=5, total=20, retries=0)


def heads(*asked: str) -> list[dict[str, str]]:
    """Return the headers of a request for each prompt, one after the other over one pool."""

    async def send() -> None:
        async with Pool(Endpoint(server.base_url, Key(KEY, "test")), 2) as pool:
            for prompt in asked:
                request = Request("MiniMax-M3", ({"role": "user", "content": prompt},), {}, streamed=False)
                await pool.ask(request, PATIENCE.limits())

    with service() as server:
        asyncio.run(send())
        assert list(asked) == prompts(server)
        assert {f"Bearer {KEY}"} == set(server.authorizations)
        found = [request["headers"] for request in server.requests]
    return [head for head in found if isinstance(head, dict)]


def test_each_request_has_its_own_body_and_the_same_head() -> None:
    first, second, third = heads("one", "another one", "ü")
    lengths = [int(head.pop("content-length")) for head in (first, second, third)]
    assert [len("another one") - len("one"), len("ü".encode()) - len("another one")] == [
        after - before for before, after in pairwise(lengths)
    ]
    assert first == second == third


def test_the_key_the_types_and_our_name_are_sent() -> None:
    (head,) = heads("one")
    assert "authorization" in head
    assert ("application/json", "application/json", "identity") == (
        head["content-type"],
        head["accept"],
        head["accept-encoding"],
    )
    assert head["user-agent"].startswith("mmpipe/")


@pytest.mark.parametrize("name", ["X-Stainless-Lang", "Idempotency-Key", "Cookie", "OpenAI-Organization"])
def test_nothing_is_sent_that_was_not_asked_for(name: str) -> None:
    for head in heads("one", "two"):
        assert name.lower() not in map(str.lower, head)

"""Requests that differ in nothing but their body are built once; the SDK's place for that is still there."""

import asyncio

import httpx2
import pytest

from mmpipe.api.http.aiohttp_transport import open_session, request_options, sdk_client
from mmpipe.api.http.routes import find_route
from mmpipe.api.http.sdk import import_sdk
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.timeouts import Timeouts
from mmpipe.simulator.server import RunningSimulator
from support.harness import KEY, prompts, service

PATIENCE = Timeouts(connect=5, first_byte=1, idle=1, total=20, retries=0)


def built(server: RunningSimulator, *bodies: bytes) -> list[httpx2.Request]:
    """Return the bytes that were sent for each body, as the SDK had them."""

    async def send() -> list[httpx2.Request]:
        import_sdk(aiohttp=True)
        endpoint = Endpoint(server.base_url, Key(KEY, "test"))
        route = find_route(endpoint.base_url, {})
        async with open_session(endpoint, route, PATIENCE, 2) as session:
            client = sdk_client(endpoint, route, session)
            sent = []
            for body in bodies:
                response = await client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    content=body,
                    options=request_options(endpoint, streamed=False),
                )
                sent.append(response.request)
            return sent

    return asyncio.run(send())


def body(prompt: str) -> bytes:
    return b'{"model":"MiniMax-M3","messages":[{"role":"user","content":"%b"}]}' % prompt.encode()


def test_each_request_has_its_own_body_and_the_same_head() -> None:
    with service() as server:
        first, second = built(server, body("one"), body("another one"))
        heads = [request["headers"] for request in server.requests]
        assert ["one", "another one"] == prompts(server)
    lengths = [head.pop("content-length") for head in heads if isinstance(head, dict)]
    assert heads[0] == heads[1]
    assert [str(len(body("one"))), str(len(body("another one")))] == lengths
    assert first.url == second.url


def test_the_sdk_builds_only_the_first_request() -> None:
    """If this fails, the SDK is laid out otherwise: nothing is wrong but the speed."""
    with service() as server:
        first, second, third = built(server, body("one"), body("two"), body("three"))
    assert first.extensions is not second.extensions
    assert second.headers == third.headers
    assert all("mmpipe.target" in request.extensions for request in (first, second, third))


@pytest.mark.parametrize("name", ["X-Stainless-Lang", "Idempotency-Key", "Cookie", "OpenAI-Organization"])
def test_nothing_is_sent_that_was_not_asked_for(name: str) -> None:
    with service() as server:
        built(server, body("one"), body("two"))
        for request in server.requests:
            head = request["headers"]
            assert isinstance(head, dict)
            assert name.lower() not in map(str.lower, head)

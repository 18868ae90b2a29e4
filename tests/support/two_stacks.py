"""One request by each of the two HTTP stacks, which must come to the same result."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mmpipe.api.attempt import Observer
from mmpipe.api.client import ask
from mmpipe.api.pool import Pool
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.events import Event, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import ExitStatus, MmpipeError
from support.socket_server import KEY

PATIENCE = Timeouts(connect=20, first_byte=20, idle=20, total=60, retries=0)
REQUEST = Request("M", ({"role": "user", "content": "hi"},), {"reasoning_split": True}, streamed=False)
GOOD = (
    b'{"id":"1","model":"M","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant",'
    b'"content":"56"}}]}'
)
JSON = "application/json"


def ask_pool(
    endpoint: Endpoint, request: Request = REQUEST, patience: Timeouts = PATIENCE
) -> Sequence[Event]:
    async def once() -> Sequence[Event]:
        async with Pool(endpoint, 2) as pool:
            return await pool.ask(request, patience.limits())

    return asyncio.run(once())


def ask_single(endpoint: Endpoint, request: Request, patience: Timeouts) -> Sequence[Event]:
    return list(ask(request, endpoint, patience.limits(), Observer()))


def ask_both(
    base_url: str, ca_file: Path | None = None, request: Request = REQUEST, patience: Timeouts = PATIENCE
) -> tuple[ExitStatus, str]:
    """The status and the text, or the message of the error; both stacks must agree."""
    endpoint, found = Endpoint(base_url, Key(KEY, "test"), ca_file), list[tuple[ExitStatus, str]]()
    for events in (ask_pool, ask_single):
        try:
            texts = [event.text for event in events(endpoint, request, patience) if isinstance(event, Text)]
            found.append((ExitStatus.OK, "".join(texts)))
        except MmpipeError as error:
            found.append((error.status, error.message))
    pool, single = found
    assert pool == single
    return pool

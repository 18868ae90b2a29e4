"""What both clients know of the SDK: its import, the headers, the certificates, and what it is kept from doing."""

import os
from typing import TYPE_CHECKING

from mmpipe import __version__
from mmpipe.api.codes import TRACE, Source
from mmpipe.api.lean_import import lean_openai
from mmpipe.api.reception import Head
from mmpipe.api.server_times import parse_retry_after, server_time
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.errors import MmpipeError, UsageError

if TYPE_CHECKING:
    import ssl

    import httpx2
    import openai

USER_AGENT = f"mmpipe/{__version__}"
_TELEMETRY = ("X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout")


def import_sdk(*, aiohttp: bool) -> None:
    """Import openai for both clients, after this the import costs nothing; `aiohttp` is what many requests ride on."""
    # Any of OPENAI_* would be sent (organisation, project, headers), or change where the request goes. To the other
    # whatever is imported writes the secrets of its connections: no file is written unless mmpipe itself is asked to.
    for name in [name for name in os.environ if name.startswith("OPENAI_") or name == "SSLKEYLOGFILE"]:
        del os.environ[name]
    with lean_openai(aiohttp=aiohttp):
        import openai  # noqa: F401  for its effect: later imports find it loaded


def headers(*, streamed: bool) -> "dict[str, str | openai.Omit]":
    """What is sent beside the SDK's own headers, and what of them is not sent."""
    import openai

    return {
        "Accept": "text/event-stream" if streamed else "application/json",
        # What is compressed cannot be told from a bomb before it is unpacked, and text is short: `Head.is_compressed`.
        "Accept-Encoding": "identity",
        # The SDK's telemetry, as far as `platform_headers` does not bring it.
        **dict.fromkeys(_TELEMETRY, openai.omit),
    }


def tls(endpoint: Endpoint) -> "ssl.SSLContext | bool":
    """What checks the host's certificate; raises UsageError for a file that holds none."""
    if endpoint.is_plain_http:
        return False
    if endpoint.ca_file is None:
        return True
    import ssl

    try:
        return ssl.create_default_context(cafile=endpoint.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"cannot use the certificates of {endpoint.ca_file}: {error.strerror}") from error


def leave_judging(response: "httpx2.Response") -> None:
    """Have the SDK take any status for a success: it would read the body of an error to an end that may never come."""
    response.raise_for_status = lambda: response  # type: ignore[method-assign]


def head_of(response: "httpx2.Response", key: str) -> Head:
    """What came before the body; the key is in nothing of the trace id."""
    headers = response.headers
    return Head(
        _source(response, key),
        str(headers.get("content-type", "")).partition(";")[0].strip().lower(),
        is_compressed=headers.get("content-encoding", "").lower() not in ("", "identity"),
    )


def _source(response: "httpx2.Response", key: str) -> Source:
    headers = response.headers
    date = headers.get("date")
    trace = str(headers.get("trace-id") or headers.get("minimax-request-id") or "")
    return Source(
        http=response.status_code,
        # Some hosts repeat what they were sent, in places that are shown.
        request_id=trace if TRACE.fullmatch(trace) and key not in trace else None,
        retry_after=_wait(headers.get_list("retry-after"), date),
        date=date,
    )


def _wait(told: list[str], date: str | None) -> float | None:
    """Seconds; told twice, by two gateways, both are to be heeded."""
    waits = [parse_retry_after(value, now=server_time(date)) for value in told]
    return max((wait for wait in waits if wait is not None), default=None)


def without_key(error: MmpipeError, key: Key) -> MmpipeError:
    """The same error without the key in its texts; some hosts repeat what they were sent."""
    request_id = None if error.request_id is None else key.mask(error.request_id)
    return error.derived(message=key.mask(error.message), request_id=request_id)

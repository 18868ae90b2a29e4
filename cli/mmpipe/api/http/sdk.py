"""The parts of the SDK's use that `client` and `pool` share: its import, headers, certificates and errors."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from mmpipe import __version__
from mmpipe.api.http.http_parser import RawHead
from mmpipe.api.http.lean_import import lean_openai
from mmpipe.api.http.routes import Route
from mmpipe.api.response_head import TRACE, RequestFacts, ResponseHead, ResponseInfo
from mmpipe.api.server_times import parse_retry_after, server_time
from mmpipe.core.endpoint import Endpoint
from mmpipe.errors import MmpipeError, UsageError
from mmpipe.text.visible import one_line
from mmpipe.unix.collector import wake_collector

if TYPE_CHECKING:
    import ssl

    import httpx2
    import openai

_USER_AGENT = f"mmpipe/{__version__}"
COMPLETIONS = "/chat/completions"  # below the base URL
# The SDK insists on a key; without one `_request_headers` omits the header, as the SDK's documentation proposes.
_NO_KEY = "no key"
# The headers that say when to retry, with the unit of a bare number in seconds (FACTS.md, "Errors of other servers").
_RETRY_AFTER: Final = {"retry-after": 1.0, "retry-after-ms": 1e-3, "x-ms-retry-after-ms": 1e-3}
_LONGEST_LOCATION: Final = 200  # characters
_TELEMETRY = ("X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout")


def import_http() -> None:
    """Import what connects; the rest of the SDK takes ten times as long."""
    # The SDK would send OPENAI_* (organisation, project, headers), or let them change the address.
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        del os.environ[name]
    with lean_openai():
        from httpcore2 import SyncBackend  # noqa: F401  for its effect


def import_sdk() -> None:
    """Import the names of openai that are used here. No start imports more after that."""
    import_http()
    with lean_openai():
        from openai import DefaultHttpxClient, OpenAI, omit  # noqa: F401  for their effect
    wake_collector()


def open_client(endpoint: Endpoint, transport: "httpx2.BaseTransport") -> "openai.OpenAI":
    """The SDK's client over `transport`, without retries, redirects and settings of the environment."""
    import openai

    class SyncClient(openai.OpenAI):
        @property
        def user_agent(self) -> str:
            return _USER_AGENT

        def platform_headers(self) -> dict[str, str]:
            """Nothing: the system and the Python version stay private."""
            return {}

    return SyncClient(
        api_key=_NO_KEY if endpoint.key is None else endpoint.key.value,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=None,
        http_client=openai.DefaultHttpxClient(
            transport=transport,
            # The route is found by `find_route`, and certificates by `tls_context`.
            trust_env=False,
            follow_redirects=False,
            timeout=None,
            event_hooks={"response": [_accept_any_status]},
        ),
    )


def _request_headers(endpoint: Endpoint, *, streamed: bool) -> "dict[str, str | openai.Omit]":
    """The headers that differ from the SDK's own; `openai.omit` removes one."""
    import openai

    omitted = (*_TELEMETRY, "Authorization") if endpoint.key is None else _TELEMETRY
    return {
        "Accept": "text/event-stream" if streamed else "application/json",
        # Compressed streams are often held back until they are long. An answer that is compressed anyway is read.
        "Accept-Encoding": "identity",
        # The SDK's telemetry that `platform_headers` does not hold.
        **dict.fromkeys(omitted, openai.omit),
    }


def send_request(
    client: "openai.OpenAI",
    endpoint: Endpoint,
    path: str,
    body: Mapping[str, object] | None,
    *,
    streamed: bool,
) -> "httpx2.Response":
    """Send one request, a GET without a body; return its response, of which only the head is read."""
    import httpx2

    send = client.get if body is None else partial(client.post, body=body)
    response = send(
        path,
        cast_to=httpx2.Response,
        options={"headers": _request_headers(endpoint, streamed=streamed)},
        stream=True,
        stream_cls=None,
    )
    assert isinstance(response, httpx2.Response)  # noqa: S101  by cast_to
    return response


def tls_context(endpoint: Endpoint, route: Route) -> "ssl.SSLContext | None":
    """The context that checks certificates, of the service and of a proxy with TLS; None if nothing is encrypted.

    Raises UsageError for an unusable --ca-file, or unusable SSL_CERT_FILE or SSL_CERT_DIR.
    """
    if not (route.is_tls or (route.proxy is not None and route.proxy.scheme == "https")):
        return None
    context = trust_certificates(endpoint.ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def trust_certificates(ca_file: Path | None) -> "ssl.SSLContext":
    """The context that accepts certificates of the issuers in a file; None stands for those of the environment.

    Raises UsageError for an unusable file, or unusable SSL_CERT_FILE or SSL_CERT_DIR.
    """
    import ssl

    import httpx2

    # TLS would write the secrets of its connections there, and mmpipe writes no file unless asked.
    os.environ.pop("SSLKEYLOGFILE", None)
    try:
        if ca_file is None:
            return httpx2.create_ssl_context()
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        if ca_file is None:
            raise UsageError(f"the environment's certificates cannot be used: {error}") from error
        raise UsageError(
            f"cannot use the certificates of {ca_file}: {getattr(error, 'strerror', error)}"
        ) from error


def _accept_any_status(response: "httpx2.Response") -> None:
    """Have the SDK accept any status: it would read the body of an error to its end, which may never come."""
    response.raise_for_status = lambda: response  # type: ignore[method-assign]


def read_head(raw: RawHead, endpoint: Endpoint, route: Route, model: str = "") -> ResponseHead:
    """The head of a response to a request for `model`; a trace id that holds the key is dropped."""
    fields = raw.headers
    date = fields["date"][0] if "date" in fields else None
    trace = "".join(fields.get("trace-id") or fields.get("minimax-request-id") or ())
    info = ResponseInfo(
        http=raw.status,
        # Some hosts repeat the key in texts that are shown.
        request_id=trace if TRACE.fullmatch(trace) and endpoint.mask(trace) == trace else None,
        retry_after=_wait(fields, date),
        date=date,
        location=_find_location(raw.status, fields, endpoint),
        request=RequestFacts(model, _advise_on_missing_key(endpoint), endpoint.is_minimax, route.origins),
    )
    return ResponseHead(
        info,
        ",".join(fields.get("content-type", ())).partition(";")[0].strip().lower(),
        ",".join(fields.get("content-encoding", ())),
    )


def _find_location(status: int, fields: Mapping[str, Sequence[str]], endpoint: Endpoint) -> str:
    """The URL that a redirect names, without user, query and key; empty if there is none."""
    if not 300 <= status < 400 or "location" not in fields:  # noqa: PLR2004  the range of redirects
        return ""
    try:
        url = urlsplit(urljoin(f"{endpoint.base_url}{COMPLETIONS}", fields["location"][0].strip()))
    except ValueError:
        return ""
    plain = url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return one_line(endpoint.mask(plain), _LONGEST_LOCATION)


def _wait(fields: Mapping[str, Sequence[str]], date: str | None) -> float | None:
    """The longest Retry-After, in seconds; two gateways may each send one."""
    if fields.keys().isdisjoint(_RETRY_AFTER):
        return None
    waits = [
        parse_retry_after(value, now=server_time(date), unit=unit)
        for name, unit in _RETRY_AFTER.items()
        for value in fields.get(name, ())
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _advise_on_missing_key(endpoint: Endpoint) -> str:
    """The advice for a host that refuses a request without a key; empty if there is a key."""
    if endpoint.key is not None:
        return ""
    other = "" if endpoint.unsent is None else f" ({endpoint.unsent} is not for this host)"
    return f"no key was sent to {endpoint.base_url}{other}: give it one with --api-key-file and --base-url"


def mask_error(error: MmpipeError, endpoint: Endpoint) -> MmpipeError:
    """The same error without the key in its texts, which some hosts repeat."""
    request_id = None if error.request_id is None else endpoint.mask(error.request_id)
    return error.derived(
        sentence=endpoint.mask(error.sentence), hint=endpoint.mask(error.hint), request_id=request_id
    )

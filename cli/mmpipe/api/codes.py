"""Turns what the service says of a failure (status, code, message) into one of our errors; pure."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from mmpipe.api.server_times import server_time
from mmpipe.errors import (
    AuthError,
    Filtered,
    MmpipeError,
    QuotaError,
    Rejected,
    ServerError,
    TimedOut,
)
from mmpipe.text.visible import one_line

_EXAMPLE = "https://api.minimaxi.com/v1"
_WAIT = "wait a little, or ask less often"
_KEY = "check the key: `mmpipe chat -v` tells where it is read from"
_REGION = (
    "a key works in one region only: with one from minimax.io say `--base-url intl`, "
    "with one from minimaxi.com `--base-url cn`"
)
_BALANCE = "top up the account, or use the key of a plan"
_OVERLOAD = "the service is overloaded; ask again later"
_FAILED = "the service failed; ask again later and give the trace id to its support"
_PLAN = "this plan does not have the model; choose another with -m, or use a pay-as-you-go key"
_WINDOW = "the plan's window is used up; wait for its reset, or use a pay-as-you-go key"
_WORDING = "change the wording; asking again does not help"
_REQUEST = "the request itself must change"


class Meaning(NamedTuple):
    """The error of an API code or an HTTP status, and the user's next step.

    `overload`: fewer requests at once would help. `plan_window`: nothing is answered before the moment that the
    message names.
    """

    error: type[MmpipeError]
    advice: str
    retryable: bool = False
    overload: bool = False
    plan_window: bool = False


# FACTS.md, "Error codes". The official table calls 1002 and 1039 limits, whatever other clients call them.
CODES: Mapping[int, Meaning] = {
    1000: Meaning(ServerError, _FAILED, retryable=True),
    1001: Meaning(TimedOut, "the service ran out of time; ask again", retryable=True),
    1002: Meaning(QuotaError, _WAIT, retryable=True, overload=True),
    1004: Meaning(AuthError, _KEY),
    1008: Meaning(QuotaError, _BALANCE),
    1013: Meaning(ServerError, _FAILED, retryable=True),
    1024: Meaning(ServerError, _FAILED, retryable=True),
    1026: Meaning(Filtered, f"the prompt was refused by moderation; {_WORDING}"),
    1027: Meaning(Filtered, f"the answer was stopped by moderation; {_WORDING}"),
    1028: Meaning(QuotaError, _WINDOW),
    1030: Meaning(QuotaError, _WINDOW),
    1033: Meaning(ServerError, _FAILED, retryable=True),
    1039: Meaning(Rejected, "too many tokens at once; shorten the prompt, or ask later"),
    1041: Meaning(QuotaError, "too many connections; ask fewer at once", retryable=True, overload=True),
    1042: Meaning(Rejected, "more than a tenth of the prompt are invisible characters; take them out"),
    2013: Meaning(Rejected, _REQUEST),
    2045: Meaning(QuotaError, "the rate grew too fast; start slower", retryable=True, overload=True),
    2049: Meaning(AuthError, _REGION),
    2056: Meaning(QuotaError, _WINDOW, plan_window=True),
    2061: Meaning(QuotaError, _PLAN),
    2062: Meaning(QuotaError, "there is no active plan for this key"),
    2064: Meaning(ServerError, _OVERLOAD, retryable=True, overload=True),
}

_STATUSES: Mapping[int, Meaning] = {
    401: Meaning(AuthError, _KEY),
    402: Meaning(QuotaError, _BALANCE),
    403: Meaning(AuthError, _KEY),
    404: Meaning(Rejected, f"nothing is there; a base URL usually ends in /v1, as {_EXAMPLE} does"),
    408: Meaning(TimedOut, "the service ran out of time; ask again", retryable=True),
    413: Meaning(Rejected, "the request is too large; shorten the prompt"),
    429: Meaning(QuotaError, _WAIT, retryable=True, overload=True),
    501: Meaning(ServerError, _REQUEST),
    504: Meaning(TimedOut, "a gateway ran out of time; ask again", retryable=True),
    529: Meaning(ServerError, _OVERLOAD, retryable=True, overload=True),
}

TRACE = re.compile(r"[\w.:-]{1,128}", re.ASCII)  # any other is no id, but somebody's text
_LONGEST_CODE = 5  # digits
_CODE = re.compile(r"\((\d{4,5})\)\s*$")
_RESET = re.compile(r"resets at (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))")


@dataclass(frozen=True, slots=True)
class Source:
    """What surrounds a body: its HTTP status, trace id, Retry-After in seconds, and the Date header."""

    http: int = 200
    request_id: str | None = None
    retry_after: float | None = None
    date: str | None = None

    @property
    def now(self) -> float:
        """Seconds since the epoch, by the server's clock if it told."""
        return server_time(self.date)


def trouble_in(body: Mapping[str, object], source: Source, *, answer: str = "choices") -> MmpipeError | None:
    """The error that a JSON body reports, as `error` or as `base_resp` (FACTS.md, "Error bodies"), if any.

    `answer` is the field that holds what was asked for.
    """
    request_id = body.get("request_id")
    if isinstance(request_id, str) and TRACE.fullmatch(request_id):
        source = Source(source.http, request_id, source.retry_after, source.date)
    error = body.get("error")
    if error is None and answer not in body and isinstance(body.get("message"), str):
        # As some gateways send it: an `event: error` with nothing around the message.
        error = body
    # Gateways send an empty error, or a base_resp without a code, beside a good answer.
    if error:
        return _from_error(error, source)
    base = body.get("base_resp")
    if isinstance(base, dict) and (code := base.get("status_code")) not in (0, None, "", "0"):
        message = str(base.get("status_msg") or "no reason given")
        return _error(message, _code(code), source)
    return None


def from_status(source: Source, body: Mapping[str, object] | None) -> MmpipeError:
    """The error of an HTTP status outside 2xx, with or without a body that explains it."""
    reported = trouble_in(body, source) if body is not None else None
    if reported is not None:
        return reported
    if 300 <= source.http < 400:  # noqa: PLR2004  the range of redirects
        return Rejected(
            f"HTTP {source.http}: the host redirects elsewhere, where the key must not go; check --base-url",
            http=source.http,
            request_id=source.request_id,
        )
    return _error("no reason given", None, source)


def is_plan_window(error: MmpipeError) -> bool:
    """True if the plan of the key is used up until its next window."""
    return any(meaning.plan_window for meaning in _meanings_of(error))


def is_overload(error: MmpipeError) -> bool:
    """True if fewer requests at once would help; by the API code or by the HTTP status."""
    return error.retryable and any(meaning.overload for meaning in _meanings_of(error))


def _meanings_of(error: MmpipeError) -> Iterator[Meaning]:
    """The rows of the tables for an error: that of its API code, that of its HTTP status."""
    if error.api_code is not None and error.api_code in CODES:
        yield CODES[error.api_code]
    if error.http is not None and error.http in _STATUSES:
        yield _STATUSES[error.http]


def _from_error(error: object, source: Source) -> MmpipeError:
    fields = error if isinstance(error, dict) else {}
    message = str(fields.get("message") or (error if isinstance(error, str) else "no reason given"))
    status = str(fields.get("http_code", ""))
    if source.http == 200 and len(status) == 3 and status.isdecimal():  # noqa: PLR2004  in a stream the status is inside
        source = Source(int(status), source.request_id, source.retry_after, source.date)
    found = _CODE.search(message)
    # The code is in the message; OpenAI's place for it is a field.
    return _error(message, _code(found[1] if found else fields.get("code")), source)


def _code(code: object) -> int | None:
    """A code of the service, which is a number, or some digits."""
    if type(code) is int:
        return code
    text = str(code)
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_CODE else None


def _error(message: str, code: int | None, source: Source) -> MmpipeError:
    meaning = _meaning(code, source.http)
    waits = [wait for wait in (source.retry_after, _until_reset(message, source)) if wait is not None]
    advice = meaning.advice
    if "unknown model" in message:
        advice = "`mmpipe models` lists what can be asked"
    message = one_line(message)
    shown = message if code is None or _CODE.search(message) else f"{message} ({code})"
    if source.http != 200:  # noqa: PLR2004  200 explains nothing
        shown = f"HTTP {source.http}: {shown}"
    return meaning.error(
        f"{shown}; {advice}",
        http=source.http,
        api_code=code,
        request_id=source.request_id,
        retryable=meaning.retryable,
        # Whichever is longer: never sooner than Retry-After says.
        retry_after=max(waits, default=None),
    )


def _meaning(code: int | None, http: int) -> Meaning:
    if code is not None and code in CODES:
        return CODES[code]
    if http in _STATUSES:
        return _STATUSES[http]
    if http >= 500:  # noqa: PLR2004  the range of server errors
        return Meaning(ServerError, _FAILED, retryable=True)
    if http >= 300:  # noqa: PLR2004  everything else is about the request
        return Meaning(Rejected, _REQUEST)
    return Meaning(ServerError, "the service says no more about it")


def _until_reset(message: str, source: Source) -> float | None:
    found = _RESET.search(message)
    if found is None:
        return None
    from datetime import datetime

    with suppress(ValueError):
        return max(0.0, datetime.fromisoformat(found[1]).timestamp() - source.now)
    return None

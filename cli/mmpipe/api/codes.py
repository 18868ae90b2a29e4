"""Turns the failures that the service reports (status, code, message) into our errors; pure."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
_WAIT = "wait a little, or send requests less often"
_KEY = "check the key: `mmpipe chat -v` shows where it is read from"
_REGION = (
    "a key works in one region only: with a key of minimax.io use `--base-url intl`, "
    "with a key of minimaxi.com `--base-url cn`"
)
_BALANCE = "top up the account, or use the key of a plan"
_OVERLOAD = "the service is overloaded; retry later"
_FAILED = "the service failed; retry later, and give the trace id to its support"
_PLAN = "this plan does not have the model; choose another with -m, or use a pay-as-you-go key"
_WINDOW = "the plan's window is used up; wait for its reset, or use a pay-as-you-go key"
_WORDING = "change the wording; a retry does not help"
_REQUEST = "the request itself must change"


class ErrorMeaning(NamedTuple):
    """The error of an API code or an HTTP status, and the user's next step.

    `overload`: fewer requests at once would help. `plan_window`: the service answers no request before the moment in
    the message.
    """

    error: type[MmpipeError]
    advice: str
    retryable: bool = False
    overload: bool = False
    plan_window: bool = False


# FACTS.md, "Error codes". The official table calls 1002 and 1039 limits, whatever other clients call them.
API_CODES: Mapping[int, ErrorMeaning] = {
    1000: ErrorMeaning(ServerError, _FAILED, retryable=True),
    1001: ErrorMeaning(TimedOut, "the service timed out; retry later", retryable=True),
    1002: ErrorMeaning(QuotaError, _WAIT, retryable=True, overload=True),
    1004: ErrorMeaning(AuthError, _KEY),
    1008: ErrorMeaning(QuotaError, _BALANCE),
    1013: ErrorMeaning(ServerError, _FAILED, retryable=True),
    1024: ErrorMeaning(ServerError, _FAILED, retryable=True),
    1026: ErrorMeaning(Filtered, f"the prompt was refused by moderation; {_WORDING}"),
    1027: ErrorMeaning(Filtered, f"the answer was stopped by moderation; {_WORDING}"),
    1028: ErrorMeaning(QuotaError, _WINDOW),
    1030: ErrorMeaning(QuotaError, _WINDOW),
    1033: ErrorMeaning(ServerError, _FAILED, retryable=True),
    1039: ErrorMeaning(Rejected, "too many tokens at once; shorten the prompt, or retry later"),
    1041: ErrorMeaning(
        QuotaError, "too many connections; send fewer requests at once", retryable=True, overload=True
    ),
    1042: ErrorMeaning(Rejected, "more than a tenth of the prompt are invisible characters; remove them"),
    2013: ErrorMeaning(Rejected, _REQUEST),
    2045: ErrorMeaning(
        QuotaError, "the request rate grew too fast; start slower", retryable=True, overload=True
    ),
    2049: ErrorMeaning(AuthError, _REGION),
    2056: ErrorMeaning(QuotaError, _WINDOW, plan_window=True),
    2061: ErrorMeaning(QuotaError, _PLAN),
    2062: ErrorMeaning(QuotaError, "there is no active plan for this key"),
    2064: ErrorMeaning(ServerError, _OVERLOAD, retryable=True, overload=True),
}

_HTTP_STATUSES: Mapping[int, ErrorMeaning] = {
    401: ErrorMeaning(AuthError, _KEY),
    402: ErrorMeaning(QuotaError, _BALANCE),
    403: ErrorMeaning(AuthError, _KEY),
    404: ErrorMeaning(
        Rejected, f"nothing is at this address; a base URL usually ends in /v1, as {_EXAMPLE} does"
    ),
    408: ErrorMeaning(TimedOut, "the service timed out; retry later", retryable=True),
    413: ErrorMeaning(Rejected, "the request is too large; shorten the prompt"),
    429: ErrorMeaning(QuotaError, _WAIT, retryable=True, overload=True),
    501: ErrorMeaning(ServerError, _REQUEST),
    504: ErrorMeaning(TimedOut, "a gateway timed out; retry later", retryable=True),
    529: ErrorMeaning(ServerError, _OVERLOAD, retryable=True, overload=True),
}

TRACE = re.compile(r"[\w.:-]{1,128}", re.ASCII)  # anything else is not an id but text
_LONGEST_CODE = 5  # digits
_CODE = re.compile(r"\((\d{4,5})\)\s*$")
_RESET = re.compile(r"resets at (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))")


@dataclass(frozen=True, slots=True)
class ResponseInfo:
    """The facts about a response beside its body: HTTP status, trace id, Retry-After in seconds, and Date header."""

    http: int = 200
    request_id: str | None = None
    retry_after: float | None = None
    date: str | None = None

    @property
    def is_success(self) -> bool:
        """True if the body is what was asked for; with any other status the body only explains the status."""
        return 200 <= self.http < 300  # noqa: PLR2004  the range of successes

    @property
    def now(self) -> float:
        """Seconds since the epoch, by the server's clock if its time is known."""
        return server_time(self.date)


def find_error(
    body: Mapping[str, object], info: ResponseInfo, *, answer: str = "choices"
) -> MmpipeError | None:
    """The error that a JSON body reports, as `error` or as `base_resp` (FACTS.md, "Error bodies"), or None.

    `answer` is the name of the field with the answer.
    """
    request_id = body.get("request_id")
    if isinstance(request_id, str) and TRACE.fullmatch(request_id):
        info = replace(info, request_id=request_id)
    error = body.get("error")
    if error is None and answer not in body and isinstance(body.get("message"), str):
        # Some gateways send an `event: error` with nothing around the message.
        error = body
    # Gateways send an empty error, or a base_resp without a code, beside a good answer.
    if error:
        return _from_error(error, info)
    base = body.get("base_resp")
    if isinstance(base, dict) and (code := base.get("status_code")) not in (0, None, "", "0"):
        message = str(base.get("status_msg") or "no reason given")
        return _error(message, _code(code), info)
    return None


def explain_status(info: ResponseInfo, body: Mapping[str, object] | None) -> MmpipeError:
    """The error of an HTTP status outside 2xx, with or without a body that explains it."""
    reported = find_error(body, info) if body is not None else None
    if reported is not None:
        return reported
    if 300 <= info.http < 400:  # noqa: PLR2004  the range of redirects
        return Rejected(
            f"HTTP {info.http}: the host redirects elsewhere, where the key must not go; check --base-url",
            http=info.http,
            request_id=info.request_id,
        )
    return _error("no reason given", None, info)


def is_plan_window(error: MmpipeError) -> bool:
    """True if the plan of the key is used up, and the service answers again with the next window."""
    return any(meaning.plan_window for meaning in _meanings_of(error))


def is_overload(error: MmpipeError) -> bool:
    """True if fewer requests at once would help; by the API code or by the HTTP status."""
    return error.retryable and any(meaning.overload for meaning in _meanings_of(error))


def _meanings_of(error: MmpipeError) -> Iterator[ErrorMeaning]:
    """The rows of the tables for an error: that of its API code, that of its HTTP status."""
    if error.api_code is not None and error.api_code in API_CODES:
        yield API_CODES[error.api_code]
    if error.http is not None and error.http in _HTTP_STATUSES:
        yield _HTTP_STATUSES[error.http]


def _from_error(error: object, info: ResponseInfo) -> MmpipeError:
    fields = error if isinstance(error, dict) else {}
    message = str(fields.get("message") or (error if isinstance(error, str) else "no reason given"))
    status = str(fields.get("http_code", ""))
    if info.http == 200 and len(status) == 3 and status.isdecimal():  # noqa: PLR2004  in a stream the status is inside
        info = replace(info, http=int(status))
    found = _CODE.search(message)
    # MiniMax puts the code into the message, OpenAI into a field.
    return _error(message, _code(found[1] if found else fields.get("code")), info)


def _code(code: object) -> int | None:
    """A code of the service, from a number or a string of digits."""
    if type(code) is int:
        return code
    text = str(code)
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_CODE else None


def _error(message: str, code: int | None, info: ResponseInfo) -> MmpipeError:
    meaning = _meaning(code, info.http)
    waits = [wait for wait in (info.retry_after, _until_reset(message, info)) if wait is not None]
    advice = meaning.advice
    if "unknown model" in message:
        advice = "`mmpipe models` lists the models"
    message = one_line(message)
    shown = message if code is None or _CODE.search(message) else f"{message} ({code})"
    if info.http != 200:  # noqa: PLR2004  200 explains nothing
        shown = f"HTTP {info.http}: {shown}"
    return meaning.error(
        f"{shown}; {advice}",
        http=info.http,
        api_code=code,
        request_id=info.request_id,
        retryable=meaning.retryable,
        # The longer one, so that no retry comes before Retry-After.
        retry_after=max(waits, default=None),
    )


def _meaning(code: int | None, http: int) -> ErrorMeaning:
    if code is not None and code in API_CODES:
        return API_CODES[code]
    if http in _HTTP_STATUSES:
        return _HTTP_STATUSES[http]
    if http >= 500:  # noqa: PLR2004  the range of server errors
        return ErrorMeaning(ServerError, _FAILED, retryable=True)
    if http >= 300:  # noqa: PLR2004  everything else is about the request
        return ErrorMeaning(Rejected, _REQUEST)
    return ErrorMeaning(ServerError, "the service gives no details")


def _until_reset(message: str, info: ResponseInfo) -> float | None:
    found = _RESET.search(message)
    if found is None:
        return None
    from datetime import datetime

    with suppress(ValueError):
        return max(0.0, datetime.fromisoformat(found[1]).timestamp() - info.now)
    return None

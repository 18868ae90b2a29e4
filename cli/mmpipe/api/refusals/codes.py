"""The tables of the errors that the service reports: what its codes and HTTP statuses mean; pure."""

from collections.abc import Container, Iterator, Mapping
from typing import Final, NamedTuple

from mmpipe.errors import (
    AuthError,
    Filtered,
    MmpipeError,
    QuotaError,
    Rejected,
    ServerError,
    TimedOut,
)

_ADDRESS = "a base URL usually ends in /v1, as https://api.minimaxi.com/v1 does"
_WAIT = "wait a little, or send requests less often"
CHECK_KEY: Final = "check the key: `mmpipe chat -v` shows where it is read from"
_REGION = (
    "a key works in one region only: with a key of minimax.io use `--base-url intl`, "
    "with a key of minimaxi.com `--base-url cn`"
)
TOP_UP: Final = "top up the account"
_BALANCE = f"{TOP_UP}, or use the key of a plan"
_OVERLOAD = "the service is overloaded"
FAILED: Final = "the service failed"
_RETRY = "retry later"
_NO_RETRY = "a retry does not help"
_WINDOW = "the plan's window is used up"
_RESET = "wait for its reset, or use a pay-as-you-go key"
_WORDING = f"change the wording; {_NO_RETRY}"
_REQUEST = "the request itself must change"


class ErrorMeaning(NamedTuple):
    """The error of an API code or an HTTP status, its explanation, and a hint at the user's next step.

    `overload`: fewer requests at once would help. `plan_window`: the service answers no request before the moment in
    the message.
    """

    error: type[MmpipeError]
    explanation: str
    hint: str = ""
    retryable: bool = False
    overload: bool = False
    plan_window: bool = False


# FACTS.md, "Error codes". The official table calls 1002 and 1039 limits, whatever other clients call them.
API_CODES: Mapping[int, ErrorMeaning] = {
    1000: ErrorMeaning(ServerError, FAILED, _RETRY, retryable=True),
    1001: ErrorMeaning(TimedOut, "the service timed out", _RETRY, retryable=True),
    1002: ErrorMeaning(QuotaError, "", _WAIT, retryable=True, overload=True),
    1004: ErrorMeaning(AuthError, "", CHECK_KEY),
    1008: ErrorMeaning(QuotaError, "", _BALANCE),
    1013: ErrorMeaning(ServerError, FAILED, _RETRY, retryable=True),
    1024: ErrorMeaning(ServerError, FAILED, _RETRY, retryable=True),
    1026: ErrorMeaning(Filtered, "the prompt was refused by moderation", _WORDING),
    1027: ErrorMeaning(Filtered, "the answer was stopped by moderation", _WORDING),
    1028: ErrorMeaning(QuotaError, _WINDOW, _RESET),
    1030: ErrorMeaning(QuotaError, _WINDOW, _RESET),
    1033: ErrorMeaning(ServerError, FAILED, _RETRY, retryable=True),
    1039: ErrorMeaning(Rejected, "too many tokens at once", "shorten the prompt, or retry later"),
    1041: ErrorMeaning(
        QuotaError, "too many connections", "send fewer requests at once", retryable=True, overload=True
    ),
    1042: ErrorMeaning(Rejected, "more than a tenth of the prompt are invisible characters", "remove them"),
    2013: ErrorMeaning(Rejected, "", _REQUEST),
    2045: ErrorMeaning(
        QuotaError, "the request rate grew too fast", "start slower", retryable=True, overload=True
    ),
    2049: ErrorMeaning(AuthError, "", _REGION),
    2056: ErrorMeaning(QuotaError, _WINDOW, _RESET, plan_window=True),
    2061: ErrorMeaning(
        QuotaError, "this plan does not have the model", "choose another with -m, or use a pay-as-you-go key"
    ),
    2062: ErrorMeaning(QuotaError, "there is no active plan for this key"),
    2064: ErrorMeaning(ServerError, _OVERLOAD, _RETRY, retryable=True, overload=True),
}

# The HTTP statuses that come with the codes of an error (FACTS.md, "Error codes"), and with single codes.
_PAIRED: Mapping[type[MmpipeError], Container[int]] = {
    AuthError: (401, 403),
    QuotaError: (402, 403, 429),
    TimedOut: (408, *range(500, 600)),
    ServerError: range(500, 600),
    Rejected: (400, 413, 422),
    Filtered: (422,),
}
_PAIRED_TOO: Mapping[int, int] = {1027: 500, 2061: 400, 2062: 400}

# Retried as the OpenAI SDK does (408, 409, 429, and 5xx but for three that no retry changes), by RFC 8470 (425), and where a
# gateway lost its connection to the service (499 of nginx).
HTTP_STATUSES: Mapping[int, ErrorMeaning] = {
    400: ErrorMeaning(Rejected, "", _REQUEST),
    401: ErrorMeaning(AuthError, "", CHECK_KEY),
    402: ErrorMeaning(QuotaError, "", _BALANCE),
    403: ErrorMeaning(AuthError, "", CHECK_KEY),
    404: ErrorMeaning(Rejected, "nothing is at this address", _ADDRESS),
    405: ErrorMeaning(Rejected, "this address takes no such request", _ADDRESS),
    406: ErrorMeaning(Rejected, "the service offers no answer of this form", "try the other --wire"),
    407: ErrorMeaning(Rejected, "a proxy behind the host asks for a login", _NO_RETRY),
    408: ErrorMeaning(TimedOut, "the service timed out", _RETRY, retryable=True),
    409: ErrorMeaning(Rejected, "something else happened at the same time", _RETRY, retryable=True),
    410: ErrorMeaning(Rejected, "this address or model is no longer served", "check --base-url and -m"),
    413: ErrorMeaning(Rejected, "the request is too large", "shorten the prompt"),
    421: ErrorMeaning(Rejected, "another server is to be asked", "check --base-url"),
    422: ErrorMeaning(Rejected, "", _REQUEST),
    423: ErrorMeaning(Rejected, "something is locked there", "try it later"),
    424: ErrorMeaning(Rejected, "a server behind the service failed", "try it later"),
    425: ErrorMeaning(Rejected, "the request came too early", _RETRY, retryable=True),
    426: ErrorMeaning(Rejected, "the service speaks another protocol there", "check --base-url"),
    429: ErrorMeaning(QuotaError, "", _WAIT, retryable=True, overload=True),
    451: ErrorMeaning(Rejected, "the service refuses for legal reasons", _NO_RETRY),
    499: ErrorMeaning(Rejected, "a gateway gave up the request", _RETRY, retryable=True),
    501: ErrorMeaning(ServerError, "the service does not know such a request", "check --base-url and -p"),
    502: ErrorMeaning(ServerError, "a gateway got no valid answer from the service", _RETRY, retryable=True),
    503: ErrorMeaning(ServerError, "the service is not available", _RETRY, retryable=True),
    504: ErrorMeaning(TimedOut, "a gateway timed out", _RETRY, retryable=True),
    505: ErrorMeaning(ServerError, "the service speaks another version of HTTP there", "check --base-url"),
    511: ErrorMeaning(ServerError, "", "the network asks for a login: open any page of it in a browser"),
    529: ErrorMeaning(ServerError, _OVERLOAD, _RETRY, retryable=True, overload=True),
}

# Meanings that servers express in words only (`error_words`).
FILTERED: Final = ErrorMeaning(Filtered, "the prompt or the answer was refused by moderation", _WORDING)
UNPAID: Final = ErrorMeaning(QuotaError, "", _BALANCE)
TOO_LONG: Final = ErrorMeaning(Rejected, "", "shorten the prompt, or ask for fewer tokens with --max-tokens")

_OTHER_REFUSAL: Final = ErrorMeaning(Rejected, "the service refuses the request", _NO_RETRY)
_OTHER_FAILURE: Final = ErrorMeaning(ServerError, FAILED, _RETRY, retryable=True)


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
    if error.http is not None and error.http in HTTP_STATUSES:
        yield HTTP_STATUSES[error.http]


def is_paired(code: int, http: int) -> bool:
    """True if MiniMax sends the code with this HTTP status, or inside a success."""
    if code not in API_CODES:
        return False
    return 200 <= http < 300 or http in _PAIRED[API_CODES[code].error] or http == _PAIRED_TOO.get(code)  # noqa: PLR2004  the range of successes


def meaning_of(code: int | None, http: int) -> ErrorMeaning:
    """The row of the tables for a code of the service, or for an HTTP status if the code is not known."""
    if code is not None and code in API_CODES:
        return API_CODES[code]
    if http in HTTP_STATUSES:
        return HTTP_STATUSES[http]
    if 300 <= http < 500:  # noqa: PLR2004  everything but successes and server errors
        return _OTHER_REFUSAL
    return _OTHER_FAILURE

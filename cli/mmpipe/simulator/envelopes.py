"""The failures of the API, and their bodies (FACTS.md, "Error bodies", "Error codes")."""

import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType

from mmpipe.dataclass import dataclass
from mmpipe.simulator.json_text import Json

_RESET_AFTER_S = 90 * 60
_SENSITIVITY: Mapping[str, object] = MappingProxyType(
    {
        "input_sensitive": False,
        "output_sensitive": False,
        "input_sensitive_type": 0,
        "output_sensitive_type": 0,
        "output_sensitive_int": 0,
    }
)


@dataclass(frozen=True, slots=True)
class ApiFailure:
    """A failure that the API reports."""

    code: int | None
    """The MiniMax code; None for an HTTP error without one."""
    status: int
    type: str
    message: str


# No capture shows the status and type of 1001, 1013, 1024, 1028, 1030, 1033, 1039, 1041, 1042 and 2045: they are
# guesses from the official meaning.
_TABLE = (
    ApiFailure(1000, 500, "server_error", "unknown error, 798"),
    ApiFailure(1001, 504, "timeout_error", "request timeout"),
    ApiFailure(1002, 429, "rate_limit_error", "rate limit, please retry later"),
    ApiFailure(
        1004,
        401,
        "authorized_error",
        "login fail: Please carry the API secret key in the 'Authorization' field of the request header",
    ),
    ApiFailure(1008, 402, "insufficient_balance_error", "insufficient balance"),
    ApiFailure(1013, 500, "server_error", "internal error"),
    ApiFailure(1024, 500, "server_error", "internal error"),
    ApiFailure(1026, 422, "unprocessable_entity_error", "input new_sensitive"),
    ApiFailure(1027, 422, "unprocessable_entity_error", "output new_sensitive"),
    ApiFailure(1028, 429, "rate_limit_error", "quota exhausted"),
    ApiFailure(1030, 429, "rate_limit_error", "quota exhausted"),
    ApiFailure(1033, 500, "server_error", "system error / mysql failed"),
    ApiFailure(1039, 400, "bad_request_error", "token limit"),
    ApiFailure(1041, 429, "rate_limit_error", "conn limit"),
    ApiFailure(1042, 400, "bad_request_error", "invisible character ratio limit"),
    ApiFailure(2013, 400, "bad_request_error", "invalid params"),
    ApiFailure(2045, 429, "rate_limit_error", "rate growth limit"),
    ApiFailure(2049, 401, "authorized_error", "invalid api key"),
    ApiFailure(
        2056,
        429,
        "rate_limit_error",
        "usage limit exceeded, 5-hour usage limit reached for Token Plan Starter (1500/1500 used), resets at {reset}",
    ),
    ApiFailure(2061, 200, "", "your current token plan not support model, {model}"),
    ApiFailure(2062, 200, "", "no active token plan subscription"),
    ApiFailure(
        2064,
        529,
        "overloaded_error",
        "当前服务集群负载较高，请稍后重试，感谢您的耐心等待。",  # noqa: RUF001 - verbatim, Chinese commas included
    ),
)
FAILURES: Mapping[int, ApiFailure] = MappingProxyType(
    {failure.code: failure for failure in _TABLE if failure.code}
)

_CODE_OF_STATUS: Mapping[int, int] = MappingProxyType(
    {400: 2013, 401: 2049, 402: 1008, 408: 1001, 422: 1026, 429: 1002, 500: 1000, 504: 1001, 529: 2064}
)


def failure_of_code(code: int, *, model: str, now: float) -> ApiFailure:
    """Return the failure of a MiniMax code, with the message for this request."""
    failure = FAILURES[code]
    reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + _RESET_AFTER_S))
    return replace(failure, message=failure.message.replace("{reset}", reset).replace("{model}", model))


def failure_of_status(status: int, *, model: str, now: float) -> ApiFailure:
    """Return the failure of an HTTP status, with its MiniMax code if one is known."""
    if status in _CODE_OF_STATUS:
        failure = failure_of_code(_CODE_OF_STATUS[status], model=model, now=now)
        return replace(failure, status=status)
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return ApiFailure(None, status, kind, f"{status} {phrase_of(status)}")


def invalid_params(violation: str) -> ApiFailure:
    """Return the failure of an invalid request: code 2013."""
    return replace(FAILURES[2013], message=f"invalid params, {violation}")


def build_error_body(failure: ApiFailure, request_id: str) -> Json:
    """Return the body of an error; the code is only in the message, and ``http_code`` is a string."""
    suffix = f" ({failure.code})" if failure.code else ""
    return {
        "type": "error",
        "error": {
            "type": failure.type or "server_error",
            "message": failure.message + suffix,
            "http_code": str(failure.status),
        },
        "request_id": request_id,
    }


def build_base_resp_body(failure: ApiFailure | None, request_id: str, *, model: str, now: float) -> Json:
    """Return a failure in the form of HTTP 200: no choices, no usage, ``base_resp`` (FACTS.md, "Error bodies")."""
    return {
        "id": request_id,
        "choices": None,
        "created": int(now),
        "model": model,
        "object": "chat.completion",
        "usage": {"total_tokens": 0, "total_characters": 0},
        **build_sensitivity(),
        "base_resp": build_base_resp(failure),
    }


def build_base_resp(failure: ApiFailure | None = None) -> Json:
    """Return the object ``base_resp``; success without a failure."""
    if failure is None:
        return {"status_code": 0, "status_msg": ""}
    return {"status_code": failure.code, "status_msg": failure.message}


def build_sensitivity() -> Json:
    """Return the five fields of moderation in every body."""
    return dict(_SENSITIVITY)


def phrase_of(status: int) -> str:
    """Return the reason phrase of an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"

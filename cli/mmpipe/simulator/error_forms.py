"""Write errors as other servers do (FACTS.md, "Other servers")."""

from collections.abc import Collection
from http import HTTPStatus

from mmpipe.simulator.bodies import JSON
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.envelopes import ApiFailure, build_error_body, phrase_of
from mmpipe.simulator.json_text import Json, encode, encode_for_error

_INVALID = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


def encode_error(failure: ApiFailure, request_id: str, dialects: Collection[Dialect]) -> tuple[str, bytes]:
    """Return the type and the bytes of the body of an HTTP error."""
    if Dialect.HTML_ERRORS in dialects:
        return "text/html", _web_page(failure)
    if Dialect.TEXT_ERRORS in dialects:
        return "text/plain; charset=utf-8", f"{failure.message}\n".encode()
    if Dialect.DETAIL_ERRORS in dialects:
        return JSON, encode(_detail(failure))
    return JSON, encode_for_error(build_error_body(failure, request_id))


def _detail(failure: ApiFailure) -> Json:
    if failure.status in _INVALID:
        return {"detail": [{"type": "value_error", "loc": ["body"], "msg": failure.message, "input": None}]}
    return {"detail": failure.message}


def _web_page(failure: ApiFailure) -> bytes:
    title = f"{failure.status} {phrase_of(failure.status)}"
    lines = (
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "<hr><center>nginx</center>",
        "</body>",
        "</html>",
        "",
    )
    return "\r\n".join(lines).encode()


def build_stream_error(failure: ApiFailure, *, code: int | str | None) -> Json:
    """Return an error inside an answer with status 200, as litellm, OpenRouter and vLLM send it."""
    return {"error": {"message": failure.message, "type": failure.type, "param": None, "code": code}}

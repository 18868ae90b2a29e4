"""Turns the errors that a service reports, inside an answer or instead of one, into our errors; pure.

Each server has a shape of its own (FACTS.md, "Error bodies" and "Errors of other servers").
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from mmpipe.api.refusals.advice import Refusal, fit_advice
from mmpipe.api.refusals.codes import ErrorMeaning, meaning_of
from mmpipe.api.refusals.error_sentences import status_of_sentence
from mmpipe.api.refusals.error_words import meaning_of_word
from mmpipe.api.refusals.inner_codes import find_code, find_first_status, find_status, has_code
from mmpipe.api.refusals.reasons import REPORTS, find_reason, names_of, unpack
from mmpipe.api.response_head import TRACE, ResponseInfo
from mmpipe.api.server_times import find_waits
from mmpipe.errors import MmpipeError, Rejected
from mmpipe.text.html_page import is_page
from mmpipe.text.utf8 import strip_bom
from mmpipe.text.visible import one_line

_SUCCESS: Final = ("0", "200", "success", "succeeded", "ok")
_NOTHING: Final = ("", "none", "null")
_NESTED: Final = 3  # objects
_PATHS: Final = ("/chat/completions", "/models")  # below the base URL
_PARTS: Final = ("metadata", "details")  # OpenRouter, Anthropic
_GZIP: Final = b"\x1f\x8b"
_CUT_JSON = re.compile(r"\{\s*\"|\[\s*\{")
# A line of an event: the body of an error outside 2xx may be one, too.
_FIELD = re.compile(r"^(?:data|error): ?(?P<value>.*)|^(?:event|id|retry|):.*", re.MULTILINE)


def find_error(
    body: Mapping[str, object], info: ResponseInfo, *, answer: str = "choices", is_over: bool = False
) -> MmpipeError | None:
    """The error that a JSON body reports, as `error`, as `base_resp`, or with nothing around it; None for an answer.

    `answer` is the name of the field with the answer. After a whole answer (`is_over`) a text alone is only a note.
    """
    error = _find_report(body, answer, is_over=is_over)
    return None if error is None else _explain(error, body, info)


def explain_event(event: bytes, info: ResponseInfo) -> MmpipeError:
    """The error of an event that is one by its name or its field: JSON of any form, or plain text."""
    return _explain_any(read_explanation(event), info)


def explain_status(info: ResponseInfo, explanation: object) -> MmpipeError:
    """The error of an HTTP status outside 2xx; `explanation` is the JSON or the text of its body, or None."""
    is_redirect = 300 <= info.http < 400  # noqa: PLR2004  the range of redirects
    body = explanation if isinstance(explanation, dict) else {}
    if is_redirect and _find_report(body) is None:
        sentence, hint = _describe_redirect(info.location)
        return Rejected(
            f"{_place((), info)}{sentence}", hint=hint, http=info.http, request_id=info.request_id
        )
    return _explain_any(explanation, info)


def _describe_redirect(location: str) -> tuple[str, str]:
    """The place that a redirect names, which is never followed, and a hint at the base URL that it stands for."""
    to = f"to {location}" if location else "elsewhere"
    refusal = f"the host redirects {to}, and mmpipe does not follow"
    base = next((location.removesuffix(path) for path in _PATHS if location.endswith(path)), "")
    if not base.startswith(("https://", "http://")):
        return refusal, "check --base-url"
    return refusal, f"if this place is right, use --base-url {base}"


def read_explanation(body: bytes) -> object:
    """The JSON of a body, or its text in UTF-8 or else in Latin-1; None for bytes that are no text.

    A body may be an event of a stream: then it has the names of fields before its lines.
    """
    content = strip_bom(body).strip()
    if not content or content.startswith(_GZIP) or b"\0" in content:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if _FIELD.match(text):
        values = (found["value"] for found in _FIELD.finditer(text))
        text = "\n".join(value for value in values if value and value.strip() != "[DONE]")
    for document in (text, text.partition("\n")[0]):
        # Servers that write their JSON by hand leave line ends in its texts.
        with suppress(ValueError, RecursionError):
            value: object = json.loads(document, strict=False)
            return value
    return None if _CUT_JSON.match(text) else text


def _explain_any(value: object, info: ResponseInfo) -> MmpipeError:
    """The error in a JSON value or a text of any form; a list is of errors (Google)."""
    while isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    body = value if isinstance(value, dict) else {}
    error = _find_report(body)
    return _explain(value if error is None else error, body, info)


def _find_report(body: Mapping[str, object], answer: str = "choices", *, is_over: bool = False) -> object:
    """The part of a body that reports an error; None if there is none."""
    error = body.get("error")
    # Gateways send an empty error, or a base_resp without a code, beside a good answer.
    if error and not is_blank(error):
        return error
    base = body.get("base_resp")
    if isinstance(base, dict) and (code := base.get("status_code")) not in (0, None, "", "0"):
        return {"message": base.get("status_msg"), "code": code}
    is_bare = body.get(answer) is None and _is_bare(body) and (not is_over or _has_state(body))
    return body if is_bare else None


def is_blank(error: object) -> bool:
    """True for an error that reports nothing or a success, as some gateways write beside each answer."""
    return all(map(_is_nothing, error.values() if isinstance(error, dict) else (error,)))


def _is_nothing(value: object) -> bool:
    return not value or _is_success(value) or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def _is_success(state: object) -> bool:
    return isinstance(state, str | int) and str(state).strip().lower() in _SUCCESS


def _is_bare(body: Mapping[str, object]) -> bool:
    """True for an error with nothing around it, as FastAPI, old vLLM and gateways send it."""
    if _is_named_error(body):
        return True
    if _is_success(body.get("code")) or _is_success(body.get("status")):
        return False
    return bool(body.get("errors")) or any(
        isinstance(text := body.get(name), str | list) and not is_blank(text) for name in REPORTS
    )


def _is_named_error(body: Mapping[str, object]) -> bool:
    return "error" in (body.get("object"), body.get("type"))


def _has_state(body: Mapping[str, object]) -> bool:
    """True if an object says that it is an error, by a code or a word."""
    return (
        _is_named_error(body)
        or has_code(body)
        or any(meaning_of_word(name) is not None for name in names_of(body))
    )


def _explain(error: object, body: Mapping[str, object], info: ResponseInfo) -> MmpipeError:
    """The error for a report, and for the body around it."""
    reason = _find_reason(error, body)
    objects = [*_nested(error)] if body is error else [*_nested(error), body]
    names = tuple(_names(objects, reason))
    words = [meaning for name in names if (meaning := meaning_of_word(name)) is not None]
    place = _place(objects, info)
    is_inside = info.is_success
    if not is_inside:
        # The pages of gateways repeat the status.
        reason = reason.removeprefix(f"{info.http} ")
    info = _complete(info, body, lambda: _find_inner_status(objects, words, reason))
    code, is_known = find_code(objects, reason, info.http, is_inside=is_inside)
    specific = (meaning for meaning in words if isinstance(meaning, ErrorMeaning))
    meaning = meaning_of(code, info.http) if is_known else next(specific, meaning_of(None, info.http))
    is_html = isinstance(error, str) and is_page(error)
    meaning = fit_advice(meaning, Refusal(reason, names, info, is_page=is_html, is_json=bool(body)))
    waits = [*find_waits(objects, reason, now=info.now)]
    if info.retry_after is not None:
        waits.append(info.retry_after)
    return meaning.error(
        f"{place}{_describe(reason, code)}{f'; {meaning.explanation}' if meaning.explanation else ''}",
        hint=meaning.hint,
        http=info.http,
        api_code=code,
        request_id=info.request_id,
        retryable=meaning.retryable,
        # The longest one, so that no retry comes before Retry-After.
        retry_after=max(waits, default=None),
    )


def _complete(
    info: ResponseInfo, body: Mapping[str, object], find_inner: Callable[[], int | None]
) -> ResponseInfo:
    """The facts about the response, with the trace id of its body, and with the status inside if HTTP reports a success."""
    request_id = body.get("request_id")
    if isinstance(request_id, str) and TRACE.fullmatch(request_id):
        info = replace(info, request_id=request_id)
    inner = find_inner() if info.is_success else None
    return info if inner is None else replace(info, http=inner)


def _find_inner_status(
    objects: Iterable[Mapping[str, object]], words: Iterable[ErrorMeaning | int], reason: str
) -> int | None:
    """The HTTP status of an error inside a 200: in a field, else by its words, else in its text."""
    by_word = (word for word in words if isinstance(word, int))
    return (
        find_status(objects) or next(by_word, None) or find_first_status(reason) or status_of_sentence(reason)
    )


def _place(objects: Iterable[Mapping[str, object]], info: ResponseInfo) -> str:
    """The words before a reason: the status of HTTP, or the code inside a success."""
    if not info.is_success:
        origins = f" from {info.request.origins}" if info.request.origins and not info.request_id else ""
        return f"HTTP {info.http}{origins}: "
    code = find_status(objects)
    return "" if code is None else f"code {code} in the answer: "


def _find_reason(error: object, body: Mapping[str, object]) -> str:
    """The reason in a report. One that is a word only (`"error": "denied"`) is explained by a field beside it."""
    reason = find_reason(error)
    if error is body or (isinstance(error, dict) and reason):
        return reason
    beside = find_reason({name: body[name] for name in REPORTS if name in body})
    return ": ".join(dict.fromkeys(part for part in (reason, beside) if part))


def _describe(reason: str, code: int | None) -> str:
    shown = one_line(reason).removesuffix(".") or "no reason given"
    return shown if code is None or shown.endswith(f"({code})") else f"{shown} ({code})"


def _nested(error: object) -> Iterator[Mapping[str, object]]:
    """The objects of an error that gateways pack into each other, also as a text, the outermost first."""
    packed = _unpack(error)
    for _ in range(_NESTED):
        if packed is None:
            return
        yield packed
        yield from (part for name in _PARTS if isinstance(part := packed.get(name), dict))
        inner = (_unpack(packed.get(name)) for name in ("error", "message", "detail"))
        packed = next((value for value in inner if value is not None), None)


def _unpack(value: object) -> dict[str, object] | None:
    """The object that a value is, or that a text holds as JSON; None for anything else."""
    value = unpack(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else None


def _names(objects: Iterable[Mapping[str, object]], reason: str) -> Iterator[str]:
    """The words that may name an error: its code and type; the reason, or its beginning (`litellm.RateLimitError: ...`)."""
    for error in objects:
        yield from names_of(error)
        metadata = error.get("metadata")
        if isinstance(metadata, dict) and "flagged_input" in metadata:  # OpenRouter
            yield "moderation"
    yield reason
    yield reason.partition(":")[0].rpartition(".")[2]

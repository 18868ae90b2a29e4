"""Chooses the advice that follows the reason of a refusal: it must fit the reason, not only the status; pure."""

import re
from http import HTTPStatus
from itertools import islice
from typing import Final

from mmpipe.api.refusals.codes import CHECK_KEY, FAILED, TOO_LONG, TOP_UP, ErrorMeaning, meaning_of
from mmpipe.api.response_head import ResponseInfo
from mmpipe.core.catalogue import find_model, load_models, suggest_model
from mmpipe.dataclass import dataclass
from mmpipe.errors import AuthError, Forbidden, Rejected, ServerError
from mmpipe.text.suggestions import join_hints

# Fields of every request that other servers may not know, and the option that leaves each away.
_SWITCH: Final = "reasoning_split"
_FIELDS: Final = {
    _SWITCH: "--native-thinking",
    "stream_options": "--wire whole",
    "max_completion_tokens": "-p max_tokens=N",
}
_FINAL: Final = (400, 422, 500, 501)  # the HTTP statuses of servers that refuse a field
_HOST: Final = "the host refuses for this reason"
_GATEWAY: Final = "a gateway or firewall refuses"
_NO_RETRY: Final = "a retry does not help"
_SECURED: Final = "write https:// in the base URL"
_PASSES: Final = "the service may accept it later"
_TRACE: Final = ", and give the trace id to its support"
_MODELS: Final = "`mmpipe models --live` lists the models of the host"
_NEAR: Final = 160  # characters between a field and the words that refuse it
_MOST: Final = 20  # places of the field
_SHORTEST: Final = 4  # characters of a name that cannot be a part of any text

# pydantic, Go, OpenAI, Python, JSON Schema.
_UNKNOWN = r"unknown|unexpected|extra|unrecogni[sz]ed|unsupported|not (?:permitted|allowed|supported|recogni[sz]ed|known)|additional propert"
_UNKNOWN_FIELD = re.compile(_UNKNOWN, re.IGNORECASE)
# The field is a switch: no value of it is better.
_REFUSED_SWITCH = re.compile(rf"{_UNKNOWN}|not a valid|does(?: not|n't) support|invalid", re.IGNORECASE)
# Servers of OpenAI refuse the old name, and then name the new one.
_OLD_NAME = re.compile(r"\bmax_tokens\b")
# At most 40 characters of one sentence; names have dots and colons within.
_BETWEEN = r"(?:[^.;:!?。\n]|[.:](?=\S)){0,40}?"
_MISSING = r"(?:not found|not exist|n't exist|not valid|not available|not served|not loaded|不存在)"
_UNKNOWN_MODEL = re.compile(
    r"\b(?:unknown|invalid|no such|nonexistent|unsupported)[ _]model(?![a-z])(?! (?:in|out)put| param| option| setting| type)"
    rf"|\bmodels?(?: name| id)?(?:[ =:]{{1,2}}\S{{1,200}})? (?:is |was |does |do )?{_MISSING}"
    rf"|\bnot a valid model\b|\b(?:model|deployment)_?not_?(?:found|exist)|模型{_BETWEEN}不存在",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|(?:prompt|input)s? (?:is |are )?(?:too long|too large|exceeds?)|too many (?:input )?tokens",
    re.IGNORECASE,
)
# nginx, Go.
_IS_SECURED = re.compile(r"HTTP request (?:was sent )?to (?:an )?HTTPS (?:port|server)", re.IGNORECASE)
_INVALID_KEY = re.compile(
    r"\b(?:invalid|incorrect|missing) api[ _-]?key|\bapi[ _-]?key (?:is )?(?:not valid|invalid|expired|missing)",
    re.IGNORECASE,
)
_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)
_OTHER_THAN_KEY = re.compile(
    r"\b(?:ips?|address(?:es)?|countr(?:y|ies)|territory|location|firewall|waf|blocked|cloudflare|captcha|bots?|vpn"
    r"|flagged|moderation|attention required|just a moment|request could not be satisfied|(?:white|allow|deny|block) ?list(?:ed)?)\b",
    re.IGNORECASE,
)
# Whole words; a token may also be a part of a text.
_ABOUT_KEY = re.compile(
    r"(?<![a-z])(?:(?:api)?keys?|(?:un)?auth(?:enticat\w*|ori[sz]\w*)?|credentials?|log(?:ged)? ?in|sign(?:ed)? ?in|bearer|secrets?"
    r"|passwords?|forbidden|access denied|permissions?"
    r"|(?:invalid|expired|access)[ _-]tokens?|tokens? (?:is |was |has )?(?:invalid|expired))(?![a-z])"
    r"|密钥|令牌|鉴权|认证|授权",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason of an error in full, its names, the facts about the response, and the form of the body."""

    reason: str
    names: tuple[str, ...]
    info: ResponseInfo
    is_page: bool
    is_json: bool = True


def fit_advice(meaning: ErrorMeaning, refusal: Refusal) -> ErrorMeaning:
    """The meaning with the advice that fits the reason, the host and the headers."""
    fitted = _fit_reason(meaning, refusal)
    info = refusal.info
    is_refused = fitted.error in (Rejected, ServerError) and not fitted.retryable
    if is_refused and info.retry_after is not None and fitted is meaning_of(None, info.http):
        # The server says that a refusal by its status alone passes.
        return fitted._replace(explanation="", hint=_PASSES, retryable=True)
    if fitted.explanation == FAILED and info.request_id and info.request.is_minimax:
        return fitted._replace(hint=f"{fitted.hint}{_TRACE}")
    if fitted.hint.startswith(TOP_UP) and not info.request.is_minimax:
        return fitted._replace(hint=TOP_UP)
    return fitted


def _fit_reason(meaning: ErrorMeaning, refusal: Refusal) -> ErrorMeaning:
    if meaning.error in (Rejected, ServerError) and (refused := _find_refused(refusal.reason)):
        known = f"this server does not know the field{'s' if len(refused) > 1 else ''} {', '.join(refused)}"
        options = " and ".join(_FIELDS[name] for name in refused)
        may_pass = meaning.retryable and refusal.info.http not in _FINAL
        return meaning._replace(explanation=known, hint=f"use {options}", retryable=may_pass)
    if meaning.error is Rejected and _is_about_model(refusal):
        return _replace_hint(meaning, _suggest_model(refusal.info.request.model))
    if meaning.error is Rejected and _IS_SECURED.search(refusal.reason):
        return _replace_hint(meaning, _SECURED)
    if meaning.error is Rejected and _TOO_LONG.search(refusal.reason):
        return _replace_hint(meaning, join_hints(_name_window(refusal.info.request.model), TOO_LONG.hint))
    if meaning.error is Rejected and _INVALID_KEY.search(refusal.reason):
        return _replace_hint(meaning, refusal.info.request.no_key or CHECK_KEY)  # Google answers with 400
    if meaning.error is AuthError:
        fitted = _fit_to_key(meaning, refusal)
        is_of_request = meaning is meaning_of(None, HTTPStatus.FORBIDDEN) and not _blames_key(refusal)
        return fitted._replace(error=Forbidden) if is_of_request else fitted
    return meaning


def _replace_hint(meaning: ErrorMeaning, hint: str) -> ErrorMeaning:
    """The meaning with a hint that needs no explanation."""
    return meaning._replace(explanation="", hint=hint)


def _find_refused(reason: str) -> list[str]:
    """The fields that the reason refuses as unknown, and not a request that has them."""
    return [name for name in _FIELDS if name in reason and _refuses(reason, name)]


def _refuses(reason: str, name: str) -> bool:
    is_switch = name == _SWITCH
    if not is_switch and _OLD_NAME.search(reason):
        return False
    words = _REFUSED_SWITCH if is_switch else _UNKNOWN_FIELD
    # A quoted name before a colon, or a name before `=`, is part of a request that is repeated.
    places = re.finditer(rf"{name}(?![\"']\s*:|=)", reason)
    return any(
        words.search(reason, max(0, found.start() - _NEAR), found.end() + _NEAR)
        for found in islice(places, _MOST)
    )


def _is_about_model(refusal: Refusal) -> bool:
    """True if the reason is that the host does not have the model; the reason of a 404 need only name the model."""
    reason, model = refusal.reason, refusal.info.request.model
    if any(map(_UNKNOWN_MODEL.search, (reason, *refusal.names))):
        return True
    named = len(model) >= _SHORTEST and model.lower() in reason.lower()
    if named and re.search(f"{re.escape(model)}{_BETWEEN}{_MISSING}", reason, re.IGNORECASE):
        return True
    return (
        refusal.info.http == HTTPStatus.NOT_FOUND
        and not refusal.is_page
        and (named or bool(_MODEL.search(reason)))
    )


def _suggest_model(model: str) -> str:
    """The advice for an unknown model, with the id of the catalogue that is most like it, whatever stands before it."""
    if any(known.id == model for known in load_models()):
        return _MODELS
    return f"{suggest_model(model)} {_MODELS}".lstrip()


def _name_window(model: str) -> str:
    """The window of a model of the catalogue, in which prompt and answer must fit; empty for any other."""
    known = find_model(model)
    return "" if known is None else f"the window of {known.id} is {known.context:,} tokens"


def _blames_key(refusal: Refusal) -> bool:
    """True if the API itself says that the key is the reason; firewalls answer with pages, texts or nothing."""
    reason = refusal.reason
    return refusal.is_json and bool(_ABOUT_KEY.search(reason)) and not _OTHER_THAN_KEY.search(reason)


def _fit_to_key(meaning: ErrorMeaning, refusal: Refusal) -> ErrorMeaning:
    """The meaning with a hint for a key that is refused or was not sent, unless the reason of a 401 or 403 is another."""
    reason, info = refusal.reason, refusal.info
    if meaning.hint is CHECK_KEY and reason:
        if refusal.is_page and info.http == HTTPStatus.FORBIDDEN:
            return meaning._replace(explanation=_GATEWAY, hint=_NO_RETRY)
        wants_key = bool(info.request.no_key) and info.http == HTTPStatus.UNAUTHORIZED
        if not (wants_key or _ABOUT_KEY.search(reason)) or _OTHER_THAN_KEY.search(reason):
            return meaning._replace(explanation=_HOST, hint=_NO_RETRY)
    return _replace_hint(meaning, info.request.no_key or meaning.hint)

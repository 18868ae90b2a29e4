"""The sentences by which servers explain an error that has no code, and the HTTP status that each means; pure.

Only an error inside a success is read like this. The patterns are whole phrases: an `invalid token` may also be one of a
grammar.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

_SEARCHED: Final = 1000  # characters of a sentence
_KEY: Final = r"(?<![a-z])(?:(?:api|access|secret)[ _-]?(?:key|token)|authorization(?: header)?|bearer(?: token)?|credential|令牌|密钥)s?(?![a-z])"
_LACK: Final = r"(?:invalid|incorrect|missing|wrong|bad|unknown|expired|malformed|revoked|disabled|required|absent|无效|错误|过期|不存在)"
_UNPAID: Final = (
    r"\binsufficient[ _](?:user[ _])?(?:balance|credits?|funds|quota)|exceeded your current quota"
    r"|\b(?:balance|credits?) (?:is |are )?(?:insufficient|too low|exhausted|not enough)"
    r"|\bout of credits|\bbudget has been exceeded|\bpayment (?:is )?required|余额不足|额度不足|欠费"
)
_TOO_OFTEN: Final = (
    r"\brate[ -]?limit(?:ed)?\b|\btoo many requests|\bquota (?:is |was )?exceeded|请求(?:过于频繁|过多)"
)
_OVERLOADED: Final = r"\boverloaded\b|\b(?:high|heavy) load\b"
_BUSY: Final = r"\bserver(?: is)?(?: too)? busy\b|\btemporarily unavailable"
_NO_KEY: Final = (
    rf"(?:{_LACK}|\bno|\bwithout)(?: or {_LACK})? (?:authentication )?{_KEY}|{_LACK}的?{_KEY}|未提供{_KEY}"
    rf"|{_KEY}.{{0,40}}?(?:{_LACK}|not (?:valid|found|provided|recogni[sz]ed|set))"
    rf"|(?:did(?: not|n't)|must|please) provide (?:an? |your )?(?:valid )?{_KEY}"
    r"|\bnot (?:authenticated|authori[sz]ed|logged in)\b|\bun(?:authenticated|authori[sz]ed)\b"
    r"|\bauthentication (?:failed|failure|is required|required|error)|\b(?:log ?in|sign ?in) (?:is )?required"
    r"|\b(?:could not|cannot) validate credentials|鉴权失败|认证失败|未授权"
    r"|^(?:the )?(?:invalid token|token (?:has |is |was )?(?:expired|invalid))\.?$"
)
_DENIED: Final = r"^(?:the )?(?:access|permission)(?: is| was)? denied\b|^forbidden\b"
_NO_MODEL: Final = r"\bmodel\b[^.]{0,60}\b(?:not found|not exist|n't exist)|\b(?:unknown|no such|invalid) model\b|模型.{0,40}不存在"
_NO_PLACE: Final = r"^(?:unexpected|unknown|no such|invalid) (?:endpoint|route|path|url)\b|^(?:endpoint|route|path|url|page) not found\b|^not found\.?$"
_TOO_LONG: Final = (
    r"maximum context length|context (?:length|window|size) (?:is )?exceed|exceeds? the context"
)


def status_of_sentence(reason: str) -> int | None:
    """The HTTP status that the words of a reason mean, if they are known."""
    text = reason[:_SEARCHED]
    return next((status for status, pattern in _patterns() if pattern.search(text)), None)


@cache
def _patterns() -> tuple[tuple[int, re.Pattern[str]], ...]:
    return tuple((status, re.compile(pattern, re.IGNORECASE)) for status, pattern in _in_order())


def _in_order() -> Iterator[tuple[int, str]]:
    """Each status with its pattern; the first one that is found holds."""
    yield 402, _UNPAID
    yield 429, _TOO_OFTEN
    yield 529, _OVERLOADED
    yield 503, _BUSY
    yield 401, _NO_KEY
    yield 403, _DENIED
    yield 404, _NO_MODEL
    yield 404, _NO_PLACE
    yield 400, _TOO_LONG

"""Read the faults to simulate: ``WHAT[:WHEN]``.

WHEN: ``0.02`` a probability, ``1/5`` every fifth request, ``#3`` only the third, ``<3`` all before it; else always.

WHAT is a number, a name, or a name and a number:

==================== =====================================================================================
429, 500, 529 ...    that HTTP status, with its MiniMax code
1002, 2013, 2056 ... that MiniMax code, with its HTTP status and message
base_resp-CODE       HTTP 200, ``choices: null`` and the code in ``base_resp``
event-CODE           an error event in the middle of the stream
error-STATUS         HTTP 200, and an error with that status as its code instead of an answer
mid-error-STATUS     the same in the middle of the stream, the code a string (litellm)
overloaded           HTTP 200, and an error of the type overloaded_error without a code
error-field          HTTP 200, and an SSE field ``error`` (llama.cpp)
retry-after=S        429 and code 1002, with Retry-After in seconds
retry-after-date=S   the same as a date
retry-after-ms=N     the same in milliseconds, in ``retry-after-ms`` (Azure)
choices-null         HTTP 200 and ``choices: null`` without an error
cut                  the connection is closed in the middle of an event
cut-at-frame         the body ends properly after a whole event, in the middle of the text
reset                the connection is reset in the middle of an event
refuse-late          the connection is closed before the headers
no-finish            the whole text, but no ``finish_reason``
html                 HTTP 200 and a web page
json-error           HTTP 200 and an error as JSON, also for a stream
empty                HTTP 200 and nothing
hang                 nothing for ever
hang-mid             half the answer, then nothing for ever
hang-end             all text and the finish reason, then nothing for ever
comments             a keep-alive comment every 0.2 s for ever
length, filter       ``finish_reason`` length, content_filter
finish=REASON        any other ``finish_reason``: error, abort, max_tokens, sensitive ...
refusal              the text in ``refusal`` instead of ``content``
blank                no thinking and no text, only the ``finish_reason``
bad-utf8, bad-json   an event that is not UTF-8, not JSON
redirect             302 to another path
slow                 one byte at a time, 1 ms apart
bom                  a byte order mark before the answer
retry-lines          ``retry: 1`` alone, ``id: x`` alone
==================== =====================================================================================

Unstreamed answers get the nearest equivalent.
"""

import hashlib
import re
from enum import StrEnum

from mmpipe.dataclass import dataclass
from mmpipe.simulator.envelopes import FAILURES
from mmpipe.text.suggestions import suggest


class FaultSpecError(ValueError):
    """An invalid fault; the message and the hint are for the user."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FaultKind(StrEnum):
    """The kinds of faults."""

    STATUS = "STATUS"
    CODE = "CODE"
    BASE_RESP = "base_resp"
    EVENT = "event"
    ERROR = "error"
    MID_ERROR = "mid-error"
    OVERLOADED = "overloaded"
    ERROR_FIELD = "error-field"
    RETRY_AFTER = "retry-after"
    RETRY_AFTER_DATE = "retry-after-date"
    RETRY_AFTER_MS = "retry-after-ms"
    CHOICES_NULL = "choices-null"
    CUT = "cut"
    CUT_AT_FRAME = "cut-at-frame"
    RESET = "reset"
    REFUSE_LATE = "refuse-late"
    NO_FINISH = "no-finish"
    HTML = "html"
    JSON_ERROR = "json-error"
    EMPTY = "empty"
    HANG = "hang"
    HANG_MID = "hang-mid"
    HANG_END = "hang-end"
    COMMENTS = "comments"
    LENGTH = "length"
    FILTER = "filter"
    FINISH = "finish"
    REFUSAL = "refusal"
    BLANK = "blank"
    BAD_UTF8 = "bad-utf8"
    BAD_JSON = "bad-json"
    REDIRECT = "redirect"
    SLOW = "slow"
    BOM = "bom"
    RETRY_LINES = "retry-lines"


@dataclass(frozen=True, slots=True)
class FaultSchedule:
    """The requests that a fault hits; the first request is number 1."""

    chance: float = 1.0
    every: int = 1
    only: int | None = None
    before: int | None = None

    def includes(self, request: int, salt: str) -> bool:
        """Return True if the fault hits the request; the same request and salt give the same result."""
        return (
            request % self.every == 0
            and self.only in (None, request)
            and (self.before is None or request < self.before)
            and (self.chance >= 1 or _random(f"{salt}:{request}") < self.chance)
        )


ALWAYS = FaultSchedule()


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and the requests that it hits."""

    name: str
    """WHAT, as the user wrote it."""
    kind: FaultKind
    number: int = 0
    """The status, the code or the seconds, for the kinds that have one."""
    schedule: FaultSchedule = ALWAYS
    reason: str = ""
    """The finish reason, for the kind that has one."""

    def hits(self, request: int, seed: int) -> bool:
        """Return True if the fault hits the request of that number."""
        return self.schedule.includes(request, f"{seed}:{self.name}")


def parse_fault(spec: str) -> Fault:
    """Read one ``WHAT[:WHEN]``; raises FaultSpecError."""
    what, colon, when = spec.strip().partition(":")
    schedule = _read_schedule(when) if colon else ALWAYS
    if match := re.fullmatch(r"finish=(\w{1,40})", what, re.ASCII):
        return Fault(what, FaultKind.FINISH, schedule=schedule, reason=match[1])
    kind, number = _read_kind(what)
    return Fault(what, kind, number, schedule)


_NUMBERED = re.compile(
    r"(?P<name>base_resp|event)-(?P<code>\d{4})|(?P<error>(?:mid-)?error)-(?P<status>[45]\d\d)"
    r"|(?P<wait>retry-after(?:-date|-ms)?)=(?P<amount>\d{1,6})",
    re.ASCII,
)
_WITH_VALUES = (
    "base_resp-CODE",
    "event-CODE",
    "error-STATUS",
    "mid-error-STATUS",
    "retry-after=SECONDS",
    "retry-after-date=SECONDS",
    "retry-after-ms=MILLISECONDS",
    "finish=REASON",
)
PLAIN_KINDS = frozenset(FaultKind) - {
    FaultKind.STATUS,
    FaultKind.CODE,
    *(re.split("[-=](?=[A-Z])", form)[0] for form in _WITH_VALUES),
}


def _read_kind(text: str) -> tuple[FaultKind, int]:
    if text in PLAIN_KINDS:
        return FaultKind(text), 0
    if re.fullmatch(r"[45]\d\d", text, re.ASCII):
        return FaultKind.STATUS, int(text)
    if re.fullmatch(r"\d{4}", text, re.ASCII):
        return FaultKind.CODE, _known(int(text))
    match = _NUMBERED.fullmatch(text)
    if match and match["name"]:
        return FaultKind(match["name"]), _known(int(match["code"]))
    if match:
        return FaultKind(match["error"] or match["wait"]), int(match["status"] or match["amount"])
    raise FaultSpecError(
        f"{text!r} is no fault: give an HTTP status from 400 to 599, a MiniMax code, {', '.join(_WITH_VALUES)}, "
        f"{', '.join(sorted(PLAIN_KINDS))}",
        hint=suggest(text, PLAIN_KINDS),
    )


def _known(code: int) -> int:
    if code in FAILURES:
        return code
    raise FaultSpecError(f"{code} is no code of the API: give one of {', '.join(map(str, sorted(FAILURES)))}")


def _read_schedule(text: str) -> FaultSchedule:
    if match := re.fullmatch(r"(#|<|1/)([1-9]\d{0,8})", text, re.ASCII):
        number = int(match[2])
        schedules = {
            "#": FaultSchedule(only=number),
            "<": FaultSchedule(before=number),
            "1/": FaultSchedule(every=number),
        }
        return schedules[match[1]]
    if re.fullmatch(r"0?\.\d+|[01]\.?0*", text, re.ASCII):
        return FaultSchedule(chance=float(text))
    raise FaultSpecError(f"{text!r} is no valid WHEN: give a probability such as 0.02, or 1/5, #3 or <3")


def _random(salt: str) -> float:
    digest = hashlib.sha256(salt.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64

"""Judges from the order of what arrives whether an answer has ended; pure.

A finish reason is the end only if no part of the answer follows it. Some servers put one into every chunk (gcli2api#403,
open-webui#16377), others send a call after it. One part after a reason proves that the reasons of this server are no ends.
At the end of the body the last reason holds all the same, or one before it that says the answer is not whole: the gravest of
several counts, wherever it stood (FACTS.md, "Finish reasons").
"""

import math
import re
from typing import Final

from mmpipe.core.finish_reasons import STOPPED, FinishMeaning, finish_meaning

LINGER: Final = 1.0  # seconds that an answer waits, after its finish reason, for its usage, for an error or for more of it
# The same for a reason in the chunk of the first part: it may stand in every chunk, and a pause of some seconds after the
# first chunk is ordinary. An answer in one chunk whose connection is kept open without any mark must still end before the
# idle limit: a retry would cost as much again and end alike.
LINGER_AT_FIRST: Final = 10.0

# The beginning of a part, or of an error, in an event that is cut off: a field of text with its first character, a call.
_BEGINNING = re.compile(
    rb'"(?:content|text|summary|refusal|arguments|(?:reasoning|thinking|thought)\w*)"\s*:\s*"[^"]'
    rb'|"tool_calls"\s*:\s*\[\s*\{'
    rb'|"error"\s*:\s*[{"]'
)


class AnswerEnd:
    """The last finish reason with no part after it, and the reasons to believe it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._gravest: str | None = (
            None  # of the reasons that were no ends, if it says that the answer is not whole
        )
        self.has_thinking = self.has_text = self.has_calls = False
        self._is_closed = False
        self._is_with_first = False  # the reason came in the chunk of the first part
        self.was_wrong = False  # True once a part followed a reason

    @property
    def is_empty(self) -> bool:
        """True if no part came so far."""
        return not (self.has_thinking or self.has_text or self.has_calls)

    @property
    def is_believed(self) -> bool:
        """True if nothing but the usage is expected: the reason fits to the parts before it, or is sealed by `close`."""
        if self.reason is None:
            return False
        meaning = finish_meaning(self.reason)
        if self._is_closed or meaning is FinishMeaning.FAILED:
            return True
        if self.was_wrong:
            return False
        match meaning:
            case FinishMeaning.CALLS:
                return self.has_calls
            case _ if meaning in STOPPED:
                return not self.is_empty
            case _:
                return self.has_text or self.has_calls

    @property
    def longest_pause(self) -> float:
        """Seconds without a byte after which the answer has ended; infinite as long as its reason is not believed."""
        if not self.is_believed:
            return math.inf
        is_proved = self._is_closed or not self._is_with_first
        return LINGER if is_proved else LINGER_AT_FIRST

    def take_thinking(self) -> None:
        """Note a part of the thinking."""
        self.has_thinking = True
        self._go_on()

    def take_text(self) -> None:
        """Note a part of the text."""
        self.has_text = True
        self._go_on()

    def take_call(self) -> None:
        """Note a part of a tool call."""
        self.has_calls = True
        self._go_on()

    def take_reason(self, reason: str, *, with_first: bool = False) -> bool:
        """Note a finish reason, of several the gravest; True if it is the first since the last part.

        `with_first` is true in the chunk of the first part.
        """
        is_first = self.reason is None
        self._is_with_first |= with_first
        before = self._gravest if self.reason is None else self.reason
        self.reason = max(reason, before or reason, key=finish_meaning)
        return is_first

    def close(self) -> None:
        """Note a mark that stands at the end of a stream: `[DONE]`, or the usage alone in a chunk."""
        self._is_closed = self.reason is not None

    def _go_on(self) -> None:
        if self.reason is not None:
            if finish_meaning(self.reason) >= FinishMeaning.CUT_SHORT:
                self._gravest = self.reason
            self.reason, self._is_closed, self.was_wrong = None, False, True


def shows_part(event: bytes) -> bool:
    """True if an event that is cut off, or cannot be read, held a part of the answer, or an error."""
    return _BEGINNING.search(event) is not None

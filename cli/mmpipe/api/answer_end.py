"""Judges from the order of what arrives whether an answer has ended; pure.

A finish reason is the end only if no part of the answer follows it. Some servers put one into every chunk (gcli2api#403,
open-webui#16377), others send a call after it. One part after a reason proves that the reasons of this server are no ends.
"""

import re

from mmpipe.core.finish_reasons import FinishMeaning, finish_meaning

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
        self.has_thinking = self.has_text = self.has_calls = False
        self._is_closed = False
        self._was_wrong = False

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
        if self._was_wrong:
            return False
        match meaning:
            case FinishMeaning.CALLS:
                return self.has_calls
            case FinishMeaning.CUT_SHORT | FinishMeaning.CONTEXT_FULL | FinishMeaning.FILTERED:
                return not self.is_empty
            case _:
                return self.has_text or self.has_calls

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

    def take_reason(self, reason: str) -> bool:
        """Note a finish reason, of several in a row the gravest; True if it is the first since the last part."""
        is_first = self.reason is None
        if self.reason is None or finish_meaning(reason) >= finish_meaning(self.reason):
            self.reason = reason
        return is_first

    def close(self) -> None:
        """Note a mark that stands at the end of a stream: `[DONE]`, or the usage alone in a chunk."""
        self._is_closed = self.reason is not None

    def _go_on(self) -> None:
        if self.reason is not None:
            self.reason, self._is_closed, self._was_wrong = None, False, True


def shows_part(event: bytes) -> bool:
    """True if an event that is cut off, or cannot be read, held a part of the answer, or an error."""
    return _BEGINNING.search(event) is not None

"""Assembles the assistant message from streamed deltas, so that it equals the message of an unstreamed call."""

from collections.abc import Mapping, Sequence
from typing import Final

from mmpipe.api.answer.assembly import TEXTS, DetailAssembler, FieldAssembler
from mmpipe.api.answer.fields import DETAIL_FIELDS, read_texts
from mmpipe.api.answer.repetition import OPEN_FIELDS
from mmpipe.core.events import Message

_HOLD_TEXT: Final = TEXTS | set(DETAIL_FIELDS)
_ASSEMBLED_APART: Final = frozenset({"tool_calls", *DETAIL_FIELDS})


class MessageAssembler:
    """Collects deltas (FACTS.md, "Chunks") into one message without its calls; unknown fields are kept."""

    def __init__(self) -> None:
        self._fields = FieldAssembler()
        self._details: dict[str, DetailAssembler] = {}

    def merge(self, delta: Mapping[str, object]) -> bool:
        """Take every field of a delta; returns True if one of them changed or is new, beside its texts."""
        changed = self._fields.merge(delta, _ASSEMBLED_APART)
        for name in DETAIL_FIELDS:
            if details := delta.get(name):
                if not isinstance(details, list):
                    self._fields.merge({name: details})
                    continue
                assembler = self._details.get(name)
                if assembler is None:
                    assembler = self._details[name] = DetailAssembler()
                changed |= assembler.merge(details)
        return changed

    def repeat(self, delta: Mapping[str, object], texts: Sequence[str]) -> None:
        """Take `delta`, the last one, once more for each of `texts`, which its fields hold in place of their text."""
        self._fields.repeat(delta, texts, OPEN_FIELDS)
        for name, assembler in self._details.items():
            if isinstance(details := delta.get(name), list) and details:
                assembler.repeat(details[0], texts)

    def message(self, *, cumulative: bool = False) -> dict[str, object]:
        """The message so far, with the fields of an unstreamed one (FACTS.md, "Whole answers")."""
        whole: dict[str, object] = {"content": "", "role": "assistant"}
        whole |= self._fields.assembled(cumulative=cumulative)
        for name, details in self._details.items():
            if items := details.assembled(cumulative=cumulative):
                whole[name] = items
        return whole


def complete_message(message: dict[str, object], last: Message) -> None:
    """Add to `message` all that the `last` frame adds; of different texts the one of the message stays."""
    for name, value in last.items():
        before = message.get(name)
        if not before or (value and not (name in _HOLD_TEXT and _differ(name, before, value))):
            message[name] = value


def sendable(message: Message) -> Message:
    """The message as a request can hold it: some hosts leave out the role or send it empty, and no host accepts that."""
    role = message.get("role")
    return message if isinstance(role, str) and role else {**message, "role": "assistant"}


def _differ(name: str, before: object, value: object) -> bool:
    received, text = ("".join(text for _, text in read_texts({name: of})) for of in (before, value))
    return not text.startswith(received)

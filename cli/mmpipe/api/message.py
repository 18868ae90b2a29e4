"""Assembles the assistant message from streamed deltas, so that it equals the message of an unstreamed call."""

from collections.abc import Mapping

from mmpipe.core.events import Message


class MessageAssembler:
    """Collects deltas (FACTS.md, "Chunks") into one message without its calls; unknown fields are kept."""

    def __init__(self) -> None:
        self._fields: dict[str, object] = {}
        self._texts: dict[str, list[str]] = {}
        self._details: dict[int, dict[str, object]] = {}

    def merge(self, delta: Mapping[str, object]) -> None:
        """Take every field of a delta; its texts come by `append`, and replace those of the delta."""
        for name, value in delta.items():
            if name == "tool_calls":
                continue
            if name == "reasoning_details":
                for detail in _objects(value):
                    self._details.setdefault(detail_index(detail), {}).update(detail)
            elif value not in ("", None) or name not in self._fields:
                # Some generations blank `role` in later deltas (FACTS.md, "The end of a stream").
                self._fields[name] = value

    def append(self, field: str, text: str) -> None:
        """Add new text to `content`, `reasoning_content` or the detail `reasoning_details/INDEX`."""
        self._texts.setdefault(field, []).append(text)

    def text(self, field: str) -> str:
        """All text of a field so far."""
        return "".join(self._texts.get(field, ()))

    def message(self) -> Message:
        """The message so far, with the fields of an unstreamed one (FACTS.md, "Whole answers")."""
        whole: dict[str, object] = {"content": "", "role": "assistant"} | self._fields
        whole |= {name: self.text(name) for name in ("content", "reasoning_content") if name in self._texts}
        if self._details:
            whole["reasoning_details"] = [
                detail | {"text": self.text(f"reasoning_details/{index}")}
                for index, detail in sorted(self._details.items())
            ]
        return whole


def _objects(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def sendable(message: Message) -> Message:
    """The message as a request can hold it: some hosts leave out the role or send it empty, and no host accepts that."""
    role = message.get("role")
    return message if isinstance(role, str) and role else {**message, "role": "assistant"}


def detail_index(detail: Mapping[str, object]) -> int:
    """The index of one of the reasoning_details; 0 for anything that is not an integer."""
    index = detail.get("index")
    return index if isinstance(index, int) else 0

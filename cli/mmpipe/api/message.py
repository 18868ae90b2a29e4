"""Assembles the assistant message from streamed deltas, so that it equals the message of an unstreamed call."""

from collections.abc import Mapping

from mmpipe.core.events import Message, ToolCall
from mmpipe.errors import BadResponse
from mmpipe.text.visible import one_line


class MessageAssembler:
    """Collects deltas (FACTS.md, "Chunks", "Tool calls") into one message; unknown fields are kept."""

    def __init__(self) -> None:
        self._fields: dict[str, object] = {}
        self._texts: dict[str, list[str]] = {}
        self._details: dict[int, dict[str, object]] = {}
        self._calls: list[dict[str, object]] = []

    def merge(self, delta: Mapping[str, object]) -> None:
        """Take every field of a delta; its texts come by `append`, and replace those of the delta."""
        for name, value in delta.items():
            if name == "tool_calls":
                for piece in _calls(value):
                    self._merge_call(piece)
            elif name == "reasoning_details":
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

    def calls(self) -> list[ToolCall]:
        """The tool calls, each one whole."""
        return [
            ToolCall(
                number,
                str(call.get("id", "")),
                str(_function(call).get("name", "")),
                str(_function(call).get("arguments", "")),
            )
            for number, call in enumerate(self._calls)
        ]

    def message(self) -> Message:
        """The message so far, with the fields of an unstreamed one (FACTS.md, "Whole answers")."""
        whole: dict[str, object] = {"content": "", "role": "assistant"} | self._fields
        whole |= {name: self.text(name) for name in ("content", "reasoning_content") if name in self._texts}
        if self._details:
            whole["reasoning_details"] = [
                detail | {"text": self.text(f"reasoning_details/{index}")}
                for index, detail in sorted(self._details.items())
            ]
        if self._calls:
            whole["tool_calls"] = self._calls
        return whole

    def _merge_call(self, piece: Mapping[str, object]) -> None:
        call = self._call_of(piece)
        function = dict(_function(call))
        for name, value in _function(piece).items():
            if name == "arguments":
                function[name] = str(function.get(name, "")) + str(value or "")
            elif value:
                function[name] = value
        call |= {name: value for name, value in piece.items() if value not in ("", None)}
        call["function"] = function

    def _call_of(self, piece: Mapping[str, object]) -> dict[str, object]:
        index = piece.get("index")
        for call in self._calls:
            if index is not None and call.get("index") == index:
                return call
        # Early M2 sent no index: a piece without an id then continues the last call (FACTS.md, "Tool calls").
        if index is None and self._calls and piece.get("id") in (None, "", self._calls[-1].get("id")):
            return self._calls[-1]
        self._calls.append({})
        return self._calls[-1]


def _calls(value: object) -> list[dict[str, object]]:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(piece, dict) for piece in value):
        return value
    raise BadResponse(f"tool_calls is not a list of calls: {one_line(repr(value), 60)}")


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


def _function(call: Mapping[str, object]) -> Mapping[str, object]:
    function = call.get("function")
    return function if isinstance(function, dict) else {}

"""Assembles the tool calls of an answer from the pieces of a stream (FACTS.md, "Tool calls")."""

from collections.abc import Mapping

from mmpipe.core.events import ToolCall
from mmpipe.errors import BadResponse
from mmpipe.text.visible import one_line


class CallAssembler:
    """Takes `tool_calls` of deltas or of a whole message; has the calls as the message holds them."""

    def __init__(self) -> None:
        self.calls: list[dict[str, object]] = []

    def merge(self, value: object) -> None:
        """Take the value of `tool_calls` in a delta; raises BadResponse if it is no list of calls."""
        for piece in _pieces(value):
            self._merge_piece(piece)

    def events(self) -> list[ToolCall]:
        """The tool calls, each one whole."""
        return [
            ToolCall(
                number,
                str(call.get("id", "")),
                str(_function(call).get("name", "")),
                str(_function(call).get("arguments", "")),
            )
            for number, call in enumerate(self.calls)
        ]

    def _merge_piece(self, piece: Mapping[str, object]) -> None:
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
        for call in self.calls:
            if index is not None and call.get("index") == index:
                return call
        # Early M2 sent no index: a piece without an id then continues the last call (FACTS.md, "Tool calls").
        if index is None and self.calls and piece.get("id") in (None, "", self.calls[-1].get("id")):
            return self.calls[-1]
        self.calls.append({})
        return self.calls[-1]


def _pieces(value: object) -> list[dict[str, object]]:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(piece, dict) for piece in value):
        return value
    raise BadResponse(f"tool_calls is not a list of calls: {one_line(repr(value), 60)}")


def _function(call: Mapping[str, object]) -> Mapping[str, object]:
    function = call.get("function")
    return function if isinstance(function, dict) else {}

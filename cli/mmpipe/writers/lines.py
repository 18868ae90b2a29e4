"""Writes lines of JSON: a line for each event, the record or transcript at the end, or the server's own bytes."""

import codecs
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import assert_never

from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.reply import usage_json
from mmpipe.errors import MmpipeError, ToolError
from mmpipe.text.visible import visible, visible_json
from mmpipe.unix.streams import Output
from mmpipe.writers.writer import Writer


def compact(value: Mapping[str, object]) -> str:
    """A JSON object on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_line(output: Output, value: Mapping[str, object]) -> None:
    """One JSON object on one line, in one write."""
    line = compact(value)
    if output.is_terminal:
        line = visible_json(line)
    # Half a surrogate pair becomes the escape that JSON has for it.
    output.write(f"{line}\n".encode(errors="backslashreplace"))


class EventWriter(Writer):
    """`-F jsonl`: a line for each event as it comes."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, event: Event) -> None:
        write_line(self._output, _event(event))

    def fail(self, error: MmpipeError) -> None:
        """After trouble the last line says what it was."""
        write_line(self._output, {"type": "error", **error.as_json()})


class RecordWriter(Writer):
    """`-F json`: one line, which exists only once the answer is whole."""

    def __init__(self, output: Output, record: Callable[[], Mapping[str, object]]) -> None:
        self._output, self._record = output, record

    def end(self) -> None:
        write_line(self._output, self._record())


class TranscriptWriter(Writer):
    """`-F messages`: all that was said, a message a line; also where it ends with calls that were not run."""

    def __init__(self, output: Output, messages: Callable[[], Iterable[Message]]) -> None:
        self._output, self._messages = output, messages

    def end(self) -> None:
        for message in self._messages():
            write_line(self._output, message)

    def fail(self, error: MmpipeError) -> None:
        if isinstance(error, ToolError):
            self.end()


class RawWriter(Writer):
    """`-F raw`: the server's own bytes; made visible on a terminal, like everything from outside."""

    def __init__(self, output: Output, *, live: bool) -> None:
        self._output = output
        self._live = live
        self._held = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def receive(self, body: bytes) -> None:
        self._held += body
        if self._live:
            self.end()

    def end_turn(self) -> None:
        self.end()

    def end(self) -> None:
        body = bytes(self._held)
        self._held.clear()
        self._output.write(visible(self._decoder.decode(body)).encode() if self._output.is_terminal else body)


def _event(event: Event) -> dict[str, object]:
    match event:
        case Start():
            return {"type": "start", "id": event.id, "model": event.model}
        case Thinking(text):
            return {"type": "thinking", "text": text}
        case Text(text):
            return {"type": "text", "text": text}
        case ToolCall():
            return {"type": "tool_call", **asdict(event)}
        case ToolResult():
            return {"type": "tool_result", **asdict(event)}
        case Usage():
            return {"type": "usage", **usage_json(event)}
        case Stop(reason, message):
            return {"type": "end", "finish_reason": reason, "message": message}
        case _:
            assert_never(event)

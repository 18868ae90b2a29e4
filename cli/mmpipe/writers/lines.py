"""Writers of JSON: a line for each event, a record or transcript at the end; and the raw bytes of the server."""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import assert_never

from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.messages import repair_surrogates
from mmpipe.core.reply import usage_json
from mmpipe.errors import MmpipeError, ToolError
from mmpipe.text.json_encoding import format_json
from mmpipe.text.visible import visible_json
from mmpipe.unix.streams import Output
from mmpipe.writers.options import LineFormat
from mmpipe.writers.writer import WholeAnswer, Writer


def write_line(output: Output, value: Mapping[str, object]) -> None:
    """Write a JSON object as one line in one write; visible on a terminal. Raises OutputError and PipeClosed."""
    line = format_json(value)
    if output.is_terminal:
        line = visible_json(line)
    # A lone surrogate becomes its JSON escape.
    output.write(f"{line}\n".encode(errors="backslashreplace"))


def create_line_writer(name: LineFormat, output: Output, *, live: bool) -> Writer:
    """Return the writer of a format; `live` makes a raw writer write at once."""
    match name:
        case "json":
            return RecordWriter(output)
        case "jsonl":
            return EventWriter(output)
        case "messages":
            return TranscriptWriter(output)
        case "raw":
            return RawWriter(output, live=live)
        case _:
            assert_never(name)


class EventWriter(Writer):
    """Writes `-F jsonl`: a line for each event as it arrives."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, event: Event) -> None:
        write_line(self._output, _event_json(event))

    def fail(self, error: MmpipeError, _: Sequence[Message] = ()) -> None:
        """Write the error as the last line."""
        write_line(self._output, {"type": "error", **error.as_json()})


class RecordWriter(Writer):
    """Writes `-F json`: one record, once the answer is complete."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def end(self, answer: WholeAnswer) -> None:
        write_line(self._output, answer.record)


class TranscriptWriter(Writer):
    """Writes `-F messages`: the whole conversation, a message a line, also if it ends with tool calls that nobody ran."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def end(self, answer: WholeAnswer) -> None:
        self._write_messages(answer.messages)

    def fail(self, error: MmpipeError, messages: Sequence[Message] = ()) -> None:
        if isinstance(error, ToolError):
            self._write_messages(messages)

    def _write_messages(self, messages: Sequence[Message]) -> None:
        for message in messages:
            # What is written here is sent back.
            write_line(self._output, repair_surrogates(message))


class RawWriter(Writer):
    """Writes `-F raw`: the bytes of the server, visible on a terminal; `live` writes them as they arrive."""

    takes_bytes = True

    def __init__(self, output: Output, *, live: bool) -> None:
        self._output = output
        self._live = live
        self._buffer = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def receive(self, body: bytes) -> None:
        self._buffer += body
        if self._live:
            self.end_turn()

    def end(self, _: WholeAnswer) -> None:
        self.end_turn()

    def end_turn(self) -> None:
        body = bytes(self._buffer)
        self._buffer.clear()
        # On a terminal no character may be cut in two.
        self._output.write(self._decoder.decode(body).encode() if self._output.is_terminal else body)


def _event_json(event: Event) -> dict[str, object]:
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

"""A dialogue repairs answers and runs tools; the transcript keeps whole answers and results of tools."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.api.attempt import Observer
from mmpipe.chat.answer import Ask, answer
from mmpipe.chat.options import ChatOptions, ConversationOptions, OutputOptions, PromptOptions, StdinOptions
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event, Start, Stop, Text, ToolCall, Usage
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import BadResponse, MmpipeError, OutputError
from mmpipe.structured.options import ConstraintOptions
from mmpipe.tools.options import ToolOptions
from mmpipe.unix.streams import Streams

KEY = {"MINIMAX_API_KEY": "sk-test-key", "TERM": "xterm"}


def text_turn(text: str) -> list[Event]:
    stop = Stop("stop", {"role": "assistant", "content": text})
    return [Start("1", "M", "trace"), Text(text), Usage(4, 5, 9), stop]


def call_turn(identity: str) -> list[Event]:
    function = {"name": "f", "arguments": "{}"}
    message = {
        "role": "assistant",
        "tool_calls": [{"id": identity, "type": "function", "function": function}],
    }
    call = ToolCall(0, identity, "f", "{}")
    return [Start("1", "M", "trace"), call, Usage(4, 5, 9), Stop("tool_calls", message)]


def asking(*turns: list[Event]) -> Ask:
    left = iter(turns)

    def ask(_: Request, __: Endpoint, ___: Limits, ____: Observer) -> Iterator[Event]:
        yield from next(left)

    return ask


def held(folder: Path, *turns: list[Event]) -> tuple[list[dict[str, object]], MmpipeError | None]:
    """The events on stdout, and the error, of a dialogue with `--schema`, one repair and a tool."""
    streams = Streams.fake()
    schema, tools = folder / "schema.json", folder / "tools.json"
    schema.write_text('{"type": "object"}')
    tools.write_text(json.dumps([{"type": "function", "function": {"name": "f"}}]))
    options = ChatOptions(
        prompt=PromptOptions(("Hi",)),
        stdin=StdinOptions(no_stdin=True),
        conversation=ConversationOptions(conversation=str(folder / "talk")),
        constraint=ConstraintOptions(schema=str(schema), repair=1),
        tools=ToolOptions(tools=str(tools), run=("f=/bin/true",)),
        output=OutputOptions(format="jsonl"),
    )
    error: MmpipeError | None = None
    try:
        answer(options, streams, KEY, ask=asking(*turns))
    except MmpipeError as raised:
        error = raised
    return [json.loads(line) for line in streams.captured()[0].splitlines()], error


def roles(folder: Path) -> list[object]:
    path = folder / "talk"
    return [json.loads(line)["role"] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_repaired_answer_is_kept_with_the_answer_before_it(tmp_path: Path) -> None:
    events, error = held(tmp_path, text_turn("no"), text_turn("{}"))
    assert error is None
    assert ["{}"] == [event["text"] for event in events if event["type"] == "text"]
    assert [18] == [event["total_tokens"] for event in events if event["type"] == "usage"]
    assert ["user", "assistant", "user", "assistant"] == roles(tmp_path)


def test_an_answer_that_stays_invalid_leaves_nothing(tmp_path: Path) -> None:
    events, error = held(tmp_path, text_turn("no"), text_turn("never"))
    assert isinstance(error, BadResponse)
    assert "trace" == error.request_id
    assert ["error"] == [event["type"] for event in events]
    assert [] == roles(tmp_path)


def test_tools_that_ran_after_a_repair_are_kept_though_the_answer_stays_invalid(tmp_path: Path) -> None:
    _, error = held(tmp_path, text_turn("no"), call_turn("1"), text_turn("never"))
    assert isinstance(error, BadResponse)
    assert ["user", "assistant", "user", "assistant", "tool"] == roles(tmp_path)


def test_the_usage_of_an_invalid_answer_is_reported_once(tmp_path: Path) -> None:
    events, error = held(tmp_path, text_turn("no"), call_turn("1"), text_turn("{}"))
    assert error is None
    assert [18, 9] == [event["total_tokens"] for event in events if event["type"] == "usage"]


def test_an_answer_that_the_transcript_cannot_take_leaves_the_output_file_as_it_was(tmp_path: Path) -> None:
    talk, output = tmp_path / "talk", tmp_path / "out"
    output.write_text("old")

    def ask(_: Request, __: Endpoint, ___: Limits, ____: Observer) -> Iterator[Event]:
        # Another program removes the conversation meanwhile.
        talk.unlink()
        yield from text_turn("new")

    options = ChatOptions(
        prompt=PromptOptions(("Hi",)),
        stdin=StdinOptions(no_stdin=True),
        conversation=ConversationOptions(conversation=str(talk)),
        output=OutputOptions(output=str(output)),
    )
    with pytest.raises(OutputError):
        answer(options, Streams.fake(), KEY, ask=ask)
    assert "old" == output.read_text()


def test_after_the_results_of_tools_no_further_call_is_required(tmp_path: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    (tmp_path / "talk").write_text("".join(json.dumps(message) + "\n" for message in messages))
    (tmp_path / "tools").write_text(json.dumps([{"type": "function", "function": {"name": "f"}}]))
    requests: list[Request] = []

    def ask(request: Request, __: Endpoint, ___: Limits, ____: Observer) -> Iterator[Event]:
        requests.append(request)
        yield from text_turn("done")

    options = ChatOptions(
        stdin=StdinOptions(no_stdin=True),
        conversation=ConversationOptions(conversation=str(tmp_path / "talk")),
        tools=ToolOptions(tools=str(tmp_path / "tools"), run=("f=/bin/true",), tool_choice="required"),
    )
    answer(options, Streams.fake(), KEY, ask=ask)
    assert ["tool_choice" in request.parameters for request in requests] == [False]

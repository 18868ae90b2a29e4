"""A tool call is whole and is called once, however the service cut it."""

import pytest

from mmpipe.core.events import Event, ToolCall
from support.sse_streams import call, chunk, stream, streamed


def test_tool_calls_come_whole_and_once_however_they_were_cut() -> None:
    first = {"id": "call_function_a_1", "type": "function", "function": {"name": "ls", "arguments": '{"a": '}}
    second = {"id": "call_function_a_2", "type": "function", "function": {"name": "rm", "arguments": "{}"}}
    chunks = [
        chunk({"content": "I look."}),
        chunk(call(0, **first)),
        chunk(call(0, function={"arguments": "null}"})),
        chunk(call(1, **second), finish_reason="tool_calls"),
    ]
    events = streamed(stream(*chunks))
    calls = [
        ToolCall(0, "call_function_a_1", "ls", '{"a": null}'),
        ToolCall(1, "call_function_a_2", "rm", "{}"),
    ]
    assert calls == events[-3:-1]
    whole = first | {"function": {"name": "ls", "arguments": '{"a": null}'}, "index": 0}
    assert [whole, second | {"index": 1}] == getattr(events[-1], "message", {})["tool_calls"]


def test_early_tool_calls_without_an_index_are_distinguished_by_their_ids() -> None:
    chunks = [
        chunk(call(None, id="1", function={"name": "ls", "arguments": "{"})),
        chunk(call(None, function={"arguments": "}"})),
        chunk(call(None, id="2", function={"name": "rm", "arguments": "{}"}), finish_reason="tool_calls"),
    ]
    assert [ToolCall(0, "1", "ls", "{}"), ToolCall(1, "2", "rm", "{}")] == streamed(stream(*chunks))[-3:-1]


def test_a_call_with_broken_arguments_is_for_who_runs_it_to_judge() -> None:
    broken = chunk(call(0, id="1", function={"name": "ls", "arguments": '{"a'}), finish_reason="tool_calls")
    assert ToolCall(0, "1", "ls", '{"a') == streamed(stream(broken))[-2]


def test_calls_that_the_last_frame_repeats_are_called_once() -> None:
    calls = {"tool_calls": [{"id": "1", "function": {"name": "ls", "arguments": "{}"}, "index": 0}]}
    frame = {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"content": "", **calls}}]}
    events = streamed(stream(chunk(calls), frame))
    assert [ToolCall(0, "1", "ls", "{}")] == [event for event in events if isinstance(event, ToolCall)]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = streamed(stream(chunk(call(0, id="1", function={"name": "ls"}), finish_reason="tool_calls")))
    assert ToolCall(0, "1", "ls", "{}") == events[-2]


@pytest.mark.parametrize("content", [{}, {"content": ""}])
def test_the_message_of_calls_alone_has_a_content_that_is_empty(content: dict[str, object]) -> None:
    first = call(0, id="1", function={"name": "ls"}) | content
    last = streamed(stream(chunk(first, finish_reason="tool_calls")))[-1]
    assert "" == getattr(last, "message", {})["content"]


def called(*deltas: dict[str, object]) -> list[Event]:
    """The calls of a stream that ends with them."""
    events = streamed(stream(*map(chunk, deltas), chunk({}, finish_reason="tool_calls")))
    return [event for event in events if isinstance(event, ToolCall)]


def test_the_old_form_of_a_call_is_called_too() -> None:
    pieces: list[dict[str, object]] = [
        {"function_call": {"name": "ls", "arguments": "{"}},
        {"function_call": {"arguments": "}"}},
    ]
    assert [("ls", "{}")] == [
        (call.name, call.arguments) for call in called(*pieces) if isinstance(call, ToolCall)
    ]


def test_calls_without_ids_have_ids_of_their_own_in_each_answer() -> None:
    function = {"name": "ls", "arguments": "{}"}
    first, second = (
        streamed(stream(chunk(call(0, function=function), finish_reason="tool_calls") | {"id": answer}))[-2]
        for answer in ("1", "2")
    )
    assert getattr(first, "id", None) != getattr(second, "id", None)


def test_interleaved_pieces_of_calls_are_distinguished_by_their_index() -> None:
    pieces = [
        call(0, id="1", function={"name": "ls", "arguments": "{"}),
        call(1, id="2", function={"name": "rm", "arguments": "["}),
        call(0, function={"arguments": "}"}),
        call(1, function={"arguments": "]"}),
    ]
    assert [ToolCall(0, "1", "ls", "{}"), ToolCall(1, "2", "rm", "[]")] == called(*pieces)


@pytest.mark.parametrize("again", [{}, {"id": ""}, {"id": None}, {"id": "1"}])
def test_without_an_index_a_piece_with_no_new_id_goes_on_with_the_call(again: dict[str, object]) -> None:
    pieces = [
        call(None, id="1", function={"name": "ls", "arguments": "{"}),
        call(None, function={"arguments": "}"}, **again),
    ]
    assert [ToolCall(0, "1", "ls", "{}")] == called(*pieces)


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_field_in_a_later_piece_changes_nothing(blank: object) -> None:
    function = {"name": "ls", "arguments": "{}"}
    pieces = [
        call(0, id="1", type="function", function=function),
        call(0, id=blank, type=blank, function={"name": blank, "arguments": blank}),
    ]
    events = streamed(stream(*map(chunk, pieces), chunk({}, finish_reason="tool_calls")))
    whole = {"id": "1", "type": "function", "function": function, "index": 0}
    assert [whole] == getattr(events[-1], "message", {})["tool_calls"]


def _in_messages(*messages: dict[str, object]) -> tuple[object, list[tuple[str, str]]]:
    """The text and the calls of a stream that has messages in place of deltas."""
    chunks = [{"choices": [{"index": 0, "message": message}]} for message in messages]
    events = streamed(stream(*chunks, {"choices": [{"index": 0, "finish_reason": "tool_calls"}]}))
    calls = [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]
    return getattr(events[-1], "message", {}).get("content"), calls


@pytest.mark.parametrize("content", [{}, {"content": "I look."}, {"content": ""}])
def test_calls_in_messages_that_repeat_all_so_far_are_called_once(content: dict[str, object]) -> None:
    first: dict[str, object] = {"id": "1", "function": {"name": "ls", "arguments": "{}"}}
    second = {"id": "2", "function": {"name": "rm", "arguments": '{"a":1}'}}
    cut = {"id": "2", "function": {"name": "rm", "arguments": '{"a"'}}
    snapshots = [[], [first], [first, cut], [first, second], [first, second]]
    text, calls = _in_messages(*(content | {"tool_calls": calls} for calls in snapshots))
    assert [("ls", "{}"), ("rm", '{"a":1}')] == calls
    assert content.get("content", "") == (text or "")


@pytest.mark.parametrize("marks", [[{"index": 0}, {"index": 1}], [{}, {}], [{"id": "a"}, {"id": "b"}]])
def test_calls_in_pieces_of_a_message_are_all_called(marks: list[dict[str, object]]) -> None:
    first, second = marks
    anonymous = {name: value for name, value in first.items() if name == "index"}
    messages: list[dict[str, object]] = [
        {"content": "I look."},
        {"tool_calls": [{**first, "function": {"name": "ls", "arguments": '{"a":'}}]},
        {"tool_calls": [{**anonymous, "function": {"arguments": "1}"}}]},
        {"tool_calls": [{**second, "function": {"name": "ls", "arguments": '{"a":2}'}}]},
    ]
    expected = [("ls", '{"a":1}'), ("ls", '{"a":2}')]
    assert ("I look.", expected) == _in_messages(*messages)
    assert ("", expected) == _in_messages(*messages[1:])


@pytest.mark.parametrize("marks", [[{"index": 0}, {"index": 1}], [{"id": "a"}, {"id": "b"}]])
def test_equal_calls_in_pieces_of_a_message_are_both_called_and_keep_their_spaces(
    marks: list[dict[str, object]],
) -> None:
    cut = [
        {"index": 2, "id": "c", "function": {"name": "ls", "arguments": '{"a":"b'}},
        *({"index": 2, "id": "c", "function": {"arguments": text}} for text in (" ", 'c"}')),
    ]
    whole = [{**mark, "function": {"name": "ls", "arguments": '{"a":"b c"}'}} for mark in marks]
    for pieces, count in ((whole, 2), (cut, 1)):
        messages: list[dict[str, object]] = [{"tool_calls": [piece]} for piece in pieces]
        assert ("", [("ls", '{"a":"b c"}')] * count) == _in_messages(*messages)

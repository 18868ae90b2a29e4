"""Tool calls are found in messages, and bad calls are refused."""

import json
from collections.abc import Iterator

import pytest

from mmpipe.core.calls import check_calls, distinguish_calls, find_open_calls, parse_calls, quote_arguments
from mmpipe.core.events import Event, Message, Stop, Text, ToolCall, Usage
from mmpipe.errors import BadResponse, CutShort

GOOD = ToolCall(0, "1", "f", '{"a": 1}')
BAD = ToolCall(1, "2", "f", '{"a": ')
END = Stop("tool_calls", {})


def test_calls_wait_until_all_their_results_are_there() -> None:
    calls = [{"id": "1", "function": {"name": "f", "arguments": "{}"}}, {"id": "2", "function": {}}]
    message: Message = {"role": "assistant", "tool_calls": calls}
    results: list[Message] = [{"role": "tool", "tool_call_id": "2"}, {"role": "tool", "tool_call_id": "1"}]
    assert (ToolCall(0, "1", "f", "{}"), ToolCall(1, "2", "", "")) == find_open_calls([message])
    assert ["1"] == [call.id for call in find_open_calls([message, results[0]])]
    assert () == find_open_calls([message, *results])
    assert () == find_open_calls([message, {"role": "user"}])
    assert () == find_open_calls([])


@pytest.mark.parametrize("odd", [None, "x", [1, "x", None], {}])
def test_a_field_that_is_not_a_list_of_calls_has_none(odd: object) -> None:
    assert () == find_open_calls([{"role": "assistant", "tool_calls": odd}])


def test_a_bad_call_is_found_before_any_is_yielded() -> None:
    events = check_calls([Text("a"), GOOD, BAD, END])
    assert Text("a") == next(events)
    with pytest.raises(BadResponse, match="'f' with arguments that are not JSON"):
        next(events)


@pytest.mark.parametrize("between", [[], [Usage(1, 2, 3)]])
@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS", "model_context_window_exceeded"])
def test_a_call_that_the_limit_cut_off_is_cut_short(reason: str, between: list[Event]) -> None:
    with pytest.raises(CutShort, match="cut off within a call of 'f'; raise --max-tokens"):
        list(check_calls([BAD, *between, Stop(reason, {})]))


def test_good_calls_pass_in_their_order() -> None:
    events: list[Event] = [Text("a"), GOOD, GOOD, END]
    assert events == list(check_calls(events))


def test_an_answer_with_a_bad_call_is_read_to_its_end() -> None:
    events: Iterator[Event] = iter([BAD, Text("a"), END])
    with pytest.raises(BadResponse):
        list(check_calls(events))
    assert [] == list(events)


def call(name: str, arguments: object = "{}") -> Message:
    return {"id": name, "function": {"name": "f", "arguments": arguments}}


def test_a_call_whose_id_is_in_the_conversation_already_gets_one_of_its_own() -> None:
    before: list[Message] = [{"role": "assistant", "tool_calls": [call("0"), call("1")]}]
    calls = [call("0"), call("x"), call("1")]
    stop = Stop("tool_calls", {"role": "assistant", "tool_calls": calls})
    given = [ToolCall(number, str(one["id"]), "f", "{}") for number, one in enumerate(calls)]
    *events, last = distinguish_calls([Text("a"), *given, stop], before)
    assert Text("a") == events[0]
    ids = [event.id for event in events if isinstance(event, ToolCall)]
    assert "x" == ids[1]
    assert 5 == len({"0", "1", *ids})
    assert isinstance(last, Stop)
    assert [{**one, "id": name} for one, name in zip(calls, ids, strict=True)] == last.message["tool_calls"]
    again = [*distinguish_calls([Text("a"), *given, stop], before)]
    assert [*events, last] == again


def test_calls_with_ids_of_their_own_pass_unchanged() -> None:
    before: list[Message] = [{"role": "assistant", "tool_calls": [call("0")]}, {"role": "user"}]
    events: list[Event] = [GOOD, Stop("tool_calls", {"tool_calls": [call("1")]})]
    assert events == [*distinguish_calls(events, before)]


def test_two_turns_after_the_same_ids_have_different_ids() -> None:
    before: list[Message] = [{"role": "assistant", "tool_calls": [call("1")]}]
    (second,) = distinguish_calls([GOOD], before)
    assert isinstance(second, ToolCall)
    before += [{"role": "assistant", "tool_calls": [call(second.id)]}]
    (third,) = distinguish_calls([GOOD], before)
    assert isinstance(third, ToolCall)
    assert 3 == len({"1", second.id, third.id})


@pytest.mark.parametrize(
    "arguments", ["{}", '{"a": 1.10}', "null", "7", '{"not_json":"{}"}', '{"not_json":1}']
)
def test_valid_arguments_are_sent_and_read_as_they_are(arguments: str) -> None:
    assert arguments == quote_arguments(arguments)
    (read,) = parse_calls({"tool_calls": [call("1", arguments)]})
    assert arguments == read.arguments


@pytest.mark.parametrize("arguments", ['{"a', "{}{}", '{"a":"\ud83d', " ", "nul", '{"not_json":"{'])
def test_arguments_that_are_not_json_are_quoted_and_read_back(arguments: str) -> None:
    quoted = quote_arguments(arguments)
    assert {"not_json": arguments} == json.loads(quoted)
    (read,) = parse_calls({"tool_calls": [call("1", quoted)]})
    assert arguments == read.arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(None, ""), ({"a": "é"}, '{"a":"é"}'), ([1], "[1]"), (7, "7"), (True, "true"), ({}, "{}")],
)
def test_arguments_in_a_transcript_may_be_json_values(arguments: object, expected: str) -> None:
    (read,) = parse_calls({"tool_calls": [call("1", arguments)]})
    assert expected == read.arguments

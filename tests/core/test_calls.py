"""Tool calls are found in messages, and bad calls are refused."""

from collections.abc import Iterator

import pytest

from mmpipe.core.calls import check_calls, find_open_calls
from mmpipe.core.events import Event, Message, Stop, Text, ToolCall
from mmpipe.errors import BadResponse

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


def test_good_calls_pass_in_their_order() -> None:
    events: list[Event] = [Text("a"), GOOD, GOOD, END]
    assert events == list(check_calls(events))


def test_an_answer_with_a_bad_call_is_read_to_its_end() -> None:
    events: Iterator[Event] = iter([BAD, Text("a"), END])
    with pytest.raises(BadResponse):
        list(check_calls(events))
    assert [] == list(events)

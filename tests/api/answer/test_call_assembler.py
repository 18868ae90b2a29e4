"""Calls come out as they were meant, in however many pieces, and the message holds what the events say."""

import json
from collections.abc import Mapping

import pytest

from mmpipe.api.answer.call_assembler import CallAssembler
from mmpipe.api.answer.call_parts import MAX_CALLS
from mmpipe.core.calls import parse_calls
from mmpipe.core.events import Stop, ToolCall
from mmpipe.errors import BadResponse
from support.sse_streams import chunk, stream, streamed
from support.tool_call_pieces import PARIS, ROME, Piece, assembled, called, named, piece, whole_events


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        # A placeholder of one call is not one of the next.
        ([[piece("now", "{}", index=0)], [piece("get", PARIS, index=0)]], [("now", "{}"), ("get", PARIS)]),
        ([[piece("now", "{}", index=0, id="a")], [piece("now", "{}", index=0, id="b")]], [("now", "{}")] * 2),
        ([[piece("now", "", index=0, id="a")], [piece("now", "", index=0, id="b")]], [("now", "{}")] * 2),
        # Without ids, a name after a call with no arguments begins a call; a server that fills in later sends no name again.
        *(
            ([[piece("s", "{}", **mark)], [piece("s", cut, **mark)], [piece(None, rest, **mark)]], [("s", "{}"), ("s", '{"n":1}')])
            for mark in ({}, {"index": 0})
            for cut, rest in (('{"n":1}', ""), ('{"n"', ":1}"))
        ),
        ([[piece("s", {})], [piece("s", {"n": 1})], [piece("s", {})]], [("s", "{}"), ("s", '{"n":1}'), ("s", "{}")]),
        ([[piece("s", "{}"), piece("s", "{}")], [piece("s", '{"n":1}'), piece("s", '{"n":2}')]],
         [("s", "{}"), ("s", "{}"), ("s", '{"n":1}'), ("s", '{"n":2}')]),
        ([[piece("s", "{}", index=0)], [piece("s", "", index=0)], [piece(None, '{"n":1}', index=0)]], [("s", '{"n":1}')]),
        # A call that is repeated without an id is one call.
        ([[piece("get", PARIS, index=0)], [piece("get", PARIS, index=0)]], [("get", PARIS)]),
        ([[piece("get", PARIS, index=0)], [piece("get", "", index=0)]], [("get", PARIS)]),
        # Without ids, other arguments that continue those before are another call; with the same id they are more of them.
        (
            [[piece("get", '{"a":"b"}', index=0)], [piece("get", '{"a":"bc"}', index=0)]],
            [("get", '{"a":"b"}'), ("get", '{"a":"bc"}')],
        ),
        (
            [[piece("get", '{"a":"b"}', index=0, id="1")], [piece("get", '{"a":"bc"}', index=0, id="1")]],
            [("get", '{"a":"bc"}')],
        ),
        (
            [[piece("get", PARIS, index=0, id="1")], [piece("get", ROME, index=0, id="1")]],
            [("get", PARIS), ("get", ROME)],
        ),
        # A new call in pieces under the same index, without an id.
        (
            [[piece("get", PARIS, index=0)], [piece("get", ROME[:9], index=0)], [piece(None, ROME[9:], index=0)]],
            [("get", PARIS), ("get", ROME)],
        ),
        # An id of its own for each piece, with the name.
        (
            [
                [piece("get", PARIS[:5], index=0, id="a")],
                [piece("get", PARIS[5:], index=0, id="b")],
                [piece(None, "", index=0, id="c")],
            ],
            [("get", PARIS)],
        ),
        # An id that comes after the name, and arguments that come before it.
        ([[piece("get", index=0)], [piece(None, PARIS, index=0, id="a")]], [("get", PARIS)]),
        ([[piece(None, PARIS[:5], index=0)], [piece("get", PARIS[5:], index=0)]], [("get", PARIS)]),
        # Several pieces of one call in one delta.
        ([[piece("get", PARIS[:5], index=0), piece(None, PARIS[5:], index=0)]], [("get", PARIS)]),
        ([[piece("get", PARIS[:5], id="a"), piece(None, PARIS[5:])]], [("get", PARIS)]),
        # The end of a call and the beginning of the next in one delta without an index.
        (
            [
                [piece("get", PARIS[:5], id="a")],
                [piece(None, PARIS[5:]), piece("get", ROME[:5], id="b")],
                [piece(None, ROME[5:])],
            ],
            [("get", PARIS), ("get", ROME)],
        ),
        # Three calls by position, of which the first is complete.
        (
            [
                [piece("now", "{}", id="a"), piece("get", PARIS[:5], id="b"), piece("get", ROME[:5], id="c")],
                [piece(), piece(None, PARIS[5:]), piece(None, ROME[5:])],
            ],
            [("now", "{}"), ("get", PARIS), ("get", ROME)],
        ),
        (
            [
                [piece("now", "{}", id="a"), piece("get", PARIS[:5], id="b"), piece("get", ROME[:5], id="c")],
                [piece(None, PARIS[5:]), piece(None, ROME[5:])],
            ],
            [("now", "{}"), ("get", PARIS), ("get", ROME)],
        ),
        # Names in each piece by position, and lists that are repeated or hold null.
        (
            [
                [piece("get", PARIS[:5]), piece("get", ROME[:5])],
                [piece("get", PARIS[5:]), piece("get", ROME[5:])],
            ],
            [("get", PARIS), ("get", ROME)],
        ),
        ([[piece("get", PARIS), piece("get", ROME)]] * 2, [("get", PARIS), ("get", ROME)]),
        (
            [[piece("get", PARIS), piece("get", ROME)], [piece("now"), piece("get", '{"city":"Oslo"}')]],
            [("get", PARIS), ("get", ROME), ("now", "{}"), ("get", '{"city":"Oslo"}')],
        ),
        (
            [[piece("get", PARIS, id="a"), piece("get", ROME[:5], id="b")], [None, piece(None, ROME[5:])]],
            [("get", PARIS), ("get", ROME)],
        ),
        # Interleaved pieces under one index, by their ids.
        (
            [
                [piece("get", PARIS[:5], index=0, id="a")],
                [piece("get", ROME[:5], index=0, id="b")],
                [piece(None, PARIS[5:], index=0, id="a")],
                [piece(None, ROME[5:], index=0, id="b")],
            ],
            [("get", PARIS), ("get", ROME)],
        ),
        (
            [
                [piece("get", PARIS[:5], id="a"), piece("get", ROME[:5], id="b")],
                [piece(None, ROME[5:], id="b"), piece(None, PARIS[5:], id="a")],
            ],
            [("get", PARIS), ("get", ROME)],
        ),
        # An index that counts the pieces, with and without the id of the call; one that is no index.
        (
            [[piece("get", PARIS[:3], index=0, id="a")], [piece(None, PARIS[3:5], index=1)], [piece(None, PARIS[5:], index=2)]],
            [("get", PARIS)],
        ),
        (
            [
                [piece("get", PARIS[:5], index=0, id="a")],
                [piece("get", ROME, index=1, id="b")],
                [piece(None, PARIS[5:], index=2, id="a")],
            ],
            [("get", PARIS), ("get", ROME)],
        ),
        ([[piece("get", PARIS, index=0)], [piece(None, ROME, index=1)]], [("get", PARIS), ("", ROME)]),
        (
            [[piece("get", PARIS[:5], index="0")], [piece("now", index=1)], [piece(None, PARIS[5:], index=0)]],
            [("get", PARIS), ("now", "{}")],
        ),
        ([[piece("get", PARIS[:5], index="x")], [piece(None, PARIS[5:], index=1.5)]], [("get", PARIS)]),
        ([[piece("get", PARIS[:5], index=0)], [piece(None, PARIS[5:], index="9" * 5000)]], [("get", PARIS)]),
        # Pieces of nothing.
        ([[piece()], [piece("", "", index=0, id="")], [piece("now", index=0)], [{}]], [("now", "{}")]),
        ([[piece("now", "{}", index=0, id="a")], [piece(None, None, index=0, id="b")]], [("now", "{}")]),
        # Names.
        ([[piece("ge", index=0)], [piece("t", index=0)], [piece("get", PARIS, index=0)]], [("get", PARIS)]),
        ([[piece("get ", index=0)], [piece(" get", PARIS, index=0)]], [("get", PARIS)]),
        ([[piece("get", "{", index=0)], [piece("get", "}", index=0)]], [("get", "{}")]),
        ([[piece(None, PARIS, index=0)]], [("", PARIS)]),
        ([[piece(7, PARIS, index=0)]], [("", PARIS)]),
        # The call of another index begins before the first is complete.
        (
            [[piece("get", PARIS[:5], index=1)], [piece("get", ROME, index=0)], [piece(None, PARIS[5:], index=1)]],
            [("get", PARIS), ("get", ROME)],
        ),
        # Arguments that are no objects stay as they are.
        ([[piece("get", [1, 2.5, None], index=0)]], [("get", "[1,2.5,null]")]),
        ([[piece("get", 7, index=0)]], [("get", "7")]),
        ([[piece("get", False, index=0)]], [("get", "false")]),
        ([[piece("get", '"null"', index=0)]], [("get", '"null"')]),
        ([[piece("get", "[]", index=0)]], [("get", "[]")]),
    ],
)  # fmt: skip
def test_pieces_of_calls_are_put_together(
    deltas: list[list[Piece | None]], expected: list[tuple[str, str]]
) -> None:
    assert expected == called(*deltas)


def test_an_id_that_is_missing_or_repeated_becomes_one_of_nine_letters_and_digits() -> None:
    ids = ["a", "", None, "null", "a", 7, "a"]
    calls = assembled(
        [{"tool_calls": [piece("get", PARIS, index=index, id=name)]} for index, name in enumerate(ids)]
    )
    found = [call.id for call in calls]
    assert ["a", "7"] == [found[0], found[5]]
    assert len(ids) == len(set(found))
    assert all(9 == len(name) and name.isalnum() for name in (*found[1:5], found[6]))


def test_an_id_of_ours_is_the_same_for_the_same_answer_and_another_for_another() -> None:
    deltas = [{"tool_calls": [piece("get", PARIS), piece("get", PARIS)]}]
    first = [call.id for call in assembled(deltas, "answer-1")]
    assert first == [call.id for call in assembled(deltas, "answer-1")]
    assert 4 == len({*first, *(call.id for call in assembled(deltas, "answer-2"))})


def test_a_server_that_guesses_an_id_of_ours_does_not_get_two_calls_with_it() -> None:
    (guessed,) = assembled([{"tool_calls": [piece("get", PARIS, index=0)]}])
    calls = assembled(
        [{"tool_calls": [piece("get", PARIS, index=0), piece("get", PARIS, index=1, id=guessed.id)]}]
    )
    assert 2 == len({call.id for call in calls})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ("", []),
        ([None, {}], []),
        (piece("get", PARIS), [("get", PARIS)]),
        ({"0": piece("get", PARIS), "1": piece("now")}, [("get", PARIS), ("now", "{}")]),
        ([None, piece("now")], [("now", "{}")]),
        ([{"name": "get", "arguments": PARIS}], [("get", PARIS)]),
        ([{"name": "get", "arguments": {"city": "Paris"}, "function": None}], [("get", PARIS)]),
    ],
)
@pytest.mark.parametrize("is_streamed", [True, False])
def test_calls_may_come_in_something_else_than_a_list(
    value: object, expected: list[tuple[str, str]], is_streamed: bool
) -> None:
    assembler = CallAssembler()
    (assembler.merge if is_streamed else assembler.merge_message)({"tool_calls": value})
    message = assembler.fill_in({"content": "", "tool_calls": value}, "")
    assert expected == named(parse_calls(message))
    assert bool(expected) == ("tool_calls" in message)


_C0, _C1 = piece("get", PARIS, id="c0"), piece("get", ROME, id="c1")


@pytest.mark.parametrize(
    ("sent", "last", "expected"),
    [
        (None, [piece("get", PARIS)], [("get", PARIS)]),
        ([_C0], None, [("get", PARIS)]),
        # By id, and else by position.
        ([_C0], [_C0], [("get", PARIS)]),
        ([_C0], [piece("get", PARIS, id="x")], [("get", PARIS)]),
        ([_C0], [piece("get", ROME)], [("get", PARIS)]),
        ([piece("get", PARIS)], [_C0], [("get", PARIS)]),
        ([_C1, _C0], [_C0, _C1], [("get", ROME), ("get", PARIS)]),
        # Calls that stand only in the last frame.
        ([_C0], [_C0, _C1], [("get", PARIS), ("get", ROME)]),
        ([_C1], [_C0, _C1], [("get", ROME), ("get", PARIS)]),
        ([_C0], [_C1], [("get", PARIS), ("get", ROME)]),
        ([_C0], [piece("now", "", id="c2")], [("get", PARIS), ("now", "{}")]),
        ([_C0], [_C0, _C0], [("get", PARIS), ("get", PARIS)]),
        ([_C0, piece("get", ROME, id="c0")], [_C0, piece("get", ROME, id="c0")], [("get", PARIS), ("get", ROME)]),
        ([piece("get", "")], [piece("get", PARIS), piece("now")], [("get", PARIS), ("now", "{}")]),
        ([piece("get", PARIS)], [piece("now", "{}", id="c2")], [("get", PARIS), ("now", "{}")]),
        # Arguments that only the last frame has, or has whole.
        ([piece("get", "", id="c0")], [piece("get", PARIS, id="x")], [("get", PARIS)]),
        ([piece("get", "", id="c0")], [_C0], [("get", PARIS)]),
        ([piece("get", "{}", id="c0")], [_C0], [("get", PARIS)]),
        ([piece("get", "null", id="c0")], [_C0], [("get", PARIS)]),
        ([piece("get", PARIS[:12], id="c0")], [_C0], [("get", PARIS)]),
        ([piece("get", PARIS[:12])], [piece("get", PARIS)], [("get", PARIS)]),
        ([piece("get", PARIS[:12], id="c0"), _C1], [_C0, _C1], [("get", PARIS), ("get", ROME)]),
        ([piece("get", '{"a":', id="a"), piece(None, " ", id="a"), piece(None, '"b', id="a")],
         [piece("get", '{"a": "b"}', id="a"), _C1, _C0, piece("now", id="c2")],
         [("get", '{"a": "b"}'), ("get", ROME), ("get", PARIS), ("now", "{}")]),
        ([_C0], [piece("get", "", id="c0")], [("get", PARIS)]),
        ([_C0], [piece("get", '{"city":"Paris","n":1}', id="c0")], [("get", PARIS)]),
    ],
)  # fmt: skip
def test_a_last_frame_adds_calls_and_arguments_that_the_deltas_left_out(
    sent: list[Piece] | None, last: list[Piece] | None, expected: list[tuple[str, str]]
) -> None:
    assembler = CallAssembler()
    assembler.merge({"tool_calls": sent})
    assert (len(expected) > len(sent or ())) is assembler.merge_message({"tool_calls": last})
    assert not assembler.merge_message({"tool_calls": last})
    assert expected == named(parse_calls(assembler.fill_in({"tool_calls": last}, "")))


def test_a_last_frame_completes_the_fields_of_a_call_and_the_old_function_call() -> None:
    frame = {
        "id": "a",
        "index": 0,
        "type": "function",
        "x": "AB",
        "y": 1,
        "function": {"name": "get", "arguments": PARIS},
    }
    assembler = CallAssembler()
    for text in "AB":
        assembler.merge({"tool_calls": [piece("get", id="a", index=0, x=text)]})
    assembler.merge_message({"tool_calls": [frame]})
    assert {"tool_calls": [frame]} == assembler.fill_in({}, "")
    old = CallAssembler()
    old.merge({"function_call": {"name": "get", "arguments": PARIS[:9]}})
    assert not old.merge_message({"function_call": {"name": "get", "arguments": PARIS}})
    assert [("get", PARIS)] == named(parse_calls(old.fill_in({}, "")))


@pytest.mark.parametrize("value", ["nope", 7, [7], ["x"], {"a": 1}, True])
def test_what_is_no_call_is_an_error(value: object) -> None:
    with pytest.raises(BadResponse, match="tool_calls is not a list of calls"):
        CallAssembler().merge({"tool_calls": value})


def test_a_call_of_the_message_has_a_type_and_keeps_the_fields_that_nobody_knows() -> None:
    first = {**piece("get", PARIS[:5], index=0, id="a"), "x": 1, "type": None}
    second: Piece = {"index": 0, "function": {"arguments": PARIS[5:], "y": 2}, "x": None}
    assembler = CallAssembler()
    assembler.merge({"tool_calls": [first]})
    assembler.merge({"tool_calls": [second]})
    function = {"name": "get", "arguments": PARIS, "y": 2}
    call = {"index": 0, "id": "a", "x": 1, "type": "function", "function": function}
    assert {"tool_calls": [call]} == assembler.fill_in({}, "")


def test_texts_of_a_call_that_nobody_knows_come_together_like_those_of_a_message() -> None:
    first = {**piece("get", PARIS[:5], index=0, id="a"), "thought_signature": "AB"}
    second: Piece = {"index": 0, "function": {"arguments": PARIS[5:], "y": "1"}, "thought_signature": "CD"}
    third: Piece = {"index": 0, "function": {"arguments": "", "y": "2"}, "type": "function"}
    assembler = CallAssembler()
    for delta in (first, second, third):
        assembler.merge({"tool_calls": [delta]})
    function = {"name": "get", "arguments": PARIS, "y": "12"}
    call = {"index": 0, "id": "a", "thought_signature": "ABCD", "type": "function", "function": function}
    assert {"tool_calls": [call]} == assembler.fill_in({}, "")


def test_a_valid_message_is_handed_on_as_it_came() -> None:
    function = {"name": "get", "arguments": '{ "a": 1.10 }', "z": None}
    call = {"index": 0, "id": "a", "type": "function", "function": function, "x": None}
    message = {"tool_calls": [call], "role": "assistant", "function_call": None, "content": None}
    assembler = CallAssembler()
    assembler.merge_message(message)
    assert json.dumps(message) == json.dumps(assembler.fill_in(message, ""))


def test_calls_without_an_index_get_none_in_the_message() -> None:
    calls = [{"id": name, "type": "tool", "function": {"name": "get", "arguments": PARIS}} for name in "abc"]
    for whole in (True, False):
        assembler = CallAssembler()
        (assembler.merge_message if whole else assembler.merge)({"tool_calls": calls})
        assert {"tool_calls": calls} == assembler.fill_in({}, "")


def test_a_call_without_the_level_of_its_function_gets_it() -> None:
    assembler = CallAssembler()
    assembler.merge_message(
        {"tool_calls": [{"id": ["a"], "x": 1, "name": "get", "arguments": {"city": "Rome"}}]}
    )
    calls = assembler.fill_in({}, "")["tool_calls"]
    assert isinstance(calls, list)
    (call,) = calls
    assert 9 == len(call.pop("id"))
    assert {"x": 1, "type": "function", "function": {"name": "get", "arguments": ROME}} == call


def test_a_delta_is_news_if_one_of_its_pieces_is() -> None:
    assembler = CallAssembler()
    assert assembler.merge({"tool_calls": [piece("now", "{}", index=0, id="a")]})
    assert not assembler.merge({"tool_calls": [piece(None, "{}", index=0)]})
    assert assembler.merge({"tool_calls": [piece("get", PARIS, index=1), piece("now", "", index=0)]})
    assert assembler.merge({"tool_calls": [piece("now", "", index=0), piece(None, '{"a":1}', index=0)]})


def test_calls_of_one_index_are_numbered_in_the_message() -> None:
    deltas = [[piece("get", PARIS, index=0, id="a")], [piece("get", ROME, index=0, id="b")]]
    assembler = CallAssembler()
    for pieces in deltas:
        assembler.merge({"tool_calls": pieces})
    calls = assembler.fill_in({}, "")["tool_calls"]
    assert isinstance(calls, list)
    assert [0, 1] == [call["index"] for call in calls]


def test_the_old_function_call_is_a_call_unless_there_are_others() -> None:
    old = {"function_call": {"name": "get", "arguments": PARIS}}
    assembler = CallAssembler()
    assembler.merge(old)
    assert "function_call" not in assembler.fill_in(old, "")
    assert [("get", PARIS)] == named(assembled([old]))
    assert [("now", "{}")] == named(assembled([old, {"tool_calls": [piece("now")]}]))
    assert [] == assembled([{"function_call": None}, {"function_call": "auto"}])


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"tool_calls": [piece("get")]}, True),
        ({"tool_calls": [piece(None, None, id="a")]}, True),
        ({"tool_calls": [piece(None, "{", index=0)]}, True),
        ({"function_call": {"name": "get"}}, True),
        ({"tool_calls": [piece("", "", index=0, type="function")]}, False),
        ({"tool_calls": [{}], "function_call": {}}, False),
        ({"tool_calls": [piece(None, " ", index=0)]}, False),
        ({"content": "x"}, False),
    ],
)
def test_only_a_piece_that_says_something_is_progress(delta: Mapping[str, object], expected: bool) -> None:
    assert expected is CallAssembler().merge(delta)


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (piece("get", "", index=0, id="a", type="function"), False),
        (piece("get", PARIS, index=0, id="a"), False),
        (piece(None, '{ "city": "Paris" }', index=0), False),
        (piece(None, "{}", index=0), False),
        (piece(None, "\n", index=0), False),
        (piece("get", ROME, index=0, id="b"), True),
        (piece("get", ROME, index=0), True),
    ],
)
def test_a_piece_that_only_repeats_a_call_is_no_progress(again: Piece, expected: bool) -> None:
    assembler = CallAssembler()
    assert assembler.merge({"tool_calls": [piece("get", PARIS[:5], index=0, id="a")]})
    assert assembler.merge({"tool_calls": [piece(None, PARIS[5:], index=0)]})
    assert expected is assembler.merge({"tool_calls": [again]})


def test_arguments_that_are_not_json_are_quoted_in_the_message_and_not_in_the_event() -> None:
    for body in (
        stream(chunk({"tool_calls": [piece("get", '{"a', index=0, id="1")]}, finish_reason="tool_calls")),
        None,
    ):
        events = streamed(body) if body else whole_events([piece("get", '{"a', id="1")])
        assert ToolCall(0, "1", "get", '{"a') == events[-2]
        assert isinstance(events[-1], Stop)
        calls = events[-1].message["tool_calls"]
        assert isinstance(calls, list)
        assert '{"not_json":"{\\"a"}' == calls[0]["function"]["arguments"]


def test_a_name_of_many_pieces_or_of_great_length_is_cut_off_or_refused() -> None:
    pieces: list[list[Piece | None]] = [
        [piece("ab" if number % 2 else "c", index=0)] for number in range(2_000)
    ]
    ((name, _),) = called(*pieces)
    assert len(name) < 1010
    with pytest.raises(BadResponse, match="the name of a tool is longer than 1000 characters"):
        called([piece("a" * 1001, index=0)])


@pytest.mark.slow
def test_an_answer_has_a_limit_of_calls_however_they_come() -> None:
    ways: list[list[Mapping[str, object]]] = [
        [{"tool_calls": [piece("get", "{}", index=number)]} for number in range(MAX_CALLS)],
        [{"tool_calls": [piece("get", "{}", index=number) for number in range(MAX_CALLS)]}],
        [{"tool_calls": [piece("get", PARIS, index=0, id=f"c{number}")]} for number in range(MAX_CALLS)],
    ]
    for deltas in ways:
        assembler = CallAssembler()
        for delta in deltas:
            assembler.merge(delta)
        with pytest.raises(BadResponse, match="more than 10000 tool calls"):
            assembler.merge({"tool_calls": [piece("get", ROME, index=MAX_CALLS, id="new")]})
    for part in (piece("get", "{}"), {"index": 0}, {}, None):
        with pytest.raises(BadResponse, match="more than 10000 tool calls"):
            CallAssembler().merge_message({"tool_calls": [part] * (MAX_CALLS + 1)})

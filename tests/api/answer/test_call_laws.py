"""Calls come out at every cut, in the style of every server; whatever stands in their place is a call or an error."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmpipe.core.events import Event, Stop, ToolCall
from mmpipe.errors import MmpipeError
from support.json_texts import written
from support.piece_cuts import PLACES, cut
from support.sse_streams import chunk, stream, streamed
from support.tool_call_pieces import Piece, assembled, named, piece, whole_events

pytestmark = pytest.mark.laws


@dataclass(frozen=True)
class Style:
    """The fields by which a server marks the pieces of its calls."""

    index: Literal["of the call", "always 0"] | None = None
    id: Literal["first piece", "each piece", "new for each piece"] | None = None
    name_each_time: bool = False
    one_call_at_a_time: bool = False

    def fields(self, number: int, at: int) -> Piece:
        """The index and the id of piece `at` of call `number`."""
        indexes = {"of the call": {"index": number}, "always 0": {"index": 0}, None: {}}
        ids = {
            "first piece": {} if at else {"id": f"call-{number}"},
            "each piece": {"id": f"call-{number}"},
            "new for each piece": {"id": f"call-{number}-{at}"},
            None: {},
        }
        return {**indexes[self.index], **ids[self.id]}


STYLES = (
    Style("of the call", "first piece"),
    Style("of the call", "each piece"),
    Style("of the call", "each piece", name_each_time=True),
    Style("of the call", "new for each piece"),
    Style("of the call"),
    Style("of the call", "first piece", name_each_time=True),
    Style("of the call", name_each_time=True),
    Style(None, "each piece"),
    Style("always 0", "each piece"),
    Style("always 0", "first piece", one_call_at_a_time=True),
    Style(None, "first piece", one_call_at_a_time=True),
)
# What follows a complete value looks like a repetition: servers do not end arguments with spaces in a piece of their own.
ARGUMENTS = written().map(lambda text: text.source.strip()).filter(lambda text: text[0] in "{[")
CALLS = st.lists(st.tuples(st.sampled_from(["get", "now", "g", "get_it"]), ARGUMENTS), min_size=1, max_size=4)


@st.composite
def cut_calls(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[Mapping[str, object]]]:
    """Calls, and deltas that hold them, in the style of one server."""
    calls, style = draw(CALLS), draw(st.sampled_from(STYLES))
    rows: list[list[Piece]] = []
    for number, (name, arguments) in enumerate(calls):
        texts = [text for text in cut(arguments, draw(PLACES)) if text]
        rows.append(
            [
                piece(name if at == 0 or style.name_each_time else None, text) | style.fields(number, at)
                for at, text in enumerate(texts)
            ]
        )
    pieces: list[Piece] = []
    if style.one_call_at_a_time:
        pieces = [part for row in rows for part in row]
    else:
        while any(rows):
            row = draw(st.sampled_from([row for row in rows if row]))
            pieces.append(row.pop(0))
    return calls, [{"tool_calls": pieces[at : at + 1]} for at in range(len(pieces))]


@given(cut_calls())
def test_no_cut_changes_calls(
    cut_up: tuple[list[tuple[str, str]], list[Mapping[str, object]]],
) -> None:
    calls, deltas = cut_up
    assert sorted(calls) == sorted(named(assembled(deltas)))


@pytest.mark.slow
@given(st.sampled_from(["get_weather", "now", "a.b-c"]), ARGUMENTS, PLACES, PLACES)
def test_a_name_in_pieces_is_one_name(
    name: str, arguments: str, name_places: list[int], places: list[int]
) -> None:
    names = [part for part in cut(name, name_places) if part]
    texts = cut(arguments, places)
    pieces = [piece(part, "", index=0) for part in names[:-1]]
    pieces += [piece(names[-1], texts[0], index=0), *(piece(None, text, index=0) for text in texts[1:])]
    assert [(name, arguments)] == named(assembled([{"tool_calls": [part]} for part in pieces]))


@given(st.text("a\U0001f600é", max_size=12), PLACES)
def test_no_cut_between_two_surrogates_breaks_a_character(city: str, places: list[int]) -> None:
    arguments = json.dumps({"city": city}, ensure_ascii=False)
    units = arguments.encode("utf-16-le")
    halves = "".join(chr(int.from_bytes(units[at : at + 2], "little")) for at in range(0, len(units), 2))
    pieces = [piece("get" if at == 0 else None, text, index=0) for at, text in enumerate(cut(halves, places))]
    assert [("get", arguments)] == named(assembled([{"tool_calls": [part]} for part in pieces]))


@pytest.mark.slow
@given(CALLS, PLACES)
def test_calls_by_position_come_out_at_every_cut(calls: list[tuple[str, str]], places: list[int]) -> None:
    assume(len(calls) > 1)
    columns = [cut(arguments, places) for _, arguments in calls]
    deltas = [
        {"tool_calls": [piece(name if at == 0 else None, text) for (name, _), text in zip(calls, row, strict=True)]}
        for at, row in enumerate(zip(*columns, strict=True))
    ]  # fmt: skip
    assert calls == named(assembled(deltas))


@pytest.mark.slow
@given(CALLS, st.sampled_from(["object", "list", "text"]))
def test_a_whole_answer_and_a_stream_have_the_same_calls(calls: list[tuple[str, str]], form: str) -> None:
    parts: list[Piece] = [
        piece(name, arguments if form == "text" else json.loads(arguments)) for name, arguments in calls
    ]
    deltas = [chunk({"tool_calls": [{**part, "index": number}]}) for number, part in enumerate(parts)]
    from_stream = streamed(stream(*deltas, chunk({}, finish_reason="tool_calls")))
    from_whole = whole_events([{**part, "index": number} for number, part in enumerate(parts)])
    for stream_event, whole_event in zip(calls_of(from_stream), calls_of(from_whole), strict=True):
        assert stream_event == whole_event
    assert message_calls(from_stream) == message_calls(from_whole)


def calls_of(events: list[Event]) -> Iterator[ToolCall]:
    return (event for event in events if isinstance(event, ToolCall))


def message_calls(events: list[Event]) -> object:
    (stop,) = (event for event in events if isinstance(event, Stop))
    return stop.message["tool_calls"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "a", "{}", "null", '{"a":1}', "{", "get"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "index", "name", "arguments", "function", "type"]), inner),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(st.fixed_dictionaries({}, optional={"tool_calls": JSON, "function_call": JSON}), max_size=6))
def test_anything_in_place_of_calls_is_a_call_with_an_id_or_an_error(
    deltas: list[dict[str, object]],
) -> None:
    try:
        calls = assembled(deltas)
    except MmpipeError:
        return
    assert all(call.id for call in calls)
    assert len(calls) == len({call.id for call in calls})
    for call in calls:
        assert isinstance(call.name, str)
        assert isinstance(call.arguments, str)

"""Streamed and whole, the same message gives the same text, thinking and message, however its texts are cut."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpipe.api.answer.mirrors import MirrorFilter
from mmpipe.api.answer.wire import StreamDecoder, decode
from mmpipe.core.events import Event, Message, Stop, Text, Thinking
from support.piece_cuts import PLACES, cut
from support.sse_streams import chunk, stream

pytestmark = pytest.mark.laws

# Surrogates alone too: JSON can hold them.
TEXTS = st.text('ab <好\u2028"\\😀\ud83d\ude00', min_size=1, max_size=12)
# Pieces of a text in an unknown field may not all be equal, and a text of different characters has no equal pieces.
UNIQUE = st.lists(st.sampled_from("abcdef 好😀"), min_size=1, unique=True).map("".join)
MIRRORS = ("reasoning", "reasoning_content", "thinking")
Delta = dict[str, object]


def units(text: str) -> str:
    """The text with each character outside the first plane as two surrogates, which can be cut apart."""
    code = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(code[at : at + 2], "little")) for at in range(0, len(code), 2))


def joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    return [piece for piece in cut(units(text), draw(PLACES)) if piece]


@st.composite
def merged(draw: st.DrawFn, rows: Sequence[Sequence[Delta]]) -> list[Delta]:
    """The deltas of all rows, each row in its order."""
    left, order = [list(row) for row in rows if row], list[Delta]()
    while left:
        row = draw(st.sampled_from(left))
        order.append(row.pop(0))
        left = [row for row in left if row]
    return order


@st.composite
def parts(draw: st.DrawFn) -> tuple[list[object], list[Delta]]:
    """Content in parts, of which no two of one type follow each other, and its deltas."""
    whole, deltas = list[object](), list[Delta]()
    last = ""
    kinds = st.lists(st.sampled_from(["text", "thinking", "widget", "nested"]), min_size=1, max_size=5)
    # An answer of widgets alone is empty.
    for kind in draw(kinds.filter(lambda kinds: {*kinds} != {"widget"})):
        if (kind.replace("nested", "thinking")) == last:
            continue
        last = kind.replace("nested", "thinking")
        text = joined(draw(TEXTS))

        def part(kind: str, text: str) -> dict[str, object]:
            if kind == "nested":
                return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
            return {"type": kind, "size": 4} if kind == "widget" else {"type": kind, kind: text}

        whole.append(part(kind, text))
        cuts = [""] if kind == "widget" else draw(pieces(text))
        deltas += [{"content": [part(kind, piece)]} for piece in cuts]
    return whole, deltas


@st.composite
def details(draw: st.DrawFn) -> tuple[list[object], list[Delta]]:
    """A list of details in order of their index, and its deltas."""
    members = {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": "data"}
    kinds = st.tuples(st.integers(0, 2), st.sampled_from(sorted(members)), st.sampled_from([None, "a", "b"]))
    whole, deltas = list[object](), list[Delta]()
    # A detail without an id beside one with an id, of the same type and index, is the same.
    for index, kind, name in sorted(
        draw(st.lists(kinds, min_size=1, max_size=4, unique_by=lambda kind: kind[:2])),
        key=lambda kind: kind[0],
    ):
        head: Delta = {"type": kind, "index": index} | ({"id": name} if name else {})
        text = joined(draw(UNIQUE if kind == "reasoning.encrypted" else TEXTS))
        whole.append({**head, members[kind]: text})
        for number, piece in enumerate(draw(pieces(text))):
            shown = head if not number or draw(st.booleans()) else {"type": kind, "index": index}
            deltas.append({"reasoning_details": [{**shown, members[kind]: piece}]})
    return whole, deltas


@st.composite
def messages(draw: st.DrawFn) -> tuple[Message, list[Delta]]:
    """A whole message, and deltas that say the same."""
    whole: Delta = {"role": "assistant", "content": ""}
    rows: list[list[Delta]] = []
    match draw(st.sampled_from(["mirrors", "details", "parts", "none"])):
        case "mirrors":
            text = joined(draw(TEXTS))
            for name in draw(st.lists(st.sampled_from(MIRRORS), min_size=1, unique=True)):
                whole[name] = text
                rows.append([{name: piece} for piece in draw(pieces(text))])
        case "details":
            whole["reasoning_details"], deltas = draw(details())
            rows.append(deltas)
        case "parts":
            whole["content"], deltas = draw(parts())
            rows.append(deltas)
        case _:
            pass
    answer: list[Delta] = []
    if whole["content"] == "":
        whole["content"] = joined(draw(TEXTS))
        answer += [{"content": piece} for piece in draw(pieces(str(whole["content"])))]
        if draw(st.booleans()):
            whole["refusal"] = joined(draw(TEXTS))
            answer += [{"refusal": piece} for piece in draw(pieces(str(whole["refusal"])))]
    rows.append(answer)
    whole["note"] = draw(UNIQUE)
    rows.append(
        [{"note": piece, "role": "assistant", "origin": "P"} for piece in draw(pieces(str(whole["note"])))]
    )
    whole["origin"] = "P"
    return whole, draw(merged(rows))


def outcome(events: list[Event]) -> tuple[str, str, Message]:
    """The text, the thinking and the message."""
    stop = events[-1]
    assert isinstance(stop, Stop)
    text = "".join(event.text for event in events if isinstance(event, Text))
    return text, "".join(event.text for event in events if isinstance(event, Thinking)), stop.message


def streamed(deltas: Sequence[Delta]) -> list[Event]:
    decoder = StreamDecoder()
    body = stream(*map(chunk, deltas), chunk({}, finish_reason="stop"))
    return [*decoder.feed(body), *decoder.close()]


@given(messages())
def test_a_message_streamed_and_whole_is_the_same(sent: tuple[Message, list[Delta]]) -> None:
    message, deltas = sent
    body = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    assert outcome(list(decode(json.dumps(body).encode()))) == outcome(streamed(deltas))


@given(st.lists(st.tuples(st.sampled_from(MIRRORS), TEXTS), max_size=8))
@example([("reasoning", "ab"), ("thinking", "abb"), ("reasoning", "a")])
@example([("reasoning", " ab"), ("thinking", "a"), ("thinking", "c")])
def test_no_thinking_is_lost_whatever_other_fields_say(sent: list[tuple[str, str]]) -> None:
    filtered, received = MirrorFilter(), ""
    for name, text in sent:
        received += filtered.take(name, text)
    for name in MIRRORS:
        mine = "".join(text for field, text in sent if field == name)
        assert is_within("".join(mine.split()), received)
    assert len("".join(received.split())) <= sum(len("".join(text.split())) for _, text in sent)


@given(TEXTS, st.lists(PLACES, min_size=2, max_size=3), st.data())
def test_thinking_in_several_fields_counts_once_at_every_cut(
    text: str, places: list[list[int]], data: st.DataObject
) -> None:
    rows: list[list[Delta]] = [
        [{"field": str(number), "text": piece} for piece in cut(text, where) if piece]
        for number, where in enumerate(places)
    ]
    filtered, order = MirrorFilter(), data.draw(merged(rows))
    assert text == "".join(filtered.take(str(delta["field"]), str(delta["text"])) for delta in order)


SENT = st.lists(st.tuples(st.sampled_from(MIRRORS), TEXTS), max_size=6)


@given(SENT, st.lists(st.sampled_from(MIRRORS), min_size=1), st.lists(TEXTS, max_size=4), SENT)
@example([("reasoning", "a"), ("thinking", "a")], ["reasoning", "thinking"], ["b"], [("thinking", "c")])
@example([("reasoning", "a"), ("thinking", "a")], ["reasoning"], ["b"], [("thinking", "b")])
@example([("reasoning", "a")], ["reasoning", "reasoning"], ["b"], [])
def test_thinking_that_is_new_once_in_each_of_its_fields_may_come_at_once(
    before: list[tuple[str, str]], fields: list[str], texts: list[str], after: list[tuple[str, str]]
) -> None:
    one_by_one, at_once = MirrorFilter(), MirrorFilter()
    for name, text in before:
        assert one_by_one.take(name, text) == at_once.take(name, text)
    if not at_once.are_level(fields):
        return
    for text in texts:
        assert [text] == [new for name in fields if (new := one_by_one.take(name, text))]
    at_once.add(fields, texts)
    for name, text in after:
        assert one_by_one.take(name, text) == at_once.take(name, text)


def is_within(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(character in rest for character in part)

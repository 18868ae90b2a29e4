"""Laws of separating thinking and answer, for every text, split anywhere."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, Usage
from mmpipe.core.lone_closers import CLOSERS, OPENERS
from mmpipe.core.reply import Reply
from mmpipe.core.thinking import arrange_thinking
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.thinking_tags import EventUse, separate_tags
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

TAGGED = st.lists(
    st.sampled_from([*OPENERS, *CLOSERS, "\n", "\n\n", "<", "</", "think>", "mm:", "a", "word ", "好", " "])
).map("".join)
# No whole tag, but beginnings and ends of tags; nothing that layout could be taken for.
PROSE = st.lists(
    st.sampled_from(
        ["<", "</", "</thi", "<thin", "nk>", "a", "word", "好", ".", "1 < 2 > 0", "\n- ", "\u2028"]
    ),
    min_size=1,
    max_size=8,
).map(lambda parts: f"I{''.join(parts)}.")
THOUGHT = PROSE.filter(lambda text: not any(tag in text for tag in CLOSERS))
# A block opens at the start of a line alone, so that an opener elsewhere is part of the answer.
ANSWER = st.builds(
    "{}{}".format, PROSE, st.sampled_from(["", " about <think>", " and <mm:think>", " and </think> too"])
).filter(lambda text: not any(f"\n{opener}" in text for opener in OPENERS))
TAGS = st.tuples(st.sampled_from(OPENERS), st.sampled_from(CLOSERS))
LAYOUTS = st.sampled_from([("\n", "\n"), ("", ""), ("", "\n"), ("\n", "")])


def separated(pieces: list[str], *, native: bool, thinks: bool = True) -> list[Event]:
    return list(separate_tags(map(Text, pieces), native=native, thinks=thinks))


def joined_text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text | Thinking))


def separate_texts(events: list[Event]) -> tuple[str, str]:
    """Return all thinking and all text."""
    thinking = [event for event in events if isinstance(event, Thinking)]
    return joined_text([*thinking]), joined_text([event for event in events if isinstance(event, Text)])


def is_within(part: str, whole: str) -> bool:
    """Return True if `part` is `whole` with some characters left out."""
    rest = iter(whole)
    return all(character in rest for character in part)


def without_layout(text: str) -> str:
    return "".join(text.split())


@given(TAGGED, PLACES, st.booleans(), st.booleans())
@example("<think>a</mm:think>b</think>", [], True, True)
def test_nothing_is_lost_but_whole_tags_and_the_layout_around_them(
    content: str, places: list[int], native: bool, thinks: bool
) -> None:
    pieces = cut(content, places)
    sent = without_layout(content)
    came = without_layout(joined_text(separated(pieces, native=native, thinks=thinks)))
    assert is_within(came, sent)
    lost = Counter(sent) - Counter(came)
    closers, of_m3 = lost["/"], lost[":"]
    openers = lost["<"] - closers
    assert Counter("<think>" * openers + "</think>" * closers + "mm:" * of_m3) == lost


@given(TAGGED, PLACES, st.booleans())
def test_no_event_is_empty_and_what_follows_the_text_comes_after_all_of_it(
    content: str, places: list[int], native: bool
) -> None:
    begin, usage, stop = Start("id", "m"), Usage(), Stop("stop", {})
    texts = map(Text, filter(None, cut(content, places)))
    events = list(separate_tags([begin, *texts, usage, stop], native=native))
    assert [begin, usage, stop] == [events[0], *events[-2:]]
    assert all(isinstance(event, Text | Thinking) and event.text for event in events[1:-2])


@given(TAGGED, PLACES, st.booleans(), st.booleans(), st.sampled_from(EventUse))
def test_no_byte_of_a_complete_answer_that_begins_without_a_closed_block_is_lost(
    content: str, places: list[int], native: bool, thinks: bool, use: EventUse
) -> None:
    texts = map(Text, cut(content, places))
    events = list(separate_tags([*texts, Stop("stop", {})], native=native, thinks=thinks, use=use))
    if not any(closer in content for closer in CLOSERS) and use is not EventUse.SHOWN:
        # A block that is never closed is text, with its opener.
        assert content == separate_texts(events)[1]
    if not any(tag in content for tag in (*OPENERS, *CLOSERS)):
        assert ("", content) == separate_texts(events)


@given(PROSE, st.sampled_from(CLOSERS), ANSWER, PLACES)
def test_thinking_whose_opener_is_missing_is_found_before_anything_is_written(
    thought: str, closer: str, answer: str, places: list[int]
) -> None:
    content = f"{thought}\n{closer}\n\n{answer}"
    if not any(tag in thought for tag in (*OPENERS, *CLOSERS)):
        for native in (True, False):
            assert (thought, answer) == separate_texts(separated(cut(content, places), native=native))
        live = separate_tags(map(Text, cut(content, places)), native=False, use=EventUse.LIVE)
        assert ("", content) == separate_texts(list(live))


@given(st.lists(st.tuples(THOUGHT, ANSWER, LAYOUTS, TAGS), min_size=1, max_size=4), PLACES)
def test_joined_thinking_blocks_and_answers_are_separated_again(
    turns: list[tuple[str, str, tuple[str, str], tuple[str, str]]], places: list[int]
) -> None:
    content = "\n".join(
        f"{opener}{before}{thought}{after}{closer}\n\n{answer}"
        for thought, answer, (before, after), (opener, closer) in turns
    )
    thoughts = "\n".join(thought for thought, *_ in turns)
    answers = "\n".join(answer for _, answer, *_ in turns)
    assert (thoughts, answers) == separate_texts(separated(cut(content, places), native=True))


@given(st.sampled_from(OPENERS), THOUGHT, st.sampled_from(["", "</think", "<", "\n</mm:thin"]), PLACES)
def test_a_block_that_is_never_closed_is_thinking_to_its_end(
    opener: str, thought: str, end: str, places: list[int]
) -> None:
    content = f"{opener}\n{thought}{end}"
    assert (f"{thought}{end}", "") == separate_texts(separated(cut(content, places), native=True))


@given(ANSWER, PLACES, st.booleans())
def test_an_answer_without_thinking_stays_as_it_is_when_none_was_asked_for(
    answer: str, places: list[int], native: bool
) -> None:
    assert ("", answer) == separate_texts(separated(cut(answer, places), native=native, thinks=False))


@given(TAGGED, TAGGED, PLACES, st.booleans())
def test_hide_removes_the_thinking_that_split_separates_and_nothing_else(
    thinking: str, content: str, places: list[int], native: bool
) -> None:
    events: list[Event] = [*map(Thinking, filter(None, [thinking])), *map(Text, cut(content, places))]
    shown = list(arrange_thinking(events, "split", native=native))
    hidden = list(arrange_thinking(events, "hide", native=native))
    assert [event for event in shown if isinstance(event, Text)] == hidden


MODES: st.SearchStrategy[ThinkingMode] = st.sampled_from(["show", "split", "hide"])
# Tags, parts of them, and texts without any, in several texts and fields.
PARTS = st.lists(
    st.builds(lambda make, text: make(text or "."), st.sampled_from([Text, Thinking]), TAGGED | PROSE),
    max_size=4,
)


@example([Text("<think>a</think>b")], "split", True, True, False)
@example([Text("<thi"), Text("nk>a</think>b")], "split", True, True, False)
@given(PARTS, MODES, st.booleans(), st.booleans(), st.booleans())
def test_an_answer_that_is_there_as_a_whole_is_arranged_as_one_that_comes_in_turn(
    parts: list[Event], mode: ThinkingMode, native: bool, thinks: bool, of_minimax: bool
) -> None:
    events = [Start("1", "m", of_minimax=of_minimax), *parts, Usage(1), Stop("stop", {"content": ""})]
    whole, in_turn = Reply(), Reply()
    for reply, given_events in ((whole, events), (in_turn, iter(events))):
        for event in arrange_thinking(given_events, mode, native=native, thinks=thinks):
            reply.add(event)
    for reply in (whole, in_turn):
        reply.texts, reply.thoughts = ["".join(reply.texts)], ["".join(reply.thoughts)]
    assert whole == in_turn

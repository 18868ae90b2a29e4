"""Thinking and answer are separated, wherever the text is split into pieces."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, Usage
from mmpipe.core.reply import Reply, ReplyWarning, reply_warnings
from mmpipe.core.thinking import arrange_thinking
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.thinking_tags import EventUse, separate_tags
from mmpipe.errors import NetworkError
from support.piece_cuts import cut

TAGGED = st.lists(
    st.sampled_from(
        [
            "<think>",
            "<mm:think>",
            "</think>",
            "</mm:think>",
            "\n",
            "\n\n",
            "<",
            "</",
            "think>",
            "a",
            "word ",
            "好",
            " ",
        ]
    )
).map("".join)


def joined(events: list[Event]) -> tuple[str, str]:
    """Return all thinking and all text."""
    thinking = "".join(event.text for event in events if isinstance(event, Thinking))
    return thinking, "".join(event.text for event in events if isinstance(event, Text))


def reply(*events: Event) -> Reply:
    found = Reply()
    for event in events:
        found.add(event)
    return found


def separated(pieces: list[str], *, native: bool) -> tuple[str, str]:
    return joined(list(separate_tags(map(Text, pieces), native=native)))


@pytest.mark.parametrize(
    ("content", "thinking", "answer"),
    [
        ("<think>\nhm\n</think>\n\n56", "hm", "56"),
        ("<think>hm</think>\n\n56", "hm", "56"),
        ("<think>\nhm\n</think>\n56", "hm", "56"),
        ("<think>\nhm\n</mm:think>\n\n56", "hm", "56"),
        ("<mm:think>\nhm\n</mm:think>\n\n56", "hm", "56"),
        ("<mm:think>hm</think>56", "hm", "56"),
        ("hm\n</think>\n\n56", "hm", "56"),
        ("</think>\n\n56", "", "56"),
        ("56", "", "56"),
        ("<think>\nhm\n</think>\n", "hm", ""),
        ("<think>\none\n</think>\n\nfirst\n<think>\ntwo\n</think>\n\nsecond", "one\ntwo", "first\nsecond"),
        ("<mm:think>one</mm:think>\nfirst\n<mm:think>two</mm:think>\nsecond", "one\ntwo", "first\nsecond"),
        ("<think>\nhm\n</think>\n\nsay <think> to begin", "hm", "say <think> to begin"),
        ("<mm:think>hm</mm:think>\n\nsay <mm:think> to begin", "hm", "say <mm:think> to begin"),
        ("<think>\n1 < 2\n\n3\n</think>\n\nyes", "1 < 2\n\n3", "yes"),
        ("<think>\nnever closed", "never closed", ""),
        ("<think>\n1 <", "1 <", ""),
        ("<think>\none\n</think>\n<think>\ntwo\n</think>\n\n56", "one\ntwo", "56"),
        ("X = \n</think>\n56", "X = ", "56"),
        ("<think>hm</think>\n\n    an indented answer", "hm", "    an indented answer"),
        ("<think>hm</think>\n\nX", "hm", "X"),
        ("  <think>hm</think>56", "hm", "56"),
        ("", "", ""),
        (" \n", "", " \n"),
    ],
)
def test_each_layout_of_native_tags_comes_apart_at_every_cut(
    content: str, thinking: str, answer: str
) -> None:
    for size in range(1, len(content) + 1):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert (thinking, answer) == separated(pieces, native=True)


@given(TAGGED, st.lists(st.integers(0, 200)), st.booleans())
def test_the_cuts_of_the_text_do_not_change_the_result(text: str, places: list[int], native: bool) -> None:
    assert separated([text], native=native) == separated(cut(text, places), native=native)


@given(TAGGED, st.lists(st.integers(0, 60)), TAGGED, st.lists(st.integers(0, 60)))
def test_the_cuts_of_a_thinking_field_do_not_change_the_result(
    thinking: str, places: list[int], text: str, others: list[int]
) -> None:
    def events(thoughts: list[str], texts: list[str]) -> list[Event]:
        return [*map(Thinking, thoughts), *map(Text, texts)]

    whole = events([thinking], [text]) if thinking else events([], [text])
    pieces = events(cut(thinking, places), cut(text, others))
    assert joined(list(separate_tags(whole, native=False))) == joined(
        list(separate_tags(pieces, native=False))
    )


@given(TAGGED, st.lists(st.integers(0, 200)), st.booleans())
def test_no_piece_that_comes_out_is_empty(text: str, places: list[int], native: bool) -> None:
    events = separate_tags(map(Text, filter(None, cut(text, places))), native=native)
    assert all(event.text for event in events if isinstance(event, Text | Thinking))


@pytest.mark.parametrize("end", ["\n", "<", "\n</thi", "</think> "])
def test_thinking_of_its_own_field_that_ends_nearly_as_a_closer_is_kept_whole(end: str) -> None:
    events: list[Event] = [Thinking(f"1 {end}"), Text("56")]
    assert (f"1 {end}", "56") == joined(list(separate_tags(events, native=False)))


@given(st.text(min_size=1), st.lists(st.integers(0, 60)))
def test_an_answer_that_talks_about_tags_in_split_mode_stays_whole(text: str, places: list[int]) -> None:
    answer = f"The tags are <think> and </think>.\n<think>\n{text}"
    events = separate_tags([Thinking("hm"), *map(Text, cut(answer, places))], native=False)
    assert ("hm", answer) == joined(list(events))


@pytest.mark.parametrize("leftover", ["\n</think>", "</think>", "\n</think>\n", "\n</mm:think>"])
def test_a_leftover_closer_at_the_end_of_split_thinking_is_taken_off_at_every_cut(leftover: str) -> None:
    thinking = f"I said </think> once.{leftover}"
    for place in range(1, len(thinking)):
        events: list[Event] = [Thinking(thinking[:place]), Thinking(thinking[place:]), Text("56")]
        assert ("I said </think> once.", "56") == joined(list(separate_tags(events, native=False)))


def test_a_leftover_closer_before_a_split_answer_is_taken_off() -> None:
    assert ("", "56") == separated(["</thi", "nk>\n", "\n56"], native=False)


def test_a_server_that_knows_no_split_is_parsed_as_native() -> None:
    for tagged in ("<think>hm</think>\n56", "<mm:think>hm</mm:think>\n56"):
        for place in range(len(tagged)):
            assert ("hm", "56") == separated([tagged[:place], tagged[place:]], native=False)


@pytest.mark.parametrize("begun", ["one", "    one", "\nX"])
def test_the_same_thinking_in_a_field_and_between_tags_is_emitted_once(begun: str) -> None:
    events: list[Event] = [
        Thinking(begun),
        Text("<think>\n" + begun.removeprefix("\n")),
        Thinking(" two"),
        Text(" two"),
        Thinking(" three"),
        Text(" three\n</think>\n\n56"),
    ]
    assert (f"{begun} two three", "56") == joined(list(separate_tags(events, native=True)))


@pytest.mark.parametrize("thinking", ["hm", "I think of a number, and take it times two."])
@pytest.mark.parametrize("opener", ["<think>", "<think>\n", "\n<mm:think>\n"])
def test_a_block_before_a_split_answer_that_repeats_the_thinking_field_is_dropped(
    opener: str, thinking: str
) -> None:
    text = f"{opener}{thinking}\n</think>\n\n56"
    for size in range(1, len(text) + 1):
        pieces = [Text(text[at : at + size]) for at in range(0, len(text), size)]
        found = joined(list(separate_tags([Thinking(thinking), *pieces], native=False)))
        assert (thinking, "56") == found


@pytest.mark.parametrize(
    "answer", ["<think>what</think> is a block", "<think></think>", "<think>", "<mm:think> hmm"]
)
def test_a_split_answer_that_begins_with_another_block_stays_whole(answer: str) -> None:
    for place in range(len(answer)):
        events: list[Event] = [Thinking("hm"), Text(answer[:place] or " "), Text(answer[place:])]
        text = "".join(event.text for event in events if isinstance(event, Text))
        assert ("hm", text) == joined(list(separate_tags(events, native=False)))


def test_text_is_not_held_back_when_it_can_be_no_tag() -> None:
    events = separate_tags([Text("<think>a</think>\n\nThe <b"), Text("> sky")], native=True)
    assert [Thinking("a"), Text("The <b"), Text("> sky")] == list(events)


def test_text_without_tags_is_not_kept_when_the_model_was_told_not_to_think() -> None:
    events = separate_tags(iter([Text("The"), Text(" sky")]), native=True, thinks=False)
    assert Text("The") == next(events)


def test_an_opener_further_on_is_not_a_missing_one() -> None:
    assert ("", "say <think>x</think> please") == separated(["say <think>x</think> please"], native=True)


def test_long_text_without_tags_is_looked_through_once() -> None:
    # Looked through again at each piece, this would take minutes.
    pieces = ["no tag in here, word for word, "] * 60_000
    assert ("", "".join(pieces)) == separated(pieces, native=True)


def test_live_text_without_a_tag_is_not_held_back() -> None:
    for native in (True, False):
        events = separate_tags(
            iter([Text("The"), Text(" sky\n</think>\n\n56")]), native=native, use=EventUse.LIVE
        )
        assert [Text("The"), Text(" sky\n</think>\n\n56")] == list(events)
        waiting = iter([Text("<thi"), Text("s is no tag"), Text("!")])
        assert Text("<this is no tag") == next(separate_tags(waiting, native=native, use=EventUse.LIVE))
        assert [Text("!")] == list(waiting)


@pytest.mark.parametrize("use", EventUse)
def test_thinking_between_two_texts_stays_between_them_whatever_it_ends_with(use: EventUse) -> None:
    for end in ("", "\n", "<", "</thi"):
        events: list[Event] = [
            Text("Let me see. "),
            Thinking(f"2 + 3 is 5{end}"),
            Text("It is 5."),
            Text(" Yes."),
        ]
        found = list(separate_tags(events, native=False, use=use))
        assert (f"2 + 3 is 5{end}", "Let me see. It is 5. Yes.") == joined(found)
        assert [Text("It is 5."), Text(" Yes.")] == found[-2:]


@pytest.mark.parametrize("closer", ["</think>", "</mm:think>"])
def test_thinking_whose_opener_is_missing_is_found_in_split_mode_at_every_cut(closer: str) -> None:
    content = f"I think.\n{closer}\n\nuse </think> to end"
    for size in range(1, len(content) + 1):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert ("I think.", "use </think> to end") == separated(pieces, native=False)


def test_no_opener_is_missing_where_the_thinking_has_a_field_of_its_own() -> None:
    text = "It ends with\n</think>\n\nyes"
    orders: list[list[Event]] = [
        [Thinking("hm"), Text(text)],
        [Text("It "), Thinking("hm"), Text(text[3:])],
    ]
    for events in orders:
        assert ("hm", text) == joined(list(separate_tags(events, native=False)))


def test_no_opener_is_missing_where_thinking_is_disabled() -> None:
    events = separate_tags([Text("It ends with\n</think>\n\nyes")], native=False, thinks=False)
    assert [Text("It ends with\n</think>\n\nyes")] == list(events)


UNCLOSED = [
    ("<think> is a tag. The rest matters: 42.", "", ""),
    ("\n <mm:think>\nthis too\n", "", ""),
    ("<think>", "", ""),
    ("<think>one</think>\n\nfirst\n<think>\nlast", "one", "first\n"),
    ("<think>one</think>\n\n<think>last", "one", ""),
]


@pytest.mark.parametrize(("content", "thinking", "answer"), UNCLOSED)
@pytest.mark.parametrize("native", [True, False])
def test_a_block_that_a_complete_answer_never_closes_is_text(
    content: str, thinking: str, answer: str, native: bool
) -> None:
    stop = Stop("stop", {})
    block = content[max(0, content.rfind("<think>", 1)) :]
    for size in range(1, len(content) + 1):
        pieces = [Text(content[at : at + size]) for at in range(0, len(content), size)]
        whole = list(separate_tags([*pieces, Usage(), stop], native=native))
        assert (thinking, answer + block) == joined(whole)
        assert [Usage(), stop] == whole[-2:]
        by_block = separate_tags([*pieces, Usage(), stop], native=native, use=EventUse.BY_BLOCK)
        assert (thinking, answer + block) == joined(list(by_block))
        live = list(separate_tags([*pieces, Usage(), stop], native=native, use=EventUse.LIVE))
        assert answer + block == joined(live)[1]
        shown = separate_tags([*pieces, stop], native=native, use=EventUse.SHOWN)
        assert answer == joined(list(shown))[1]


@pytest.mark.parametrize(
    "end", [[Stop("length", {})], [Stop("max_tokens", {})], [ToolCall(0, "a", "ls", "{}")], []]
)
def test_a_block_that_is_cut_off_or_ends_with_a_call_is_thinking(end: list[Event]) -> None:
    events = [Text("<think>\nI will"), Text(" look"), *end]
    for use in EventUse:
        assert ("I will look", "") == joined(list(separate_tags(events, native=False, use=use)))


def broken_off(*pieces: str) -> Iterator[Event]:
    yield Start("a", "mine")
    yield from map(Text, pieces)
    raise NetworkError("reset")


@pytest.mark.parametrize(
    ("pieces", "use", "expected"),
    [
        (("<think>\nI will", " look"), EventUse.BY_BLOCK, ("I will look", "")),
        (("<think>a</think>b", "\n<thi"), EventUse.BY_BLOCK, ("a", "b\n<thi")),
        (("<thi",), EventUse.BY_BLOCK, ("", "<thi")),
        (("a\n", "<mm:th"), EventUse.LIVE, ("", "a\n<mm:th")),
        (("<think>a</think>b", "\n"), EventUse.SHOWN, ("a", "b\n")),
        # A retry is still possible.
        (("<think>a</", "think>\n"), EventUse.LIVE, ("a", "")),
        (("<thi",), EventUse.LIVE, ("", "")),
        (("<think>a", "b"), EventUse.WHOLE, ("", "")),
    ],
)
def test_what_was_held_back_comes_before_an_error_where_output_has_begun(
    pieces: tuple[str, ...], use: EventUse, expected: tuple[str, str]
) -> None:
    found: list[Event] = []
    with pytest.raises(NetworkError, match="reset"):
        found.extend(separate_tags(broken_off(*pieces), native=True, use=use))
    assert expected == joined(found)


def test_thinking_that_was_held_back_comes_before_an_error_where_the_first_text_follows_a_call() -> None:
    def broken() -> Iterator[Event]:
        yield from (ToolCall(0, "c", "f", "{}"), Text("a"), Thinking("b</thi"))
        raise NetworkError("reset")

    found: list[Event] = []
    with pytest.raises(NetworkError, match="reset"):
        found.extend(separate_tags(broken(), native=False, use=EventUse.LIVE))
    assert ("b</thi", "a") == joined(found)


@pytest.mark.parametrize("native", [True, False])
def test_no_block_is_looked_for_where_thinking_is_disabled(native: bool) -> None:
    text = "<think>a</think>\n<think>\nb"
    for use in EventUse:
        events = separate_tags([Text(text)], native=native, thinks=False, use=use)
        assert [Text(text)] == list(events)


NO_OPENER = [
    "I think.\n</think>\n\nyes",
    "A model first writes its thoughts.\n\n</think>\n\nThen the answer follows.",
    "The tag stands alone:\n</mm:think>\nThat is why parsers fail.",
    "\u597d\u3002</think>\n\nyes",
]


@pytest.mark.parametrize("text", NO_OPENER)
@pytest.mark.parametrize("mode", ["hide", "split"])
def test_whenever_text_is_taken_for_thinking_there_is_one_warning(text: str, mode: ThinkingMode) -> None:
    begin, stop = Start("id", "m"), Stop("stop", {"content": text})
    whole = reply(*arrange_thinking([begin, Text(text), stop], mode, native=False))
    assert len("".join(whole.texts)) < len(text)
    assert (ReplyWarning.GUESSED_THINKING,) == reply_warnings(whole)
    # Who asks for native thinking knows of the tags, and `show` prints all of the text.
    for how, native in ((mode, True), ("show", False), ("show", True)):
        shown = reply(*arrange_thinking([begin, Text(text), stop], how, native=native))
        assert ReplyWarning.GUESSED_THINKING not in reply_warnings(shown)


@pytest.mark.parametrize("text", NO_OPENER)
@pytest.mark.parametrize("mode", ["hide", "split", "show"])
def test_no_text_of_a_host_of_minimax_is_taken_for_thinking_without_its_opener(
    text: str, mode: ThinkingMode
) -> None:
    begin, stop = Start("id", "m", of_minimax=True), Stop("stop", {"content": text})
    assert [begin, Text(text), stop] == list(arrange_thinking([begin, Text(text), stop], mode, native=False))


def test_a_leftover_closer_is_taken_off_though_thinking_is_disabled() -> None:
    assert [Text("56")] == list(separate_tags([Text("</think>\n\n56")], native=False, thinks=False))


def test_text_held_back_comes_before_usage_and_stop() -> None:
    stop = Stop("stop", {})
    events: list[Event] = [Start("id", "m"), Text("answer\n"), Usage(), stop]
    assert [Start("id", "m"), Text("answer\n"), Usage(), stop] == list(separate_tags(events, native=True))


def test_hidden_thinking_leaves_the_answer_alone() -> None:
    assert [Text("56")] == list(arrange_thinking([Thinking("hm"), Text("56")], "hide", native=False))


@pytest.mark.parametrize("mode", ["hide", "split"])
def test_native_thinking_is_taken_out_of_the_answer_in_every_mode_but_show(mode: ThinkingMode) -> None:
    thinking = "" if mode == "hide" else "hm"
    for pieces in (["<think>hm</think>\n\n56"], ["h", "m\n</think>\n\n56"]):
        assert (thinking, "56") == joined(list(arrange_thinking(map(Text, pieces), mode, native=True)))


def test_the_words_of_a_model_that_was_told_not_to_think_are_arranged_as_they_come() -> None:
    events = arrange_thinking(iter([Text("The"), Text(" sky")]), "split", native=True, thinks=False)
    assert Text("The") == next(events)


def test_an_answer_of_the_split_api_that_talks_about_tags_is_shown_as_it_is() -> None:
    answer = "56\n<think>\nno block</think>"
    shown = joined(list(arrange_thinking([Thinking("hm"), Text(answer)], "show", native=False)))
    assert ("", f"<think>\nhm\n</think>\n\n{answer}") == shown


def test_shown_thinking_stands_between_tags_before_the_answer() -> None:
    events: list[Event] = [Thinking("h"), Thinking("m"), Text("5"), Text("6")]
    assert ("", "<think>\nhm\n</think>\n\n56") == joined(list(arrange_thinking(events, "show", native=False)))


def test_shown_thinking_without_an_answer_is_closed() -> None:
    stop = Stop("length", {})
    assert ("", "<think>\nhm\n</think>\n\n") == joined(
        list(arrange_thinking([Thinking("hm"), stop], "show", native=False))
    )


@given(TAGGED, st.lists(st.integers(0, 200)))
def test_native_text_is_shown_exactly_as_it_was_sent(content: str, places: list[int]) -> None:
    assert ("", content) == joined(
        list(arrange_thinking(map(Text, cut(content, places)), "show", native=True))
    )


@pytest.mark.parametrize("tagged", ["<think>\none\n</think>\n\n", ""])
def test_native_text_with_thinking_in_a_field_is_shown_with_one_pair_of_tags(tagged: str) -> None:
    start = Start("id", "m")
    events: list[Event] = [start, Thinking("one"), Text(f"{tagged}5"), Text("6")]
    shown = list(arrange_thinking(events, "show", native=True))
    assert start == shown[0]
    assert ("", "<think>\none\n</think>\n\n56") == joined(shown)


def test_a_block_that_repeats_the_field_is_dropped_and_what_the_field_goes_on_with_is_not() -> None:
    thinking = [f"thought {number}, " for number in range(20)]
    events = [
        *map(Thinking, thinking),
        Text("<think>"),
        *map(Text, thinking),
        Text("</think>"),
        *(event for each in thinking for event in (Thinking(each), Text("x"))),
    ]
    separated = [*separate_tags(events, native=True, thinks=True)]
    assert ("".join(thinking) * 2, "x" * 20) == joined(separated)

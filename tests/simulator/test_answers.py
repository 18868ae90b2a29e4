"""Answers depend only on the prompt, say that they are simulated, and can be requested in exact forms."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.core.attachments import build_file_part, build_url_part
from mmpipe.simulator import prose, tokens
from mmpipe.simulator.answers import (
    AnswerPart,
    PartKind,
    SimulatedAnswer,
    derive_answer,
    think_twice,
    truncate,
)
from mmpipe.simulator.conversation import SimulatedConversation
from mmpipe.simulator.deltas import cut
from mmpipe.simulator.media import describe_media
from support.media import PNG
from support.simulator_client import SPLIT, STREAM, Reply, ask, ask_once, chat, simulator

# No deadline: a busy machine is no failure. No database: examples that failed are reported, not stored.
CALM = settings(deadline=None, database=None)
OPENING = "This is a simulated answer from `mmpipe sim`"
# No lone surrogates: those are no text, and never come out of UTF-8.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def joined_text(answer: SimulatedAnswer, kind: PartKind) -> str:
    return "".join(part.text for part in answer.parts if part.kind is kind)


def test_the_same_prompt_gets_the_same_answer_from_every_simulator() -> None:
    first, second = ask_once(chat("Why?", **STREAM)), ask_once(chat("Why?", **STREAM))
    assert first.deltas == second.deltas
    assert first.deltas != ask_once(chat("Why not?", **STREAM)).deltas


def test_ids_depend_on_the_seed_and_never_repeat() -> None:
    with simulator(seed=1) as running:
        ids = [ask(running, chat()).json["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert ask_once(chat(), seed=1).json["id"] == ids[0] != ask_once(chat(), seed=2).json["id"]


def test_a_greeting_is_returned() -> None:
    content = str(ask_once(chat("Hi, how are you?", **SPLIT)).message["content"])
    assert content.startswith(f"{OPENING}: hello! I am fine")


def test_any_other_answer_names_the_model_and_quotes_the_prompt() -> None:
    content = str(
        ask_once(chat("Name a\nprime. " + "x" * 99, model="MiniMax-M3", **SPLIT)).message["content"]
    )
    assert content.startswith(f"{OPENING}, in place of MiniMax-M3. You asked: “Name a prime. xxx")
    assert "x …”." in content


def test_a_prompt_that_begins_with_history_is_no_greeting() -> None:
    assert "You asked" in prose.answer("history", "m")


def test_an_answer_is_long_enough_for_several_chunks() -> None:
    assert len(ask_once(chat("Why?", **STREAM)).deltas) >= 6


@CALM
@given(ANY_TEXT)
def test_echo_is_exact(text: str) -> None:
    assert joined_text(derive_answer(SimulatedConversation(f"sim:echo {text}"), "m"), PartKind.TEXT) == text


ODD = "\x1b[31mred\x1b[0m\x00\x07 <think>no</think> \u202eabc\u2028\U000e0041 🙂👩‍👩‍👧\r\n\r\n data: [DONE]\n\n  "


@pytest.mark.parametrize("text", [ODD, "\n", " two  spaces ", "é" * 500])
def test_echo_is_exact_over_the_wire(text: str) -> None:
    with simulator() as running:
        assert ask(running, chat(f"sim:echo {text}", **SPLIT)).message["content"] == text
        assert ask(running, chat(f"sim:echo {text}", **SPLIT, **STREAM)).joined() == text
        assert ask(running, chat(f"sim:echo {text}", **STREAM)).joined().endswith(f"</think>\n\n{text}")


def test_a_lone_surrogate_becomes_a_replacement_character_as_in_go() -> None:
    assert ask_once(chat("sim:echo a\ud800b", **SPLIT)).message["content"] == "a\ufffdb"


@CALM
@given(ANY_TEXT, ANY_TEXT)
def test_thinking_and_answer_can_be_given(thought: str, text: str) -> None:
    answer = derive_answer(SimulatedConversation(f"sim:think {thought.replace('|', '')}|||{text}"), "m")
    assert (joined_text(answer, PartKind.THINKING), joined_text(answer, PartKind.TEXT)) == (
        thought.replace("|", ""),
        text,
    )


def test_the_first_bars_separate_thinking_and_answer() -> None:
    answer = derive_answer(SimulatedConversation("sim:think a|||b|||c"), "m")
    assert (joined_text(answer, PartKind.THINKING), joined_text(answer, PartKind.TEXT)) == ("a", "b|||c")


@CALM
@given(st.integers(1, 20_000))
def test_prose_has_exactly_the_length(length: int) -> None:
    text = joined_text(derive_answer(SimulatedConversation(f"sim:length {length}"), "m"), PartKind.TEXT)
    assert len(text) == length
    assert text == text.strip()


def test_prose_varies() -> None:
    sentences = re.split(r"(?<=[.!?”])\s+", prose.of_length(3000))
    assert len(set(sentences)) >= 8


@pytest.mark.parametrize("number", [1, 2, 7, 300])
def test_an_answer_can_have_an_exact_number_of_chunks(number: int) -> None:
    with simulator() as running:
        split = ask(running, chat(f"sim:chunks {number}", **SPLIT, **STREAM))
    pieces = [delta["content"] for delta in split.deltas if "reasoning_content" not in delta]
    assert pieces == ["1", *(f" {index}" for index in range(2, number + 1))]


def test_an_answer_can_be_empty() -> None:
    with simulator() as running:
        assert ask(running, chat("sim:empty", **SPLIT)).message["content"] == ""
        streamed = ask(running, chat("sim:empty", **SPLIT, **STREAM))
        assert streamed.joined() == ""
        assert streamed.choices[-1]["finish_reason"] == "stop"
        assert list(streamed.deltas[-1]) == ["content", "role", "name", "audio_content"]
        assert ask(running, chat("sim:empty", **STREAM)).joined().endswith("\n</think>\n")


@pytest.mark.parametrize(
    "prompt", ["sim:", "sim:length", "sim:length many", "sim:chunks 0", "sim:unknown x", "sim:tool f {}"]
)
def test_an_invalid_order_is_answered_like_any_prompt(prompt: str) -> None:
    assert joined_text(derive_answer(SimulatedConversation(prompt), "m"), PartKind.TEXT).startswith(OPENING)


def test_only_the_last_message_gives_orders() -> None:
    messages = [
        {"role": "user", "content": "sim:echo no"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": [{"type": "text", "text": "sim:echo "}, {"type": "text", "text": "yes"}]},
    ]
    assert ask_once(chat(messages=messages, **SPLIT)).message["content"] == "yes"


@CALM
@given(ANY_TEXT)
def test_tokens_joined_are_the_text(text: str) -> None:
    count = tokens.count(text)
    assert tokens.first(text, count) == text
    assert count == 0 or tokens.count(tokens.first(text, count - 1)) == count - 1


@CALM
@given(ANY_TEXT)
def test_chunks_joined_are_the_text_and_none_is_empty(text: str) -> None:
    pieces = cut(AnswerPart(PartKind.TEXT, text)) if text else []
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= 150 for piece in pieces)


@pytest.mark.slow
@CALM
@given(st.integers(1, 300))
def test_a_limit_is_kept_to_the_token(limit: int) -> None:
    answer = derive_answer(SimulatedConversation("Why?"), "m")
    whole = answer.tokens_of(*PartKind)
    shortened = truncate(answer, limit)
    assert shortened.tokens_of(*PartKind) == min(limit, whole)
    assert shortened.finish_reason == ("length" if limit < whole else "stop")


@CALM
@given(ANY_TEXT, ANY_TEXT)
def test_two_blocks_of_thinking_change_no_word(thought: str, text: str) -> None:
    once = SimulatedAnswer((AnswerPart(PartKind.THINKING, thought), AnswerPart(PartKind.TEXT, text)), "stop")
    twice = think_twice(once)
    assert [joined_text(twice, kind) for kind in PartKind] == [joined_text(once, kind) for kind in PartKind]
    assert len(twice.parts) <= 4


def content_of(reply: Reply) -> str:
    body: Any = reply.json
    return str(body["choices"][0]["message"]["content"])


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        (
            "MiniMax-M3",
            " You attached a PNG image of 32 bytes, a video at a URL, data of an unknown kind of 3 bytes.",
        ),
        ("MiniMax-M2.7", ""),
    ],
)
def test_only_the_m3_family_sees_images_and_videos_and_says_what_it_saw(model: str, sees: str) -> None:
    parts = [
        {"type": "text", "text": "Why?"},
        build_file_part(PNG, "a"),
        build_url_part("mm_file://1"),
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    with simulator() as running:
        plain = content_of(ask(running, chat("Why?", model=model)))
        body = chat(model=model) | {"messages": [{"role": "user", "content": parts}]}
        assert plain + sees == content_of(ask(running, body))


def test_many_images_are_counted_and_an_order_is_followed_all_the_same() -> None:
    many = [build_url_part("https://x.org/a.png")] * 7
    assert describe_media({"content": many}).endswith("an image at a URL and 2 more")
    assert "" == describe_media({"content": "a"}) == describe_media({"content": [{"type": "text"}, 1]})
    message = {"role": "user", "content": [{"type": "text", "text": "sim:echo hi"}, *many]}
    with simulator() as running:
        answer = ask(running, chat(model="MiniMax-M3") | {"messages": [message]})
    assert content_of(answer).endswith("hi")

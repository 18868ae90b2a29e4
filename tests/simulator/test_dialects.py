"""Each dialect differs from the default stream only in the way of its name."""

import json
import re
from itertools import pairwise

import pytest

from mmpipe.simulator.dialects import Dialect
from support.simulator_client import SPLIT, STREAM, USAGE, Json, Reply, ask_once, chat, field, objects

PROMPT = "sim:think First I wonder. Then I know.|||It is so. And that is all there is."
THOUGHT, ANSWER = "First I wonder. Then I know.", "It is so. And that is all there is."
NATIVE = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"


def speak(dialect: Dialect, way: Json, prompt: str = PROMPT) -> Reply:
    return ask_once(chat(prompt, **way), dialects=frozenset({dialect}))


def test_incremental_is_the_default() -> None:
    spoken, default = speak(Dialect.INCREMENTAL, STREAM), ask_once(chat(PROMPT, **STREAM))
    assert spoken.deltas == default.deltas


def test_cumulative_chunks_repeat_the_whole_text_so_far() -> None:
    deltas = speak(Dialect.CUMULATIVE, SPLIT | STREAM, "sim:length 600").deltas
    contents = [str(delta["content"]) for delta in deltas if delta.get("content")]
    reasonings = [str(delta["reasoning_content"]) for delta in deltas if "reasoning_content" in delta]
    for texts in (contents, reasonings):
        assert len(texts) > 2
        assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert len(contents[-1]) == 600
    details = [
        objects(delta, "reasoning_details")[0]["text"] for delta in deltas if "reasoning_details" in delta
    ]
    assert details == reasonings


def test_cumulative_native_content_repeats_its_tags() -> None:
    assert speak(Dialect.CUMULATIVE, STREAM).deltas[-1]["content"] == NATIVE


@pytest.mark.parametrize("way", [STREAM, SPLIT | STREAM])
def test_the_first_generation_ends_with_a_message(way: Json) -> None:
    reply = speak(Dialect.LAST_FRAME_MESSAGE, way)
    *earlier, last = reply.events
    assert all(event["usage"] == {"total_tokens": 0, "total_characters": 0} for event in earlier)
    assert not any("finish_reason" in choice for event in earlier for choice in objects(event, "choices"))
    assert {field(choice, "delta")["role"] for event in earlier for choice in objects(event, "choices")} == {
        "",
        "assistant",
    }
    choice = objects(last, "choices")[0]
    assert (last["object"], choice["finish_reason"]) == ("chat.completion", "stop")
    assert "delta" not in choice
    assert field(choice, "message")["content"] == (ANSWER if way.get("reasoning_split") else NATIVE)
    assert field(last, "usage")["total_tokens"]
    assert field(last, "base_resp")["status_code"] == 0


def test_done_ends_the_stream_with_the_marker() -> None:
    body = speak(Dialect.DONE, USAGE).body
    assert body.endswith(b"}\n\ndata: [DONE]\n\n")
    assert b"[DONE]" not in ask_once(chat(**USAGE)).body


@pytest.mark.parametrize("way", [STREAM, {}])
def test_mirrored_thinking_is_in_the_tags_and_beside_them(way: Json) -> None:
    reply = speak(Dialect.MIRRORED, way)
    message = (
        {"content": reply.joined(), "reasoning_content": reply.joined("reasoning_content")}
        if way
        else reply.message
    )
    assert (message["content"], message["reasoning_content"]) == (NATIVE, THOUGHT)


def test_mirrored_changes_nothing_when_split() -> None:
    assert speak(Dialect.MIRRORED, SPLIT).message == ask_once(chat(PROMPT, **SPLIT)).message


def test_a_leftover_closer_is_cut_over_two_deltas() -> None:
    reply = speak(Dialect.LEFTOVER_CLOSER, SPLIT | STREAM)
    assert reply.joined("reasoning_content") == f"{THOUGHT}\n</think>"
    pieces = [str(delta["reasoning_content"]) for delta in reply.deltas if "reasoning_content" in delta]
    assert pieces[-2].endswith("\n</thi")
    assert pieces[-1] == "nk>"
    assert reply.joined() == ANSWER


def test_a_leftover_closer_opens_the_answer_when_thinking_is_disabled() -> None:
    way = SPLIT | {"model": "MiniMax-M3", "thinking": {"type": "disabled"}}
    assert speak(Dialect.LEFTOVER_CLOSER, way).message["content"] == f"</think>{ANSWER}"


def test_the_opening_tag_can_be_missing() -> None:
    assert speak(Dialect.NO_OPENING_TAG, STREAM).joined() == NATIVE.removeprefix("<think>\n")


def test_the_closing_tag_can_be_another() -> None:
    assert speak(Dialect.MM_CLOSER, STREAM).joined() == NATIVE.replace("</think>", "</mm:think>")


def test_one_turn_can_think_several_times_each_on_a_new_line() -> None:
    content = speak(Dialect.SEVERAL_BLOCKS, STREAM).joined()
    blocks = re.findall(r"<think>\n(.*?)\n</think>\n\n", content, re.DOTALL)
    assert len(blocks) == 2
    assert "".join(blocks) == THOUGHT
    assert re.sub(r"(^|\n)<think>\n.*?\n</think>\n\n", "", content, flags=re.DOTALL) == ANSWER


def test_tags_can_come_a_character_at_a_time() -> None:
    reply = speak(Dialect.TAG_CUT, STREAM)
    pieces = [str(delta["content"]) for delta in reply.deltas]
    assert "".join(pieces) == NATIVE
    assert not any(len(piece) > 1 and set(piece) & set("<>") for piece in pieces)
    assert any(len(piece) > 1 for piece in pieces)


def test_mirrored_thinking_comes_once_although_tags_are_cut() -> None:
    mixed = frozenset({Dialect.TAG_CUT, Dialect.MIRRORED})
    assert ask_once(chat(PROMPT, **STREAM), dialects=mixed).joined("reasoning_content") == THOUGHT


@pytest.mark.parametrize(
    "dialect", [Dialect.SEVERAL_BLOCKS, Dialect.TAG_CUT, Dialect.MM_CLOSER, Dialect.NO_OPENING_TAG]
)
def test_dialects_of_tags_change_nothing_when_split(dialect: Dialect) -> None:
    assert speak(dialect, SPLIT | STREAM).deltas == ask_once(chat(PROMPT, **SPLIT, **STREAM)).deltas


def test_lines_can_end_with_crlf_and_comments_stand_between_events() -> None:
    reply = speak(Dialect.CRLF, USAGE)
    lines = reply.body.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    chunks = [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]
    assert lines.count(b": keep-alive") == len(chunks) > 2
    assert len(chunks) == len(ask_once(chat(PROMPT, **USAGE)).events)


def test_usage_can_be_missing_everywhere() -> None:
    assert all(event["choices"] and event["usage"] is None for event in speak(Dialect.NO_USAGE, USAGE).events)
    assert "usage" not in speak(Dialect.NO_USAGE, {}).json


def test_dialects_can_be_mixed() -> None:
    mixed = frozenset(
        {Dialect.TAG_CUT, Dialect.SEVERAL_BLOCKS, Dialect.MM_CLOSER, Dialect.CUMULATIVE, Dialect.CRLF}
    )
    body = ask_once(chat(PROMPT, **STREAM), dialects=mixed).body
    last = json.loads(body.rstrip().rpartition(b"data: ")[2])
    content = last["choices"][0]["delta"]["content"]
    assert content.count("</mm:think>") == 2
    assert content.endswith("all there is.")

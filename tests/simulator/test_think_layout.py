"""Native content has each model's layout of thinking, cut at the limit (FACTS.md, "Thinking in the content")."""

import pytest

from mmpipe.simulator.models import MODELS
from support.simulator_client import SPLIT, STREAM, USAGE, Json, ask, ask_once, chat, field, simulator

AIRY = [name for name in MODELS if name not in {"MiniMax-M2.5", "MiniMax-M2.1", "MiniMax-M2.1-highspeed"}]
TIGHT = ["MiniMax-M2.5", "MiniMax-M2.1", "MiniMax-M2.1-highspeed"]
COUNTING = {"MiniMax-M2.7", "MiniMax-M2.7-highspeed", "MiniMax-M2.5-highspeed", "MiniMax-M2"}


@pytest.mark.parametrize("way", [{}, STREAM])
@pytest.mark.parametrize("model", AIRY)
def test_most_models_put_the_tags_on_lines_of_their_own(model: str, way: Json) -> None:
    reply = ask_once(chat("sim:think A b|||Yes.", model=model, **way))
    content = reply.joined() if way else reply.message["content"]
    assert content == "<think>\nA b\n</think>\n\nYes."


@pytest.mark.parametrize("model", TIGHT)
def test_others_put_no_line_end_inside_the_tags_and_send_fewer_keys(model: str) -> None:
    message = ask_once(chat("sim:think A b|||Yes.", model=model)).message
    assert message == {"content": "<think>A b</think>\n\nYes.", "role": "assistant"}


def test_thinking_without_an_answer_ends_with_the_closer() -> None:
    assert ask_once(chat("sim:think A|||")).message["content"] == "<think>\nA\n</think>\n"
    assert ask_once(chat("sim:think A|||", model="MiniMax-M2.5")).message["content"] == "<think>A</think>\n\n"


def test_an_answer_without_thinking_has_no_tags() -> None:
    assert ask_once(chat("sim:think |||Yes.")).message["content"] == "Yes."


def test_split_content_starts_clean() -> None:
    message = ask_once(chat("sim:think A|||Yes.", **SPLIT)).message
    assert (message["reasoning_content"], message["content"]) == ("A", "Yes.")


@pytest.mark.parametrize("model", MODELS)
def test_only_some_models_report_reasoning_tokens(model: str) -> None:
    usage = field(ask_once(chat(model=model)).json, "usage")
    assert ("completion_tokens_details" in usage) == (model in COUNTING)


@pytest.mark.parametrize("limit", [1, 5, 20, 60, 80])
@pytest.mark.parametrize("name", ["max_completion_tokens", "max_tokens"])
def test_a_limit_cuts_the_answer_at_exactly_that_many_tokens(name: str, limit: int) -> None:
    reply = ask_once(chat("sim:length 900", **{name: limit}, **SPLIT, **USAGE))
    assert reply.choices[-1]["finish_reason"] == "length"
    assert field(reply.events[-1], "usage")["completion_tokens"] == limit


def test_a_limit_inside_the_thinking_leaves_no_answer_and_a_closed_tag() -> None:
    with simulator() as running:
        native = ask(running, chat(max_tokens=5))
        assert native.message["content"] == "<think>\nThe user says: \n</think>\n"
        assert ask(running, chat(max_tokens=5, **SPLIT)).message["content"] == ""
        streamed = ask(running, chat(max_tokens=5, **STREAM))
        assert streamed.joined() == native.message["content"]


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    with simulator() as running:
        unlimited = ask(running, chat()).json
        limit = field(unlimited, "usage")["completion_tokens"]
        assert ask(running, chat(max_completion_tokens=limit)).json["choices"] == unlimited["choices"]


def test_the_newer_name_of_the_limit_wins() -> None:
    assert (
        field(ask_once(chat(max_completion_tokens=3, max_tokens=9)).json, "usage")["completion_tokens"] == 3
    )


def test_thinking_can_be_disabled_on_m3_and_not_on_m2() -> None:
    disabled: Json = {"thinking": {"type": "disabled"}}
    assert "<think>" not in str(ask_once(chat(model="MiniMax-M3", **disabled)).message["content"])
    assert "<think>" in str(ask_once(chat(**disabled)).message["content"])

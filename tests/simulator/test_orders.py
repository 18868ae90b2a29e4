"""An order is found where frameworks put a prompt: after words of their own, in parts, in JSON; and calls as text."""

import json

import pytest

from mmpipe.simulator.orders import find_order
from support.simulator_client import SPLIT, Json, ask, ask_once, chat, field, objects, simulator

TOOL: Json = {"type": "function", "function": {"name": "get", "parameters": {"type": "object"}}}
TOOLS: Json = {"tools": [TOOL], **SPLIT}
CALL = 'sim:tool get {"city": "Paris"}'


def user(content: object) -> Json:
    return {"role": "user", "content": content}


def part(text: str) -> Json:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("prompt", "order"),
    [
        ("sim:echo a\n\nb", "sim:echo a\n\nb"),
        ("New task:\nsim:echo a", "sim:echo a"),
        ("New task:\r\nsim:echo a\r\n", "sim:echo a"),
        ("New task:\nsim:echo a\nb", "sim:echo a\nb"),
        ("\n  sim:echo a\n  b\n", "sim:echo a\nb"),
        ("Question:\n\nsim:echo a\n\nAnswer in JSON.", "sim:echo a"),
        ("Question:\r\n\r\nsim:echo a\r\n\r\nAnswer in JSON.", "sim:echo a"),
        ("The task:\n```\nsim:echo a\n```\nFirst make a plan.", "sim:echo a"),
        ("<task>\nsim:echo a\n</task>", "sim:echo a"),
        ("Go:\nsim:say a\n\nsim:then\n\nsim:say b\n\nEnd.", "sim:say a\n\nsim:then\n\nsim:say b"),
        (f"New task:\n{CALL}\nYou have these arguments: ...", CALL),
        (f"New task:\n{CALL}\nNote.\nsim:then\nsim:say b", f"{CALL}\nsim:then\nsim:say b"),
        (f"New task:\n{CALL[:-1]}\nsim:say b", f"{CALL[:-1]}\nsim:say b"),
        (json.dumps({"task": "sim:echo “a”\nb"}), "sim:echo “a”\nb"),
        (json.dumps({"a": 1, "inputs": {"task": "sim:empty"}}, indent=2), "sim:empty"),
        (json.dumps({"inputs": ["sim:echo a", "b"]}), "sim:echo a"),
        (json.dumps("sim:echo a"), "sim:echo a"),
        (f"The input:\n{ {'task': 'sim:echo a'} }\nGo on.", "sim:echo a"),
    ],
)
def test_an_order_begins_a_line_or_a_string_of_json(prompt: str, order: str) -> None:
    assert order == find_order(user(prompt))


@pytest.mark.parametrize(
    "prompt",
    [
        "What does sim:echo a mean?",
        'Write "sim:echo a" first.',
        'These are orders: "sim:echo a", "sim:empty".',
        "A list:\n- sim:echo a",
        "A line:\nsim:unknown a",
        "A line:\nsim:echoes a",
        'Half a string: {"task": "sim:echo a',
        'Broken: {"task": "sim:echo \\x"}',
    ],
)
def test_words_about_an_order_are_no_order(prompt: str) -> None:
    assert find_order(user(prompt)) is None


def test_an_order_begins_a_part_of_a_list() -> None:
    assert find_order(user([part("Context."), part("sim:echo a\n\nb")])) == "sim:echo a\n\nb"
    assert find_order(user([part("Context."), part("New task:\nsim:echo a")])) == "sim:echo a"
    assert find_order(user([part("sim:echo a"), part("b")])) == "sim:echo ab"


def test_a_search_takes_time_linear_in_the_prompt() -> None:
    # Quadratic, these would take minutes.
    for piece in ("\n", " ", '["', '": "sim:echo ', "sim:echo\n\n ", "\n\t", "sim:tool f [", '"sim:echo \\'):
        find_order(user("x\n" + piece * (300_000 // len(piece))))


def test_a_wrapped_prompt_is_obeyed() -> None:
    reply = ask_once(chat("Answer in one word.\nsim:echo Paris", **SPLIT))
    assert reply.message["content"] == "Paris"


def test_an_order_in_a_message_before_the_last_holds_until_an_answer() -> None:
    messages = [user("sim:echo a"), user("Remember: be brief.")]
    answered = [*messages, {"role": "assistant", "content": "a"}, user("And now?")]
    with simulator() as running:
        assert ask(running, chat(messages=messages, **SPLIT)).message["content"] == "a"
        content = str(ask(running, chat(messages=answered, **SPLIT)).message["content"])
    assert "You asked: “And now?”" in content


ROUNDS = f'New task:\n{CALL}\nsim:then\nsim:tool final_answer {{"answer": "sunny"}}'


def called(message: Json) -> list[object]:
    return [field(call, "function")["name"] for call in objects({"tool_calls": []} | message, "tool_calls")]


def written(tool: str) -> Json:
    """A call as smolagents sends it back."""
    return {"role": "assistant", "content": [part(f"Calling tools:\n[{{'function': {{'name': '{tool}'}}}}]")]}


def test_calls_that_a_framework_writes_as_text_count_as_rounds() -> None:
    messages = [{"role": "system", "content": [part("You are an agent.")]}, user([part(ROUNDS)])]
    observed = [written("get"), user([part("Observation:\nsim:echo the sun")])]
    ended = [written("final_answer"), user("Observation:\nsunny")]
    with simulator() as running:
        first = ask(running, chat(messages=messages, **TOOLS)).message
        second = ask(running, chat(messages=messages + observed, **TOOLS)).message
        third = ask(running, chat(messages=messages + observed + ended, **TOOLS)).message
    assert [["get"], ["final_answer"], []] == [called(message) for message in (first, second, third)]
    assert "The tools returned: “Observation: sunny”" in str(third["content"])


def test_an_order_to_call_waits_while_a_framework_asks_for_a_plan() -> None:
    planned = [{"role": "assistant", "content": "You said “sim:tool get”."}, user("Carry out this plan.")]
    first = [user(ROUNDS), *planned]
    second = [*first, written("get"), user("Observation:\nsunny"), *planned]
    done = [*second, written("final_answer"), user("Observation:\nsunny"), *planned]
    with simulator() as running:
        messages = [ask(running, chat(messages=each, **TOOLS)).message for each in (first, second, done)]
    assert [["get"], ["final_answer"], []] == [called(message) for message in messages]


def test_without_tools_no_text_is_a_call() -> None:
    messages = [user(CALL), written("get"), user("Go on.")]
    content = str(ask_once(chat(messages=messages, **SPLIT)).message["content"])
    assert "You asked: “Go on.”" in content

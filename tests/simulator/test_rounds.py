"""One prompt asks for a whole conversation: rounds of tool calls, or one answer after the other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.core.events import Stop
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.rounds import OrderedCall, OrderedRound, read_rounds
from mmpipe.simulator.server import RunningSimulator
from support.dialect_groups import DECODED
from support.simulator_client import SPLIT, STREAM, Json, ask, ask_once, chat, field, objects, simulator

# No deadline: a busy machine is no failure. No database: examples that failed are reported, not stored.
CALM = settings(deadline=None, database=None)
TOOL: Json = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
TOOLS: Json = {"tools": [TOOL], **SPLIT}
ROUNDS = """sim:tool f {"n": 1}
sim:tool f {"n": 2}
sim:then
sim:say Once more.
sim:tool g"""


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def called(message: Json) -> list[tuple[object, object]]:
    calls = [field(call, "function") for call in objects(message, "tool_calls")]
    return [(call["name"], call["arguments"]) for call in calls]


def with_results(message: Json, *results: str) -> list[Json]:
    """A message that calls tools, and their results."""
    calls = objects(message, "tool_calls")
    return [
        message,
        *(
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(calls, results, strict=True)
        ),
    ]


def play(running: RunningSimulator, messages: list[Json], rounds: int) -> list[Json]:
    """Run so many rounds of calls: append to the messages, and return those of the assistant."""
    texts = []
    for number in range(rounds):
        message = ask(running, chat(messages=messages, **TOOLS)).message
        results = [
            f"result {number}.{place}" for place, _ in enumerate(objects(message, "tool_calls"), start=1)
        ]
        messages += with_results(message, *results)
        texts.append(message)
    return texts


def test_the_rounds_come_in_their_order_and_text_quotes_the_last_results() -> None:
    messages = [user(ROUNDS)]
    with simulator() as running:
        first, second = play(running, messages, 2)
        last = ask(running, chat(messages=messages, **TOOLS))
    assert called(first) == [("f", '{"n": 1}'), ("f", '{"n": 2}')]
    assert (called(second), second["content"]) == ([("g", "{}")], "Once more.")
    assert "tool_calls" not in last.message
    assert "The tools returned: “result 1.1”." in str(last.message["content"])
    assert objects(last.json, "choices")[0]["finish_reason"] == "stop"


@pytest.mark.parametrize("way", [{}, SPLIT], ids=["native", "split"])
@pytest.mark.parametrize("dialect", DECODED)
def test_a_streamed_message_can_be_sent_back_in_every_dialect(dialect: Dialect, way: Json) -> None:
    tools: Json = {"tools": [TOOL]}
    with simulator(dialects=frozenset({dialect})) as running:
        decoder = StreamDecoder()
        *_, stop = [
            *decoder.feed(ask(running, chat(ROUNDS, **tools, **way, **STREAM)).body),
            *decoder.close(),
        ]
        assert isinstance(stop, Stop)
        messages = [user(ROUNDS), *with_results(dict(stop.message), "1", "2")]
    # The API accepts it, whatever server sent it.
    answer = ask_once(chat(messages=messages, **tools, **way))
    assert called(answer.message) == [("g", "{}")]


def test_all_results_of_a_round_are_quoted() -> None:
    messages = [user("\n".join(ROUNDS.splitlines()[:2]))]
    with simulator() as running:
        play(running, messages, 1)
        content = str(ask(running, chat(messages=messages, **TOOLS)).message["content"])
    assert "“result 0.1”, “result 0.2”" in content


def test_calls_of_different_rounds_have_different_ids() -> None:
    with simulator() as running:
        messages = play(running, [user(f"{ROUNDS}\nsim:again")], 4)
    ids = [call["id"] for message in messages for call in objects(message, "tool_calls")]
    assert len(set(ids)) == len(ids) == 5


def test_again_repeats_the_last_round_for_ever() -> None:
    with simulator() as running:
        first, *others = play(running, [user(f"{ROUNDS}\nsim:again\n")], 5)
    assert len(called(first)) == 2
    assert [called(message) for message in others] == [[("g", "{}")]] * 4


def test_the_next_user_message_ends_the_rounds() -> None:
    messages = [user(ROUNDS)]
    with simulator() as running:
        play(running, messages, 1)
        message = ask(running, chat(messages=[*messages, user("Stop.")], **TOOLS)).message
    assert "tool_calls" not in message
    assert "You asked: “Stop.”" in str(message["content"])


def test_without_tools_the_answer_quotes_the_results_so_far() -> None:
    messages = [user(ROUNDS)]
    with simulator() as running:
        play(running, messages, 1)
        message = ask(running, chat(messages=messages, **SPLIT)).message
    assert "tool_calls" not in message
    assert "“result 0.1”, “result 0.2”" in str(message["content"])


def test_a_round_without_calls_is_the_last() -> None:
    messages = [user("sim:tool f\nsim:then\nsim:say It is done.")]
    with simulator() as running:
        play(running, messages, 1)
        last = ask(running, chat(messages=messages, **TOOLS))
    assert last.message["content"] == "It is done."
    assert objects(last.json, "choices")[0]["finish_reason"] == "stop"


def test_text_before_calls_follows_the_think_block() -> None:
    message = ask_once(chat("sim:say I look.\nsim:tool f", tools=[TOOL])).message
    assert str(message["content"]).endswith("\n</think>\n\nI look.")
    assert called(message) == [("f", "{}")]


def test_a_stream_has_thinking_then_text_then_calls() -> None:
    deltas = ask_once(chat("sim:tool f\nsim:say I look.", **TOOLS, **STREAM)).deltas
    kinds = [
        next(name for name in ("tool_calls", "reasoning_content", "content") if delta.get(name))
        for delta in deltas
    ]
    assert list(dict.fromkeys(kinds)) == ["reasoning_content", "content", "tool_calls"]
    assert kinds == sorted(kinds, key=["reasoning_content", "content", "tool_calls"].index)


@pytest.mark.parametrize("prompt", ["sim:tool", "sim:tool \nsim:then", "sim:say", "sim:say \nsim:again"])
def test_empty_rounds_are_answered_like_any_prompt(prompt: str) -> None:
    assert "simulated answer" in str(ask_once(chat(prompt, **TOOLS)).message["content"])


# Several lines, none of them an order.
WORDS = st.text(st.sampled_from('ab: {}"\n\r\t🙂'), max_size=20).map(lambda text: f"a{text}b")
SAID = WORDS.map(lambda text: f" {text}\n ")
CALL = st.builds(OrderedCall, st.just("f"), WORDS)
ROUND = st.builds(
    OrderedRound, SAID | st.just(""), st.lists(CALL, min_size=1, max_size=3).map(tuple)
) | st.builds(OrderedRound, WORDS, st.just(()))


@CALM
@given(st.lists(ROUND, min_size=1, max_size=5), st.booleans(), st.integers(0, 9))
def test_a_prompt_is_read_to_the_character(rounds: list[OrderedRound], again: bool, played: int) -> None:
    written = [
        "\n".join(
            [f"sim:say {ordered.text}"] * bool(ordered.text)
            + [f"sim:tool {call.tool} {call.arguments}" for call in ordered.calls]
        )
        for ordered in rounds
    ]
    read = read_rounds("\nsim:then\n".join(written) + "\nsim:again" * again)
    assert read is not None
    assert read.rounds == tuple(rounds)
    due = rounds[played] if played < len(rounds) else rounds[-1] if again else None
    assert read.after(played) == due


TURNS = user("sim:turns one|||two|||three")


def answers(running: RunningSimulator, messages: list[Json], complaints: list[str]) -> list[object]:
    """Return the first answer, and the one after each complaint."""
    texts = []
    for complaint in [*complaints, ""]:
        message = ask(running, chat(messages=messages, **SPLIT)).message
        texts.append(message["content"])
        messages = [*messages, message, *([user(complaint)] if complaint else [])]
    return texts


def test_each_turn_has_its_answer_and_the_last_one_is_repeated() -> None:
    with simulator() as running:
        texts = answers(running, [TURNS], ["That is no JSON.", "Still not.", "No.", "No!"])
    assert texts == ["one", "two", "three", "three", "three"]


def test_turns_count_from_their_own_order() -> None:
    earlier: list[Json] = [user("Hi"), {"role": "assistant", "content": "Hello."}]
    with simulator() as running:
        assert answers(running, [*earlier, TURNS], ["No."]) == ["one", "two"]


def test_new_turns_replace_the_old() -> None:
    with simulator() as running:
        texts = answers(running, [TURNS], ["No.", "sim:turns four|||five", "No."])
    assert texts == ["one", "two", "four", "five"]


def test_another_order_ends_the_turns() -> None:
    with simulator() as running:
        texts = answers(running, [TURNS], ["sim:echo Other", "Go on."])
    assert texts[:2] == ["one", "Other"]
    assert "You asked: “Go on.”" in str(texts[2])


def test_turns_go_on_over_tool_results() -> None:
    call = {"id": "c_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked: Json = {"role": "assistant", "content": "", "tool_calls": [call]}
    messages = [TURNS, *with_results(asked, "sim:echo no")]
    assert ask_once(chat(messages=messages, **TOOLS)).message["content"] == "two"

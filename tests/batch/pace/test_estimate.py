"""The usage of a request is estimated a little too high, and learned from the answers."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.pace.estimate import AnswerHistogram, ExpectedUsage
from mmpipe.batch.pace.spending import Spending
from mmpipe.core.events import Usage
from mmpipe.core.prompt_size import prompt_tokens, request_tokens
from mmpipe.core.request import Request


def having_seen(*answers: int) -> AnswerHistogram:
    return reduce(AnswerHistogram.after, answers, AnswerHistogram())


def request(prompt: str, **parameters: object) -> Request:
    return Request("MiniMax-M3", ({"role": "user", "content": prompt},), parameters)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a" * 400, 100), ("中" * 100, 100), ("д" * 80, 50), ("🙂" * 8, 11), ("\ud800" * 8, 2)],
)
def test_a_prompt_counts_by_its_letters_and_their_bytes(text: str, tokens: int) -> None:
    assert tokens == prompt_tokens(text)


def test_before_any_answer_a_default_length_is_expected() -> None:
    assert ExpectedUsage("MiniMax-M3", 1, 1024) == AnswerHistogram().expect(request("four"))


def test_a_few_short_answers_do_not_lower_the_estimate_and_a_long_one_raises_it() -> None:
    assert 1024 == having_seen(5, 5, 5).answer_tokens()
    assert 8192 == having_seen(5, 5, 8192).answer_tokens()


def test_the_mean_sinks_with_each_short_answer_and_is_the_default_before_any() -> None:
    assert [1024, 516, 347, 262] == [having_seen(*[8] * seen).mean_tokens() for seen in range(4)]
    assert 10 >= having_seen(*[8] * 1000).mean_tokens()
    assert ExpectedUsage("MiniMax-M3", 1, 100) == AnswerHistogram().expect_mean(
        request("four", max_completion_tokens=100)
    )


@given(st.lists(st.integers(1, 10**6), min_size=200, max_size=400))
def test_the_mean_is_at_most_a_fifth_too_high(answers: list[int]) -> None:
    exact = sum((*answers, 1024)) / (len(answers) + 1)
    assert exact <= having_seen(*answers).mean_tokens() <= 1.19 * exact + 1


def test_twenty_short_answers_lower_the_estimate() -> None:
    assert 8 == having_seen(*[8] * 20).answer_tokens()


def test_one_long_answer_in_a_hundred_is_not_reserved_for() -> None:
    assert 8 == having_seen(*[8] * 99, 100_000).answer_tokens()


def test_no_more_is_reserved_than_an_answer_may_have() -> None:
    assert 101 == AnswerHistogram().expect(request("four", max_completion_tokens=100)).tokens


def test_the_cost_is_estimated_where_the_price_is_known() -> None:
    assert pytest.approx(1.5) == ExpectedUsage("MiniMax-M3", 1_000_000 // 2, 1_125_000).dollars
    assert None is ExpectedUsage("somebody-elses", 1, 1).dollars


def test_a_change_of_the_answers_is_learned_within_two_thousand() -> None:
    assert 8 == having_seen(*[4096] * 5000, *[8] * 20_000).answer_tokens()
    assert 4096 == having_seen(*[8] * 5000, *[4096] * 2000).answer_tokens()


@given(st.lists(st.integers(0, 10**9), min_size=20, max_size=200))
def test_nineteen_of_twenty_answers_fit_and_little_is_wasted(answers: list[int]) -> None:
    expected = having_seen(*answers).answer_tokens()
    p95 = min(2**20, sorted(answers)[-(-len(answers) * 19 // 20) - 1])
    assert max(1, p95) <= expected <= max(1, p95) * 1.19 + 1


def test_the_memory_of_the_histogram_is_bounded() -> None:
    assert 1100 >= sum(having_seen(*range(5000)).counts)


def part(field: str, url: str, **further: object) -> dict[str, object]:
    return {"type": field, field: {"url": url, **further}}


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "text", "text": "a" * 400}, 100),
        (part("image_url", "https://x.org/a.png"), 3_000),
        (part("image_url", f"data:image/png;base64,{'A' * 1_000_000}"), 3_000),
        (part("image_url", "https://x.org/a.png", detail="low"), 600),
        (part("image_url", "https://x.org/a.png", detail="high"), 15_000),
        (part("image_url", "https://x.org/a.png", detail=["?"]), 3_000),
        ({"type": "image_url", "image_url": "https://x.org/a.png"}, 3_000),
        (part("video_url", "mm_file://1"), 20_000),
        (part("video_url", f"data:video/mp4;base64,{'A' * 4_000}"), 1_000),
        (part("video_url", f"data:video/mp4;base64,{'A' * 4 * 512 * 1_000}"), 3_000),
        (part("video_url", f"data:video/mp4;base64,{'A' * 150_000_000}"), 192_000),
        ({"type": "input_audio", "input_audio": {"data": "A" * 1_000_000}}, 3_000),
        (None, 0),
    ],
)
def test_an_image_and_a_video_count_by_their_kind_and_not_by_their_data(part: object, tokens: int) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "b" * 40}, part]}
    assert 10 + tokens == request_tokens(Request("MiniMax-M3", (message,)))


def test_tools_a_schema_and_earlier_calls_are_part_of_the_prompt() -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "a" * 40_000}}]
    assert 10_000 < request_tokens(request("four", tools=tools)) < 10_100
    assert 10_000 < request_tokens(request("four", response_format={"schema": "a" * 40_000})) < 10_100
    calls = [{"id": "1", "function": {"name": "f", "arguments": "a" * 4_000}}]
    asked = Request("MiniMax-M3", ({"role": "assistant", "content": None, "tool_calls": calls},))
    assert 1_000 < request_tokens(asked) < 1_100
    assert 1 == request_tokens(request("four", temperature=1, tools=[]))


def test_a_run_reserves_the_mean_and_learns_it_from_each_answer() -> None:
    spending = Spending(None, answers=1, counts_tokens=True)
    assert 1025 == spending.tokens(request("four"))
    spending.settle(0, Usage(completion_tokens=8), None)
    assert 1 + 516 == spending.tokens(request("four"))

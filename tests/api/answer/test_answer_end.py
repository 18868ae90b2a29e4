"""A finish reason is the end of an answer only if it fits to what came before, and nothing follows it."""

import pytest

from mmpipe.api.answer.answer_end import AnswerEnd, shows_part


def end(*steps: str) -> AnswerEnd:
    """The state after the steps: `text`, `thinking`, `call`, `close`, or a finish reason."""
    found = AnswerEnd()
    for step in steps:
        match step:
            case "text":
                found.take_text()
            case "thinking":
                found.take_thinking()
            case "call":
                found.take_call()
            case "close":
                found.close()
            case reason:
                found.take_reason(reason)
    return found


@pytest.mark.parametrize(
    "steps",
    [
        ("text", "stop"),
        ("thinking", "text", "eos_token"),
        ("call", "tool_calls"),
        ("call", "stop"),
        ("thinking", "length"),
        ("thinking", "content_filter"),
        ("text", "weird"),
        ("error",),
        ("stop", "text", "error"),
        ("text", "stop", "stop"),
        ("stop", "close"),
        ("text", "tool_calls", "close"),
        ("text", "stop", "text", "stop", "close"),
    ],
)
def test_a_reason_that_fits_is_believed(steps: tuple[str, ...]) -> None:
    assert end(*steps).is_believed


@pytest.mark.parametrize(
    "steps",
    [
        (),
        ("text",),
        ("stop",),  # before any part
        ("length",),
        ("thinking", "stop"),  # the text is still to come
        ("text", "tool_calls"),  # the call is
        ("close",),
        ("text", "close"),
        ("text", "stop", "text"),
        ("text", "stop", "text", "stop"),  # this reason may be as wrong as the first
        ("text", "stop", "close", "text"),
        ("text", "stop", "close", "call", "stop"),
    ],
)
def test_a_reason_that_does_not_fit_or_was_wrong_before_is_not(steps: tuple[str, ...]) -> None:
    assert not end(*steps).is_believed


def test_a_part_takes_back_the_reason_before_it() -> None:
    assert None is end("text", "stop", "text").reason
    assert "length" == end("text", "stop", "text", "length").reason


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (("tool_calls", "stop"), "tool_calls"),
        (("stop", "tool_calls"), "tool_calls"),
        (("length", "stop"), "length"),
        (("stop", "weird"), "weird"),
        (("error", "length"), "error"),
        (("stop", "end_turn"), "end_turn"),
    ],
)
def test_of_two_reasons_the_graver_holds(reasons: tuple[str, ...], expected: str) -> None:
    assert expected == end("text", "call", *reasons).reason


@pytest.mark.parametrize("grave", ["length", "max_tokens", "content_filter", "error", "model_length"])
@pytest.mark.parametrize("between", ["text", "thinking", "call"])
def test_a_reason_that_says_the_answer_is_not_whole_counts_wherever_it_stood(
    grave: str, between: str
) -> None:
    assert None is end("text", grave, between).reason
    for later in ("stop", "tool_calls", "weird"):
        assert grave == end("text", grave, between, later).reason
        assert grave == end("text", grave, "text", later, between, "stop", "close").reason
    assert "error" == end("text", grave, between, "stop", between, "error").reason


def test_a_reason_that_was_no_end_and_says_nothing_bad_is_forgotten() -> None:
    for harmless in ("stop", "tool_calls", "weird"):
        assert "end_turn" == end("text", harmless, "text", "end_turn").reason


def test_only_the_first_reason_after_a_part_is_news() -> None:
    found = end("text")
    assert [True, False] == [found.take_reason("stop"), found.take_reason("stop")]
    found.take_text()
    assert found.take_reason("stop")


@pytest.mark.parametrize(
    "event",
    [
        b'{"choices":[{"delta":{"content":"x',
        b'{"choices":[{"delta":{"content": "\\u',
        b'{"choices":[{"delta":{"content" : "\xe2',
        b'"reasoning_content":"x',
        b'"reasoning":"x',
        b'"reasoning_details":[{"type":"reasoning.text","text":"x',
        b'"thinking":"x',
        b'"refusal":"x',
        b'"tool_calls":[{',
        b'"tool_calls": [ {"index":0',
        b'"arguments":"{',
        b'{"error":{"mess',
        b'{"error": "d',
    ],
)
def test_the_beginning_of_a_part_or_of_an_error_is_seen(event: bytes) -> None:
    assert shows_part(event)


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"data",
        b'{"choi',
        b'{"id":"1","model":"M","choices":[],"usage":{"total_tokens":8',
        b'{"choices":[{"delta":{"content":"',
        b'{"choices":[{"delta":{"content":"","role":"assistant"},"finish_reason":"stop"}],"error":null',
        b'{"choices":[{"delta":{"tool_calls":[],"reasoning_content":null}',
        b"\0\0\0",
    ],
)
def test_the_rest_of_a_frame_is_none(event: bytes) -> None:
    assert not shows_part(event)

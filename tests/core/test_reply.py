"""The events of an answer add up to a reply."""

import pytest

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.reply import (
    Attempts,
    Reply,
    ReplyWarning,
    describe_usage,
    reply_error,
    reply_warnings,
    sum_usage,
)
from mmpipe.errors import BadResponse, CutShort, Filtered, ServerError

MESSAGE = {"role": "assistant", "content": "56"}
USAGE = {
    "prompt_tokens": 4,
    "completion_tokens": 5,
    "total_tokens": 9,
    "reasoning_tokens": None,
    "cached_tokens": 3,
}


def reply(*events: Event) -> Reply:
    found = Reply()
    for event in events:
        found.add(event)
    return found


def ended(reason: str) -> Reply:
    return reply(Start("1", "M", "trace"), Text("56"), Stop(reason, MESSAGE))


def test_the_record_has_every_field() -> None:
    whole = reply(
        Start("1", "M", "trace"),
        Thinking("h"),
        Thinking("m"),
        Text("5"),
        Text("6"),
        ToolCall(0, "call_1", "ls", "{}"),
        ToolResult("call_1", "ls", "a result is no part of the answer"),
        Usage(4, 5, 9, None, 3, 2, "flex"),
        Stop("tool_calls", MESSAGE),
    )
    record = {
        "id": "1",
        "model": "M",
        "content": "56",
        "thinking": "hm",
        "tool_calls": [{"index": 0, "id": "call_1", "name": "ls", "arguments": "{}"}],
        "finish_reason": "tool_calls",
        "usage": USAGE,
        "cost": 0.25,
        "message": MESSAGE,
        "request_id": "trace",
        "attempts": 2,
        "elapsed_ms": 30,
    }
    assert record == whole.record(Attempts(2, 10, 30), 0.25, with_thinking=True)
    hidden = {name: value for name, value in record.items() if name != "thinking"}
    assert hidden == whole.record(Attempts(2, 10, 30), 0.25, with_thinking=False)


def test_the_record_of_nothing_says_that_nothing_is_known() -> None:
    record = Reply().record(Attempts(), with_thinking=True)
    assert dict.fromkeys(USAGE) == record["usage"]
    empty = {"id": "", "model": "", "content": "", "thinking": "", "tool_calls": [], "message": {}}
    unknown = {"finish_reason": None, "request_id": None, "attempts": 0, "elapsed_ms": 0, "cost": None}
    assert empty | unknown == {name: value for name, value in record.items() if name != "usage"}


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "STOP", "end_turn"])
def test_an_answer_that_came_to_its_end_is_whole(reason: str) -> None:
    assert ended(reason).is_whole
    assert None is reply_error(ended(reason))


@pytest.mark.parametrize("begun", [Reply(), reply(Start("1", "M"), Text("5"))])
def test_an_answer_without_its_end_is_not_whole(begun: Reply) -> None:
    assert not begun.is_whole


def test_an_answer_cut_at_its_limit_tells_which_options_help_and_may_be_accepted() -> None:
    cut = ended("length")
    error = reply_error(cut)
    assert isinstance(error, CutShort)
    assert (
        "the answer was cut off at the limit of tokens; raise --max-tokens, or accept it with --allow-truncated"
        == (error.message)
    )
    assert "trace" == error.request_id
    assert not cut.is_whole
    assert None is reply_error(cut, allow_truncated=True)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("MAX_TOKENS", "the answer was cut off at the limit of tokens (MAX_TOKENS); raise --max-tokens, or"),
        (
            "model_context_window_exceeded",
            "at the end of the context (model_context_window_exceeded); shorten the prompt, or accept",
        ),
    ],
)
def test_other_spellings_of_a_limit_are_named_and_may_be_accepted(reason: str, words: str) -> None:
    error = reply_error(ended(reason))
    assert isinstance(error, CutShort)
    assert words in error.message
    assert None is reply_error(ended(reason), allow_truncated=True)


@pytest.mark.parametrize("allow_truncated", [True, False])
def test_a_finish_reason_that_nobody_knows_is_no_end_and_is_named(allow_truncated: bool) -> None:
    error = reply_error(ended("weird\x1b[31m"), allow_truncated=allow_truncated)
    assert isinstance(error, BadResponse)
    assert "the service ended the answer with 'weird␛[31m', which mmpipe does not know" in error.message
    assert ("trace", False) == (error.request_id, error.retryable)
    assert not ended("weird").is_whole


def test_a_finish_reason_that_means_failure_is_one_of_the_service_and_may_pass() -> None:
    error = reply_error(ended("abort"))
    assert isinstance(error, ServerError)
    assert "the service failed within the answer (abort)" == error.message
    assert ("trace", True) == (error.request_id, error.retryable)


def test_a_reason_without_end_is_shown_shortened() -> None:
    for reason in ("weird" * 99, "max_tokens" + " " * 400 + "."):
        error = reply_error(ended(reason))
        assert isinstance(error, BadResponse | CutShort)
        assert len(error.message) < 200


@pytest.mark.parametrize("reason", ["stop", "refusal", "weird"])
def test_a_refusal_of_the_model_is_no_success(reason: str) -> None:
    message = {"role": "assistant", "refusal": "No."}
    refused = reply(Start("1", "M", "trace"), Text("No."), Stop(reason, message))
    error = reply_error(refused, allow_truncated=True)
    assert isinstance(error, Filtered)
    assert "the model refused to answer; its words are in the output" == error.message
    assert "trace" == error.request_id
    assert not refused.is_whole


@pytest.mark.parametrize("message", [MESSAGE | {"refusal": None}, MESSAGE | {"refusal": ""}])
def test_an_empty_refusal_is_none(message: dict[str, object]) -> None:
    assert None is reply_error(reply(Text("56"), Stop("stop", message)))


SILENT = {"role": "assistant", "content": "", "reasoning_content": "hm"}


@pytest.mark.parametrize(
    ("events", "is_warned"),
    [
        ((Thinking("hm"), Stop("stop", SILENT)), True),
        ((Stop("STOP", SILENT),), True),  # with `-t hide`
        ((Text("<think>hm</think>"), Stop("stop", SILENT)), True),  # with `-t show`
        ((Text("\n"), Stop("stop", {"content": "<think>hm</think>\n"})), True),
        ((Text("56"), Stop("stop", MESSAGE)), False),
        ((ToolCall(0, "1", "ls", "{}"), Stop("tool_calls", SILENT)), False),
        ((ToolCall(0, "1", "ls", "{}"), Stop("stop", SILENT)), False),
        ((Thinking("hm"), Stop("length", SILENT)), True),  # with --allow-truncated
        ((Thinking("hm"),), False),
    ],
)
def test_thinking_alone_is_warned_of(events: tuple[Event, ...], is_warned: bool) -> None:
    assert ((ReplyWarning.THINKING_ALONE,) if is_warned else ()) == reply_warnings(reply(*events))


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("I think.\n</think>\n\n56", ReplyWarning.LONE_CLOSER),
        ("</mm:think>56", ReplyWarning.LONE_CLOSER),
        ("<think> is a tag", ReplyWarning.UNCLOSED_BLOCK),
        ("\n<mm:think>\nhm\n", ReplyWarning.UNCLOSED_BLOCK),
        ("<think>\nI think.\n</think>\n\n56", None),
        ("The tag </think> ends it.", None),
        ('<minimax:tool_call>\n<invoke name="ls">\n</minimax:tool_call>', ReplyWarning.UNREAD_CALL),
        ("]<]minimax[>[<tool_call>x", ReplyWarning.UNREAD_CALL),
        ('I look.\n<tool_call>\n{"name": "ls"}\n</tool_call>', ReplyWarning.UNREAD_CALL),
        ("A <tool_call> is a tag.", None),
    ],
)
def test_what_a_server_left_in_the_text_is_warned_of(text: str, warning: ReplyWarning | None) -> None:
    found = reply_warnings(reply(Text(text), Stop("stop", {"content": text})))
    assert (() if warning is None else (warning,)) == found


def test_what_stands_in_several_pieces_of_text_is_warned_of() -> None:
    cut = reply(Text("I think.\n</th"), Text("ink>56"), Stop("stop", {"content": "I think.\n</think>56"}))
    assert (ReplyWarning.LONE_CLOSER,) == reply_warnings(cut)


def test_thinking_that_was_guessed_is_warned_of() -> None:
    guessed = reply(Text("56"), Stop("stop", MESSAGE, has_guessed_thinking=True))
    assert (ReplyWarning.GUESSED_THINKING,) == reply_warnings(guessed)


@pytest.mark.parametrize("allow_truncated", [True, False])
def test_an_answer_cut_by_moderation_is_never_accepted(allow_truncated: bool) -> None:
    error = reply_error(ended("content_filter"), allow_truncated=allow_truncated)
    assert isinstance(error, Filtered)
    assert "the answer was cut off by moderation (content_filter)" == error.message
    assert "trace" == error.request_id


def test_the_usage_of_several_answers_is_added_up_as_far_as_it_is_known() -> None:
    first = Usage(1, 2, 3, None, 0, 7, "flex")
    second = Usage(10, None, 30, None, 5, 20, "standard")
    assert Usage(11, 2, 33, None, 5, 27, "standard") == sum_usage(first, None, second)
    assert Usage(11, 2, 33, None, 5, 27, "flex") == sum_usage(second, first)
    assert Usage(12, 4, 36, None, 5, 34, "flex") == sum_usage(first, second, first)
    assert first == sum_usage(None, first)
    assert None is sum_usage(None, None) is sum_usage()


def test_a_replayed_answer_costs_nothing() -> None:
    asked: list[Event] = [Start("1", "MiniMax-M2.7"), Usage(1000, 500, 1500)]
    replayed: list[Event] = [Start("1", "MiniMax-M2.7", replayed=True), Usage(1000, 500, 1500)]
    paid = reply(*asked).cost_at(None)
    assert paid is not None
    assert paid > 0
    assert 0.0 == reply(*replayed).cost_at(None)
    assert paid == reply(*replayed, *asked).cost_at(None)


@pytest.mark.parametrize("key", ["content", "reasoning"])
def test_a_lone_surrogate_in_the_message_is_warned_of(key: str) -> None:
    odd = reply(Text("a\ufffd"), Stop("stop", {"role": "assistant", "content": "a", key: "a\ud83d"}))
    assert (ReplyWarning.LONE_SURROGATE,) == reply_warnings(odd)


def test_a_loop_that_the_server_stopped_is_no_limit_of_tokens() -> None:
    error = reply_error(ended("repetition"))
    assert isinstance(error, CutShort)
    assert error.message == (
        "the answer was cut off by the service, since it repeats itself (repetition); "
        "change the prompt or the sampling, or accept it with --allow-truncated"
    )
    assert None is reply_error(ended("repetition"), allow_truncated=True)


def test_a_finish_reason_of_refusal_is_the_models_and_not_of_moderation() -> None:
    error = reply_error(ended("refusal"))
    assert isinstance(error, Filtered)
    assert ("the model refused to answer (refusal)", "trace") == (error.message, error.request_id)


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize(
    ("message", "is_warned"),
    [
        ({"content": [TEXT, IMAGE]}, True),
        ({"content": [IMAGE]}, True),
        ({"content": IMAGE}, True),
        ({"content": [{"type": "output_image", "data": "x"}]}, True),
        ({"content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}, True),
        ({"content": [{"inlineData": {"mimeType": "image/png", "data": "x"}}]}, True),
        ({"content": [{"type": "file", "file": {"file_id": "x"}}]}, True),
        ({"content": [{"type": "document", "source": {}}]}, True),
        ({"content": "a", "images": [IMAGE]}, True),
        ({"content": "a", "audio": {"id": "x", "data": "y"}}, True),
        ({"content": "a", "images": [], "audio": None}, False),
        ({"content": [TEXT, {"type": "thinking", "thinking": "x"}]}, False),
        ({"content": [{"type": "text", "text": "a", "annotations": [{"type": "file_citation"}]}]}, False),
        ({"content": [{"type": "redacted_thinking", "data": "x"}, TEXT]}, False),
        ({"content": "an image"}, False),
        ({"content": ["image"]}, False),
    ],
)
def test_a_part_that_is_not_text_is_one_warning(message: dict[str, object], is_warned: bool) -> None:
    has_text = message["content"] != [IMAGE]
    found = reply(Start("1", "M"), *[Text("a")] * has_text, Stop("stop", message))
    assert ([ReplyWarning.OTHER_PART] if is_warned else []) == list(reply_warnings(found))


@pytest.mark.parametrize(
    ("usage", "dollars", "words"),
    [
        (Usage(34, 61, 95, 30), 0.000123456, "34 tokens in, 61 out (30 of thinking), $0.0001235"),
        (Usage(34, 61, 95, None, 12), None, "34 tokens in (12 from the cache), 61 out, cost unknown"),
        (Usage(None, 61, None), 0.0, "unknown tokens in, 61 out, $0"),
        (None, None, "tokens unknown"),
    ],
)
def test_the_usage_in_words_has_the_thinking_the_cache_and_the_cost(
    usage: Usage | None, dollars: float | None, words: str
) -> None:
    assert words == describe_usage(usage, dollars)

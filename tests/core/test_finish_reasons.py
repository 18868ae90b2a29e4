"""A finish reason has one meaning, in each spelling that servers send."""

import pytest

from mmpipe.core.finish_reasons import FinishMeaning, find_finish_reason, finish_meaning

SPELLINGS = {
    FinishMeaning.ABSENT: (None, "", " ", "null", "NULL", "None", "undefined", "FINISH_REASON_UNSPECIFIED", "not_finished"),
    FinishMeaning.COMPLETE: (
        "stop", "STOP", "FINISH_REASON_STOP", "FinishReason.STOP", "eos", "eos_token", "end_turn", "endTurn",
        "stop_sequence", "STOP_SEQUENCE", "COMPLETE", "completed", " stop\n", "normal",
    ),
    FinishMeaning.CALLS: ("tool_calls", "tool-calls", "toolUse", "tool_use", "TOOL_CALL", "function_call"),
    FinishMeaning.CUT_SHORT: (
        "length", "max_tokens", "MAX_TOKENS", "maxTokens", "max_output_tokens", "FINISH_REASON_MAX_TOKENS",
        "REASON_MAX_LEN", "token_limit", "incomplete",
    ),
    FinishMeaning.CONTEXT_FULL: ("model_context_window_exceeded", "model_length", "ERROR_LIMIT", "REASON_MAX_CONTEXT"),
    FinishMeaning.FILTERED: (
        "content_filter", "content-filter", "CONTENT_FILTER", "content_filtered", "sensitive", "SAFETY",
        "guardrail_intervened", "ERROR_TOXIC", "PROHIBITED_CONTENT",
    ),
    FinishMeaning.REFUSED: ("refusal", "REFUSAL", "Refusal"),
    FinishMeaning.REPEATED: ("repetition", "REPETITION"),
    FinishMeaning.FAILED: (
        "error", "ERROR", "abort", "aborted", "network_error", "insufficient_system_resource", "cancelled", "CANCELED",
        "timeout", "TIMED_OUT", "MALFORMED_FUNCTION_CALL",
    ),
    FinishMeaning.UNKNOWN: ("weird", "other", "unknown", "stop it", "x" * 65, "停止", "0"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [(reason, meaning) for meaning, reasons in SPELLINGS.items() for reason in reasons],
)
def test_each_spelling_has_its_meaning(reason: str | None, meaning: FinishMeaning) -> None:
    assert meaning is finish_meaning(reason)
    expected = None if meaning is FinishMeaning.ABSENT else reason
    assert expected == find_finish_reason(reason)


@pytest.mark.parametrize(
    "value", [0, 1, True, 2.5, [], ["stop"], {}, {"type": None}, {"type": {"type": "stop"}}]
)
def test_a_value_that_is_no_word_is_no_reason(value: object) -> None:
    assert None is find_finish_reason(value)


def test_the_own_form_of_sglang_is_read() -> None:
    assert "length" == find_finish_reason({"type": "length", "length": 16})


def test_a_failure_outweighs_all_and_an_end_nothing() -> None:
    assert max(FinishMeaning) is FinishMeaning.FAILED
    assert FinishMeaning.COMPLETE < FinishMeaning.CALLS < FinishMeaning.UNKNOWN < FinishMeaning.CUT_SHORT


def test_a_reason_without_end_is_not_searched() -> None:
    assert FinishMeaning.UNKNOWN is finish_meaning("stop" * 10**6)
    assert FinishMeaning.ABSENT is finish_meaning(" " * 10**6)

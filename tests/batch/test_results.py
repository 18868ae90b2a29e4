"""A line has the result of a record, in our own form or in that of the Batch API."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.wire import MAX_ANSWER
from mmpipe.batch.engine import Outcome
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.journal.scan import LINE_LIMIT, MAX_ATTEMPT, entry
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.batch.results import (
    LineForm,
    bad_record_line,
    copied_line,
    fitting_copy,
    fitting_line,
    result_line,
)
from mmpipe.core.events import Start, Stop, Text, Thinking, Usage
from mmpipe.core.reply import Attempts, Reply
from mmpipe.core.request import Request
from mmpipe.errors import BadResponse, CutShort, Filtered, MmpipeError, QuotaError
from mmpipe.structured.repair import InvalidAnswer

REQUEST = Request("MiniMax-M3", ({"role": "user", "content": "hi"},))
RECORD = Record(4, "r-4", "in.jsonl", 5, REQUEST, "ab" * 32, {"title": "T"})


USAGE = Usage(10, 5, 15)


def reply(reason: str = "stop", usage: Usage | None = USAGE) -> Reply:
    found = Reply()
    message = {"role": "assistant", "content": "Hello"}
    for event in (Start("resp-1", "MiniMax-M3", "trace"), Thinking("hm"), Text("Hello")):
        found.add(event)
    if usage is not None:
        found.add(usage)
    found.add(Stop(reason, message))
    return found


def parsed(line: bytes) -> dict[str, object]:
    assert line.endswith(b"\n")
    assert 1 == line.count(b"\n")
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


def body_of(line: Mapping[str, object]) -> dict[str, Any]:
    response = line["response"]
    assert isinstance(response, dict)
    body = response["body"]
    assert isinstance(body, dict)
    return body


DONE = Outcome(RECORD, reply(), Attempts(2, elapsed_ms=30))
FAILED = Outcome(RECORD, Reply(), Attempts(1), QuotaError("slower", http=429, api_code=1002, retryable=True))


def test_a_good_record_has_its_answer_its_identity_and_no_error() -> None:
    found = parsed(result_line(DONE, LineForm(), earlier=1, dollars=9e-6))
    assert ("r-4", 4, "Hello", "hm", "stop", None) == tuple(
        found[name] for name in ("id", "index", "content", "thinking", "finish_reason", "error")
    )
    assert ("resp-1", "trace", 3, "ab" * 32) == tuple(
        found[name] for name in ("response_id", "request_id", "attempt", "request_sha256")
    )
    assert 9e-6 == found["cost"]


@pytest.mark.parametrize("form", [LineForm(), LineForm("openai")], ids=["own", "Batch API"])
def test_a_line_after_any_number_of_attempts_can_be_read_again(form: LineForm) -> None:
    outcome = Outcome(RECORD, reply(), Attempts(3), None)
    for earlier in (0, 1, MAX_ATTEMPT - 1, MAX_ATTEMPT):
        assert min(earlier + 3, MAX_ATTEMPT) == entry(result_line(outcome, form, earlier)).attempt


def test_a_failed_record_says_why_and_has_the_same_fields() -> None:
    good, failed = (parsed(result_line(outcome, LineForm())) for outcome in (DONE, FAILED))
    assert list(good) == list(failed)
    error = failed["error"]
    assert isinstance(error, dict)
    assert (4, "quota", 429, 1002, True) == tuple(
        error[name] for name in ("code", "name", "http", "api_code", "retryable")
    )
    assert ("", None) == (failed["content"], failed["cost"])


def test_a_record_that_could_not_be_read_has_the_same_fields_and_no_request() -> None:
    bad = parsed(bad_record_line(BadRecord(7, None, "in.jsonl", 8, "it is not JSON"), LineForm()))
    assert set(parsed(result_line(FAILED, LineForm()))) == set(bad)
    assert None is bad["request_sha256"]
    error = bad["error"]
    assert isinstance(error, dict)
    assert (12, "in.jsonl, line 8: it is not JSON", "7") == (error["code"], error["message"], bad["id"])


def test_hidden_thinking_and_fields_that_pass_through() -> None:
    found = parsed(result_line(DONE, LineForm(with_thinking=False, pass_through=True)))
    assert "thinking" not in found
    assert {"title": "T"} == found["input"]


def test_the_form_of_the_batch_api_can_be_read_as_a_chat_completion() -> None:
    found = parsed(result_line(DONE, LineForm("openai")))
    response = found["response"]
    assert isinstance(response, dict)
    body = response["body"]
    assert ("r-4", None, 200) == (found["custom_id"], found["error"], response["status_code"])
    assert "Hello" == body["choices"][0]["message"]["content"]
    assert 15 == body["usage"]["total_tokens"]


def test_a_failure_in_that_form_has_no_response() -> None:
    found = parsed(result_line(FAILED, LineForm("openai")))
    error = found["error"]
    assert isinstance(error, dict)
    assert (None, "quota") == (found["response"], error["code"])


CUT_SHORT = CutShort("the answer was cut off at the limit of tokens")
FILTERED = Filtered("the answer was cut off by moderation")


@pytest.mark.parametrize(("reason", "error"), [("length", CUT_SHORT), ("content_filter", FILTERED)])
def test_a_cut_answer_in_that_form_is_a_response_with_its_reason_and_not_a_good_one(
    reason: str, error: MmpipeError
) -> None:
    line = result_line(Outcome(RECORD, reply(reason), Attempts(1), error), LineForm("openai"))
    found = parsed(line)
    (choice,) = body_of(found)["choices"]
    assert (None, reason, "Hello") == (found["error"], choice["finish_reason"], choice["message"]["content"])
    incomplete = found["incomplete"]
    assert isinstance(incomplete, dict)
    assert error.message == incomplete["message"]
    assert not entry(line).good
    copied = copied_line(line, RECORD, LineForm("openai"))
    assert incomplete == parsed(copied)["incomplete"]
    assert not entry(copied).good


def test_a_cut_answer_that_was_accepted_is_a_good_one() -> None:
    line = result_line(Outcome(RECORD, reply("length"), Attempts(1)), LineForm("openai"))
    assert "length" == body_of(parsed(line))["choices"][0]["finish_reason"]
    assert "incomplete" not in parsed(line)
    assert entry(line).good


def test_an_answer_that_the_schema_refuses_is_an_error_in_that_form() -> None:
    invalid = Outcome(RECORD, reply(), Attempts(1), InvalidAnswer("it is not JSON", request_id=None))
    found = parsed(result_line(invalid, LineForm("openai")))
    assert (None, True) == (found["response"], isinstance(found["error"], dict))


def test_a_count_that_was_not_reported_is_null_in_that_form() -> None:
    for usage, expected in (
        (Usage(10, None, None), (10, None, None)),
        (Usage(10, 5, 15), (10, 5, 15)),
    ):
        answered = reply(usage=usage)
        found = body_of(parsed(result_line(Outcome(RECORD, answered, Attempts(1)), LineForm("openai"))))[
            "usage"
        ]
        assert expected == tuple(
            found[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        )
    silent = Outcome(RECORD, reply(usage=None), Attempts(1))
    assert None is body_of(parsed(result_line(silent, LineForm("openai"))))["usage"]


FIELD = {
    "role": "assistant",
    "content": "Hello",
    "reasoning_content": "hm",
    "reasoning_details": [{"text": "hm"}],
}
TAGS = {"role": "assistant", "content": "<think>hm</think>Hello"}
PARTS = {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}
REFUSED = {"role": "assistant", "content": None, "refusal": "No."}


@pytest.mark.parametrize(
    ("message", "texts", "thoughts", "with_thinking", "expected"),
    [
        (FIELD, "Hello", "hm", True, FIELD),
        (FIELD, "Hello", "", False, {"role": "assistant", "content": "Hello"}),
        (
            FIELD,
            "<think>hm</think>Hello",
            "",
            False,
            {"role": "assistant", "content": "<think>hm</think>Hello"},
        ),
        (TAGS, "Hello", "hm", True, {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}),
        (TAGS, "Hello", "", False, {"role": "assistant", "content": "Hello"}),
        (TAGS, "<think>hm</think>Hello", "", False, TAGS),
        (PARTS, "Hello", "", True, {"role": "assistant", "content": "Hello"}),
        (FIELD, "{}", "hm", True, {**FIELD, "content": "{}"}),
        (CALL, "", "", True, CALL),
        (REFUSED, "No.", "", True, REFUSED),
    ],
)
def test_the_message_in_that_form_has_the_content_and_the_thinking_that_were_asked_for(
    message: Mapping[str, object],
    texts: str,
    thoughts: str,
    with_thinking: bool,
    expected: Mapping[str, object],
) -> None:
    answered = Reply(
        finish_reason="stop", message=message, texts=[texts], thoughts=[thoughts] if thoughts else []
    )
    form = LineForm("openai", with_thinking=with_thinking)
    found = body_of(parsed(result_line(Outcome(RECORD, answered, Attempts(1)), form)))
    assert expected == found["choices"][0]["message"]


PIECES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), max_size=3)
CONTENT = st.none() | st.text(max_size=8) | st.just([{"type": "text", "text": "a"}])
MESSAGES = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": CONTENT},
    optional={"reasoning_content": st.text(max_size=3), "reasoning_details": st.just([{"text": "hm"}])},
)


@given(MESSAGES, PIECES, PIECES, st.booleans())
def test_both_forms_have_the_same_content_and_thinking(
    message: dict[str, object], texts: list[str], thoughts: list[str], with_thinking: bool
) -> None:
    answered = Reply(finish_reason="stop", message=message, texts=texts, thoughts=thoughts)
    own, theirs = (
        parsed(
            result_line(Outcome(RECORD, answered, Attempts(1)), LineForm(name, with_thinking=with_thinking))
        )
        for name in get_args(JournalFormat)
    )
    found = body_of(theirs)["choices"][0]["message"]
    assert own["content"] == (found["content"] or "")
    if thoughts:
        assert with_thinking == bool(found.get("reasoning_content") or found.get("reasoning_details"))
    elif not with_thinking:
        assert {"role", "content"} == set(found)


def test_a_record_that_came_with_a_custom_id_goes_out_with_one() -> None:
    record = Record(0, "c", "in", 1, REQUEST, "00", {}, custom_id=True)
    found = parsed(result_line(Outcome(record, reply(), Attempts(1)), LineForm()))
    assert ("c", False) == (found["custom_id"], "id" in found)


def test_a_lone_surrogate_breaks_no_line() -> None:
    record = Record(0, "\ud800", "in", 1, REQUEST, "00", {})
    assert "\ud800" == parsed(result_line(Outcome(record, reply(), Attempts(1)), LineForm()))["id"]


@pytest.mark.parametrize("form", [LineForm(), LineForm("openai"), LineForm(pass_through=True)])
def test_a_record_that_shares_an_answer_has_its_own_id_and_names_the_asked_record(
    form: LineForm,
) -> None:
    duplicate = Record(9, "r-9", "in.jsonl", 10, REQUEST, "ab" * 32, {"title": "U"}, custom_id=True)
    first = parsed(result_line(DONE, form, dollars=9e-6))
    found = parsed(copied_line(result_line(DONE, form, dollars=9e-6), duplicate, form, earlier=1))
    assert ("r-9", 9, "r-4", 1) == tuple(found[name] for name in ("custom_id", "index", "same_as", "attempt"))
    own = {"custom_id", "id", "index", "same_as", "attempt", "attempts", "elapsed_ms", "cost", "input"}
    assert {name: value for name, value in first.items() if name not in own} == {
        name: value for name, value in found.items() if name not in own
    }
    assert ({"title": "U"} if form.pass_through else None) == found.get("input")
    assert ("batch_req_r-9" if form.format == "openai" else None) == found.get("id")


def test_a_shared_answer_costs_nothing() -> None:
    found = parsed(copied_line(result_line(DONE, LineForm(), dollars=9e-6), RECORD, LineForm()))
    assert (0, 0, 0) == (found["cost"], found["attempts"], found["elapsed_ms"])


@pytest.mark.parametrize("name", get_args(JournalFormat))
def test_each_format_writes_lines(name: JournalFormat) -> None:
    form = LineForm(name)
    line = result_line(DONE, form)
    bad = BadRecord(7, None, "in.jsonl", 8, "it is not JSON")
    for found in (line, copied_line(line, RECORD, form), bad_record_line(bad, form)):
        assert ("response" in parsed(found)) is (name == "openai")


def test_a_format_that_nothing_writes_is_an_error() -> None:
    unknown: JournalFormat = "yaml"  # type: ignore[assignment]
    with pytest.raises(AssertionError):
        result_line(DONE, LineForm(unknown))


@pytest.mark.parametrize(
    "form", [*map(LineForm, get_args(JournalFormat)), LineForm(with_thinking=False, pass_through=True)]
)
@pytest.mark.parametrize("custom_id", [False, True])
def test_the_format_of_every_line_can_be_told(form: LineForm, *, custom_id: bool) -> None:
    named = msgspec.structs.replace(RECORD, custom_id=custom_id)
    done, failed = replace(DONE, item=named), replace(FAILED, item=named)
    lines = [result_line(outcome, form) for outcome in (done, failed)]
    lines += [copied_line(line, msgspec.structs.replace(named, id="other"), form) for line in lines]
    for name in ("bad", None):
        lines.append(bad_record_line(BadRecord(0, name, "-", 1, "it is bad", custom_id), form))
    assert [form.format] * 6 == [entry(line).format for line in lines]


LONGEST = {
    "control characters": ("\0", 6),
    "escapes": ('"\\', 4),
    "emoji": ("\U0001f389", 4),
    "letters": ("x", 1),
    "lone surrogates": ("\ud800", 6),
}
"""What the longest texts that the service can send are made of, and its bytes there."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "form", "thinks"),
    [
        *((name, LineForm(), False) for name in LONGEST),
        ("emoji", LineForm("openai"), False),
        ("letters", LineForm(), True),
    ],
)
def test_the_longest_answer_is_a_line_that_can_be_resumed(name: str, form: LineForm, *, thinks: bool) -> None:
    piece, size = LONGEST[name]
    text = piece * (MAX_ANSWER // size)
    found = Reply(texts=[] if thinks else [text], thoughts=[text] if thinks else [])
    found.add(Stop("stop", {"role": "assistant", "reasoning_content" if thinks else "content": text}))
    outcome, line = fitting_line(Outcome(RECORD, found, Attempts(1)), form)
    assert outcome.error is None
    assert len(line) <= LINE_LIMIT
    assert entry(line).good


@pytest.mark.slow
@pytest.mark.parametrize("form", [*map(LineForm, get_args(JournalFormat))])
def test_an_answer_that_no_later_run_could_read_is_a_failure_with_its_usage(form: LineForm) -> None:
    found = reply()
    found.message = {"role": "assistant", "content": "", "unknown": "x" * LINE_LIMIT}
    outcome, line = fitting_line(Outcome(RECORD, found, Attempts(1)), form, earlier=2, dollars=0.5)
    assert isinstance(outcome.error, BadResponse)
    assert outcome.error.message.endswith(f"; the output takes {LINE_LIMIT}")
    assert (USAGE, False, 3) == (outcome.reply.usage, entry(line).good, entry(line).attempt)
    nested: object = None
    for _ in range(5000):
        nested = [nested]
    found.message = {"role": "assistant", "content": "", "unknown": nested}
    outcome, line = fitting_line(Outcome(RECORD, found, Attempts(1)), form)
    assert isinstance(outcome.error, BadResponse)
    assert "nested too deep" in outcome.error.message
    assert not entry(line).good


@pytest.mark.slow
def test_a_copy_that_no_later_run_could_read_is_a_failure_too() -> None:
    found = Reply(texts=["x" * (LINE_LIMIT - 1000)])
    _, line = fitting_line(Outcome(RECORD, found, Attempts(1)), LineForm())
    assert len(line) <= LINE_LIMIT
    copied, is_copy = fitting_copy(line, RECORD, LineForm())
    assert (True, True) == (is_copy, entry(copied).good)
    other = msgspec.structs.replace(RECORD, id="y" * 1000)
    copied, is_copy = fitting_copy(line, other, LineForm())
    assert (False, False, other.id) == (is_copy, entry(copied).good, entry(copied).name)

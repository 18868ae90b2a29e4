"""Each fault of another server, as a client sees it."""

import json

import pytest

from support.simulator_client import SPLIT, STREAM, Json, Reply, ask_once, chat, field, objects

WAYS: list[Json] = [{}, STREAM]


def finish(reply: Reply) -> Json:
    """Return the choice with the finish reason."""
    choices = (
        reply.choices if reply.headers["Content-Type"].startswith("text/") else objects(reply.json, "choices")
    )
    return next(choice for choice in choices if "finish_reason" in choice)


def data_of(reply: Reply) -> Json:
    """Return the last event, or the body."""
    return reply.events[-1] if reply.body.startswith(b"data:") else reply.json


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_error_can_come_with_status_200(status: int, way: Json) -> None:
    reply = ask_once(chat(**way), f"error-{status}")
    error = field(data_of(reply), "error")
    assert (200, status) == (reply.status, error["code"])
    assert error["message"]
    assert reply.failure is None


def test_an_error_can_come_after_some_text() -> None:
    reply = ask_once(chat(**SPLIT, **STREAM), "mid-error-500")
    *earlier, last = reply.events
    assert "500" == field(last, "error")["code"]
    assert all(event["choices"] for event in earlier)
    assert len(earlier) > 2
    assert "500" == field(ask_once(chat(), "mid-error-500").json, "error")["code"]


def test_an_overloaded_server_names_only_the_type() -> None:
    expected = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert expected == ask_once(chat(), "overloaded").json
    streamed = ask_once(chat(**STREAM), "overloaded")
    assert (
        200,
        b"event: error\ndata: " + json.dumps(expected, separators=(",", ":")).encode() + b"\n\n",
    ) == (
        streamed.status,
        streamed.body,
    )


def test_an_error_can_be_a_field_of_its_own() -> None:
    body = ask_once(chat(**STREAM), "error-field").body
    first, done, end = body.split(b"\n\n")
    assert (b"data: [DONE]", b"") == (done, end)
    assert 400 == json.loads(first.removeprefix(b"error: "))["code"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reason", ["abort", "MAX_TOKENS", "sensitive"])
def test_any_finish_reason_can_be_sent(reason: str, way: Json) -> None:
    choice = finish(ask_once(chat(**way), f"finish={reason}"))
    assert reason == choice["finish_reason"]
    assert "error" not in choice


@pytest.mark.parametrize("way", WAYS)
def test_the_reason_error_is_explained_beside_it(way: Json) -> None:
    choice = finish(ask_once(chat(**way), "finish=error"))
    assert ("error", 502) == (choice["finish_reason"], field(choice, "error")["code"])


def test_an_answer_can_be_a_refusal() -> None:
    message = ask_once(chat("sim:echo No.", **SPLIT), "refusal").message
    assert (None, "No.") == (message["content"], message["refusal"])
    streamed = ask_once(chat("sim:echo I must decline.", **SPLIT, **STREAM), "refusal")
    assert "I must decline." == streamed.joined("refusal")
    assert {None} == {delta["content"] for delta in streamed.deltas}
    assert "stop" == finish(streamed)["finish_reason"]


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_can_be_blank(way: Json) -> None:
    choice = finish(ask_once(chat(**SPLIT, **way), "blank"))
    fields = field(choice, "delta" if way else "message")
    assert ("stop", "") == (choice["finish_reason"], fields["content"])
    assert "reasoning_content" not in fields


def test_a_wait_can_be_in_milliseconds() -> None:
    reply = ask_once(chat(), "retry-after-ms=1500")
    assert (429, "1500") == (reply.status, reply.headers["retry-after-ms"])
    assert "Retry-After" not in reply.headers

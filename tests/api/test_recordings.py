"""A recorded answer comes again from its folder: without the service, the key or the network."""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mmpipe.api.attempt import Observer
from mmpipe.api.response_head import ResponseHead
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError, NetworkError, NotRecorded, QuotaError, ServerError, TimedOut
from support.scripted_answers import (
    END,
    GOOD,
    MESSAGE,
    OVERLOADED,
    PATIENCE,
    REFUSED,
    REQUEST,
    STREAM,
    WHOLE,
    answering,
    asked,
    chunk,
    error_fields,
    recordings,
    text,
)


@pytest.mark.parametrize("arrivals", [(STREAM, *GOOD), (WHOLE, json.dumps(MESSAGE).encode())])
def test_a_replay_brings_the_same_events_and_bytes(
    arrivals: tuple[ResponseHead | bytes, ...], tmp_path: Path
) -> None:
    expected = asked(tmp_path, "record", answering(*arrivals))
    assert "" != text(expected[0])
    assert expected == asked(tmp_path, "replay")


@pytest.mark.parametrize("codings", [("gzip",), ()])
def test_a_compressed_answer_is_recorded_as_its_content(codings: tuple[str, ...], tmp_path: Path) -> None:
    expected = asked(tmp_path / "plain", "record", answering(STREAM, b"".join(GOOD)))
    sent = gzip.compress(b"".join(GOOD))
    service = answering(
        replace(STREAM, content_encoding=", ".join(codings)), *(bytes([byte]) for byte in sent)
    )
    found = asked(tmp_path / "packed", "record", service)
    assert (expected, b"".join(GOOD)) == (found, found[1])
    (recorded,) = (tmp_path / "packed").iterdir()
    assert "data: " in recorded.read_text()
    assert found == asked(tmp_path / "packed", "replay")


def test_a_recording_serves_the_question_however_it_is_asked(tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(STREAM, *GOOD))
    events, _, _ = asked(tmp_path, "replay", None, Request("M", REQUEST.messages, {}, streamed=False))
    assert "five ü" == text(events)


def test_a_miss_is_a_network_error_that_names_the_file(tmp_path: Path) -> None:
    events, _, error = asked(tmp_path, "replay")
    assert ([], NotRecorded, 6) == (events, type(error), error and error.status)
    assert error is not None
    assert str(tmp_path / f"{REQUEST.sha256}.json") in error.message
    assert not error.retryable
    assert [] == list(tmp_path.iterdir())


def test_a_replay_sends_no_request_although_a_service_is_there(tmp_path: Path) -> None:
    seen: list[Request] = []
    assert isinstance(asked(tmp_path, "replay", answering(STREAM, *GOOD, seen=seen))[2], NetworkError)
    assert [] == seen


def test_a_cache_asks_once(tmp_path: Path) -> None:
    seen: list[Request] = []
    service = answering(STREAM, *GOOD, seen=seen)
    first, second = (asked(tmp_path, "cache", service) for _ in range(2))
    other = Request("other", REQUEST.messages)
    asked(tmp_path, "cache", service, other)
    assert (first, [REQUEST, other]) == (second, seen)


def test_a_cache_asks_again_after_a_failure_and_keeps_the_answer(tmp_path: Path) -> None:
    assert REFUSED is asked(tmp_path, "cache", answering(REFUSED))[2]
    assert error_fields(REFUSED) == error_fields(asked(tmp_path, "replay")[2])
    assert "five ü" == text(asked(tmp_path, "cache", answering(STREAM, *GOOD))[0])
    assert "five ü" == text(asked(tmp_path, "replay")[0])


def test_recording_asks_anew_and_keeps_the_last_answer(tmp_path: Path) -> None:
    for word in ("one", "two"):
        asked(tmp_path, "record", answering(STREAM, chunk(word), END))
    assert "two" == text(asked(tmp_path, "replay")[0])


def test_a_failure_takes_the_place_of_a_failure_and_of_no_answer(tmp_path: Path) -> None:
    for error in (OVERLOADED, REFUSED):
        asked(tmp_path, "record", answering(error))
    assert error_fields(REFUSED) == error_fields(asked(tmp_path, "replay")[2])
    asked(tmp_path, "record", answering(STREAM, *GOOD))
    assert REFUSED is asked(tmp_path, "record", answering(REFUSED))[2]
    assert "five ü" == text(asked(tmp_path, "replay")[0])


def test_a_replayed_failure_is_reported_and_not_retried(tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(OVERLOADED))
    error = asked(tmp_path, "replay")[2]
    assert error_fields(OVERLOADED) == error_fields(error)
    assert error is not None
    assert (False, None) == (error.retryable, error.retry_after)


def test_a_replay_gives_the_text_before_a_failure_and_the_failure(tmp_path: Path) -> None:
    failure = b'data: {"error":{"message":"unknown error (1000)","http_code":"500"}}\n\n'
    events, received, error = asked(tmp_path, "record", answering(STREAM, GOOD[0], failure))
    assert ("five ", ServerError) == (text(events), type(error))
    again = asked(tmp_path, "replay")
    assert (events, received, error_fields(error)) == (again[0], again[1], error_fields(again[2]))


@pytest.mark.parametrize(
    "arrivals",
    [
        (TimedOut("no answer"),),
        (NetworkError("refused"),),
        (STREAM, GOOD[0], NetworkError("reset")),
        (STREAM, GOOD[0]),
        (WHOLE, b"<html>"),
    ],
)
def test_no_recording_is_kept_without_a_complete_reply(
    arrivals: tuple[ResponseHead | bytes | MmpipeError, ...], tmp_path: Path
) -> None:
    assert asked(tmp_path, "record", answering(*arrivals))[2] is not None
    assert [] == list(tmp_path.iterdir())


def test_an_abandoned_answer_is_not_recorded(tmp_path: Path) -> None:
    asking = recordings(tmp_path, "record").wrap(answering(STREAM, *GOOD))
    events = asking(REQUEST, PATIENCE.limits(), Observer())
    next(events)
    del events
    assert [] == list(tmp_path.iterdir())


def test_the_file_of_a_recording_is_reported(tmp_path: Path) -> None:
    notes: list[str] = []
    for mode in ("record", "replay"):
        asking = recordings(tmp_path, mode).wrap(answering(STREAM, *GOOD))
        list(asking(REQUEST, PATIENCE.limits(), Observer(note=notes.append)))
    path = tmp_path / f"{REQUEST.sha256}.json"
    assert f"recorded to {path}" in notes[1]
    assert f"replayed from {path}" == notes[2]
    assert notes[0] == notes[3] == "HTTP 200, text/event-stream, trace 0640"


def test_it_is_kept_when_each_piece_came_and_a_replay_does_not_wait_for_it(tmp_path: Path) -> None:
    def slow(request: Request, limits: Limits, observer: Observer) -> Iterator[Event]:
        time.sleep(0.02)
        return answering(STREAM, *GOOD)(request, limits, observer)

    asked(tmp_path, "record", slow)
    path = tmp_path / f"{REQUEST.sha256}.json"
    value = json.loads(path.read_text())
    times = [ms for ms, _ in value["answer"]["pieces"]]
    assert times == sorted(times)
    assert times[0] >= 20
    value["answer"]["pieces"] = [[3_600_000, text] for _, text in value["answer"]["pieces"]]
    path.write_text(json.dumps(value))
    assert "five ü" == text(asked(tmp_path, "replay")[0])


def test_the_number_of_pieces_is_bounded_by_the_time(tmp_path: Path) -> None:
    body = json.dumps({**MESSAGE, "padding": "x" * 100_000}).encode()
    expected = asked(tmp_path, "record", answering(WHOLE, *(bytes([byte]) for byte in body)))
    (pieces,) = (json.loads(path.read_text())["answer"]["pieces"] for path in tmp_path.iterdir())
    assert 10_000 <= len(pieces) <= 10_000 + pieces[-1][0]
    assert expected == asked(tmp_path, "replay")


def test_an_answer_can_be_edited(tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(STREAM, *GOOD))
    path = tmp_path / f"{REQUEST.sha256}.json"
    path.write_text(path.read_text().replace("five", "six"))
    assert "six ü" == text(asked(tmp_path, "replay")[0])


def test_a_failure_can_be_written_into_an_answer(tmp_path: Path) -> None:
    asked(tmp_path, "record", answering(WHOLE, json.dumps(MESSAGE).encode()))
    path = tmp_path / f"{REQUEST.sha256}.json"
    value = json.loads(path.read_text())
    value["answer"]["pieces"] = [[0, '{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}']]
    path.write_text(json.dumps(value))
    error = asked(tmp_path, "replay")[2]
    assert (QuotaError, 1002, False) == (type(error), error and error.api_code, error and error.retryable)

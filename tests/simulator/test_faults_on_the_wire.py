"""Each fault as a client sees it, on sockets and in HTTP."""

import json
import socket
import time
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.harness import AT_ONCE
from support.simulator_client import (
    SPLIT,
    STREAM,
    USAGE,
    Json,
    Reply,
    ask,
    ask_once,
    begun,
    chat,
    field,
    objects,
    simulator,
)

WAYS: list[Json] = [{}, STREAM]


def good_events(reply: Reply) -> list[Json]:
    """Return the events before the first data that is no event."""
    whole = [piece for piece in reply.body.split(b"\n\n")[:-1] if piece.startswith(b"data: {")]
    return [json.loads(piece.removeprefix(b"data: ")) for piece in whole]


def text_of(events: list[Json]) -> str:
    choices = [choice for event in events for choice in objects(event, "choices")]
    return "".join(str(field(choice, "delta").get("content", "")) for choice in choices)


def finishes(events: list[Json]) -> list[object]:
    return [
        choice["finish_reason"]
        for event in events
        for choice in objects(event, "choices")
        if "finish_reason" in choice
    ]


def some_text_but_no_finish(events: list[Json]) -> bool:
    whole = text_of(ask_once(chat(**SPLIT, **STREAM)).events)
    return 0 < len(text_of(events)) < len(whole) and not finishes(events)


def raw_exchange(running: RunningSimulator, body: Json, seconds: float) -> bytes:
    """Return all bytes of so many seconds, or until the end."""
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer k\r\nContent-Length: {len(data)}\r\n\r\n"
    address = urlsplit(running.base_url)
    received = bytearray()
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + data)
        deadline = time.monotonic() + seconds
        try:
            while piece := _receive(connection, deadline):
                received += piece
        except TimeoutError:
            received += b"<silence>"
        except ConnectionResetError:
            received += b"<reset>"
        else:
            received += b"<closed>"
    return bytes(received)


def _receive(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(max(0.001, deadline - time.monotonic()))
    return connection.recv(65536)


def test_cut_ends_in_the_middle_of_an_event_without_an_end_of_the_body() -> None:
    reply = ask_once(chat(**SPLIT, **STREAM), "cut")
    assert isinstance(reply.failure, IncompleteRead)
    assert not reply.body.endswith(b"\n")
    assert some_text_but_no_finish(good_events(reply))


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_an_unstreamed_body_is_cut_before_its_length(fault: str) -> None:
    reply = ask_once(chat(), fault)
    assert isinstance(reply.failure, IncompleteRead | ConnectionResetError)
    assert 0 < len(reply.body) < int(reply.headers["Content-Length"])


def test_cut_at_frame_ends_cleanly_after_a_whole_event() -> None:
    reply = ask_once(chat(**SPLIT, **STREAM), "cut-at-frame")
    assert reply.failure is None
    assert reply.body.endswith(b"}\n\n")
    assert some_text_but_no_finish(reply.events)


def test_cut_at_frame_sends_half_an_unstreamed_body_that_ends_cleanly() -> None:
    reply = ask_once(chat(), "cut-at-frame")
    assert reply.failure is None
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)


@pytest.mark.parametrize("way", WAYS)
def test_reset_is_a_tcp_reset(way: Json) -> None:
    with simulator("reset") as running:
        received = raw_exchange(running, chat(**way), 10)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"<reset>")


@pytest.mark.parametrize("way", WAYS)
def test_refuse_late_closes_before_the_headers(way: Json) -> None:
    with simulator("refuse-late") as running, pytest.raises(RemoteDisconnected):
        ask(running, chat(**way))


def test_no_finish_sends_the_whole_text_and_ends_cleanly() -> None:
    good, reply = ask_once(chat(**STREAM)), ask_once(chat(**STREAM), "no-finish")
    assert (reply.joined(), finishes(reply.events), reply.failure) == (good.joined(), [], None)
    assert "finish_reason" not in objects(ask_once(chat(), "no-finish").json, "choices")[0]


@pytest.mark.parametrize(("fault", "reason"), [("length", "length"), ("filter", "content_filter")])
def test_another_finish_can_be_given(fault: str, reason: str) -> None:
    assert finishes(ask_once(chat(**STREAM), fault).events) == [reason]
    assert objects(ask_once(chat(), fault).json, "choices")[0]["finish_reason"] == reason


@pytest.mark.parametrize("way", WAYS)
def test_html_is_a_page_with_status_200(way: Json) -> None:
    reply = ask_once(chat(**way), "html")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("way", WAYS)
def test_json_error_is_an_error_with_status_200(way: Json) -> None:
    reply = ask_once(chat(**way), "json-error")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert field(reply.json, "error")["message"] == "unknown error, 798 (1000)"


@pytest.mark.parametrize(
    ("way", "kind"), [({}, "application/json; charset=utf-8"), (STREAM, "text/event-stream")]
)
def test_empty_is_nothing_at_all(way: Json, kind: str) -> None:
    reply = ask_once(chat(**way), "empty")
    assert (reply.status, reply.headers["Content-Type"], reply.body, reply.failure) == (200, kind, b"", None)


@pytest.mark.parametrize("way", WAYS)
def test_hang_never_answers(way: Json) -> None:
    with simulator("hang") as running:
        assert raw_exchange(running, chat(**way), 0.3) == b"<silence>"


@pytest.mark.parametrize("way", WAYS)
def test_hang_mid_stalls_in_the_middle(way: Json) -> None:
    with simulator("hang-mid") as running:
        received = raw_exchange(running, chat(**way), 1.0)
    assert b'"content":"' in received
    assert b'"finish_reason"' not in received or not way
    assert received.endswith(b"<silence>")


@pytest.mark.parametrize("way", [{}, USAGE])
def test_hang_end_stalls_after_the_finish(way: Json) -> None:
    with simulator("hang-end") as running:
        received = raw_exchange(running, chat(**way), 1.0)
    assert b'"finish_reason":"stop"' in received
    assert received.count(b'"base_resp"') == (0 if way else 1)
    assert b"\r\n0\r\n" not in received
    assert received.endswith(b"<silence>")


def test_comments_keep_a_stream_alive_for_ever() -> None:
    with simulator("comments") as running, begun(running, chat(**STREAM)) as response:
        began = time.monotonic()
        assert response.read(15 * 3) == b": keep-alive\n\n: keep-alive\n\n: keep-alive\n\n: k"[:45]
        assert 0.3 < time.monotonic() - began < AT_ONCE


def test_white_space_keeps_an_unstreamed_answer_alive_for_ever() -> None:
    with simulator("comments") as running, begun(running, chat()) as response:
        assert response.read(2) == b"\n\n"


def test_base_resp_is_a_body_or_a_chunk_without_choices() -> None:
    failed = {"status_code": 1008, "status_msg": "insufficient balance"}
    whole, streamed = ask_once(chat(), "base_resp-1008"), ask_once(chat(**STREAM), "base_resp-1008")
    assert (whole.status, whole.json["choices"], whole.json["base_resp"]) == (200, None, failed)
    assert streamed.headers["Content-Type"] == "text/event-stream"
    assert [(event["choices"], event["base_resp"]) for event in streamed.events] == [(None, failed)]


def test_choices_null_has_no_error() -> None:
    for body in (ask_once(chat(), "choices-null").json, ask_once(chat(**STREAM), "choices-null").events[0]):
        assert (body["choices"], body["base_resp"]) == (None, {"status_code": 0, "status_msg": ""})


def test_an_error_event_comes_after_some_text() -> None:
    reply = ask_once(chat(**SPLIT, **STREAM), "event-1027")
    *earlier, last = reply.events
    assert some_text_but_no_finish(earlier)
    assert last == {
        "type": "error",
        "error": {
            "type": "unprocessable_entity_error",
            "message": "output new_sensitive (1027)",
            "http_code": "422",
        },
        "request_id": reply.headers["Trace-Id"],
    }


def test_an_error_event_is_a_plain_error_if_there_is_no_stream() -> None:
    reply = ask_once(chat(), "event-1027")
    assert (reply.status, field(reply.json, "error")["message"]) == (422, "output new_sensitive (1027)")


@pytest.mark.parametrize("way", WAYS)
def test_bad_utf8_is_in_the_text(way: Json) -> None:
    body = ask_once(chat(**way), "bad-utf8").body
    assert body.count(b'"content":"\xc3(') == 1
    assert body.replace(b"\xc3(", b"").decode()


def test_bad_json_is_one_event_among_valid_ones() -> None:
    body = ask_once(chat(**STREAM), "bad-json").body
    assert body.count(b"\n\ndata: {not JSON}\n\ndata: ") == 1
    assert b'"finish_reason":"stop"' in body
    with pytest.raises(json.JSONDecodeError):
        json.loads(ask_once(chat(), "bad-json").body)


@pytest.mark.parametrize("way", WAYS)
def test_redirect_points_to_another_path(way: Json) -> None:
    reply = ask_once(chat(**way), "redirect")
    assert (reply.status, reply.headers["Location"]) == (302, "/elsewhere/v1/chat/completions")


def test_retry_after_is_in_seconds_or_a_date() -> None:
    seconds, date = ask_once(chat(), "retry-after=7"), ask_once(chat(), "retry-after-date=7")
    assert (seconds.status, seconds.headers["Retry-After"]) == (429, "7")
    assert b"(1002)" in date.body
    delay = parsedate_to_datetime(date.headers["Retry-After"]) - parsedate_to_datetime(date.headers["Date"])
    assert delay.total_seconds() == 7


@pytest.mark.parametrize("way", WAYS)
def test_slow_sends_a_byte_at_a_time(way: Json) -> None:
    with simulator("slow") as running:
        received = raw_exchange(running, chat("sim:echo x", **way), 0.5)
    head, _, chunked = received.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    chunks = chunked.split(b"\r\n")
    assert chunks[0:8:2] == [b"1"] * 4
    assert set(map(len, chunks[1:200:2])) == {1}


@pytest.mark.parametrize("way", WAYS)
def test_bom_comes_before_the_answer(way: Json) -> None:
    body, good = ask_once(chat("sim:empty", **way), "bom").body, ask_once(chat("sim:empty", **way)).body
    assert body[:3] == b"\xef\xbb\xbf"
    assert body[3:23] == good[:20]


def test_retry_lines_stand_alone_between_valid_events() -> None:
    body = ask_once(chat(**STREAM), "retry-lines").body
    assert body.startswith(b"retry: 1\n\nid: x\n\ndata: ")
    assert body.count(b"retry: 1\n\nid: x\n\n") == 2
    rest = Reply(200, {}, body.replace(b"retry: 1\n\nid: x\n\n", b""))
    assert rest.joined() == ask_once(chat(**STREAM)).joined()


def test_a_request_gets_the_first_fault_that_hits_it() -> None:
    with simulator("500:#2", "429:<4") as running:
        assert [ask(running, chat()).status for _ in range(5)] == [429, 500, 429, 200, 200]


def test_a_fault_hits_the_model_list_too() -> None:
    with simulator("529:#1", "cut:#2") as running:
        assert ask(running, method="GET", path="/v1/models").status == 529
        assert ask(running, method="GET", path="/v1/models").failure
        assert ask(running, method="GET", path="/v1/models").json["object"] == "list"


def test_the_model_list_can_be_invalid_utf8_too() -> None:
    with simulator("bad-utf8") as running, pytest.raises(UnicodeDecodeError):
        ask(running, method="GET", path="/v1/models").body.decode()

"""A list of models is one that names each model; whatever else a host sends is named for what it is."""

import gzip
import json
import socket
import threading
import time
import zlib

import pytest

from mmpipe.api.answer.model_list import MAX_LIST, parse_model_ids
from mmpipe.api.attempt import Observer
from mmpipe.api.client import list_models
from mmpipe.api.response_head import ResponseInfo
from mmpipe.core.endpoint import Endpoint, Key
from mmpipe.core.timeouts import Limits
from mmpipe.errors import (
    AuthError,
    BadResponse,
    MmpipeError,
    NetworkError,
    QuotaError,
    Rejected,
    ServerError,
    TimedOut,
)
from support.socket_server import KEY, answer, server

ROW = {"id": "MiniMax-M3", "object": "model", "created": 1780272000, "owned_by": "minimax"}
LIST = json.dumps({"object": "list", "data": [ROW, {"id": "M\u001b[2J"}]}).encode()
IDS = ("MiniMax-M3", "M\x1b[2J")
UNKNOWN_KEY = b'{"type":"error","error":{"type":"authorized_error","message":"invalid api key (2049)","http_code":"401"}}'


def test_the_ids_come_in_the_order_and_spelling_of_the_host() -> None:
    assert IDS == parse_model_ids(LIST) == parse_model_ids(b"\xef\xbb\xbf" + LIST)


def test_a_host_may_serve_nothing() -> None:
    assert () == parse_model_ids(b'{"object":"list","data":[]}')


def test_a_list_is_accepted_with_any_other_fields() -> None:
    body = {"code": 0, "message": "success", "base_resp": {"status_code": 0}, "data": [ROW]}
    assert ("MiniMax-M3",) == parse_model_ids(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not UTF-8"),
        (b"{}", "no list of models"),
        (b'{"data":{"id":"M"}}', "no list of models"),
        (b'{"data":[{"id":"M"},"N"]}', "row 2 of the list of models has no id"),
        (b'{"data":[{"id":7}]}', "row 1 of the list of models has no id"),
        (b'{"data":[{"id":" "}]}', "row 1 of the list of models has no id"),
        (b'{"data":[{"name":"M"}]}', "row 1 of the list of models has no id"),
    ],
)
def test_a_body_without_a_list_of_models_is_a_bad_response(body: bytes, words: str) -> None:
    with pytest.raises(BadResponse, match=words):
        parse_model_ids(body)


@pytest.mark.parametrize(
    ("body", "error", "code"),
    [
        ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}, AuthError, 1004),
        ({"data": [], "base_resp": {"status_code": 2056, "status_msg": "usage limit"}}, QuotaError, 2056),
        ({"error": {"message": "unknown error, 520 (1000)", "http_code": "500"}}, ServerError, 1000),
        ({"message": "rate limit (1002)"}, QuotaError, 1002),
    ],
)
def test_an_error_with_status_200_is_an_error(body: object, error: type[MmpipeError], code: int) -> None:
    with pytest.raises(error) as caught:
        parse_model_ids(json.dumps(body).encode(), ResponseInfo(request_id="0640"))
    assert (code, "0640") == (caught.value.api_code, caught.value.request_id)


def listed(base_url: str, *, observer: Observer | None = None, limit: float = 30) -> tuple[str, ...]:
    limits = Limits(connect=limit, first_byte=limit, idle=limit, deadline=time.monotonic() + 60)
    return list_models(Endpoint(base_url, Key(KEY, "test")), limits, observer or Observer())


def test_one_get_is_sent_with_our_headers_and_no_body() -> None:
    notes: list[str] = []
    with server(answer(LIST, "application/json; charset=utf-8", "Trace-Id: 0640\r\n")) as (base_url, seen):
        assert IDS == listed(base_url, observer=Observer(note=notes.append))
    (request,) = seen
    head, _, body = request.partition(b"\r\n\r\n")
    first, *headers = head.decode().lower().split("\r\n")
    assert ("get /v1/models http/1.1", b"") == (first, body)
    names = {line.partition(":")[0] for line in headers}
    assert {"host", "accept", "accept-encoding", "connection", "user-agent", "authorization"} == names
    assert {f"authorization: bearer {KEY}", "accept: application/json"} < set(headers)
    assert "trace 0640" in notes[-1]


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (LIST, ""),
        (LIST, "Content-Encoding: gzip\r\n"),
        (LIST, "Content-Encoding: utf-8\r\n"),
        (gzip.compress(LIST), "Content-Encoding: gzip\r\n"),
        (gzip.compress(LIST), ""),
        (zlib.compress(LIST), "Content-Encoding: deflate\r\n"),
    ],
)
def test_the_bytes_decide_about_the_form_of_a_list(body: bytes, header: str) -> None:
    with server(answer(body, "text/plain", header)) as (base_url, _):
        assert IDS == listed(base_url)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (b"", NetworkError, "closed the connection without an answer"),
        (answer(LIST, "application/json")[:-5], BadResponse, "truncated"),
        (answer(b"<html>", "text/html"), BadResponse, "sent text/html instead of an answer"),
        (
            answer(b"data: " + LIST, "text/event-stream"),
            BadResponse,
            "sent text/event-stream instead of an answer",
        ),
        (answer(b"", "application/json"), BadResponse, "an empty answer"),
        (answer(gzip.compress(LIST)[:-20], "application/json"), BadResponse, "truncated"),
        (
            answer(b"\x0bsqueezed\x03", "application/json", "Content-Encoding: zstd\r\n"),
            BadResponse,
            "with zstd",
        ),
        (answer(UNKNOWN_KEY, "application/json", status="401 Unauthorized"), AuthError, "--base-url intl"),
        (answer(b"no such page", "text/plain", status="404 Not Found"), Rejected, "usually ends in /v1"),
        (answer(b"<html>", "text/html", status="502 Bad Gateway"), ServerError, "HTTP 502"),
    ],
)
def test_a_reply_without_a_list_is_an_error_that_names_it(
    reply: bytes, error: type[MmpipeError], words: str
) -> None:
    with server(reply) as (base_url, _), pytest.raises(error) as caught:
        listed(base_url)
    assert words in caught.value.message


def test_a_host_that_repeats_the_key_in_an_error_does_not_get_it_shown() -> None:
    for body, kind in ((KEY.encode(), "text/html"), (f"{KEY} is no JSON".encode(), "application/json")):
        with server(answer(body, kind)) as (base_url, _), pytest.raises(BadResponse) as caught:
            listed(base_url)
        assert "***" in caught.value.message
        assert KEY not in caught.value.message


def test_the_key_does_not_follow_a_redirect() -> None:
    with server(answer(LIST, "application/json")) as (elsewhere, seen):
        moved = answer(b"", more=f"Location: {elsewhere}/models\r\n", status="302 Found")
        with server(moved) as (base_url, _), pytest.raises(Rejected, match="redirects elsewhere"):
            listed(base_url)
        assert [] == seen


def test_a_list_without_an_end_is_read_only_so_far() -> None:
    sent: list[int] = []
    over = threading.Event()

    def endless(connection: socket.socket) -> None:
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n{"data":['
        )
        while not over.is_set():
            connection.sendall(b'{"id":"M"},' * 1000)
            sent.append(11_000)

    with server(endless) as (base_url, _):
        try:
            with pytest.raises(BadResponse, match=f"longer than {MAX_LIST} bytes"):
                listed(base_url)
        finally:
            over.set()
    assert sum(sent) < 5 * MAX_LIST


def test_spaces_for_ever_are_no_list() -> None:
    over = threading.Event()

    def keep_alive(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while not over.wait(0.05):
            connection.sendall(b"\n")

    with server(keep_alive) as (base_url, _):
        try:
            with pytest.raises(TimedOut, match="first-byte-timeout"):
                listed(base_url, limit=0.5)
        finally:
            over.set()

"""A list of models is one that names each model; whatever else a host sends is named for what it is."""

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Mapping

import pytest

from mmpipe.api.answer.model_list import MAX_LIST, ModelList, collect_pages, parse_model_list
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


def ids(body: object) -> tuple[str, ...]:
    return parse_model_list(json.dumps(body).encode()).ids


def test_the_ids_come_in_the_order_and_spelling_of_the_host() -> None:
    assert IDS == parse_model_list(LIST).ids == parse_model_list(b"\xef\xbb\xbf" + LIST).ids


@pytest.mark.parametrize(
    "body", [{"object": "list", "data": []}, {"data": None}, {"models": []}, {"models": None}, []]
)
def test_a_host_may_serve_nothing(body: object) -> None:
    assert ModelList(()) == parse_model_list(json.dumps(body).encode())


def test_a_list_is_accepted_with_any_other_fields() -> None:
    body = {"code": 0, "message": "success", "base_resp": {"status_code": 0}, "data": [ROW]}
    assert ("MiniMax-M3",) == ids(body)


OLLAMA = {
    "name": "minimax-m2:cloud", "model": "minimax-m2:cloud", "modified_at": "2026-11-01T10:00:00Z",
    "size": 382, "digest": "ea6cfb", "details": {"format": "gguf", "family": "minimax"},
}  # fmt: skip
VLLM = {
    "id": "MiniMaxAI/MiniMax-M2", "object": "model", "created": 1780272000, "owned_by": "vllm",
    "root": "MiniMaxAI/MiniMax-M2", "parent": None, "max_model_len": 196608, "permission": [{"id": "modelperm-1"}],
}  # fmt: skip
FORMS: dict[str, tuple[object, tuple[str, ...]]] = {
    "OpenAI": ({"object": "list", "data": [ROW]}, ("MiniMax-M3",)),
    "vLLM": ({"object": "list", "data": [VLLM]}, ("MiniMaxAI/MiniMax-M2",)),
    "LM Studio": (
        {"data": [{"id": "minimax-m2", "object": "model", "type": "llm", "state": "loaded"}]}, ("minimax-m2",),
    ),
    "LM Studio, native": ({"models": [{"type": "llm", "key": "minimax/minimax-m2"}]}, ("minimax/minimax-m2",)),
    "litellm": (
        {"data": [{"id": "m3", "object": "model", "owned_by": "openai"}, {"id": "*"}], "object": "list"},
        ("m3", "*"),
    ),
    "litellm, information": (
        {"data": [{"model_name": "m3", "litellm_params": {"model": "openai/m3"}, "model_info": {"id": "7f"}}]},
        ("m3",),
    ),
    "Ollama": ({"models": [OLLAMA]}, ("minimax-m2:cloud",)),
    "Ollama, old": ({"models": [{"name": "minimax-m2:latest", "size": 1}]}, ("minimax-m2:latest",)),
    "Ollama without a model": ({"object": "list", "data": None}, ()),
    "llama.cpp": ({"models": [{"name": "/m.gguf", "model": "/m.gguf"}], "object": "list", "data": [{"id": "/m.gguf"}]}, ("/m.gguf",)),
    "an empty data beside models": ({"data": [], "models": [{"name": "M"}]}, ("M",)),
    "a null beside models": ({"data": None, "models": ["M"]}, ("M",)),
    "rows alone": ([{"id": "M"}, {"id": "N"}], ("M", "N")),
    "names alone": (["M", "N"], ("M", "N")),
    "names in data": ({"data": ["M", "N"]}, ("M", "N")),
    "a title beside the id": ({"data": [{"id": "minimax/minimax-m2", "name": "MiniMax: M2"}]}, ("minimax/minimax-m2",)),
    "a number as id": ({"data": [{"id": 7, "name": "M"}]}, ("M",)),
    "an empty id": ({"data": [{"id": "", "name": "M"}]}, ("M",)),
    "an error of null": ({"error": None, "models": [{"name": "M"}]}, ("M",)),
    "a name twice": ({"data": [{"id": "M"}, {"id": "M"}]}, ("M", "M")),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), FORMS.values(), ids=FORMS)
def test_the_lists_of_all_servers_are_understood(body: object, expected: tuple[str, ...]) -> None:
    assert expected == ids(body)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        True,
        "",
        " ",
        [],
        {},
        ["M"],
        {"id": None},
        {"id": {"name": "N"}},
        {"title": "N"},
        {"id": "\n"},
    ],
)
def test_a_row_without_a_name_is_counted_and_the_others_stay(bad: object) -> None:
    for rows in ([bad, ROW], [ROW, bad], [bad, ROW, bad]):
        found = parse_model_list(json.dumps({"data": rows}).encode())
        assert (("MiniMax-M3",), rows.count(bad)) == (found.ids, found.unnamed)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"{}", "no list of models"),
        (b'"M"', "no list of models"),
        (b'{"data":{"id":"M"}}', "no list of models"),
        (b'{"data":"M","models":null}', "no list of models"),
        (b'{"data":[{"id":7}]}', r"without a name \(rows: 1\)"),
        (b'{"data":[{"id":" "},{}]}', r"without a name \(rows: 2\)"),
        (b"[null, 7]", r"without a name \(rows: 2\)"),
    ],
)
def test_a_body_without_a_list_of_models_is_a_bad_response(body: bytes, words: str) -> None:
    with pytest.raises(BadResponse, match=words):
        parse_model_list(body)


@pytest.mark.parametrize(
    ("body", "error", "code"),
    [
        ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}, AuthError, 1004),
        ({"data": [], "base_resp": {"status_code": 2056, "status_msg": "usage limit"}}, QuotaError, 2056),
        ({"error": {"message": "unknown error, 520 (1000)", "http_code": "500"}}, ServerError, 1000),
        ({"message": "rate limit (1002)"}, QuotaError, 1002),
        (
            {"models": [ROW], "base_resp": {"status_code": 2056, "status_msg": "usage limit"}},
            QuotaError,
            2056,
        ),
        ([{"error": {"message": "unknown error, 520 (1000)", "http_code": "500"}}], ServerError, 1000),
    ],
)
def test_an_error_with_status_200_is_an_error(body: object, error: type[MmpipeError], code: int) -> None:
    with pytest.raises(error) as caught:
        parse_model_list(json.dumps(body).encode(), ResponseInfo(request_id="0640"))
    assert (code, "0640") == (caught.value.api_code, caught.value.request_id)


def listed(base_url: str, *, observer: Observer | None = None, limit: float = 30) -> tuple[str, ...]:
    limits = Limits(connect=limit, first_byte=limit, idle=limit, deadline=time.monotonic() + 60)
    return list_models(Endpoint(base_url, Key(KEY, "test")), limits, observer or Observer()).ids


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
        with server(moved) as (base_url, _), pytest.raises(Rejected, match="redirects to"):
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


def paged(*replies: bytes) -> Callable[[socket.socket], None]:
    """The replies one after the other, and the last one for ever."""
    left = [*replies]

    def reply(connection: socket.socket) -> None:
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return reply


def page(*names: str, **more: object) -> bytes:
    return answer(json.dumps({"data": [{"id": name} for name in names], **more}).encode(), "application/json")


def collected(*replies: bytes) -> tuple[ModelList, list[str]]:
    """The list of a server with these replies, and the paths that it was asked for."""
    limits = Limits(connect=30, first_byte=30, idle=30, deadline=time.monotonic() + 60)
    with server(paged(*replies)) as (base_url, seen):
        found = list_models(Endpoint(base_url, None), limits, Observer())
    return found, [request.split()[1].decode() for request in seen]


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ({"object": "list", "last_id": "b"}, ["/v1/models", "/v1/models?after=b"]),
        ({"object": "list"}, ["/v1/models", "/v1/models?after=b"]),
        ({"object": "list", "last_id": None}, ["/v1/models", "/v1/models?after=b"]),
        (
            {"object": "list", "last_id": "c&d/e?ü #"},
            ["/v1/models", "/v1/models?after=c%26d%2Fe%3F%C3%BC+%23"],
        ),
        ({"first_id": "a", "last_id": "b"}, ["/v1/models", "/v1/models?after=b&after_id=b"]),
    ],
)
def test_the_pages_of_a_list_are_asked_for_to_its_end(more: dict[str, object], paths: list[str]) -> None:
    found = collected(page("a", "b", has_more=True, **more), page("c", object="list", has_more=False))
    assert (ModelList(("a", "b", "c")), paths) == found


def test_rows_without_a_name_are_counted_over_all_pages() -> None:
    found, _ = collected(page("a", "", has_more=True), page("", "b"))
    assert ModelList(("a", "b"), unnamed=2) == found


NOT_WHOLE: dict[str, tuple[tuple[bytes, ...], int]] = {
    "the host sends the first page again": ((page("a", has_more=True),), 2),
    "two pages in turn": ((page("a", has_more=True), page("b", has_more=True), page("a", has_more=True)), 3),
    "the host refuses the parameter": (
        (page("a", has_more=True), answer(b"unknown parameter", "text/plain", status="400 Bad Request")),
        2,
    ),
    "no name to go on from": ((page(has_more=True),), 1),
    "a name that fits in no line": ((page("a" * 9999, has_more=True),), 1),
    "a page elsewhere": ((page("a", next="/v1/models?page=2"),), 1),
    "a token for the next page": ((page("a", next_page_token="x"),), 1),
}  # fmt: skip


@pytest.mark.parametrize(("replies", "requests"), NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_a_list_that_cannot_be_read_to_its_end_is_known_as_not_whole(
    replies: tuple[bytes, ...], requests: int
) -> None:
    found, paths = collected(*replies)
    assert (True, requests, {}) == (found.has_more, len(paths), found.next_page)


def test_a_page_that_fails_for_now_fails_the_attempt() -> None:
    busy = answer(b"", status="503 Service Unavailable")
    with pytest.raises(ServerError):
        collected(page("a", has_more=True), busy)


@pytest.mark.parametrize("length", [1, 100_000])
def test_pages_without_an_end_are_asked_for_only_so_far(length: int) -> None:
    asked: list[Mapping[str, str]] = []

    def ask(parameters: Mapping[str, str]) -> ModelList:
        asked.append(parameters)
        name = f"{len(asked)}".ljust(length)
        return ModelList((name,), has_more=True, next_page={"after": name})

    found = collect_pages(ask)
    assert (True, len(asked)) == (found.has_more, len(found.ids))
    assert {1: 100, 100_000: 11}[length] == len(asked)


def test_a_name_without_bytes_in_utf_8_is_asked_for_all_the_same() -> None:
    found, paths = collected(page("\ud800", has_more=True, object="list"), page("b"))
    assert (("\ud800", "b"), "/v1/models?after=%ED%A0%80") == (found.ids, paths[1])

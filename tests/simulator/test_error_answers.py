"""Errors have the API's body, code and status (FACTS.md, "Error bodies", "Error codes")."""

import json
import time
from datetime import datetime

import pytest

from support import captured_answers
from support.captured_answers import shape
from support.simulator_client import KEY, STREAM, Json, Reply, ask, ask_once, chat, field, simulator

NO_KEY = (
    "login fail: Please carry the API secret key in the 'Authorization' field of the request header (1004)"
)


def error(reply: Reply) -> tuple[int, object, object]:
    inner = field(reply.json, "error")
    return reply.status, inner["type"], inner["message"]


def test_an_error_has_the_captured_envelope() -> None:
    reply = ask_once(chat(model="this-model-does-not-exist-2026"))
    captured = json.loads(captured_answers.UNKNOWN_MODEL)
    assert shape(reply.json) == shape(captured)
    assert reply.json | {"request_id": ""} == captured | {"request_id": ""}
    assert reply.json["request_id"] == reply.headers["Trace-Id"]


def test_an_error_escapes_as_go_does() -> None:
    assert rb"unknown model 'a\u003c\u003e\u0026b'" in ask_once(chat(model="a<>&b")).body


def test_an_error_has_no_header_of_the_model() -> None:
    headers = ask_once(chat(model="x")).headers
    assert "Minimax-Request-Id" in headers
    assert not {"X-Session-Id", "X-Mm-Request-Id"} & set(headers)


@pytest.mark.parametrize("key", [None, "Bearer", "Bearer ", f"Basic {KEY}", KEY])
def test_a_request_without_a_key_is_refused(key: str | None) -> None:
    with simulator() as running:
        assert error(ask(running, chat(), key=key)) == (401, "authorized_error", NO_KEY)
        assert error(ask(running, method="GET", path="/v1/models", key=key)) == (
            401,
            "authorized_error",
            NO_KEY,
        )


def test_any_key_is_accepted_unless_one_is_set() -> None:
    with simulator() as running:
        assert ask(running, chat(), key="Bearer x").status == 200
    with simulator(key=KEY) as running:
        assert ask(running, chat()).status == 200
        refused = ask(running, chat(), key=f"Bearer {KEY}x")
        assert error(refused) == (401, "authorized_error", "invalid api key (2049)")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/chat", "/v1/embeddings", "/v1/models/MiniMax-M2", "/v1/chat/completions/"]
)
def test_other_paths_are_not_found(path: str) -> None:
    with simulator() as running:
        assert error(ask(running, chat(), path=path)) == (404, "invalid_request_error", "404 Not Found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v1/models")])
def test_other_methods_are_not_allowed(method: str, path: str) -> None:
    with simulator() as running:
        reply = ask(running, chat(), method=method, path=path)
    assert error(reply) == (405, "invalid_request_error", "405 Method Not Allowed")
    assert reply.headers["Allow"] == ("POST" if method == "GET" else "GET")


CODES: list[tuple[str, int, str, str]] = [
    ("1000", 500, "server_error", "unknown error, 798 (1000)"),
    ("1002", 429, "rate_limit_error", "rate limit, please retry later (1002)"),
    ("1004", 401, "authorized_error", NO_KEY),
    ("1008", 402, "insufficient_balance_error", "insufficient balance (1008)"),
    ("1026", 422, "unprocessable_entity_error", "input new_sensitive (1026)"),
    ("1027", 422, "unprocessable_entity_error", "output new_sensitive (1027)"),
    ("2013", 400, "bad_request_error", "invalid params (2013)"),
    ("2049", 401, "authorized_error", "invalid api key (2049)"),
    ("2064", 529, "overloaded_error", "当前服务集群负载较高，请稍后重试，感谢您的耐心等待。 (2064)"),  # noqa: RUF001 - verbatim
    ("400", 400, "bad_request_error", "invalid params (2013)"),
    ("401", 401, "authorized_error", "invalid api key (2049)"),
    ("402", 402, "insufficient_balance_error", "insufficient balance (1008)"),
    ("422", 422, "unprocessable_entity_error", "input new_sensitive (1026)"),
    ("429", 429, "rate_limit_error", "rate limit, please retry later (1002)"),
    ("500", 500, "server_error", "unknown error, 798 (1000)"),
    ("503", 503, "server_error", "503 Service Unavailable"),
    ("404", 404, "invalid_request_error", "404 Not Found"),
    ("599", 599, "server_error", "599 Error"),
]


@pytest.mark.parametrize(("spec", "status", "kind", "message"), CODES)
@pytest.mark.parametrize("way", [{}, STREAM])
def test_a_code_or_status_has_its_body_and_status(
    spec: str, status: int, kind: str, message: str, way: Json
) -> None:
    reply = ask_once(chat(**way), spec)
    assert error(reply) == (status, kind, message)
    assert field(reply.json, "error")["http_code"] == str(status)


def test_2056_names_a_reset_in_90_minutes() -> None:
    status, kind, message = error(ask_once(chat(), "2056"))
    assert (status, kind) == (429, "rate_limit_error")
    opening, _, rest = str(message).partition(", resets at ")
    assert (
        opening == "usage limit exceeded, 5-hour usage limit reached for Token Plan Starter (1500/1500 used)"
    )
    reset = datetime.fromisoformat(rest.removesuffix(" (2056)"))
    assert abs(reset.timestamp() - time.time() - 5400) < 30
    assert rest.endswith("Z (2056)")


def test_2061_is_http_200_with_base_resp() -> None:
    body = ask_once(chat(), "2061").json
    assert (body["choices"], body["usage"]) == (None, {"total_tokens": 0, "total_characters": 0})
    assert body["base_resp"] == {
        "status_code": 2061,
        "status_msg": "your current token plan not support model, MiniMax-M2.7",
    }

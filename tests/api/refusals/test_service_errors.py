"""An error means the same in the shape of every server, inside an answer or instead of one."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.refusals.codes import is_overload
from mmpipe.api.refusals.service_errors import (
    explain_event,
    explain_status,
    find_error,
    is_blank,
    read_explanation,
)
from mmpipe.api.response_head import RequestFacts, ResponseInfo
from mmpipe.errors import ExitStatus, MmpipeError
from mmpipe.text.visible import one_line
from support.json_texts import TEXTS

pytestmark = pytest.mark.laws

E = ExitStatus
OF_STATUS = {
    400: (E.REJECTED, False), 401: (E.AUTH, False), 402: (E.QUOTA, False), 403: (E.AUTH, False),
    404: (E.REJECTED, False), 408: (E.TIMEOUT, True), 409: (E.REJECTED, True), 413: (E.REJECTED, False),
    422: (E.REJECTED, False), 429: (E.QUOTA, True), 500: (E.SERVER, True), 501: (E.SERVER, False),
    502: (E.SERVER, True), 503: (E.SERVER, True), 504: (E.TIMEOUT, True), 529: (E.SERVER, True),
    599: (E.SERVER, True),
}  # fmt: skip
FIELDS = [
    "code",
    "http_code",
    "status",
    "status_code",
    "statusCode",
    "http_status",
    "http_status_code",
    "httpStatus",
]


def inside(body: Mapping[str, object]) -> MmpipeError:
    """The error that a body reports inside a 200."""
    found = find_error(body, ResponseInfo())
    assert found is not None
    return found


def judged(error: MmpipeError) -> tuple[ExitStatus, bool]:
    return error.status, error.retryable


@pytest.mark.parametrize(("http", "expected"), OF_STATUS.items())
@pytest.mark.parametrize("field", FIELDS)
def test_a_status_inside_means_what_it_means_outside(
    field: str, http: int, expected: tuple[ExitStatus, bool]
) -> None:
    outside = explain_status(ResponseInfo(http), {"error": {"message": "denied"}})
    assert expected == judged(outside)
    for value in (http, str(http)):
        error = {"message": "denied", field: value}
        for body in (
            {"error": error},
            {"error": error, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]},
            {"error": {"error": error}},
            {"object": "error", **error},
            {"error": "denied", field: value},
            {"detail": "denied", field: value},
        ):
            found = inside(body)
            assert (expected, http, None) == (judged(found), found.http, found.api_code), body
            assert found.message.startswith(f"code {http} in the answer: denied; ")


@pytest.mark.parametrize(
    "code", [0, 200, 399, 600, True, None, 4.0e2, "4", "4000000", "-429", "٤٢٩", [429], {"a": 1}]
)
def test_what_is_no_status_of_an_error_is_not_read_as_one(code: object) -> None:
    error = inside({"error": {"message": "denied", "code": code}})
    assert ((E.SERVER, True), 200) == (judged(error), error.http)


WORDS = {
    400: ["invalid_request_error", "BadRequestError", "INVALID_ARGUMENT", "ValidationException"],
    401: ["authentication_error", "AuthenticationError", "invalid_api_key", "UNAUTHENTICATED"],
    403: ["permission_error", "PERMISSION_DENIED", "AccessDeniedException"],
    404: ["not_found_error", "NotFoundError", "model_not_found", "NOT_FOUND"],
    413: ["request_too_large"],
    429: ["rate_limit_error", "rate_limit_exceeded", "RateLimitError", "RESOURCE_EXHAUSTED", "ThrottlingException"],
    500: ["internal_server_error", "server_error", "api_error", "InternalServerError", "INTERNAL", "upstream_error"],
    501: ["not_supported_error", "UNIMPLEMENTED"],
    503: ["service_unavailable_error", "ServiceUnavailableError", "UNAVAILABLE", "unavailable_error"],
    504: ["timeout", "timeout_error", "Timeout", "DEADLINE_EXCEEDED"],
    529: ["overloaded_error", "server_is_overloaded", "overloaded"],
}  # fmt: skip


@pytest.mark.parametrize(("http", "word"), [(http, word) for http, words in WORDS.items() for word in words])
def test_a_word_of_a_server_stands_for_a_status(http: int, word: str) -> None:
    for body in (
        {"error": {"message": "denied", "type": word}},
        {"error": {"message": "denied", "code": word, "type": "error"}},
        {"error": {"message": "denied", "status": word}},
        {"type": "error", "error": {"type": word, "message": "denied"}},
        {"error": "denied", "error_type": word},
        {"error": word, "message": "denied"},
        {"error": {"message": f"litellm.{word}: denied"}},
        {"error": {"message": f"litellm.{word}: OpenAIException: denied."}},
    ):
        error = inside(body)
        assert (OF_STATUS[http], http) == (judged(error), error.http), body
        assert "denied" in error.message
        assert (http in (429, 529)) == is_overload(error)


@pytest.mark.parametrize(
    ("word", "status", "advice"),
    [
        ("content_filter", E.FILTERED, "moderation"),
        ("content_policy_violation", E.FILTERED, "moderation"),
        ("data_inspection_failed", E.FILTERED, "moderation"),
        ("insufficient_quota", E.QUOTA, "top up"),
        ("budget_exceeded", E.QUOTA, "top up"),
        ("billing_hard_limit_reached", E.QUOTA, "top up"),
        ("context_length_exceeded", E.REJECTED, "shorten the prompt"),
        ("ContextWindowExceededError", E.REJECTED, "shorten the prompt"),
        ("exceed_context_size_error", E.REJECTED, "shorten the prompt"),
    ],
)
@pytest.mark.parametrize("http", [200, 400, 429, 500])
def test_a_word_that_says_more_than_a_status_decides(
    word: str, status: ExitStatus, advice: str, http: int
) -> None:
    body: dict[str, object] = {"error": {"message": "denied", "type": "invalid_request_error", "code": word}}
    error = inside(body) if http == 200 else explain_status(ResponseInfo(http), body)
    assert (status, False) == judged(error)
    assert advice in error.message


def test_the_status_of_http_is_not_changed_by_a_status_or_word_in_the_body() -> None:
    for more in ({"code": 429}, {"type": "rate_limit_error"}):
        error = explain_status(ResponseInfo(400), {"error": {"message": "denied", **more}})
        assert ((E.REJECTED, False), 400) == (judged(error), error.http)


def test_a_code_of_minimax_says_more_than_any_status_or_word() -> None:
    error = inside(
        {"error": {"message": "insufficient balance (1008)", "code": 429, "type": "rate_limit_error"}}
    )
    assert ((E.QUOTA, False), 1008, 429) == (judged(error), error.api_code, error.http)


@pytest.mark.parametrize(
    "body", [{"code": 1000, "msg": "login first"}, {"error": {"code": "1000", "message": "login first"}}]
)
def test_a_code_of_another_service_beside_an_http_status_is_not_one_of_minimax(
    body: dict[str, object],
) -> None:
    error = explain_status(ResponseInfo(401), body)
    assert ((E.AUTH, False), 1000) == (judged(error), error.api_code)
    assert "login first (1000); check the key" in error.message


def test_a_moderated_prompt_of_a_gateway_is_not_about_the_key() -> None:
    metadata = {"reasons": ["violence"], "flagged_input": "...", "provider_name": "X"}
    error = inside({"error": {"code": 403, "message": "your input was flagged", "metadata": metadata}})
    assert E.FILTERED == error.status
    assert "your input was flagged: violence" in error.message


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [], "error": {"message": "", "type": "", "param": "", "code": None}},
        {"choices": [], "error": "none"},
        {"code": 0, "message": "success"},
        {"code": "200", "msg": "ok"},
        {"status": "success", "message": "done"},
        {"message": {"role": "assistant", "content": "hello"}, "done": False},
        {"type": "ping"},
        {"usage": {"total_tokens": 3}},
        {"message": "", "detail": None},
    ],
)
def test_a_body_that_reports_no_error_is_none(body: dict[str, object]) -> None:
    assert None is find_error(body, ResponseInfo())


@pytest.mark.parametrize(
    ("event", "status", "words"),
    [
        (b'{"code":400,"message":"too long"}', E.REJECTED, "code 400 in the answer: too long; "),
        (b'{"error":{"message":"too long","code":400}}', E.REJECTED, "code 400 in the answer: too long; "),
        (b'[{"error":{"message":"too long","code":400}}]', E.REJECTED, "code 400 in the answer: too long; "),
        (b'{"code":400,"details":"too long"}', E.REJECTED, "code 400 in the answer: too long; "),
        (b'"too long"', E.SERVER, "too long; "),
        (b"the engine died", E.SERVER, "the engine died; "),
        (b"503 Service Unavailable", E.SERVER, "503 Service Unavailable; "),
        (b"Error code: 429 - slow down", E.QUOTA, "Error code: 429 - slow down; "),
        (b"overloaded_error: try later", E.SERVER, "overloaded_error: try later; "),
        (b'{"choices":[],"message":"too long"}', E.SERVER, "too long; "),
        (b"{}", E.SERVER, "no reason given; "),
        (b"", E.SERVER, "no reason given; "),
        (b"\xff\x00", E.SERVER, "no reason given; "),
    ],
)
def test_an_event_that_is_an_error_by_its_name_is_one_whatever_it_holds(
    event: bytes, status: ExitStatus, words: str
) -> None:
    error = explain_event(event, ResponseInfo(request_id="trace"))
    assert (status, "trace") == (error.status, error.request_id)
    assert error.message.startswith(words)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"denied", "denied"),
        (b"\xef\xbb\xbf denied\r\n", "denied"),
        ("größer".encode(), "größer"),
        ("größer".encode("latin-1"), "größer"),
        (b'{"error":"denied"}', {"error": "denied"}),
        (b'{"error":"gr\xf6\xdfer"}', {"error": "größer"}),
        (b'{"error":"two\nlines"}', {"error": "two\nlines"}),
        (b'{"error":"denied"}\n{"error":"again"}\n', {"error": "denied"}),
        (b'data: {"error":"denied"}\n\ndata: [DONE]\n\n', {"error": "denied"}),
        (b'event: error\r\ndata: {"error":"denied"}\r\n\r\n', {"error": "denied"}),
        (b": waiting\n\nerror: denied\n\n", "denied"),
        (b"data: denied\ndata: by rule 7\n\ndata: [DONE]\n\n", "denied\nby rule 7"),
        (b'data: {"error":\ndata: "denied"}\n\n', {"error": "denied"}),
        (b'{"error":"denied"}\n{"error":"again"}\nx', {"error": "denied"}),
        (b'{"error":"den', None),
        (b"[" * 100_000, "[" * 100_000),
        (b"", None),
        (b"\x1f\x8b\x08squeezed", None),
        (b"\x00\x01\x02", None),
    ],
)
def test_a_body_is_read_as_json_or_as_text(body: bytes, reason: object) -> None:
    assert reason == read_explanation(body)


PACKED = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "slow down"}})


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": PACKED}},
        {"error": {"error": PACKED}},
        {"error": PACKED},
        {"detail": PACKED},
        {"errorMessage": PACKED, "error": {"message": f" {PACKED}\n"}},
    ],
)
def test_an_error_that_is_packed_as_a_text_is_unpacked(body: dict[str, object]) -> None:
    error = inside(body)
    assert is_overload(error)
    assert error.message.startswith("slow down; ")


@pytest.mark.parametrize(
    ("error", "status", "retryable"),
    [
        (
            {
                "type": "rate_limit_error",
                "message": "spent",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            E.QUOTA,
            False,
        ),
        ({"code": 504, "message": "slow", "metadata": {"error_type": "provider_timeout"}}, E.TIMEOUT, True),
        ({"message": "gone", "metadata": {"error_type": "service_unavailable"}}, E.SERVER, True),
    ],
)
def test_the_details_of_an_error_name_it_too(error: object, status: ExitStatus, retryable: bool) -> None:
    assert (status, retryable) == judged(inside({"error": error}))


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "code": 400},
        {"type": "error", "code": 400},
        {"errors": {"model": ["unknown"]}, "code": 400},
        {"choices": [], "error": {"code": 400}},
        {"choices": [], "error": ["denied"], "code": 400},
    ],
)
def test_an_error_needs_no_words_to_be_one(body: dict[str, object]) -> None:
    assert E.REJECTED == inside(body).status


@pytest.mark.parametrize(
    "nothing",
    [
        None, False, 0, "", " ", "None", "null", [], {}, {"message": ""},
        "0", "OK", "success", {"code": 0, "message": "success"}, {"code": "200", "message": ""},
        {"code": "Success", "message": "None", "details": []}, {"status": 200, "message": "ok", "param": None},
    ],
)  # fmt: skip
def test_an_error_that_says_nothing_is_none_beside_an_answer_and_alone(nothing: object) -> None:
    assert is_blank(nothing)
    besides: list[dict[str, object]] = [
        {"choices": []},
        {"choices": None},
        {"usage": {"total_tokens": 3}},
        {},
    ]
    for beside in besides:
        assert None is find_error({**beside, "error": nothing}, ResponseInfo())


@pytest.mark.parametrize(
    "something",
    [
        5,
        True,
        "denied",
        ["x"],
        {"code": 400},
        {"code": 0, "message": "denied"},
        {"code": 200, "type": "denied"},
    ],
)
def test_an_error_that_says_something_is_one_beside_an_answer(something: object) -> None:
    assert not is_blank(something)
    assert None is not find_error({"choices": [], "error": something}, ResponseInfo())


NOTES: list[dict[str, object]] = [
    {"message": "request logged"},
    {"usage": {"total_tokens": 3}, "details": "fast lane"},
    {"msg": "done", "id": "x"},
    {"type": "log", "message": "slow"},
    {"status": "completed", "detail": ["x"]},
]


@pytest.mark.parametrize("note", NOTES)
def test_a_note_after_the_end_of_an_answer_is_no_error(note: dict[str, object]) -> None:
    assert None is find_error(note, ResponseInfo(), is_over=True)
    for state in (
        {"code": 500}, {"status": "503"}, {"code": 1002}, {"type": "overloaded_error"}, {"object": "error"},
        {"error": "denied"},
    ):  # fmt: skip
        assert None is not find_error({**note, **state}, ResponseInfo(), is_over=True)


def test_a_text_that_looks_like_json_and_is_nested_without_end_is_a_text() -> None:
    error = inside({"error": {"message": '{"error":' * 5_000, "code": 400}})
    assert (E.REJECTED, True) == (error.status, ': {"error":{"error":' in error.message)


def test_the_full_stop_of_a_reason_does_not_stand_before_the_advice() -> None:
    assert "answer: denied; " in inside({"error": {"message": "denied.", "code": 400}}).message


def test_a_redirect_that_explains_itself_is_explained() -> None:
    error = explain_status(ResponseInfo(302), {"error": {"message": "sign in first"}})
    assert (E.REJECTED, True) == (error.status, "HTTP 302: sign in first; " in error.message)


@pytest.mark.parametrize("field", ["Message", "error_message", "errorMessage"])
def test_a_text_in_any_field_of_an_error_is_one_with_nothing_around_it(field: str) -> None:
    assert inside({field: "denied"}).message.startswith("denied; ")


def test_a_name_beside_the_reason_is_shown_with_it() -> None:
    error = inside({"error": "invalid_token", "error_description": "it expired"})
    assert error.message.startswith("invalid_token: it expired; ")


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        ({"message": "wait", "details": [{"@type": "RetryInfo", "retryDelay": "34s"}]}, 34),
        ({"message": "Please try again in 1m30s.", "code": 429}, 90),
        ({"message": "wait", "metadata": {"retry_after_seconds": 7}}, 7),
        ({"message": "wait", "retry_after_ms": 1500}, 1.5),
        ({"message": "wait", "retry_after": True}, None),
        ({"message": "retry later"}, None),
    ],
)
def test_a_wait_in_the_error_is_the_time_until_the_retry(error: object, wait: float | None) -> None:
    assert wait == inside({"error": error}).retry_after


SCRAPS = TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ERRORS = st.recursive(
    SCRAPS | st.sampled_from(["429", "overloaded_error", "(1002)", "<html>", "{", "\x1b[31m"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "detail", "code", "type", "status", "metadata", "details", "retryDelay"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(ERRORS, st.sampled_from([200, 201, 301, 400, 403, 404, 422, 429, 500, 503]))
def test_whatever_a_server_sends_gives_one_short_visible_line(body: object, http: int) -> None:
    info = ResponseInfo(http, request=RequestFacts("MiniMax-M3"))
    sent = json.dumps(body).encode()
    errors = [explain_status(info, read_explanation(sent)), explain_event(sent, info)]
    if isinstance(body, dict):
        errors += [error for error in [find_error(body, info)] if error]
    for error in errors:
        assert one_line(error.message, 1000) == error.message
        assert error.retry_after is None or 0 <= error.retry_after <= 1e9


@pytest.mark.parametrize(
    "field", ["error", "message", "detail", "errors", "code", "status", "type", "metadata"]
)
@pytest.mark.parametrize("depth", [10, 450, 900])
def test_no_depth_breaks_the_reading_of_an_error(field: str, depth: int) -> None:
    sent = (
        b'{"x":1,"%s":' % field.encode() + b'[{"error":' * depth + b"1" + b"}]" * depth + b',"msg":"denied"}'
    )
    assert E.SERVER == explain_event(sent, ResponseInfo()).status
    assert E.REJECTED == explain_status(ResponseInfo(400), read_explanation(sent)).status


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_an_error(body: bytes) -> None:
    assert explain_status(ResponseInfo(500), read_explanation(body)).message.startswith("HTTP 500: ")

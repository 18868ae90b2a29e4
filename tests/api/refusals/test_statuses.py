"""The sentence after the reason is true for every HTTP status, with and without body, trace id and Retry-After."""

import pytest

from mmpipe.api.refusals.service_errors import explain_status, find_error, read_explanation
from mmpipe.api.response_head import RequestFacts, ResponseInfo
from mmpipe.errors import ExitStatus, MmpipeError

E = ExitStatus
BODIES = (b"", b'{"error":{"message":"denied"}}', b"<html><title>Denied</title></html>", b"denied")
HERE, THERE = RequestFacts(is_minimax=True), RequestFacts()
# Statuses that good HTTP clients retry: the OpenAI SDK (408, 409, 429, 5xx), RFC 8470 (425), and 499 of nginx.
RETRIED = {408, 409, 425, 429, 499}
NEVER = {501, 505, 511}  # and the 5xx that no retry can change


def error_of(http: int, body: bytes = b"", **more: object) -> MmpipeError:
    return explain_status(ResponseInfo(http, **more), read_explanation(body))  # type: ignore[arg-type]


@pytest.mark.parametrize("statuses", [range(400, 500), range(500, 600)])
def test_only_an_error_that_may_pass_is_retried(statuses: range) -> None:
    for http in statuses:
        expected = http in RETRIED or (http >= 500 and http not in NEVER)
        assert {expected} == {error_of(http, body).retryable for body in BODIES}


@pytest.mark.parametrize("statuses", [range(300, 400), range(400, 500), range(500, 600)])
@pytest.mark.parametrize("trace", [None, "0640"])
@pytest.mark.parametrize("facts", [HERE, THERE], ids=["minimax", "own"])
def test_the_advice_for_a_status_is_true(statuses: range, trace: str | None, facts: RequestFacts) -> None:
    for http in statuses:
        for body in BODIES:
            for wait in (None, 5.0):
                error = error_of(http, body, request_id=trace, retry_after=wait, request=facts)
                words = error.message
                assert ("support" in words) <= (trace is not None and facts.is_minimax and http >= 500), words
                assert ("no reason given" in words) == (not body and http >= 400), words
                assert ("itself must change" in words) <= (http in (400, 422) and wait is None), words
                assert "no details" not in words
                assert not (error.retryable and "does not help" in words), words
                assert not ("retry later" in words and not error.retryable and http not in (423, 424)), words
                assert words.startswith(f"HTTP {http}: ")


@pytest.mark.parametrize("http", [*range(400, 429), *range(430, 600)])
def test_a_refusal_with_retry_after_passes_by_the_word_of_the_server(http: int) -> None:
    error = error_of(http, b'{"error":"busy"}', retry_after=5.0)
    assert error.retryable == (http not in (401, 402, 403))
    assert "must change" not in error.message


@pytest.mark.parametrize(
    "body",
    [
        {"error": "this model's maximum context length is 8192 tokens"},
        {"error": 'json: unknown field "reasoning_split"'},
        {"error": "The model `x` does not exist"},
        {"error": "invalid params (2013)"},
    ],
)
def test_a_retry_after_does_not_change_what_the_reason_says(body: dict[str, object]) -> None:
    assert not explain_status(ResponseInfo(400, retry_after=5.0), body).retryable


def test_each_kind_of_status_has_words_of_its_own() -> None:
    advice = {http: error_of(http).message.partition("; ")[2] for http in range(400, 600)}
    for http, words in {
        404: "/v1", 405: "/v1", 406: "--wire", 407: "proxy", 409: "at the same time", 410: "no longer", 413: "too large",
        423: "locked", 425: "too early", 451: "legal", 499: "gave up", 501: "--base-url", 502: "gateway",
        503: "not available", 504: "gateway timed out", 511: "login", 529: "overloaded",
    }.items():  # fmt: skip
        assert words in advice[http], (http, advice[http])
    assert "key of a plan" not in error_of(402, request=THERE).message
    assert "key of a plan" in error_of(402, request=HERE).message


@pytest.mark.parametrize(
    "reason",
    [
        b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
        b"Client sent an HTTP request to an HTTPS server.\n",
    ],
)
def test_plain_http_to_a_port_of_https_names_the_scheme(reason: bytes) -> None:
    assert "write https:// in the base URL" in error_of(400, reason).message


@pytest.mark.parametrize("statuses", [range(400, 500), range(500, 600)])
@pytest.mark.parametrize("kind", ["number", "text", "beginning"])
def test_a_code_inside_a_200_is_not_called_a_status_of_http(statuses: range, kind: str) -> None:
    for http in statuses:
        codes: dict[str, dict[str, object]] = {
            "number": {"code": http},
            "text": {"code": str(http)},
            "beginning": {},
        }
        code = codes[kind]
        reason = f"Error code: {http} - denied" if kind == "beginning" else "denied"
        error = find_error({"error": {"message": reason, **code}}, ResponseInfo())
        assert error is not None
        outside = explain_status(ResponseInfo(http), {"error": {"message": "denied"}})
        assert (outside.status, outside.retryable) == (error.status, error.retryable)
        assert f"HTTP {http}" not in error.message
        if kind != "beginning":
            assert error.message.startswith(f"code {http} in the answer: denied; ")


def test_a_word_inside_a_200_is_no_code_of_the_answer() -> None:
    error = find_error({"error": {"message": "slow down", "type": "overloaded_error"}}, ResponseInfo())
    assert error is not None
    assert error.message.startswith("slow down; the service is overloaded")


SENTENCES = {
    E.AUTH: """Not authenticated|Could not validate credentials|Missing API key|Invalid API Key|API key is required
        |No API key provided|You didn't provide an API key.|Incorrect API key provided: sk-***|Authentication failed
        |Invalid token|Token has expired|Invalid or missing API key|Missing Authorization header|Unauthorized
        |the api key is not valid|Invalid authentication credentials|Authorization header is missing
        |Authentication credentials were not provided.|无效的令牌|未提供令牌|API key 无效|login required|Not authorized
        |Invalid bearer token|This API key has been revoked|Not logged in|Access denied|Forbidden""",
    E.QUOTA: """Insufficient balance|You exceeded your current quota, please check your plan|insufficient credits
        |余额不足|Rate limit exceeded|rate limit reached for requests|Too many requests|You are being rate limited
        |Your account has insufficient funds|Quota exceeded|out of credits|Budget has been exceeded! Current cost: 10.1|payment required|请求过于频繁""",
    E.SERVER: "The model is overloaded|Service Unavailable|Internal Server Error|server busy|boom|upstream failed",
    E.REJECTED: """The model `x` does not exist|model not found|Unknown model: x
        |This model's maximum context length is 8192 tokens|Unexpected endpoint or method. (POST /chat/completions)
        |Unknown endpoint|Not Found|route not found|No such path: /v1/x""",
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(status, text.strip()) for status, texts in SENTENCES.items() for text in texts.split("|")],
)
def test_a_sentence_alone_inside_a_200_means_what_it_says(status: ExitStatus, sentence: str) -> None:
    for body in (
        {"detail": sentence},
        {"message": sentence},
        {"error": sentence},
        {"error": {"message": sentence}},
        {"error": {"message": sentence, "type": "error", "code": None}},
    ):
        error = find_error(body, ResponseInfo())
        assert error is not None
        assert status == error.status, error.message
        assert sentence.removesuffix(".") in error.message
        assert "HTTP" not in error.message


@pytest.mark.parametrize(
    "sentence",
    [
        "invalid token at position 5 of the grammar",
        "the maximum number of tokens is not valid here",
        "the author of this page is away",
        "unexpected token < in JSON",
        "the key 'messages' is missing",
        "keyboard interrupt",
        "no rate known for this limit",
        "the balance of the tree is broken",
    ],
)
def test_a_sentence_about_something_else_is_the_servers_failure(sentence: str) -> None:
    error = find_error({"detail": sentence}, ResponseInfo())
    assert error is not None
    assert (E.SERVER, True) == (error.status, error.retryable)

"""Every code of the service has one exit status and a sentence that says what to do."""

import pytest

from mmpipe.api.refusals.codes import API_CODES, is_overload, is_plan_window
from mmpipe.api.refusals.service_errors import explain_status, find_error
from mmpipe.api.response_head import ResponseInfo
from mmpipe.errors import ExitStatus, MmpipeError, ServerError

E = ExitStatus


def envelope(message: str, **more: object) -> dict[str, object]:
    """The error body of the API (FACTS.md, "Error bodies")."""
    return {"type": "error", "error": {"type": "x", "message": message, **more}, "request_id": "0640"}


def reported(body: dict[str, object], http: int = 200, **more: object) -> MmpipeError:
    found = find_error(body, ResponseInfo(http, **more))  # type: ignore[arg-type]  # as the callers say them
    assert found is not None
    return found


CODES_OF_STATUS = {
    E.AUTH: (1004, 2049),
    E.QUOTA: (1002, 1008, 1028, 1030, 1041, 2045, 2056, 2061, 2062),
    E.TIMEOUT: (1001,),
    E.SERVER: (1000, 1013, 1024, 1033, 2064),
    E.REJECTED: (1039, 1042, 2013),
    E.FILTERED: (1026, 1027),
}


@pytest.mark.parametrize(
    ("status", "code"), [(status, code) for status, codes in CODES_OF_STATUS.items() for code in codes]
)
def test_each_code_has_its_status_as_error_and_as_base_resp(status: ExitStatus, code: int) -> None:
    as_error = reported(envelope(f"what it says ({code})"))
    as_base_resp = reported(
        {"choices": None, "base_resp": {"status_code": code, "status_msg": "what it says"}}
    )
    assert (
        (status, code) == (as_error.status, as_error.api_code) == (as_base_resp.status, as_base_resp.api_code)
    )
    assert as_error.message == as_base_resp.message
    assert f"what it says ({code}); " in as_error.message


def test_no_code_is_left_untested() -> None:
    assert set(API_CODES) == {code for codes in CODES_OF_STATUS.values() for code in codes}


@pytest.mark.parametrize(
    ("http", "status"),
    [
        *((http, E.REJECTED) for http in (300, 301, 302, 307, 399, 400, 404, 409, 413, 418, 422, 499)),
        *((http, E.AUTH) for http in (401, 403)),
        *((http, E.QUOTA) for http in (402, 429)),
        *((http, E.TIMEOUT) for http in (408, 504)),
        *((http, E.SERVER) for http in (500, 501, 502, 503, 529, 599)),
    ],
)
def test_each_http_status_without_a_code_has_its_status(http: int, status: ExitStatus) -> None:
    for body in (None, {}, envelope("no code here")):
        assert status == explain_status(ResponseInfo(http), body).status


def test_the_code_says_more_than_the_http_status() -> None:
    error = explain_status(ResponseInfo(500), envelope("output new_sensitive (1027)"))
    assert (E.FILTERED, 500) == (error.status, error.http)


@pytest.mark.parametrize(("http", "redirects"), [(300, 1), (308, 1), (399, 1), (400, 0)])
def test_no_redirect_is_followed(http: int, redirects: int) -> None:
    error = explain_status(ResponseInfo(http, "trace"), None)
    assert redirects == error.message.count(
        "the host redirects elsewhere, and mmpipe does not follow; check --base-url"
    )
    assert (http, "trace") == (error.http, error.request_id)
    assert error.message.startswith(f"HTTP {http}: ")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "HTTP 500: no reason given; the service failed; "),
        ({"error": "down"}, "HTTP 500: down; the service failed; "),
        ({"error": ["down"]}, "HTTP 500: down; the service failed; "),
        ({"error": {"code": "odd"}}, "HTTP 500: odd; the service failed; "),
        ({"base_resp": {"status_code": 9999}}, "HTTP 500: no reason given (9999); the service failed; "),
        ({"base_resp": {"status_code": "odd", "status_msg": "down"}}, "HTTP 500: down; the service failed; "),
    ],
)
def test_the_message_of_a_failed_service_is_quoted_and_advice_follows(
    body: dict[str, object] | None, words: str
) -> None:
    error = explain_status(ResponseInfo(500), body)
    assert error.message.startswith(words)
    assert error.retryable


def test_an_error_inside_a_success_says_nothing_of_the_success() -> None:
    assert "down; the service failed; retry later" == reported({"error": "down"}).message


def test_a_code_that_is_not_known_leaves_it_to_the_status() -> None:
    error = explain_status(ResponseInfo(422), envelope("odd", code=9999))
    assert (E.REJECTED, 9999) == (error.status, error.api_code)
    assert "HTTP 422: odd (9999); the request itself must change" == error.message


@pytest.mark.parametrize(
    ("http", "reason", "status"),
    [
        (400, "at most the context limit of this model (1024)", E.REJECTED),
        (400, "the value of n exceeds (8192)", E.REJECTED),
        (403, "denied by rule (1000)", E.AUTH),
        (429, "slow down, client (1026)", E.QUOTA),
        (429, "slow down, client (1004)", E.QUOTA),
        (500, "the worker died: pid (1026)", E.SERVER),
        (502, "connection to worker failed (1004)", E.SERVER),
        (503, "pid (2013)", E.SERVER),
        (200, "the value of n exceeds (8192)", E.SERVER),
    ],
)
def test_a_number_at_the_end_is_a_code_only_if_it_fits_the_http_status(
    http: int, reason: str, status: ExitStatus
) -> None:
    outside = explain_status(ResponseInfo(http), envelope(reason))
    inside = reported(envelope(reason, http_code=str(http)))
    for error in (outside, inside):
        assert (status, None) == (error.status, error.api_code)
        assert error.message.count(f"{reason}; ") == 1
    assert (http in (200, 429, 500, 502, 503)) == outside.retryable


@pytest.mark.parametrize("code", [1004, 1008, 1026, 1027, 2013, 2049, 2056, 2061])
def test_an_error_that_a_retry_cannot_help_is_not_retryable(code: int) -> None:
    assert not reported(envelope(f"x ({code})")).retryable


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1013, 1024, 1033, 1041, 2045, 2064])
def test_a_passing_error_is_retryable(code: int) -> None:
    assert reported(envelope(f"x ({code})")).retryable


def test_the_key_of_another_region_is_explained() -> None:
    assert "--base-url intl" in reported(envelope("invalid api key (2049)")).message


def test_an_unknown_model_tells_how_to_list_models() -> None:
    error = reported(envelope("invalid params, unknown model 'x' (2013)"))
    assert error.message.endswith("(2013); `mmpipe models --live` lists the models of the host")


@pytest.mark.parametrize("moment", ["2026-05-20T20:00:00Z", "2026-05-21T04:00:00+08:00"])
def test_a_used_up_plan_window_says_when_it_resets(moment: str) -> None:
    message = f"usage limit exceeded, 5-hour usage limit reached (1500/1500 used), resets at {moment} (2056)"
    error = reported(envelope(message), date="Wed, 20 May 2026 19:50:00 GMT")
    assert 600 == error.retry_after
    assert moment in error.message


def test_the_trace_id_of_the_body_is_kept() -> None:
    assert "0640" == reported(envelope("x (1000)")).request_id


@pytest.mark.parametrize("http_code", [None, "500"])
def test_without_one_in_the_body_the_trace_id_is_that_of_the_response(http_code: object) -> None:
    body: dict[str, object] = {"error": {"message": "x (1000)", "http_code": http_code}}
    assert "trace" == reported(body, request_id="trace").request_id


def test_an_error_event_carries_its_http_status_inside() -> None:
    error = reported(envelope("unknown error, 798 (1000)", http_code="500"), retry_after=7.0)
    assert (500, 7.0) == (error.http, error.retry_after)
    assert error.message.startswith("code 500 in the answer: ")


@pytest.mark.parametrize("odd", ["5", "50000", "abc", "", None, 5000])
def test_a_status_inside_that_is_none_is_passed_over(odd: object) -> None:
    assert 200 == reported(envelope("x (1000)", http_code=odd)).http


def test_a_status_inside_counts_only_where_http_says_that_all_is_well() -> None:
    assert 503 == reported(envelope("x (1000)", http_code="500"), http=503).http


@pytest.mark.parametrize(
    "body",
    [
        {},
        *({"base_resp": {"status_code": code}} for code in (0, None, "", "0")),
        {"base_resp": None},
        {"error": None},
        {"error": ""},
        {"error": {}},
        {"error": []},
        {"error": {"message": None}},
        {"choices": [], "message": "good morning"},
    ],
)
def test_a_body_without_an_error_is_none(body: dict[str, object]) -> None:
    assert None is find_error(body, ResponseInfo())


@pytest.mark.parametrize("error", ["down", ["down"], {"message": "down", "code": "odd"}, 7])
def test_an_error_without_a_code_is_the_servers(error: object) -> None:
    assert E.SERVER == reported({"error": error}).status


def test_an_error_with_nothing_around_it_is_one() -> None:
    assert E.SERVER == reported({"message": "boom"}).status


@pytest.mark.parametrize("code", [1004, "1004"])
def test_a_code_in_a_field_of_its_own_is_read(code: object) -> None:
    error = reported({"error": {"message": "login fail", "code": code}})
    assert (E.AUTH, 1004) == (error.status, error.api_code)


@pytest.mark.parametrize(("code", "read"), [("12345", 12345), ("123456", None), ("-1", None), (None, None)])
def test_a_code_that_is_too_long_or_no_number_is_none(code: object, read: int | None) -> None:
    assert read == reported({"error": {"message": "down", "code": code}}).api_code


@pytest.mark.parametrize("code", [1004, "1004"])
def test_a_code_of_base_resp_may_be_a_text(code: object) -> None:
    error = reported({"choices": None, "base_resp": {"status_code": code, "status_msg": "login fail"}})
    assert (E.AUTH, 1004) == (error.status, error.api_code)


@pytest.mark.parametrize(("second", "wait"), [("01", 3.0), ("09", 9.0)])
def test_of_a_reset_and_a_retry_after_the_longer_one_is_waited_for(second: str, wait: float) -> None:
    date = "Wed, 20 May 2026 20:00:00 GMT"
    error = reported(envelope(f"resets at 2026-05-20T20:00:{second}Z (1002)"), retry_after=3.0, date=date)
    assert wait == error.retry_after


@pytest.mark.parametrize("retry_after", [None, 7.0])
def test_a_reset_that_is_no_moment_is_passed_over(retry_after: float | None) -> None:
    error = reported(envelope("resets at 2026-99-99T00:00:00Z (2056)"), retry_after=retry_after)
    assert retry_after == error.retry_after


@pytest.mark.parametrize("http_code", [None, "429"])
def test_a_reset_that_is_past_by_the_clock_of_the_service_is_no_wait(http_code: object) -> None:
    date = "Wed, 20 May 2026 20:00:00 GMT"
    for second, wait in (("07", 7.0), ("01", 1.0)):
        error = reported(
            envelope(f"resets at 2026-05-20T20:00:{second}Z (2056)", http_code=http_code), date=date
        )
        assert wait == error.retry_after
    past = reported(envelope("resets at 2026-05-20T19:00:00Z (2056)", http_code=http_code), date=date)
    assert 0 == past.retry_after


def test_a_long_message_of_the_host_is_shortened() -> None:
    assert len(reported(envelope("x\n" * 100_000)).message) < 1000


@pytest.mark.parametrize(
    ("http", "code", "passes", "overload"),
    [
        (429, None, True, True),
        (429, 4711, True, True),
        (529, None, True, True),
        (200, 1041, True, True),
        (429, 1000, True, True),
        (429, 1002, False, False),
        (429, 2056, False, False),
        (500, None, True, False),
    ],
)
def test_an_overload_is_recognised_by_the_code_or_by_the_status(
    http: int, code: int | None, passes: bool, overload: bool
) -> None:
    assert overload is is_overload(ServerError("x", http=http, api_code=code, retryable=passes))


def test_overload_codes_can_be_retried_and_only_one_code_is_a_plan_window() -> None:
    overloads = [code for code in API_CODES if is_overload(reported(envelope(f"x ({code})")))]
    windows = [code for code in API_CODES if is_plan_window(reported(envelope(f"x ({code})")))]
    assert ([1002, 1041, 2045, 2064], [2056]) == (overloads, windows)

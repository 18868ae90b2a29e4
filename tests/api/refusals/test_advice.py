"""The advice after a reason fits the reason."""

import pytest

from mmpipe.api.refusals.service_errors import explain_status, read_explanation
from mmpipe.api.response_head import RequestFacts, ResponseInfo
from mmpipe.errors import ExitStatus, MmpipeError

PAGE = b"<html><head><title>%s</title></head><body>%s</body></html>"


def error_of(http: int, body: object, model: str = "") -> MmpipeError:
    value = read_explanation(body) if isinstance(body, bytes) else body
    return explain_status(ResponseInfo(http, request=RequestFacts(model)), value)


@pytest.mark.parametrize("http", [401, 403])
@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}},
        {"detail": "Not authenticated"},
        {"detail": "Invalid token"},
        {"message": "Unauthorized"},
        {"message": "login fail (1004)"},
        {"error": {"message": "无效的令牌"}},
        b"Forbidden",
        b"Access denied",
        b"missing credentials",
        b"the token expired",
        b"access token required",
        b"no api_key, no answer",
        b"wrong apiKey",
        b"Bearer token is absent",
        b"you are not logged in",
    ],
)
def test_the_key_is_to_be_checked_where_the_reason_does_not_say_otherwise(http: int, body: object) -> None:
    error = error_of(http, body)
    assert ExitStatus.AUTH == error.status
    assert "check the key" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"your address is not on the list",
        b"Your IP is not authorized to use this API key",
        b"error code: 1010",
        {"error": {"message": "this account is suspended"}},
        b"monkey business",
        b"the maximum tokens for the free tier",
        b"the author of this page is away",
        b"a keyboard is needed",
        {"error": "Country, region, or territory not supported"},
        {"detail": "requests from bots are blocked"},
        PAGE % (b"Attention Required! | Cloudflare", b"Sorry, you have been blocked"),
        PAGE % (b"403 Forbidden", b"nginx"),
    ],
)
def test_a_firewall_or_a_list_of_addresses_is_not_about_the_key(body: object) -> None:
    error = error_of(403, body)
    assert (ExitStatus.AUTH, False) == (error.status, error.retryable)
    assert "check the key" not in error.message
    assert error.message.endswith("a retry does not help")


def test_a_page_that_asks_for_a_login_is_about_the_key() -> None:
    assert "check the key" in error_of(401, PAGE % (b"401 Authorization Required", b"nginx")).message


UNKNOWN = [
    "The model `{}` does not exist.",
    "The model '{}' does not exist or you do not have access to it",
    "model '{}' not found, try pulling it first",
    "Invalid model name passed in model={}. Call `/v1/models`",
    "{} is not a valid model ID",
    "unknown model '{}' (2013)",
    "Model {} is not available",
]


@pytest.mark.parametrize("http", [400, 404, 422])
@pytest.mark.parametrize("reason", UNKNOWN)
@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("minimax-m3", "MiniMax-M3"),
        ("M2.7-highspeed", "MiniMax-M2.7-highspeed"),
        ("minimax/minimax-m2.5", "MiniMax-M2.5"),
        ("MiniMaxAI/MiniMax-M2", "MiniMax-M2"),
        ("openrouter/some-host/MiniMax-M3", "MiniMax-M3"),
        ("registry.of-a-company/models/of-others/minimax-m2.7", "MiniMax-M2.7"),
    ],
)
def test_an_unknown_model_is_answered_with_the_one_that_may_be_meant(
    http: int, reason: str, model: str, meant: str
) -> None:
    error = error_of(http, {"error": {"message": reason.format(model)}}, model)
    assert ExitStatus.REJECTED == error.status
    assert f"; did you mean {meant}? `mmpipe models --live` lists the models of the host" in error.message
    assert "/v1," not in error.message


@pytest.mark.parametrize("model", ["MiniMax-M3", "gpt-x", "x" * 10_000])
def test_without_a_likely_model_the_list_is_named_alone(model: str) -> None:
    error = error_of(404, {"error": {"message": "The model does not exist"}}, model)
    assert error.message.endswith(
        "The model does not exist; `mmpipe models --live` lists the models of the host"
    )


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"detail": "Not Found"},
        b"404 page not found",
        PAGE % (b"404 Not Found", b"no model here"),
        {"error": {"message": "Invalid URL (POST /chat/completions)"}},
    ],
)
def test_a_404_that_names_no_model_is_about_the_base_url(body: object) -> None:
    error = error_of(404, body, "MiniMax-M3")
    assert "a base URL usually ends in /v1" in error.message
    assert "mmpipe models" not in error.message


@pytest.mark.parametrize("reason", ["This model was removed", "MiniMax-M9 was removed"])
def test_a_404_that_names_a_model_in_any_words_is_about_the_model(reason: str) -> None:
    assert "mmpipe models --live" in error_of(404, {"error": reason}, "MiniMax-M9").message
    assert "mmpipe models" not in error_of(400, {"error": reason}, "MiniMax-M9").message


def test_a_404_of_a_gateway_that_repeats_the_model_is_about_the_model() -> None:
    error = error_of(
        404, {"error": {"message": "No endpoints found for minimax/minimax-m9."}}, "minimax/minimax-m9"
    )
    assert "mmpipe models --live" in error.message


@pytest.mark.parametrize(
    "reason",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "invalid params, context window exceeds limit (2013)",
        "the prompt is too long",
        "input is too large",
    ],
)
def test_a_prompt_that_is_too_long_is_to_be_shortened(reason: str) -> None:
    error = error_of(400, {"error": {"message": reason}}, "MiniMax-M3")
    assert error.message.endswith("; shorten the prompt, or ask for fewer tokens with --max-tokens")


@pytest.mark.parametrize("code", ["model_not_found", "DeploymentNotFound"])
def test_a_code_that_names_the_model_is_about_the_model(code: str) -> None:
    error = error_of(400, {"error": {"message": "not here", "code": code}}, "minimax-m3")
    assert "did you mean MiniMax-M3?" in error.message


@pytest.mark.parametrize(
    "reason", ["API key not valid. Please pass a valid API key.", "Invalid API key", "Missing api_key"]
)
def test_a_key_that_is_refused_with_400_is_to_be_checked(reason: str) -> None:
    error = error_of(400, [{"error": {"code": 400, "message": reason, "status": "INVALID_ARGUMENT"}}])
    assert ExitStatus.REJECTED == error.status
    assert "check the key" in error.message


@pytest.mark.parametrize("http", [404, 405])
def test_an_address_that_takes_no_request_is_about_the_base_url(http: int) -> None:
    assert "usually ends in /v1" in error_of(http, PAGE % (b"Not Allowed", b"nginx")).message


def test_a_limit_of_a_model_is_not_about_its_name() -> None:
    error = error_of(
        400, {"message": "model[MiniMax-M3] does not support max tokens > 524288 (2013)"}, "MiniMax-M3"
    )
    assert error.message.endswith("the request itself must change")


REFUSES_SPLIT = [
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "reasoning_split"], "msg": "Extra inputs are not permitted"}]}),
    (400, {"object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'reasoning_split'), 'msg': 'Extra inputs are not permitted'}]"}),
    (400, {"error": 'json: unknown field "reasoning_split"'}),
    (400, {"error": {"message": "Unrecognized request argument supplied: reasoning_split"}}),
    (400, {"error": {"message": "Unsupported parameter", "param": "reasoning_split"}}),
    (400, {"error": {"message": "Additional properties are not allowed ('reasoning_split' was unexpected)"}}),
    (400, {"reasoning_split": ["unknown field"]}),
    (500, b"TypeError: create() got an unexpected keyword argument 'reasoning_split'"),
]  # fmt: skip


@pytest.mark.parametrize(("http", "body"), REFUSES_SPLIT)
def test_a_server_that_refuses_reasoning_split_gets_native_thinking_named(http: int, body: object) -> None:
    error = error_of(http, body)
    assert error.message.endswith(
        "; this server does not know the field reasoning_split; use --native-thinking"
    )
    assert not error.retryable


@pytest.mark.parametrize(
    ("http", "body", "advice"),
    [
        (400, {"error": 'json: unknown field "stream_options"'}, "field stream_options; use --wire whole"),
        (400, {"error": "Unsupported parameter(s): `max_completion_tokens`"}, "use -p max_tokens=N"),
        (
            422,
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "max_completion_tokens"],
                        "msg": "Extra inputs are not permitted",
                    }
                ]
            },
            "use -p max_tokens=N",
        ),
        (
            400,
            {"error": "Unsupported parameter(s): `reasoning_split`, `stream_options`"},
            "fields reasoning_split, stream_options; use --native-thinking and --wire whole",
        ),
    ],
)
def test_a_server_that_does_not_know_a_field_gets_the_option_named(
    http: int, body: object, advice: str
) -> None:
    assert error_of(http, body).message.endswith(advice)


@pytest.mark.parametrize(
    "reason",
    [
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "Invalid value for 'max_completion_tokens': must be at most 4096",
        "max_completion_tokens is too large: 999999",
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "unknown tool in {'stream_options': {'include_usage': True}, \"max_completion_tokens\": 5}",
    ],
)
def test_a_known_field_with_a_bad_value_is_not_an_unknown_one(reason: str) -> None:
    assert "does not know the field" not in error_of(400, {"error": {"message": reason}}).message


@pytest.mark.parametrize(
    ("http", "body"),
    [
        (400, {"error": 'json: unknown field "top_k"'}),
        (400, {"error": f"unknown field foo{' ' * 200}in a request with reasoning_split"}),
        (400, {"error": f"request with reasoning_split{' ' * 200}has an unknown field"}),
        (400, {"error": "field required: messages in {'reasoning_split': True, 'model': 'x'}"}),
        (429, {"error": "unknown client, request was {'reasoning_split': true}"}),
    ],
)
def test_a_refusal_of_something_else_does_not_name_it(http: int, body: object) -> None:
    assert "--native-thinking" not in error_of(http, body).message


ECHOES = [
    "upstream sent an invalid response to {'model': 'M', 'reasoning_split': True}",
    'unexpected end of the answer to {"reasoning_split" : true}',
    "invalid state after Request(model='M', reasoning_split=True)",
    "extra bytes after the answer to {'stream_options': {}}",
]


@pytest.mark.parametrize("http", [400, 500, 502, 503])
@pytest.mark.parametrize("reason", ECHOES)
def test_a_field_in_a_request_that_is_repeated_is_not_refused(http: int, reason: str) -> None:
    error = error_of(http, {"error": reason})
    assert "does not know the field" not in error.message
    assert (http >= 500) == error.retryable


@pytest.mark.parametrize(
    ("http", "passes"), [(400, False), (422, False), (500, False), (501, False), (502, True), (503, True)]
)
def test_a_field_that_is_refused_with_a_status_that_passes_is_tried_again(http: int, passes: bool) -> None:
    error = error_of(http, {"error": 'unknown field "reasoning_split"'})
    assert "use --native-thinking" in error.message
    assert passes is error.retryable


@pytest.mark.parametrize("http", [400, 422])
@pytest.mark.parametrize(
    "reason",
    [
        "model {}: unknown parameter top_k",
        "The model got an unexpected image; unknown image type webp",
        "model output: tool 'x' not found in tools",
        "unsupported model parameter: top_k",
        "The model {} takes no images. The file was not found",
        "{}: the tool 'x' was not found",
        "the model called a function of yesterday that is not available in the list of tools",
        "the model and all the other words before these: the file was not found",
    ],
)
def test_a_refusal_of_something_else_is_not_about_the_model(http: int, reason: str) -> None:
    error = error_of(http, {"error": {"message": reason.format("MiniMax-M3")}}, "MiniMax-M3")
    assert "mmpipe models" not in error.message


@pytest.mark.parametrize(
    "reason",
    [
        "the requested minimax-m3, as far as this host knows, does not exist",
        "model=minimax-m3 not found",
        "models minimax-m3 do not exist",
        "模型 minimax-m3 不存在",
        "No such model",
        "The model does not exist.",
        "The selected model isn't available; model not loaded",
    ],
)
def test_a_model_that_the_host_does_not_have_is_about_the_model(reason: str) -> None:
    assert "mmpipe models --live" in error_of(400, {"error": {"message": reason}}, "MiniMax-M3").message

"""Errors inside a 200, reasons of refusals, and times of retries, in the shapes of each server."""

from support.fault_server import Script
from support.server_shapes.shape import DONE, GOOD, Shape, body, data, streamed, text

HTML = (
    b"<html>\r\n<head><title>%s</title></head>\r\n<body><center><h1>%s</h1></center><hr>nginx</body></html>"
)


def event(error: object) -> Script:
    return streamed(data(error), DONE)


def retried(*sent: Script) -> Shape:
    """An error that passes: the second request is answered."""
    return Shape(sent=(*sent, GOOD), text="done", requests=2)


def refused(sent: Script, status: int, *says: str, requests: int = 1, ends_batch: bool = False) -> Shape:
    return Shape(sent=sent, status=status, says=says, requests=requests, ends_batch=ends_batch)


def failed(status: str, value: object, *headers: str, kind: str = "application/json") -> Script:
    return body(value, *headers, kind=kind, status=status)


IN_A_STREAM: dict[str, Shape] = {
    "429": retried(event({"error": {"message": "too many requests", "code": 429}})),
    "429-as-text-of-litellm": retried(
        event(
            {
                "error": {
                    "message": "litellm.RateLimitError: slow",
                    "type": "None",
                    "param": "None",
                    "code": "429",
                }
            }
        )
    ),
    "503-of-litellm": retried(
        event(
            {
                "error": {
                    "message": "litellm.MidStreamFallbackError: upstream broke",
                    "type": None,
                    "code": "503",
                }
            }
        )
    ),
    "name-of-an-exception": retried(event({"error": {"message": "litellm.ServiceUnavailableError: gone"}})),
    "400-of-vllm": refused(
        event({"error": {"message": "the prompt is too long", "type": "BadRequestError", "code": 400}}),
        9,
        "the prompt is too long",
    ),
    "400-of-old-vllm": refused(
        event(
            {
                "object": "error",
                "message": "at most 8 tokens",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        ),
        9,
        "at most 8 tokens",
    ),
    "overloaded": retried(
        event(
            {
                "type": "error",
                "error": {
                    "type": "service_unavailable_error",
                    "code": "server_is_overloaded",
                    "message": "overloaded",
                },
            }
        )
    ),
    "overloaded-of-anthropic": retried(
        event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    ),
    "overloaded-of-tgi": retried(event({"error": "Model is overloaded", "error_type": "overloaded"})),
    "status-of-tgi": refused(
        event({"error": {"message": "inputs must be shorter", "http_status_code": 422}}),
        9,
        "inputs must be shorter",
    ),
    "provider-of-openrouter": retried(
        event(
            {
                "id": "gen-1",
                "error": {
                    "code": 502,
                    "message": "Provider returned error",
                    "metadata": {"raw": '{"error":{"message":"the engine died"}}', "provider_name": "X"},
                },
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            }
        )
    ),
    "word-of-openrouter": retried(
        event(
            {
                "error": {"code": "server_error", "message": "Provider disconnected unexpectedly"},
                "choices": [],
            }
        )
    ),
    "quota": refused(
        event(
            {
                "error": {
                    "message": "You exceeded your quota",
                    "type": "insufficient_quota",
                    "code": "insufficient_quota",
                }
            }
        ),
        4,
        "You exceeded your quota",
        "top up",
        ends_batch=True,
    ),
    "context": refused(
        event(
            {
                "error": {
                    "message": "9 tokens at most",
                    "type": "invalid_request_error",
                    "code": "context_length_exceeded",
                }
            }
        ),
        9,
        "9 tokens at most",
        "shorten the prompt",
    ),
    "key": refused(
        event({"error": {"message": "bad key", "type": "authentication_error", "code": 401}}),
        3,
        "bad key",
        "check the key",
        ends_batch=True,
    ),
    "filtered": refused(
        event({"error": {"message": "not this", "code": "content_filter", "status": 400}}), 10, "not this"
    ),
    "timeout": retried(event({"error": {"message": "too slow", "type": "timeout"}})),
    "text-of-ollama": retried(event({"error": "the runner has died"})),
    "packed-twice": refused(
        event({"error": {"error": {"message": "no such tool", "code": "400"}}}), 9, "no such tool"
    ),
    "named-event": retried(streamed(b'event: error\ndata: {"detail":"upstream is gone","status":503}\n\n')),
    "field": refused(
        streamed(b'error: {"code":400,"message":"the prompt does not fit"}\n\n', DONE),
        9,
        "the prompt does not fit",
    ),
    "field-of-text": retried(streamed(b"error: the engine died\n\n", DONE)),
    "named-event-of-text": retried(streamed(b"event: error\ndata: 503 Service Unavailable\n\n")),
    "named-event-of-guardrails": refused(
        streamed(b'event: error\ndata: {"code":400,"details":"at most 20 logprobs"}\n\n', DONE),
        9,
        "at most 20 logprobs",
    ),
    "list-of-google-in-a-200": retried(
        body([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota"}}])
    ),
    "json-instead-of-a-stream": refused(body({"error": {"message": "no tools", "code": 400}}), 9, "no tools"),
    "json-labelled-as-a-stream": retried(
        body({"error": {"message": "busy", "type": "overloaded_error"}}, kind="text/event-stream")
    ),
    "detail-in-a-200": refused(body({"detail": "no such field", "status": 422}), 9, "no such field"),
    "packed-as-a-text": retried(event({"detail": '{"error":{"type":"overloaded_error","message":"busy"}}'})),
    "empty-beside-an-answer": Shape(
        sent=streamed(
            data(
                {
                    "choices": [{"index": 0, "delta": {"content": "one"}}],
                    "error": {"message": "", "type": "", "code": None},
                }
            ),
            text("", "stop"),
        ),
        text="one",
    ),
    **{
        f"success-beside-an-answer-{number}": Shape(
            sent=streamed(
                data({"choices": [{"index": 0, "delta": {"content": "one"}}], "error": error}),
                text("", "stop"),
            ),
            text="one",
        )
        for number, error in enumerate(
            [{"code": 0, "message": "success"}, {"code": "200", "message": ""}, "ok"], 1
        )
    },
    **{
        f"note-after-the-end-{number}": Shape(sent=streamed(text("one", "stop"), data(note)), text="one")
        for number, note in enumerate(
            [
                {"message": "request logged"},
                {"usage": {"total_tokens": 3}, "details": "fast lane"},
                {"error": "null"},
                {"error": {"code": 0, "message": "success"}, "msg": "ok"},
            ],
            1,
        )
    },
    "empty-alone": retried(event({"error": {"message": ""}})),
    "after-the-reason": Shape(
        sent=streamed(text("half", "stop"), data({"error": {"message": "cannot go on", "code": 500}})),
        status=7,
        partial="half",
        says=("cannot go on",),
        requests=2,
    ),
    "of-a-choice": refused(
        streamed(
            data(
                {
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"content": ""},
                            "finish_reason": "error",
                            "error": {
                                "code": 502,
                                "message": "Provider error",
                                "metadata": {"raw": "engine died"},
                            },
                        }
                    ]
                }
            )
        ),
        7,
        "Provider error: engine died",
        requests=2,
    ),
    "after-text": Shape(
        sent=streamed(text("half"), data({"error": {"message": "the engine died", "code": 500}})),
        status=7,
        partial="half",
        says=("the engine died",),
        requests=2,
    ),
}

MODEL = ("-m", "minimax-m3")
OF_A_STATUS: dict[str, Shape] = {
    "detail": refused(
        failed("422 X", {"detail": "the field x is not allowed"}), 9, "the field x is not allowed"
    ),
    "detail-of-pydantic": refused(
        failed(
            "422 X",
            {
                "detail": [
                    {
                        "type": "missing",
                        "loc": ["body", "messages", 0, "role"],
                        "msg": "Field required",
                        "input": {},
                    }
                ]
            },
        ),
        9,
        "messages.0.role: Field required",
    ),
    "detail-as-object": refused(failed("400 X", {"detail": {"error": "no such voice"}}), 9, "no such voice"),
    "text": refused(
        failed("403 X", b"your address is not on the list", kind="text/plain"),
        3,
        "your address is not on the list; the host refuses",
    ),
    "text-in-latin-1": refused(
        failed("400 X", "requête refusée".encode("latin-1"), kind="text/plain"), 9, "requête refusée"
    ),
    "page-of-a-gateway": retried(
        failed("502 X", HTML % (b"502 Bad Gateway", b"502 Bad Gateway"), kind="text/html")
    ),
    "page-of-a-firewall": refused(
        failed("403 X", HTML % (b"Attention Required! &amp; More", b"You are blocked"), kind="text/html"),
        3,
        "Attention Required! & More: You are blocked",
        "a gateway or firewall",
    ),
    "page-not-found": refused(
        failed("404 X", HTML % (b"404 Not Found", b"404 Not Found"), kind="text/html"),
        9,
        "usually ends in /v1",
    ),
    "model-not-found": Shape(
        sent=failed(
            "404 X", {"object": "error", "message": "The model `minimax-m3` does not exist.", "code": 404}
        ),
        status=9,
        says=("does not exist; did you mean MiniMax-M3?",),
        options=MODEL,
    ),
    "model-not-found-by-ollama": Shape(
        sent=failed("404 X", {"error": "model 'minimax/minimax-m2.7' not found, try pulling it first"}),
        status=9,
        says=("did you mean MiniMax-M2.7?",),
        options=("-m", "minimax/minimax-m2.7"),
    ),
    "reasoning-split-by-pydantic": refused(
        failed(
            "422 X",
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "reasoning_split"],
                        "msg": "Extra inputs are not permitted",
                    }
                ]
            },
        ),
        9,
        "--native-thinking",
    ),
    "reasoning-split-by-go": refused(
        failed("400 X", {"error": 'json: unknown field "reasoning_split"'}), 9, "--native-thinking"
    ),
    "reasoning-split-by-python": refused(
        failed(
            "500 X",
            b"TypeError: create() got an unexpected keyword argument 'reasoning_split'",
            kind="text/plain",
        ),
        7,
        "--native-thinking",
    ),
    "list-of-google": retried(
        failed(
            "429 X",
            [
                {
                    "error": {
                        "code": 429,
                        "status": "RESOURCE_EXHAUSTED",
                        "message": "Quota",
                        "details": [{"retryDelay": "0.1s"}],
                    }
                }
            ],
        )
    ),
    "array": refused(failed("400 X", ["too long", "too hot"]), 9, "too long; too hot"),
    "errors-of-cloudflare": refused(
        failed(
            "400 X", {"success": False, "errors": [{"code": 7003, "message": "no route"}], "messages": []}
        ),
        9,
        "no route",
    ),
    "problem": refused(
        failed("400 X", {"title": "Bad Request", "status": 400, "detail": "no messages"}), 9, "no messages"
    ),
    "err": refused(failed("400 X", {"err": "no prompt"}), 9, "no prompt"),
    "msg": refused(failed("400 X", {"code": 40001, "msg": "no tokens"}), 9, "no tokens (40001)"),
    "description": refused(
        failed("401 X", {"error": "invalid_token", "error_description": "it expired"}),
        3,
        "invalid_token: it expired",
        "check the key",
        ends_batch=True,
    ),
    "event": refused(
        failed(
            "400 X",
            b'event: error\ndata: {"error":{"message":"no tools here"}}\n\n',
            kind="text/event-stream",
        ),
        9,
        "no tools here",
    ),
    "milliseconds": retried(failed("429 X", {}, "retry-after-ms: 20")),
    "unit": retried(failed("429 X", {}, "Retry-After: 20ms")),
    "several-times": retried(failed("503 X", {}, "Retry-After: 0, 0.1", "retry-after-ms: 5")),
}

SHAPES = IN_A_STREAM | OF_A_STATUS

"""A 403 that does not blame the key is of one request; a 403 that blames it, and every 401, is of all."""

import pytest

from mmpipe.api.refusals.service_errors import explain_status, find_error, read_explanation
from mmpipe.api.response_head import ResponseInfo
from mmpipe.errors import AuthError, Forbidden

PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body>%s</body></html>"
OF_ONE_REQUEST = [
    b"",
    b"{}",
    b"Forbidden",
    b"Access denied",
    b"error code: 1020",
    b"blocked",
    PAGE % (b"403 Forbidden", b"nginx"),
    PAGE % (b"Attention Required! | Cloudflare", b"Sorry, you have been blocked"),
    PAGE % (b"Just a moment...", b"Enable JavaScript"),
    PAGE % (b"ERROR: The request could not be satisfied", b"Request blocked. CloudFront"),
    b'{"message":"Request blocked by the firewall"}',
    b'{"error":{"message":"Your request was blocked."}}',
    b'{"error":{"message":"the prompt was flagged"}}',
    b'{"error":{"message":"this account is suspended"}}',
    b'{"error":{"message":"denied by rule 942100"}}',
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
]
OF_THE_KEY = [
    b'{"error":{"message":"Invalid API key"}}',
    b'{"error":{"message":"forbidden"}}',
    b'{"detail":"Not authenticated"}',
    b'{"detail":"Invalid token"}',
    b'{"error":{"type":"permission_error","message":"Your API key does not have permission"}}',
    b'{"error":{"type":"permission_error"}}',
    b'{"base_resp":{"status_code":1004,"status_msg":"login fail"}}',
    b'{"error":{"message":"invalid api key (2049)"}}',
]


@pytest.mark.parametrize("body", OF_ONE_REQUEST)
def test_a_refusal_that_does_not_blame_the_key_is_of_one_request(body: bytes) -> None:
    assert Forbidden is type(explain_status(ResponseInfo(403), read_explanation(body)))
    assert AuthError is type(explain_status(ResponseInfo(401), read_explanation(body)))


@pytest.mark.parametrize("body", OF_THE_KEY)
@pytest.mark.parametrize("http", [401, 403])
def test_a_refusal_that_blames_the_key_is_of_all_requests(body: bytes, http: int) -> None:
    assert AuthError is type(explain_status(ResponseInfo(http), read_explanation(body)))


def test_a_code_403_inside_a_200_is_judged_alike() -> None:
    blocked = find_error({"error": {"code": 403, "message": "blocked by rule 7"}}, ResponseInfo())
    refused = find_error({"error": {"code": 403, "message": "Invalid API key"}}, ResponseInfo())
    assert (Forbidden, AuthError) == (type(blocked), type(refused))

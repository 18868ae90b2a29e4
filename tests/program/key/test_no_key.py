"""A server of the user's own is asked without a key: no Authorization header is sent, by either HTTP stack."""

import json
from pathlib import Path

import pytest

from support.harness import KEY, Finished, mmpipe, service
from support.socket_server import answer, server

pytestmark = pytest.mark.keys

CHUNK = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}
WHOLE = {"choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}]}
STREAM = answer(b"data: " + json.dumps(CHUNK).encode() + b"\n\n")
JSON = answer(json.dumps(WHOLE).encode(), "application/json")
MODELS = answer(b'{"data":[{"id":"my-model"}]}', "application/json")
COMMANDS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "chat": (STREAM, ("chat", "-n", "hi")),
    "chat, whole": (JSON, ("chat", "-n", "--wire", "whole", "hi")),
    "stream": (STREAM, ("stream", "-n", "hi")),
    "batch": (JSON, ("batch", "in.txt")),
    "batch, streamed": (STREAM, ("batch", "--wire", "stream", "in.txt")),
    "models": (MODELS, ("models", "--live", "my-model")),
}
REFUSAL = answer(b'{"error":{"message":"Invalid API key"}}', "application/json", status="401 Unauthorized")


def configure(text: str) -> None:
    path = Path(".config/mmpipe/config.toml")
    path.parent.mkdir(parents=True)
    path.write_text(text)


def is_answered(done: Finished, command: str) -> bool:
    return done.status == 0 and (b"my-model" if command == "models" else b"hello") in done.stdout


def has_key(request: bytes) -> bool:
    return b"\r\nauthorization:" in request.lower() or KEY.encode() in request


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("is_typed", [True, False], ids=["typed", "configured"])
def test_a_host_without_a_key_gets_no_authorization(command: str, is_typed: bool) -> None:
    Path("in.txt").write_text("hi\n")
    reply, arguments = COMMANDS[command]
    with server(reply) as (base_url, seen):
        if not is_typed:
            configure(f'base_url = "{base_url}"\n')
        done = mmpipe(*arguments, "-v", *(["--base-url", base_url] if is_typed else []))
    assert is_answered(done, command), done.stderr_text
    assert [False] == list(map(has_key, seen))
    assert f"asking {base_url} without a key" in done.stderr_text


@pytest.mark.parametrize("command", ["chat", "batch"])
def test_the_key_of_another_host_is_not_sent_to_the_host_of_a_profile(command: str) -> None:
    Path("in.txt").write_text("hi\n")
    reply, arguments = COMMANDS[command]
    with server(reply) as (base_url, seen):
        configure(f'[profile.local]\nbase_url = "{base_url}"\n')
        env = {"MINIMAX_API_KEY": KEY, "OPENAI_API_KEY": KEY}
        done = mmpipe(*arguments, "-v", "--profile", "local", env=env)
    assert is_answered(done, command), done.stderr_text
    assert [False] == list(map(has_key, seen))
    assert "without a key: the key (environment) is not for this host" in done.stderr_text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_host_that_wants_a_key_after_all_fails_with_the_reason(command: str) -> None:
    Path("in.txt").write_text("hi\n")
    with server(REFUSAL) as (base_url, seen):
        done = mmpipe(*COMMANDS[command][1], "--base-url", base_url, env={"OPENAI_API_KEY": KEY})
    assert 3 == done.status
    assert (
        f"no key was sent to {base_url} (OPENAI_API_KEY is not for this host): give it one"
        in done.stderr_text
    )
    assert "check the key" not in done.stderr_text
    assert [False] == list(map(has_key, seen))


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        ("401 X", b'{"error":{"message":"invalid api key (2049)"}}', "no key was sent to {}: give it one with"),
        ("401 X", b'{"error":{"message":"who are you"}}', "no key was sent to {}: give it one with"),
        ("401 X", b"", "no key was sent to {}: give it one with"),
        ("403 X", b'{"error":{"message":"Not authenticated"}}', "no key was sent to {}: give it one with"),
        ("400 X", b'{"error":{"message":"Missing API key"}}', "no key was sent to {}: give it one with"),
        ("403 X", b'{"error":{"message":"your IP is blocked"}}', "the host refuses for this reason; a retry does not help"),
        ("403 X", b"<html><title>403 Forbidden</title></html>", "a gateway or firewall refuses; a retry does not help"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["chat", "batch"])
def test_the_advice_of_a_refusal_knows_that_no_key_was_sent(
    command: str, status: str, body: bytes, advice: str
) -> None:
    Path("in.txt").write_text("hi\n")
    with server(answer(body, "application/json", status=status)) as (base_url, _):
        done = mmpipe(*COMMANDS[command][1], "--base-url", base_url)
    printed = done.stderr_text + done.stdout.decode()
    assert f"; {advice.format(base_url)}" in printed
    assert ("no key was sent" in printed) == ("no key" in advice)
    assert not any(words in printed for words in ("check the key", "works in one region"))


def test_answers_without_a_key_can_be_recorded_and_limited() -> None:
    with server(JSON) as (base_url, _):
        options = ("--base-url", base_url, "--wire", "whole")
        assert 0 == mmpipe("chat", "-n", "--record", "kept", *options, "hi").status
        limited = ("batch", "--rpm", "600", "--cache", "kept", "--base-url", base_url)
        assert 0 == mmpipe(*limited, stdin=b"hi\n", env={"XDG_RUNTIME_DIR": str(Path.cwd())}).status
    assert b"hello\n" == mmpipe("chat", "-n", "--replay", "kept", "hi").stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--base-url", "http://no-such-host.invalid/v1"),
        ("--base-url", "http://10.255.255.1:8000/v1"),
        ("--base-url", "http://[2001:db8::1]/v1"),
    ],
)
def test_plain_http_to_another_machine_must_be_permitted(options: tuple[str, ...]) -> None:
    refused = mmpipe("chat", "-n", *options, "hi")
    assert (2, b"", 1) == (refused.status, refused.stdout, refused.stderr_text.count("\n"))
    assert "--allow-http" in refused.stderr_text


def test_plain_http_to_another_machine_that_is_permitted_is_asked() -> None:
    done = mmpipe(
        "chat",
        "-n",
        "-v",
        "--retries",
        "0",
        "--base-url",
        "http://no-such-host.invalid/v1",
        "--allow-http",
        "hi",
    )
    assert (6, b"") == (done.status, done.stdout)
    assert "asking http://no-such-host.invalid/v1 without a key" in done.stderr_text


def test_a_key_that_goes_over_plain_http_is_reported_with_verbose() -> None:
    options = ("--retries", "0", "--base-url", "http://no-such-host.invalid/v1", "--allow-http")
    done = mmpipe("chat", "-n", "-v", *options, "hi", env={"MINIMAX_API_KEY": KEY})
    assert "with the key of: environment (unencrypted)" in done.stderr_text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_key_that_goes_over_plain_http_is_one_warning(command: str) -> None:
    Path("in.txt").write_text("hi\n" * 3)
    reply, arguments = COMMANDS[command]
    warning = "warning: the key is sent unencrypted to http://gpu.invalid:8000/v1"
    with server(reply) as (proxy, _):
        for key, quiet, expected in (KEY, [], 1), ("", [], 0), (KEY, ["-q"], 0):
            env = {"http_proxy": proxy.removesuffix("/v1"), "MINIMAX_API_KEY": key}
            done = mmpipe(
                *arguments, *quiet, "--base-url", "http://gpu.invalid:8000/v1", "--allow-http", env=env
            )
            assert is_answered(done, command), done.stderr_text
            assert expected == done.stderr_text.count(warning)
    with server(reply) as (base_url, _):
        done = mmpipe(*arguments, "--base-url", base_url, env={"MINIMAX_API_KEY": KEY})
    assert "unencrypted" not in done.stderr_text


def test_a_host_of_the_environment_without_a_key_is_not_asked() -> None:
    with service() as running:
        done = mmpipe("chat", "-n", "hi", env={"MINIMAX_BASE_URL": running.base_url})
        assert (3, []) == (done.status, running.requests)
    assert "--base-url" in done.stderr_text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_proxy_for_plain_http_is_asked_for_another_machine(command: str) -> None:
    Path("in.txt").write_text("hi\n")
    reply, arguments = COMMANDS[command]
    with server(reply) as (proxy, seen):
        env = {"http_proxy": proxy.removesuffix("/v1"), "https_proxy": "http://127.0.0.1:9"}
        done = mmpipe(*arguments, "--base-url", "http://gpu.invalid:8000/v1", "--allow-http", env=env)
    assert is_answered(done, command), done.stderr_text
    assert [b"http://gpu.invalid:8000/v1"] == [request.split()[1][:26] for request in seen]


@pytest.mark.parametrize("command", COMMANDS)
def test_another_machine_is_asked_over_plain_http_if_the_configuration_says_so_beside_its_url(
    command: str,
) -> None:
    Path("in.txt").write_text("hi\n")
    reply, arguments = COMMANDS[command]
    with server(reply) as (loopback, seen):
        # This address reaches the same server, and is no loopback.
        base_url = loopback.replace("127.0.0.1", "0.0.0.0")  # noqa: S104
        configure(f'allow_http = true\n[profile.gpu]\nbase_url = "{base_url}"\n')
        refused = mmpipe(*arguments, "--profile", "gpu")
        assert (2, [], True) == (refused.status, seen, "allow_http" in refused.stderr_text)
        Path(".config/mmpipe/config.toml").write_text(
            f'[profile.gpu]\nbase_url = "{base_url}"\nallow_http = true\n'
        )
        done = mmpipe(*arguments, "--profile", "gpu")
    assert is_answered(done, command), done.stderr_text
    assert [False] == list(map(has_key, seen))

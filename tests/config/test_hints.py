"""A base URL that cannot be used is answered with the one that may be meant; a variable that is not used is named."""

from pathlib import Path

import pytest

from mmpipe.config.base_request import build_base_request
from mmpipe.config.base_url import check_base_url
from mmpipe.config.options import RequestOptions, ServiceOptions
from mmpipe.config.settings import Settings
from mmpipe.errors import AuthError, UsageError
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.streams import Input

INPUTS = Inputs(Input(-1))

KEY = {"MINIMAX_API_KEY": "sk-one"}
GATEWAY = "https://gateway.example/v1"


def config(folder: Path, text: str) -> dict[str, str]:
    (folder / "mmpipe").mkdir()
    (folder / "mmpipe" / "config.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(folder)}


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("localhost", "http://localhost"),
        ("localhost:8000", "http://localhost:8000"),
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("[::]:8000/v1", "http://[::1]:8000/v1"),
        ("gpu:8000/v1", "https://gpu:8000/v1 or http://gpu:8000/v1"),
        ("10.0.0.7:8000/v1", "https://10.0.0.7:8000/v1 or http://10.0.0.7:8000/v1"),
        ("api.example.com/v1", "https://api.example.com/v1 or http://api.example.com/v1"),
        ("api.minimax.io/v1", "intl, or https://api.minimax.io/v1"),
        ("API.MiniMaxi.com:443", "cn, or https://api.minimaxi.com/v1"),
    ],
)
def test_a_base_url_without_its_scheme_is_named_with_it(typed: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_base_url(typed)
    assert caught.value.message.endswith(f"write {hint}")


@pytest.mark.parametrize(
    "typed",
    ["cm", "international", "http:/x", "http//x", "ftp://x:1/", "user@x:1", "x y:1", "", "://x", "x:y"],
)
def test_what_is_no_host_gets_the_form_of_a_base_url(typed: str) -> None:
    with pytest.raises(UsageError, match=r"it must look like .*, or be cn or intl"):
        check_base_url(typed)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("http://0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("http://0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_the_address_that_a_server_listens_on_is_no_place_to_ask(typed: str, hint: str) -> None:
    with pytest.raises(UsageError, match="is where a server listens") as caught:
        check_base_url(typed)
    assert f"ask it at {hint}; " in caught.value.message
    assert typed == check_base_url(typed, permits_http=True)


def test_a_base_url_of_openai_alone_is_named_where_no_key_is_found() -> None:
    with pytest.raises(AuthError, match="OPENAI_BASE_URL alone is not used: type it as --base-url"):
        Settings({}, {"OPENAI_BASE_URL": GATEWAY}).endpoint(INPUTS)
    with pytest.raises(AuthError, match="OPENAI_BASE_URL alone is not used"):
        Settings({}, {"OPENAI_BASE_URL": GATEWAY, "MINIMAX_BASE_URL": GATEWAY}).endpoint(INPUTS)
    with pytest.raises(AuthError) as caught:
        Settings({}, {}).endpoint(INPUTS)
    assert "OPENAI" not in caught.value.message


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({**KEY, "OPENAI_BASE_URL": GATEWAY}, "it is used with OPENAI_API_KEY only"),
        ({**KEY, "OPENAI_BASE_URL": GATEWAY, "OPENAI_API_KEY": "sk"}, "another key or host comes first"),
        ({"OPENAI_BASE_URL": GATEWAY, "OPENAI_API_KEY": "sk-two"}, None),
        ({**KEY, "OPENAI_API_KEY": "sk-two"}, None),
        (KEY, None),
    ],
)
def test_a_base_url_of_openai_that_is_not_used_is_reported(
    environment: dict[str, str], reason: str | None
) -> None:
    settings = Settings({}, environment)
    settings.endpoint(INPUTS)
    lines = [line for line in settings.explain() if line.startswith("OPENAI_BASE_URL")]
    assert ([] if reason is None else [f"OPENAI_BASE_URL is not used: {reason}"]) == lines


def body(environment: dict[str, str], profile: str | None = None, **typed: object) -> dict[str, object]:
    request = RequestOptions(**typed)  # type: ignore[arg-type]  # as the callers type them
    settings = Settings.read(environment, ServiceOptions(profile=profile), request)
    return dict(build_base_request(request, settings, pytest.fail).parameters)


def test_fields_of_the_request_can_be_configured(tmp_path: Path) -> None:
    environment = config(
        tmp_path,
        "native_thinking = true\nparams = {max_tokens = 9, user = 1}\n"
        "[profile.gpu.params]\ntag = 5\nmax_tokens = 50\n[profile.own]\nnative_thinking = false\nmax_tokens = 3\nparams = {}\n",
    )
    assert {"max_tokens": 9, "user": 1} == body(environment)
    assert {"max_tokens": 9, "user": 2} == body(environment, param=("user=2",))
    assert {"max_tokens": 7, "user": 1} == body(environment, max_tokens=7)
    assert {"max_tokens": 8, "user": 1} == body(environment, param=("max_tokens=8",))
    assert {"tag": 5, "max_tokens": 50} == body(environment, "gpu")
    assert {"tag": 5, "max_tokens": 6} == body(environment, "gpu", max_tokens=6)
    assert {"reasoning_split": True, "max_completion_tokens": 3} == body(environment, "own")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("params = {temperature = 1}", "params.temperature: use --temperature"),
        ("params = {max_completion_tokens = 1}", "params.max_completion_tokens: use max_tokens"),
        ("params = {reasoning_split = false}", "params.reasoning_split: use native_thinking"),
        ("params = {n = 2}", "one answer"),
        ("params = {functions = []}", "use tools"),
        ("params = {when = 2026-01-01}", "wrong type"),
        ("params = {x = [{y = 07:32:00}]}", "wrong type"),
        ("params = {x = nan}", "wrong type"),
        ("params = {x = inf}", "wrong type"),
        ('params = "x"', "wrong type"),
        ("params = [1]", "wrong type"),
        ('native_thinking = "yes"', "wrong type"),
        ("native_thinking = 1", "wrong type"),
    ],
)
def test_a_configured_field_that_cannot_be_sent_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        body(config(tmp_path, text))

"""A key goes to the host it was meant for, and nowhere else: no other host, no log, no header, no argument."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.harness import (
    AT_ONCE,
    KEY,
    MMPIPE,
    Finished,
    eventually,
    headers,
    mmpipe,
    sent_key,
    service,
    started,
)

pytestmark = pytest.mark.keys

OTHER = "sk-other-0000-1111-2222-3333"
OPENAI = (
    "OPENAI_ORG_ID",
    "OPENAI_ORGANIZATION",
    "OPENAI_PROJECT_ID",
    "OPENAI_ADMIN_KEY",
    "OPENAI_WEBHOOK_SECRET",
)


def configure(text: str, *, folder: str = ".config") -> None:
    path = Path(folder, "mmpipe", "config.toml")
    path.parent.mkdir(parents=True)
    path.write_text(text)


def refused(status: int, env: Mapping[str, str], *options: str, saying: str) -> None:
    """Nothing is asked, and one line says why; `BASE_URL` in a value stands for the base URL of a simulator."""
    with service() as server:
        env = {name: value.replace("BASE_URL", server.base_url) for name, value in env.items()}
        done = mmpipe("chat", "-n", *options, "hi", env=env)
        assert (status, b"", []) == (done.status, done.stdout, server.requests)
    (line,) = done.stderr_text.splitlines()
    assert line.startswith("mmpipe: ")
    assert saying in line


def last_four_sent(env: Mapping[str, str], *options: str) -> str:
    """The end of the key that reached a simulator; `BASE_URL` stands for its base URL in values and options."""
    with service() as server:
        env = {name: value.replace("BASE_URL", server.base_url) for name, value in env.items()}
        typed = [option.replace("BASE_URL", server.base_url) for option in options]
        done = mmpipe("chat", "-n", *typed, "sim:echo x", env=env)
        assert (0, b"x\n", b"") == (done.status, done.stdout, done.stderr)
        return sent_key(server)[-4:]


def test_without_a_key_nothing_is_asked() -> None:
    refused(3, {}, saying="MINIMAX_API_KEY")
    refused(3, {"MINIMAX_API_KEY": "", "MINIMAX_BASE_URL": "BASE_URL"}, saying="key")


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_key_in_quotes_is_refused_with_the_reason(quote: str) -> None:
    refused(3, {"MINIMAX_API_KEY": f"{quote}{KEY}{quote}", "MINIMAX_BASE_URL": "BASE_URL"}, saying="quotes")


def test_a_key_typed_where_its_file_belongs_is_not_repeated() -> None:
    done = mmpipe("chat", "-n", "-v", "--api-key-file", KEY, "hi")
    assert 3 == done.status
    assert "--api-key-file" in done.stderr_text
    assert KEY not in done.stderr_text


def test_a_key_for_openai_alone_is_not_sent_anywhere() -> None:
    refused(3, {"OPENAI_API_KEY": OTHER}, saying="OPENAI_BASE_URL")
    refused(3, {"OPENAI_API_KEY": OTHER, "MINIMAX_BASE_URL": "BASE_URL"}, saying="OPENAI_BASE_URL")


def test_the_pair_of_the_official_quick_start_works() -> None:
    assert OTHER[-4:] == last_four_sent({"OPENAI_API_KEY": OTHER, "OPENAI_BASE_URL": "BASE_URL"})


def test_the_pair_of_minimax_wins() -> None:
    openai = {"OPENAI_API_KEY": OTHER, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    assert KEY[-4:] == last_four_sent({"MINIMAX_API_KEY": KEY, "MINIMAX_BASE_URL": "BASE_URL", **openai})


def test_a_host_from_one_place_does_not_get_the_key_of_another() -> None:
    with service() as server:
        configure(f'base_url = "{server.base_url}"')
        done = mmpipe("chat", "-n", "hi", env={"MINIMAX_API_KEY": KEY})
        assert (3, b"", []) == (done.status, done.stdout, server.requests)
    refused(
        3,
        {"OPENAI_API_KEY": OTHER, "OPENAI_BASE_URL": "BASE_URL"},
        "--base-url",
        "http://127.0.0.1:9",
        saying="OPENAI",
    )


def test_a_typed_base_url_gets_the_key() -> None:
    assert KEY[-4:] == last_four_sent({"MINIMAX_API_KEY": KEY}, "--base-url", "BASE_URL")


def test_no_other_variable_of_openai_and_no_telemetry_reaches_the_wire() -> None:
    more = dict.fromkeys(OPENAI, "tell-tale") | {
        "OPENAI_CUSTOM_HEADERS": "X-Tell: tale",
        "OPENAI_LOG": "debug",
        "OPENAI_API_KEY": OTHER,
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }
    with service() as server:
        done = mmpipe("chat", "-n", "sim:echo x", server=server, env=more)
        sent = headers(server)
    assert (0, b"x\n", b"") == (done.status, done.stdout, done.stderr)
    assert [] == [name for name in sent if name.startswith(("x-stainless", "openai", "x-tell"))]
    assert [] == [name for name, value in sent.items() if "tell" in value or "tale" in value]


def test_the_configuration_file_names_a_command_for_the_key_and_a_host_for_it() -> None:
    Path("key").write_text(f"{OTHER}\nuser: me\n")
    configure(
        'base_url = "http://127.0.0.1:9/v1"\n[profile.here]\nbase_url = "URL"\napi_key_command = "cat key"\n'
    )
    with service() as server:
        path = Path(".config/mmpipe/config.toml")
        path.write_text(path.read_text().replace("URL", server.base_url))
        done = mmpipe("chat", "-n", "-v", "--profile", "here", "sim:echo x")
        assert (0, b"x\n") == (done.status, done.stdout)
        assert OTHER == sent_key(server)
    assert "[profile.here]" in done.stderr_text
    assert OTHER not in done.stderr_text


def test_the_configuration_is_where_xdg_says_and_says_the_model() -> None:
    configure('model = "MiniMax-M2.7"', folder="elsewhere")
    with service() as server:
        env = {"XDG_CONFIG_HOME": str(Path("elsewhere").resolve())}
        done = mmpipe("chat", "-n", "-v", "--json", "hi", server=server, env=env)
    assert "MiniMax-M2.7" == done.record["model"]
    assert [True] == [
        "elsewhere" in line for line in done.stderr_text.splitlines() if "model = MiniMax-M2.7" in line
    ]


@pytest.mark.parametrize(
    ("text", "status", "saying"),
    [
        (f'api_key = "{OTHER}"', 2, "api_key_command"),
        ('modell = "x"', 2, "modell"),
        ("model = ", 2, "TOML"),
        ('api_key_command = "false"', 3, "api_key_command"),
        ('api_key_command = "no-such-program"', 3, "api_key_command"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(text: str, status: int, saying: str) -> None:
    configure(text)
    refused(status, {}, saying=saying)


def test_the_key_can_be_read_from_a_file() -> None:
    Path("key").write_text(f"{KEY}\n")
    Path("key").chmod(0o600)
    assert KEY[-4:] == last_four_sent(
        {"OPENAI_API_KEY": OTHER}, "--api-key-file", "key", "--base-url", "BASE_URL"
    )
    refused(3, {}, "--api-key-file", "nowhere", saying="No such file")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.minimaxi.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "https://user:pass@api.minimaxi.com/v1",
        "ftp://api.minimaxi.com/v1",
        "api.minimaxi.com",
    ],
)
def test_a_host_to_which_a_key_must_not_go_is_a_wrong_option(url: str) -> None:
    refused(2, {"MINIMAX_API_KEY": KEY}, "--base-url", url, saying="URL")


def leaks(done: Finished) -> bool:
    return KEY.encode() in done.stdout + done.stderr


@pytest.mark.parametrize("fault", ["401", "500:#1"])
def test_the_key_is_in_no_message(fault: str) -> None:
    with service(fault) as server:
        done = mmpipe("chat", "-n", "-v", "--json", "--meta", "meta", "sim:echo x", server=server)
    assert (False, False) == (leaks(done), KEY in Path("meta").read_text())
    assert "MINIMAX" in done.stderr_text or "environment" in done.stderr_text


def test_verbose_tells_where_each_setting_is_from() -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "-v", "--temperature", "0.5", "sim:echo x", server=server)
    lines = done.stderr_text.splitlines()
    assert all(line.startswith("mmpipe: ") for line in lines)
    for name, source in {"model": "default", "base_url": "environment", "temperature": "option"}.items():
        assert [True] == [f"({source})" in line for line in lines if f" {name} = " in line]


def test_no_option_takes_the_key_so_the_process_list_never_shows_it() -> None:
    assert mmpipe("chat", "-n", "--api-key", KEY, "hi").status == 2
    command = (*MMPIPE, "chat", "-n", "-o", "answer", "hi")
    with service("hang") as server, started(command, server) as process:
        eventually(lambda: list(Path.cwd().glob(".answer*")), "the answer's file is open")
        assert KEY.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine() -> None:
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy")
    with service() as server:
        env = dict.fromkeys(names, "http://127.0.0.1:9")
        done = mmpipe("chat", "-n", "--retries", "0", "sim:echo x", server=server, env=env)
    assert (0, b"x\n", b"") == (done.status, done.stdout, done.stderr)


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with service("redirect") as server:
        done = mmpipe("chat", "-n", "hi", server=server)
        assert (9, ["/v1/chat/completions"]) == (
            done.status,
            [request["path"] for request in server.requests],
        )


def test_a_host_that_does_not_listen_is_a_network_failure() -> None:
    env = {"MINIMAX_API_KEY": KEY, "MINIMAX_BASE_URL": "http://127.0.0.1:9/v1"}
    done = mmpipe("chat", "-n", "--retries", "0", "--max-time", str(AT_ONCE), "hi", env=env)
    assert (6, b"") == (done.status, done.stdout)
    assert "refused" in done.stderr_text


def test_a_key_command_that_goes_on_after_the_key_is_ended_in_time() -> None:
    configure('api_key_command = ["sh", "-c", "echo secret-key; exec >&-; exec sleep 50.5"]')
    done = mmpipe("chat", "-n", "--max-time", "1", "hi")
    assert (5, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))
    assert "secret" not in done.stderr_text


def test_a_path_to_a_key_is_not_shown_where_it_might_be_one() -> None:
    configure(f'api_key_file = "{OTHER}"')
    with service() as server:
        done = mmpipe("chat", "-n", "-v", "sim:echo x", server=server)
    assert 0 == done.status
    assert OTHER not in done.stderr_text


def test_a_configuration_that_is_a_pipe_is_refused() -> None:
    path = Path(".config/mmpipe/config.toml")
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    done = mmpipe("chat", "-n", "hi")
    assert (2, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))

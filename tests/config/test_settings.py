"""Each setting comes from the right source, and a key goes only to its host."""

import asyncio
from pathlib import Path
from typing import get_args

import pytest

from mmpipe.config.base_request import build_base_request
from mmpipe.config.base_url import check_base_url
from mmpipe.config.keys import run_key_command
from mmpipe.config.options import HOSTS, RequestOptions, ServiceOptions
from mmpipe.config.settings import Settings
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.errors import AuthError, MmpipeError, TimedOut, UsageError
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.streams import Input

INPUTS = Inputs(Input(-1))

KEY = {"MINIMAX_API_KEY": "sk-one"}
OPENAI = {"OPENAI_API_KEY": "sk-two", "OPENAI_BASE_URL": "https://api.minimaxi.com/v1"}
ELSEWHERE = "https://gateway.example/v1"
MINIMAX_SPELLINGS = [
    "api.minimax.io",
    "api.minimax.io.",
    "API.MiniMax.IO.:8000",
    "api\u3002minimax.io",
    "\uff41pi.minimax\uff0eio",
]


def config(folder: Path, text: str) -> dict[str, str]:
    """Write the configuration file; returns an environment in which it is found."""
    (folder / "mmpipe").mkdir()
    (folder / "mmpipe" / "config.toml").write_text(text, encoding="utf-8")
    return {"XDG_CONFIG_HOME": str(folder)}


def endpoint(environment: dict[str, str], profile: str | None = None, **options: object) -> tuple[str, str]:
    found = Settings(options, environment, profile).endpoint(INPUTS)
    assert found.key is not None
    return found.base_url, found.key.value


def host_without_key(environment: dict[str, str], profile: str | None = None, **options: object) -> str:
    found = Settings(options, environment, profile).endpoint(INPUTS)
    assert found.key is None
    return found.base_url


def test_a_key_alone_goes_to_the_official_host() -> None:
    assert (HOSTS["cn"], "sk-one") == endpoint(KEY)


@pytest.mark.parametrize("name", ["cn", "intl"])
def test_short_names_stand_for_hosts(name: str) -> None:
    assert (
        (HOSTS[name], "sk-one") == endpoint(KEY, base_url=name) == endpoint(KEY | {"MINIMAX_BASE_URL": name})
    )


def test_key_and_host_of_the_environment_are_a_pair() -> None:
    assert (ELSEWHERE, "sk-one") == endpoint(KEY | {"MINIMAX_BASE_URL": ELSEWHERE})


def test_the_pair_of_the_quick_start_works() -> None:
    assert ("https://api.minimaxi.com/v1", "sk-two") == endpoint(OPENAI)


def test_the_minimax_pair_wins_over_the_openai_pair() -> None:
    assert (HOSTS["cn"], "sk-one") == endpoint(KEY | OPENAI | {"OPENAI_BASE_URL": ELSEWHERE})


def test_an_openai_key_alone_is_refused_with_the_reason() -> None:
    with pytest.raises(AuthError, match="OPENAI_API_KEY alone"):
        endpoint({"OPENAI_API_KEY": "sk-two"})


def test_an_openai_key_goes_to_no_other_host_than_its_own() -> None:
    with pytest.raises(AuthError, match="not sent to another"):
        endpoint(OPENAI, base_url=ELSEWHERE)
    assert ELSEWHERE == host_without_key({"OPENAI_API_KEY": "sk-two"}, base_url=ELSEWHERE)
    assert (OPENAI["OPENAI_BASE_URL"], "sk-two") == endpoint(OPENAI | {"MINIMAX_BASE_URL": ELSEWHERE})


def test_no_key_at_all_is_an_auth_error() -> None:
    with pytest.raises(AuthError, match="MINIMAX_API_KEY"):
        endpoint({})


def test_a_key_of_the_environment_does_not_go_to_a_foreign_host_of_the_file(tmp_path: Path) -> None:
    environment = config(tmp_path, f'base_url = "{ELSEWHERE}"')
    with pytest.raises(AuthError, match="is not sent to"):
        endpoint(environment | KEY)


def test_a_key_of_the_environment_goes_to_a_minimax_host_of_the_file(tmp_path: Path) -> None:
    assert (HOSTS["intl"], "sk-one") == endpoint(config(tmp_path, 'base_url = "intl"') | KEY)


def test_a_key_of_the_file_does_not_go_to_a_foreign_host_of_the_environment(tmp_path: Path) -> None:
    environment = config(tmp_path, 'api_key_command = "echo sk-three"')
    with pytest.raises(AuthError, match="is not sent to"):
        endpoint(environment | {"MINIMAX_BASE_URL": ELSEWHERE})


def test_a_typed_host_gets_the_key(tmp_path: Path) -> None:
    assert (ELSEWHERE, "sk-one") == endpoint(KEY, base_url=ELSEWHERE)
    environment = config(tmp_path, 'api_key_command = "echo sk-three"')
    assert (ELSEWHERE, "sk-three") == endpoint(environment, base_url=ELSEWHERE)


def test_a_typed_host_that_is_not_minimaxs_needs_no_key() -> None:
    for environment in (
        {},
        {"OPENAI_API_KEY": "sk-two"},
        {"MINIMAX_API_KEY": "", "MINIMAX_BASE_URL": "intl"},
    ):
        assert ELSEWHERE == host_without_key(environment, base_url=ELSEWHERE)
    for own in ("cn", "intl", "https://api.minimax.cn/v1"):
        with pytest.raises(AuthError, match="no API key"):
            endpoint({}, base_url=own)


def test_a_configured_host_that_is_not_minimaxs_needs_no_key(tmp_path: Path) -> None:
    environment = config(tmp_path, f'base_url = "{ELSEWHERE}"\n[profile.p]\nbase_url = "{ELSEWHERE}/p"\n')
    assert ELSEWHERE == host_without_key(environment)
    assert f"{ELSEWHERE}/p" == host_without_key(environment, "p")
    assert ELSEWHERE == host_without_key(environment | {"OPENAI_API_KEY": "sk-two"})


def test_a_host_of_the_environment_needs_its_key_and_the_error_names_the_alternative() -> None:
    with pytest.raises(AuthError, match="--base-url"):
        endpoint({"MINIMAX_BASE_URL": "http://127.0.0.1:8000/v1"})


def test_a_profile_with_a_host_of_its_own_takes_no_key_and_no_host_from_the_environment(
    tmp_path: Path,
) -> None:
    profile = f'[profile.p]\nbase_url = "{ELSEWHERE}"\n'
    environment = config(tmp_path, f'api_key_command = "false"\n{profile}') | KEY | OPENAI
    found = Settings({}, environment, "p").endpoint(INPUTS)
    assert (ELSEWHERE, None, "the key (environment)") == (found.base_url, found.key, found.unsent)


def test_a_folder_that_is_named_like_a_profile_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "[profile.p]"
    folder.mkdir()
    environment = config(folder, f'base_url = "{ELSEWHERE}"\n[profile.p]\nmodel = "M"\n') | KEY
    for profile in (None, "p"):
        with pytest.raises(AuthError, match="is not sent to"):
            endpoint(environment, profile)


def test_a_typed_key_is_not_left_out_for_the_host_of_a_profile(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-file", encoding="utf-8")
    environment = config(tmp_path, f'[profile.p]\nbase_url = "{ELSEWHERE}"\n')
    with pytest.raises(AuthError, match="is not sent to"):
        endpoint(environment, "p", api_key_file=str(tmp_path / "key"))


def test_the_key_beside_a_host_is_sent_although_the_environment_has_another(tmp_path: Path) -> None:
    text = f'[profile.p]\nbase_url = "{ELSEWHERE}"\napi_key_command = "echo sk-three"\n'
    assert (ELSEWHERE, "sk-three") == endpoint(config(tmp_path, text) | KEY, "p")


def test_a_command_for_a_key_that_is_not_sent_is_not_run(tmp_path: Path) -> None:
    environment = config(tmp_path, f'api_key_command = "touch {tmp_path}/run"')
    with pytest.raises(AuthError, match="is not sent to"):
        endpoint(environment | {"MINIMAX_BASE_URL": ELSEWHERE})
    assert not (tmp_path / "run").exists()


PLAIN = "http://gpu.example:8000/v1"


def test_plain_http_to_another_machine_is_permitted_by_the_typed_option(tmp_path: Path) -> None:
    assert PLAIN == host_without_key({}, base_url=PLAIN, allow_http=True)
    assert (PLAIN, "sk-one") == endpoint(KEY | {"MINIMAX_BASE_URL": PLAIN}, allow_http=True)
    assert (PLAIN, "sk-two") == endpoint(OPENAI | {"OPENAI_BASE_URL": PLAIN}, allow_http=True)
    assert PLAIN == host_without_key(config(tmp_path, f'base_url = "{PLAIN}"'), allow_http=True)


HERE, THERE = f'base_url = "{PLAIN}"', "allow_http = true"


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        (f"{HERE}\n{THERE}", None),
        (f"{HERE}\n{THERE}\n[profile.p]\nmodel = 'm'", "p"),
        (f"[profile.p]\n{HERE}\n{THERE}", "p"),
        (f"{HERE}\n{THERE}\n[profile.p]\n{THERE}", "p"),
        (f"allow_http = false\n[profile.p]\n{HERE}\n{THERE}", "p"),
    ],
)
def test_plain_http_to_another_machine_is_permitted_beside_the_base_url(
    text: str, profile: str | None, tmp_path: Path
) -> None:
    assert PLAIN == host_without_key(config(tmp_path, text), profile)


@pytest.mark.parametrize(
    ("text", "environment", "options"),
    [
        ("", {}, {"base_url": PLAIN}),
        ("", {"MINIMAX_BASE_URL": PLAIN}, {}),
        ("", OPENAI | {"OPENAI_BASE_URL": PLAIN, "MINIMAX_API_KEY": ""}, {}),
        (HERE, {}, {}),
        (f"{HERE}\nallow_http = false", {}, {}),
        (f"{THERE}\n[profile.p]\n{HERE}", {}, {}),
        (f"{HERE}\n[profile.p]\n{THERE}", {}, {}),
        (f"{HERE}\n{THERE}\n[profile.p]\nallow_http = false", {}, {}),
        (f"{THERE}\n[profile.p]", {}, {"base_url": PLAIN}),
        (f"{THERE}\n[profile.p]", {"MINIMAX_BASE_URL": PLAIN}, {}),
        (f"{HERE}\n{THERE}", {"MINIMAX_BASE_URL": "http://other.example/v1"}, {}),
        (f"{HERE}\n{THERE}", {}, {"base_url": "http://other.example/v1"}),
    ],
)
def test_plain_http_to_another_machine_is_refused_with_the_way_to_permit_it(
    text: str, environment: dict[str, str], options: dict[str, object], tmp_path: Path
) -> None:
    profile = "p" if "[profile.p]" in text else None
    with pytest.raises(UsageError, match="--allow-http, or allow_http = true"):
        endpoint(config(tmp_path, text) | KEY | environment, profile, **options)


@pytest.mark.parametrize("host", MINIMAX_SPELLINGS)
def test_plain_http_to_a_host_of_minimax_is_never_permitted(host: str) -> None:
    with pytest.raises(UsageError, match="write https://"):
        endpoint(KEY, base_url=f"http://{host}/v1", allow_http=True)


@pytest.mark.parametrize("host", MINIMAX_SPELLINGS)
def test_a_host_of_minimax_gets_the_key_however_it_is_spelled(host: str) -> None:
    assert (f"https://{host}/v1", "sk-one") == endpoint(KEY, base_url=f"https://{host}/v1")
    with pytest.raises(AuthError, match="no API key"):
        endpoint({}, base_url=f"https://{host}/v1")


def test_an_untyped_flag_leaves_the_configuration_as_it_is(tmp_path: Path) -> None:
    environment = config(tmp_path, f"{HERE}\n{THERE}")
    file = f"allow_http = true ({tmp_path}/mmpipe/config.toml)"
    for typed, explained in ((False, file), (True, "--allow-http (option)")):
        found = Settings.read(environment, ServiceOptions(allow_http=typed))
        assert PLAIN == found.endpoint(INPUTS).base_url
        assert explained in found.explain()
    assert "--no-markdown (option)" in Settings({"markdown": False}, {}).explain()


def test_a_profile_brings_its_own_pair(tmp_path: Path) -> None:
    text = f'[profile.work]\nbase_url = "{ELSEWHERE}"\napi_key_command = ["printf", "sk-%s", "four"]\nmodel = "M"\n'
    environment = config(tmp_path, text)
    assert (ELSEWHERE, "sk-four") == endpoint(environment, "work")
    assert "M" == Settings({}, environment, "work").get("model")
    assert "MiniMax-M3" == Settings({}, environment).get("model")


def test_a_typed_profile_and_the_environment_may_not_name_two_hosts(tmp_path: Path) -> None:
    environment = config(tmp_path, f'[profile.work]\nbase_url = "{ELSEWHERE}"\n') | KEY
    with pytest.raises(UsageError, match="unset MINIMAX_BASE_URL, or type --base-url"):
        endpoint(environment | {"MINIMAX_BASE_URL": "intl"}, "work")
    assert ELSEWHERE == endpoint(environment | {"MINIMAX_BASE_URL": ELSEWHERE}, "work")[0]
    typed = "http://127.0.0.1:8000/v1"
    assert typed == endpoint(environment | {"MINIMAX_BASE_URL": "intl"}, "work", base_url=typed)[0]


def test_an_unknown_profile_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"profile\.home"):
        Settings({}, config(tmp_path, ""), "home")


def test_a_key_file_that_was_typed_wins(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-file\n", encoding="utf-8")
    assert (HOSTS["cn"], "sk-file") == endpoint(KEY, api_key_file=str(tmp_path / "key"))


def test_the_scheme_is_written_as_it_is_compared() -> None:
    assert "http://127.0.0.1:8/v1" == check_base_url("HTTP://127.0.0.1:8/v1")


def test_a_key_command_is_given_no_other_key() -> None:
    environment = {"OPENAI_API_KEY": "sk-two", "PATH": "/usr/bin:/bin", "FIRST": "1"}
    assert "sk-two" not in run_key_command(["env"], environment, 5)


def test_a_key_command_runs_beside_the_main_thread_as_in_a_worker_of_a_cluster() -> None:
    async def resolve() -> str:
        return await asyncio.to_thread(run_key_command, "echo sk-one", {"PATH": "/usr/bin:/bin"}, 5)

    assert "sk-one" == asyncio.run(resolve())


@pytest.mark.parametrize(("command", "error"), [("sleep 30", TimedOut), ("yes", AuthError)])
def test_a_key_command_ends_and_is_read_only_so_far(
    command: str, error: type[MmpipeError], tmp_path: Path
) -> None:
    with pytest.raises(error):
        endpoint(config(tmp_path, f'api_key_command = "{command}"') | {"PATH": "/usr/bin:/bin"}, max_time=0.5)


@pytest.mark.parametrize("command", ["false", "no-such-program-here", "true", "", "'"])
def test_a_key_command_that_brings_no_key_is_an_auth_error(command: str, tmp_path: Path) -> None:
    with pytest.raises(AuthError):
        endpoint(config(tmp_path, f'api_key_command = "{command}"'))


def test_an_option_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    environment = config(tmp_path, 'model = "from-file"\nmax_time = 5\n[profile.p]\nmax_time = 6\n')
    assert "from-file" == Settings({"model": None}, environment).get("model")
    assert "typed" == Settings({"model": "typed"}, environment).get("model")
    assert (5, 6) == tuple(Settings({}, environment, name).get("max_time") for name in (None, "p"))


def test_the_source_of_each_value_is_reported_and_no_key(tmp_path: Path) -> None:
    environment = config(tmp_path, 'model = "M"') | KEY | {"MINIMAX_BASE_URL": "intl"}
    explained = "\n".join(Settings({"max_time": 5.0}, environment).explain())
    for line in (
        "base_url = intl (environment)",
        "max_time = 5.0 (option)",
        f"model = M ({tmp_path}/mmpipe/config.toml)",
        "idle_timeout = 120 (default)",
    ):
        assert line in explained.splitlines()
    assert "sk-" not in explained


def test_a_command_that_may_hold_a_key_is_not_shown(tmp_path: Path) -> None:
    explained = "\n".join(Settings({}, config(tmp_path, 'api_key_command = "echo sk-three"')).explain())
    assert "api_key_command = ..." in explained
    assert "sk-three" not in explained


def test_the_host_of_the_openai_pair_is_reported_as_its_own() -> None:
    settings = Settings({}, OPENAI)
    settings.endpoint(INPUTS)
    assert "base_url = https://api.minimaxi.com/v1 (environment, OPENAI_*)" in list(settings.explain())


def test_a_typed_key_does_not_go_to_a_foreign_host_that_was_not_typed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-file", encoding="utf-8")
    with pytest.raises(AuthError, match="is not sent to"):
        endpoint({"MINIMAX_BASE_URL": ELSEWHERE}, api_key_file=str(tmp_path / "key"))
    assert (ELSEWHERE, "sk-file") == endpoint({}, base_url=ELSEWHERE, api_key_file=str(tmp_path / "key"))


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e308])
def test_a_limit_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="max-time"):
        Settings({"max_time": value}, {}).seconds("max_time")


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "sk-secret"',
        "modle = 1",
        "model = 1",
        "allow_http = 1",
        'allow_http = "true"',
        "max_time = true",
        "not toml",
        "[profile.p]\nx = 1",
        "model = 'x",
    ],
)
def test_a_configuration_file_with_a_mistake_is_a_usage_error(text: str, tmp_path: Path) -> None:
    environment = config(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        Settings({}, environment, "p" if "[profile.p]" in text else None)
    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize(
    "environment", [{}, {"HOME": "relative"}, {"XDG_CONFIG_HOME": "relative"}, {"HOME": "/nonexistent"}]
)
def test_no_configuration_file_is_no_mistake(environment: dict[str, str]) -> None:
    assert "MiniMax-M3" == Settings({}, environment).get("model")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/v1",
        "http://localhost/v1",
        "http://LOCALHOST/v1",
        "http://127.255.0.9:9/v1",
        "http://[::1]:1/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "https://api.minimax.io/v1",
        "https://h:8443",
    ],
)
def test_a_base_url_that_can_be_used_loses_only_its_last_slash(url: str) -> None:
    assert url == check_base_url(url) == check_base_url(f"{url}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.minimax.io/v1",
        "HTTP://api.minimax.io/v1",
        "http://127.999.999.999/v1",
        "http://0.0.0.0/v1",
        "http://127.1/v1",
        "http://[fe80::1]/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "ftp://h/",
        "h/v1",
        "",
        "https://",
        "https://user:secret@h/v1",
        "https://h/v1?x=1",
        "https://h/v1#x",
        "https://h:port/v1",
        "https://h/v 1",
        "https://[::1/v1",
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        check_base_url(url)


def identity(environment: dict[str, str], **options: object) -> str | None:
    return Settings(options, environment).identify_host()


def test_the_host_of_a_replay_is_the_one_that_would_be_asked_and_no_key_is_read(tmp_path: Path) -> None:
    file = config(tmp_path, f'api_key_command = ["sh", "-c", "touch {tmp_path}/was-run; echo sk-three"]\n')
    ours = HOSTS["cn"]
    openai = {"OPENAI_API_KEY": "sk-two", "OPENAI_BASE_URL": ELSEWHERE}
    assert [ours, ours, ELSEWHERE, HOSTS["intl"], ELSEWHERE, ELSEWHERE, ours, ELSEWHERE] == [
        identity(KEY),
        identity(file),
        identity(KEY | {"MINIMAX_BASE_URL": ELSEWHERE}),
        identity({"MINIMAX_BASE_URL": "intl"}),
        identity({}, base_url=f"{ELSEWHERE}/"),
        identity(openai),
        identity(KEY | openai),
        identity({"OPENAI_BASE_URL": ELSEWHERE}),
    ]
    assert not (tmp_path / "was-run").exists()


def test_without_host_and_key_a_replay_has_no_host() -> None:
    assert [None, None] == [identity({}), identity({"OPENAI_API_KEY": "sk-two"})]


def test_the_simulator_is_one_host_at_all_ports() -> None:
    key = "sk-sim-0000000000000000"
    for port in (1, 2):
        here = f"http://127.0.0.1:{port}/v1"
        for variables in (
            {"MINIMAX_API_KEY": key, "MINIMAX_BASE_URL": here},
            {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": here},
        ):
            assert "mmpipe sim" == identity(variables)
    assert HOSTS["cn"] == identity({"MINIMAX_API_KEY": key})


def test_an_invalid_host_of_a_replay_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="is not a base URL"):
        identity({}, base_url="nonsense")


@pytest.mark.parametrize(
    "typed",
    [
        "sk-key-with/slash",
        "/key+with/slashes==",
        "sk-key",
        "/sk-key",
        "./sk-key/x",
        "a/b/c/sk-key",
        "~nobody-there/sk-key",
        "\0sk-key/",
    ],
)
def test_a_key_that_was_typed_for_its_file_is_not_shown(typed: str) -> None:
    with pytest.raises(AuthError, match="cannot read the key file") as caught:
        Settings({"api_key_file": typed}, {}).endpoint(INPUTS)
    assert "key/" not in caught.value.message
    assert "sk-key" not in caught.value.message
    assert "slash" not in caught.value.message


@pytest.mark.parametrize("name", ["missing", "missing/folder/key"])
def test_a_key_file_that_is_missing_is_named_if_its_folder_is_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(AuthError) as caught:
        Settings({"api_key_file": str(tmp_path / name)}, {}).endpoint(INPUTS)
    assert f"cannot read the key file {tmp_path / name}: No such file" in caught.value.message


@pytest.mark.parametrize("typed", ["sk-cp-1234567890abcdef", "sk-abc/def+ghi=0123456789"])
def test_a_key_that_was_typed_for_the_base_url_is_not_shown(typed: str) -> None:
    for options, environment in (({"base_url": typed}, KEY), ({}, {"MINIMAX_BASE_URL": typed, **KEY})):
        with pytest.raises(UsageError, match="it looks like a key") as caught:
            Settings(options, environment).endpoint(INPUTS)
        assert typed not in caught.value.message


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("[]", "is empty"),
        ('[""]', "is empty"),
        ('""', "is empty"),
        ('" "', "is empty"),
        ("[1]", "not a text"),
        ('["echo", 5]', "not a text"),
        ('[["echo"]]', "not a text"),
        ("[{a = 1}]", "not a text"),
        ('["echo\\u0000"]', "cannot run"),
        ('["/no/such/program"]', "cannot run"),
        ('"\'"', "not a valid command"),
    ],
)
def test_a_key_command_that_is_none_is_an_auth_error(command: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(AuthError, match=words):
        Settings({}, config(tmp_path, f"api_key_command = {command}")).endpoint(INPUTS)


def test_a_path_of_the_configuration_is_relative_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir("/")
    text = 'api_key_file = "minimax.key"\nca_file = "ca.pem"\n[profile.a]\napi_key_file = "~/keys/a"\n'
    environment = config(tmp_path, text)
    (tmp_path / "mmpipe" / "minimax.key").write_text("sk-beside")
    (tmp_path / "home" / "keys").mkdir(parents=True)
    (tmp_path / "home" / "keys" / "a").write_text("sk-at-home")
    assert (HOSTS["cn"], "sk-beside") == endpoint(environment)
    assert (HOSTS["cn"], "sk-at-home") == endpoint(environment, "a")
    assert tmp_path / "mmpipe" / "ca.pem" == Settings({}, environment).endpoint(INPUTS).ca_file


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ("minimax.key", " {folder}/minimax.key"),
        ("../key", " {folder}/../key"),
        ("keys/minimax", " in {folder}"),
        ("{folder}/missing", " {folder}/missing"),
        ("/no/such/folder/key", ""),
        # Perhaps keys.
        ("sk-key", " in {folder}"),
        ("sk-key/with+slash", " in {folder}"),
        ("eyJhbGciOiJSUzI1NiIs.eyJHcm91cE5hbWUi.c2lnbmF0dXJl", " in {folder}"),
    ],
)
def test_a_missing_key_file_of_the_configuration_is_named_with_its_place(
    named: str, shown: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mmpipe"
    environment = config(tmp_path, f'[profile.a]\napi_key_file = "{named.format(folder=folder)}"')
    with pytest.raises(AuthError) as caught:
        Settings({}, environment, "a").endpoint(INPUTS)
    assert caught.value.message == (
        f"cannot read the key file{shown.format(folder=folder)}: No such file or directory "
        f"(api_key_file in {folder}/config.toml [profile.a])"
    )


BAD_VALUES = {
    "retries = -1": "retries is -1: it must be 0 or more",
    "max_time = 0": "max_time is 0: it must be a number of seconds above 0",
    "idle_timeout = 0.0": "idle_timeout is 0: it must be",
    "temperature = 3": "temperature is 3: for MiniMax-M3 it must be",
    "top_p = 1.5": "top_p is 1.5: it must be from 0 to 1",
    "max_tokens = 0": "max_tokens is 0: it must be",
    "max_tokens = 10_000_000": "max_tokens is 10000000: MiniMax-M3 gives at most",
    'effort = "some"': "effort is 'some': it must be one of",
    'pieces = "some"': "pieces is 'some': it must be one of",
    'thinking = "loud"': "thinking is 'loud': it must be one of show, split, hide",
    'model = " "': "model: the name of the model is empty",
    f'model = "{"m" * 201}"': "model: the name of the model has 201 characters: at most 200 are possible",
    "params.n = 2": "params.n: the API gives one answer",
    "params.functions = []": "params.functions is no longer supported",
    'base_url = "nonsense"': "'nonsense' is not a base URL",
    'base_url = "http://10.0.0.1"': "the base URL http://10.0.0.1 is unencrypted",
    'api_key_command = "/no/such/program"': "cannot run api_key_command",
    "api_key_command = []": "api_key_command is empty",
}


@pytest.mark.parametrize("text", BAD_VALUES)
def test_a_bad_value_of_the_configuration_is_reported_with_its_place(text: str, tmp_path: Path) -> None:
    environment = config(tmp_path, f"[profile.a]\n{text}")
    settings = Settings({}, environment, "a")
    with pytest.raises(MmpipeError) as caught:
        _ = (
            settings.timeouts(),
            build_base_request(RequestOptions(), settings, print),
            settings.choice("thinking", get_args(ThinkingMode)),
            settings.endpoint(INPUTS),
        )
    place = f"{tmp_path}/mmpipe/config.toml [profile.a]: "
    assert caught.value.message.startswith(place + BAD_VALUES[text])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"max_time": 0.0}, "--max-time is 0: it must be"), ({"retries": -1}, "--retries is -1: it must be")],
)
def test_a_bad_value_that_was_typed_is_reported_as_its_option(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Settings(options, KEY).timeouts()


def test_a_switch_of_the_configuration_can_be_switched_off(tmp_path: Path) -> None:
    environment = config(tmp_path, "native_thinking = true")
    for typed, is_split in (
        (RequestOptions(), False),
        (RequestOptions(no_native_thinking=True), True),
        (RequestOptions(native_thinking=True), False),
    ):
        settings = Settings.read(environment, ServiceOptions(), typed)
        request = build_base_request(typed, settings, print)
        assert is_split == ("reasoning_split" in request.parameters)
    with pytest.raises(UsageError, match="use only one of them"):
        RequestOptions(native_thinking=True, no_native_thinking=True)


def test_a_duration_of_the_configuration_may_have_a_unit(tmp_path: Path) -> None:
    environment = config(tmp_path, 'max_time = "15m"\nidle_timeout = 90.5\n')
    settings = Settings({}, environment)
    assert (900, 90.5) == (settings.timeouts().total, settings.timeouts().idle)


@pytest.mark.parametrize("value", ["soon", "0s", "-1", "20000d", ""])
def test_a_duration_of_the_configuration_that_is_none_is_named_with_its_file(
    tmp_path: Path, value: str
) -> None:
    environment = config(tmp_path, f'max_time = "{value}"\n')
    with pytest.raises(UsageError, match=r"config\.toml: max_time is "):
        Settings({}, environment).timeouts()

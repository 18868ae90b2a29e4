"""Variables that are not meant for mmpipe change nothing: neither the status, nor a byte of stdout."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from support.harness import KEY, MMPIPE, Finished, mmpipe, run, service
from support.hostile_texts import EVERYTHING
from support.in_process import run_in_process
from support.tool_conversations import WEATHER, tools_file

pytestmark = pytest.mark.processes

PROMPT = f"sim:echo {EVERYTHING}"
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "chat": (("chat",), PROMPT),
    "stream": (("stream", "-t", "show"), PROMPT),
    "batch": (("batch",), json.dumps({"id": "a", "prompt": PROMPT})),
    "models": (("models",), ""),
    "--version": (("--version",), ""),
    "--help": (("batch", "--help"), ""),
}
OF_ONE_RUN = re.compile(
    rb'"(?:response_id|request_id|id)":"[0-9a-f]{32}"|"host":"[^"]+"|"elapsed_ms":\d+|[\d.]+ s$'
)
JUNK = "\udcff\udcfe"
FORCED = dict.fromkeys(("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"), "1")
# Python itself reads these when it starts.
STARTING: dict[str, dict[str, str]] = {
    "another locale and colours": {
        "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
        "COLUMNS": "10", "TERM": "xterm-256color", **FORCED,
    },
    "a locale that is none": {"LC_ALL": "xx_YY.none", "LANG": "zz", "LANGUAGE": "q:", "TERM": "none"},
    "a strict Python": {
        "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", "PYTHONFAULTHANDLER": "1", "PYTHONINSPECT": "1",
    },
    "a log of TLS keys": {"SSLKEYLOGFILE": "/nonexistent/log"},
    "bytes that are no text": dict.fromkeys(
        ("HOME", "XDG_CONFIG_HOME", "LANG", "TERM", "COLUMNS", "TZ", "TMPDIR", JUNK), f"/{JUNK}"
    ),
}  # fmt: skip
# A Python that keeps no compiled code compiles all that is imported; only what is printed is different for each command.
STARTED = [
    (name, command)
    for name in STARTING
    for command in COMMANDS
    if command in ("chat", "batch") or name in ("another locale and colours", "bytes that are no text")
]
READ_LATER: dict[str, dict[str, str]] = {
    "HOME is nowhere": {"HOME": "/nonexistent"},
    "HOME is a file": {"HOME": "/etc/passwd"},
    "HOME is relative": {"HOME": "here"},
    "HOME is empty": {"HOME": ""},
    "XDG_CONFIG_HOME is relative": {"XDG_CONFIG_HOME": "here"},
    "XDG_CONFIG_HOME is empty": {"XDG_CONFIG_HOME": ""},
    "XDG_CONFIG_HOME is a file": {"XDG_CONFIG_HOME": "/etc/passwd"},
    "TMPDIR is nowhere": {"TMPDIR": "/nonexistent", "TMP": "", "TEMP": "here"},
    "TMPDIR takes no file": {"TMPDIR": "/proc", "XDG_RUNTIME_DIR": "/proc", "XDG_CACHE_HOME": "/proc"},
    "TERM is dumb": {"TERM": "dumb", "NO_COLOR": "1"},
    "no width": {"COLUMNS": "0", "LINES": "0"},
    "a width below none": {"COLUMNS": "-1", "TERM": "xterm-256color", **FORCED},
    "a width of letters": {"COLUMNS": "x", "JUPYTER_COLUMNS": "x", "TERMINAL_WIDTH": "x"},
    "TZ is nowhere": {"TZ": "No/Such:Zone"},
    "certificates are nowhere": {"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"},
    "certificates are none": {"SSL_CERT_FILE": "/etc/passwd", "OPENSSL_CONF": "/etc/passwd"},
    "proxies": {
        name: "http://127.0.0.1:9"
        for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        for name in (proxy, proxy.lower())
    },
    "proxies are none": dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY"), "none://:::"),
    "nonsense of OpenAI": {
        f"OPENAI_{name}": "\1 non:sense"
        for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "CUSTOM_HEADERS", "LOG", "TIMEOUT")
    },
    "completion asked for": {"_MMPIPE_COMPLETE": "complete_bash", "COMP_WORDS": "x", "_TYPER_COMPLETE": "x"},
}


@pytest.fixture(scope="module")
def plain() -> dict[str, Finished]:
    """Return the result in an ordinary environment."""
    found: dict[str, Finished] = {}
    for name, (arguments, prompt) in COMMANDS.items():
        with service() as server:
            found[name] = of_any_run(mmpipe(*arguments, server=server, stdin=prompt.encode()))
    return found


def of_any_run(done: Finished) -> Finished:
    """Without what no two runs have in common."""
    stdout, stderr = (OF_ONE_RUN.sub(b'"-":0', text) for text in (done.stdout, done.stderr.rstrip()))
    return Finished(done.status, stdout, stderr)


def test_a_plain_environment_brings_the_answers(plain: Mapping[str, Finished]) -> None:
    assert dict.fromkeys(COMMANDS, 0) == {name: done.status for name, done in plain.items()}
    assert f"{EVERYTHING}\n".encode() == plain["chat"].stdout
    assert plain["stream"].stdout.startswith(b"<think>")
    assert plain["stream"].stdout.endswith(f"{EVERYTHING}\n".encode())
    assert EVERYTHING == plain["batch"].record["content"]
    assert dict.fromkeys(COMMANDS, 0) | {"batch": 1} == {
        name: len(done.stderr_text.splitlines()) for name, done in plain.items()
    }


@pytest.mark.parametrize(("name", "command"), STARTED)
def test_variables_of_python_change_nothing(name: str, command: str, plain: Mapping[str, Finished]) -> None:
    arguments, prompt = COMMANDS[command]
    with service() as server:
        done = mmpipe(*arguments, server=server, env=STARTING[name], stdin=prompt.encode())
    assert plain[command] == of_any_run(done)


@pytest.mark.parametrize("command", ["chat", "batch", "models"])
def test_without_an_environment_it_is_the_same(
    command: str, plain: Mapping[str, Finished], needs: Callable[[str], None]
) -> None:
    needs("env")
    arguments, prompt = COMMANDS[command]
    with service() as server:
        pair = (f"MINIMAX_BASE_URL={server.base_url}", f"MINIMAX_API_KEY={KEY}")
        done = run(("env", "-i", *pair, *MMPIPE, *arguments), stdin=prompt.encode())
    assert plain[command] == of_any_run(done)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", READ_LATER)
def test_no_variable_that_is_meant_for_others_changes_anything(
    name: str, command: str, plain: Mapping[str, Finished], here: Path
) -> None:
    arguments, prompt = COMMANDS[command]
    for folder in (".config/mmpipe", "mmpipe"):
        # Where a relative path would lead to.
        (here / "here" / folder).mkdir(parents=True)
        (here / "here" / folder / "config.toml").write_text("no such setting")
    before = {path.name for path in here.iterdir()}
    with service() as server:
        done = run_in_process(*arguments, server=server, env=READ_LATER[name], stdin=prompt.encode())
    assert plain[command] == of_any_run(done)
    assert before == {path.name for path in here.iterdir()}


def unsent(command: tuple[str, ...], env: Mapping[str, str]) -> Finished:
    """Return the result for a host of the net, at an address that nobody has."""
    server = ("--base-url", "https://host.invalid/v1", "--retries", "0")
    return run_in_process(*command, *server, stdin=b"hi\n", env={"MINIMAX_API_KEY": KEY, **env})


@pytest.mark.parametrize(
    "env", [{"SSL_CERT_FILE": "/etc/passwd"}, {"SSL_CERT_FILE": f"/{JUNK}"}, {"ALL_PROXY": JUNK}]
)
@pytest.mark.parametrize("command", [("chat", "-n", "hi"), ("batch", "-q"), ("models", "--live")])
def test_unusable_certificates_and_proxies_are_reported(
    command: tuple[str, ...], env: dict[str, str]
) -> None:
    done = unsent(command, env)
    assert (ExitStatus.USAGE, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))


# As local proxies export them all at once.
EXPORTS = {
    "https_proxy": "http://me:pass-word@127.0.0.1:9",
    "http_proxy": "http://me:pass-word@127.0.0.1:9",
    "all_proxy": "socks5://127.0.0.1:9",
}


@pytest.mark.parametrize(
    "command", [("chat", "-n", "hi"), ("stream", "-n", "hi"), ("models", "--live"), ("batch", "-q")]
)
def test_a_proxy_that_is_down_is_named_and_its_password_is_not_shown(command: tuple[str, ...]) -> None:
    done = unsent(command, EXPORTS)
    error = done.stderr_text if command[0] != "batch" else str(done.record["error"])
    assert "host.invalid:443 through the proxy http://127.0.0.1:9 (" in error
    assert "pass-word" not in f"{done.stdout!r}{done.stderr_text}"
    if command[0] != "batch":
        assert (ExitStatus.NETWORK, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))


# Modules that a run loads, of Python, of others and as ours are called; and programs that something may look for.
SHADOWS = (
    *(
        "typing",
        "signal",
        "resource",
        "json",
        "re",
        "traceback",
        "asyncio",
        "ssl",
        "socket",
        "select",
        "subprocess",
    ),
    *(
        "openai",
        "httpx2",
        "aiohttp",
        "msgspec",
        "typer",
        "rich",
        "jsonschema_rs",
        "main",
        "errors",
        "text",
        "core",
    ),
)
PROGRAMS = (
    "bwrap",
    "prlimit",
    "true",
    "uname",
    "lsb_release",
    "ldconfig",
    "gcc",
    "sh",
    "stty",
    "tput",
    "man",
)


@pytest.mark.parametrize("path", [".:/usr/bin:/bin", ":/usr/bin:/bin", "/usr/bin:/bin:"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("chat", "--json", "-n", "sim:echo x"),
        ("stream", "-n", "--tools", "tools.json", "--run", "get_weather=/bin/echo hi", "--sandbox", WEATHER),
        ("batch", "-q"),
        ("models", "--live"),
        ("sim", "--", "/bin/echo", "x"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_no_module_and_no_program_of_the_current_folder_is_loaded(
    arguments: tuple[str, ...], path: str, here: Path, needs: Callable[[str], None]
) -> None:
    needs("bwrap")
    tools_file()
    for name in SHADOWS:
        (here / f"{name}.py").write_text(f"open('loaded', 'a').write('{name}.py ')")
    for name in PROGRAMS:
        (here / name).write_text(f"#!/bin/sh\nprintf '{name} ' >> loaded\n")
        (here / name).chmod(0o755)
    with service() as server:
        done = mmpipe(*arguments, server=server, stdin=b"sim:echo x\n", env={"PATH": path})
    assert (0, "") == (done.status, (here / "loaded").read_text() if (here / "loaded").exists() else "")

"""No value, however odd, in the configuration, an option, a record, a file or an answer is ever called a bug (status 1)."""

from collections.abc import Iterable
from itertools import cycle, product
from pathlib import Path

import pytest

from mmpipe.config.options import FILE_KEYS
from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import KEY, Finished, service
from support.in_process import run_in_process
from support.socket_server import answer, server

pytestmark = [pytest.mark.slow]

DIGITS = ("9" * 19, "9" * 4300, "9" * 5000)
NUMBERS = (
    "0", "-1", "1", "-0.0", "1e400", "-1e400", "1e-400", "1e308", "0.1", *DIGITS, *(f"-{digits}" for digits in DIGITS),
)  # fmt: skip
TOML = (
    *NUMBERS,
    "nan", "-inf", "+7", "1_000", f"0x{'f' * 16}", f"0x{'f' * 9000}", f"-0x{'f' * 9000}", f"0o{'7' * 9000}", f"0b{'1' * 20000}",
    '""', '" "', '"\\n"', '"\\u0000"', '"\\u001b[31m"', '"\\u00e9"', '"\\ud800"', "'''x\ny'''", f'"{"x" * 5000}"', f'"{"9" * 5000}"',
    '"~"', '"~nobody/x"', '"/"', '"."', '"/dev/null"', '"http://"', '"http://["', '"http://x:y"', '"://"', '"%"', '"{"', "\"'\"",
    "true", "false", "[]", '[""]', "[1]", "[[]]", "[{}]", '["x", 1]', "{}", "{a = 1}", '{"" = {}}', '{"\\u0000" = 1}',
    "2026-01-01", "2026-01-01T00:00:00Z", "07:32:00", "[2026-01-01]", "{a = nan}", f"{{a = 0x{'f' * 9000}}}",
    f"{'[' * 100}{']' * 100}", f"{'[' * 300}{']' * 300}", f"{'[' * 5000}{']' * 5000}",
    f"{'{a = ' * 200}1{'}' * 200}",
)  # fmt: skip
JSON = (
    *NUMBERS, "NaN", "Infinity", '""', '" "', '"\\u0000"', '"\\ud800"', f'"{"9" * 5000}"', f'"{"x" * 5000}"', "true", "null", "[]",
    "[[]]", "{}", '{"": 1}', '{"a": {"b": []}}', f"{'[' * 400}{']' * 400}", f"{'[' * 3000}{']' * 3000}",
    '{"a":' * 3000 + "1" + "}" * 3000,
)  # fmt: skip


def is_no_bug(done: Finished) -> bool:
    return (
        done.status != ExitStatus.INTERNAL
        and b"a bug in" not in done.stderr
        and b"Traceback" not in done.stderr
    )


def chat(running: RunningSimulator, *arguments: str) -> Finished:
    return run_in_process("chat", "-n", "--retries", "0", *arguments, "hi", server=running)


def check(bad: Iterable[tuple[str, Finished]]) -> None:
    assert [] == [(value[:80], done.stderr_text[:300]) for value, done in bad if not is_no_bug(done)]


@pytest.mark.parametrize("name", [*FILE_KEYS, "api_key", "profile", "nothing"])
def test_a_value_of_the_configuration(name: str) -> None:
    config = Path("config", "mmpipe", "config.toml")
    config.parent.mkdir(parents=True)
    found = []
    with service() as running:
        env = {"XDG_CONFIG_HOME": str(Path("config").absolute())}
        for number, value in enumerate(TOML):
            is_of_profile = number % 2 == 1
            config.write_text(f"{'[profile.p]' * is_of_profile}\n{name} = {value}\n", encoding="utf-8")
            options = [
                *["--profile", "p"] * is_of_profile,
                *(() if name == "retries" else ("--retries", "0")),
            ]
            asked = ["batch", "--dry-run"] if number % 3 == 0 else ["chat", "-n", "-v", "hi"]
            found.append((value, run_in_process(*asked, *options, server=running, env=env, stdin=b"hi\n")))
    check(found)


@pytest.mark.parametrize(
    "option",
    ["--temperature", "--top-p", "--max-tokens", "--retries", "--max-time", "--connect-timeout", "--idle-timeout",
     "--first-byte-timeout", "-p", "-m", "--stdin-timeout", "--repair", "--max-calls", "--tool-timeout"],
)  # fmt: skip
def test_a_value_of_an_option_of_chat(option: str) -> None:
    with service() as running:
        texts = (
            [f"x={value}" for value in JSON]
            if option == "-p"
            else [*NUMBERS, "", " ", "x", "\u0661", "1s", "9" * 400 + "h"]
        )
        check(
            (text, chat(running, f"{option}={text}" if option.startswith("--") else f"{option}{text}"))
            for text in texts
        )


@pytest.mark.parametrize(
    "option",
    [
        "--concurrency",
        "--rpm",
        "--tpm",
        "--max-errors",
        "--max-cost",
        "--limit",
        "--deadline",
        "--shard",
        "--max-wait",
        "--retries",
    ],
)
def test_a_value_of_an_option_of_batch(option: str) -> None:
    with service() as running:
        for text in (
            *NUMBERS,
            "",
            " ",
            "x",
            "\u0661",
            "5%",
            "1/2",
            "9" * 400 + "/" + "9" * 400,
            "9" * 5000 + "%",
            "9" * 400 + "h",
        ):
            done = run_in_process("batch", "--dry-run", f"{option}={text}", server=running, stdin=b"hi\n")
            check([(text, done)])


ONCE = ("--retries", "0", "--max-time", "20")
RECORD_RUNS: tuple[list[str], ...] = (
    [],
    ["--dry-run"],
    ["--template", "{x} {prompt}"],
    ["-o", "out.jsonl", "--overwrite"],
)


@pytest.mark.parametrize(
    "field",
    [
        "prompt",
        "id",
        "custom_id",
        "model",
        "temperature",
        "max_tokens",
        "messages",
        "body",
        "parameters",
        "x",
        "system",
    ],
)
def test_a_field_of_a_record(field: str) -> None:
    more = "" if field in ("prompt", "messages", "body") else ', "prompt": "hi"'
    with service() as running:
        for value, options in zip(JSON, cycle(RECORD_RUNS), strict=False):
            record = f'{{"{field}": {value}{more}}}\n'.encode()
            words = ("batch", *ONCE, "--input-format", "jsonl", *options)
            check([(f"{options} {value}", run_in_process(*words, server=running, stdin=record))])


CALL = '{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}'
FILES = {
    "odd": "%s",
    "schema": '{"type": "object", "minProperties": %s, "enum": [%s]}',
    "tools": '[{"type": "function", "function": {"name": "f", "parameters": %s}}]',
    "talk": f'{{"role": "user", "content": %s}}\n{{"role": "assistant", "tool_calls": [{CALL}], "x": %s}}\n',
    "journal": '{"index": %s, "id": %s, "content": "x", "error": null, "attempt": %s, "request_sha256": %s}\n',
}
CHAT, BATCH = ("chat", "-n", *ONCE), ("batch", *ONCE)
FILE_RUNS = (
    (*CHAT, "--schema", "odd", "hi"),
    (*CHAT, "--schema", "schema", "hi"),
    (*CHAT, "--tools", "odd", "hi"),
    (*CHAT, "--tools", "tools", "hi"),
    (*CHAT, "--messages", "odd", "hi"),
    (*CHAT, "--messages", "talk", "hi"),
    (*CHAT, "-c", "talk", "--tool-result", "c=@odd"),
    (*BATCH, "-o", "journal", "--resume"),
    (*BATCH, "--merge", "journal"),
    (*BATCH, "-o", "odd", "--resume"),
)


@pytest.mark.parametrize("run", FILE_RUNS, ids=" ".join)
def test_a_value_in_a_file(run: tuple[str, ...]) -> None:
    with service() as running:
        for value in JSON:
            for name, form in FILES.items():
                Path(name).write_text(form.replace("%s", value), encoding="utf-8")
            check([(value, run_in_process(*run, server=running, stdin=b"hi\n"))])


ANSWERS = (
    '{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"total_tokens":%s,"prompt_tokens":%s}}',
    '{"choices":[{"index":%s,"message":{"content":"x"},"finish_reason":"stop"}],"id":%s,"model":%s,"created":%s}',
    '{"choices":[{"index":0,"message":{"content":%s},"finish_reason":"stop"}]}',
    '{"choices":[{"index":0,"message":{"content":"x","y":%s,"reasoning_content":%s},"finish_reason":%s}]}',
    '{"choices":[{"index":0,"message":{"content":"","tool_calls":[{"index":%s,"id":%s,"function":{"name":"f","arguments":%s}}]},"finish_reason":"tool_calls"}]}',
    '{"error":{"code":%s,"message":"x","http_code":%s,"retry_after":%s}}',
    '{"error":%s}',
    '{"detail":%s,"status":%s}',
    '{"base_resp":{"status_code":%s,"status_msg":%s}}',
)


WAYS = tuple(product(("200 OK", "400 Bad", "200 OK", "500 Bad"), ((*CHAT, "--json", "hi"), BATCH)))


@pytest.mark.parametrize("form", ANSWERS)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_value_in_an_answer(form: str, *, is_streamed: bool) -> None:
    for value, (status, command) in zip(JSON, cycle(WAYS), strict=False):
        text = form.replace("%s", value)
        delta = text.replace('"message":{"content', '"delta":{"content')
        body = f"data: {delta}\n\n" if is_streamed else text
        kind = "text/event-stream" if is_streamed else "application/json"
        with server(answer(body.encode(), kind, status=status)) as (base_url, _):
            env = {"MINIMAX_API_KEY": KEY}
            done = run_in_process(*command, "-v", "--base-url", base_url, env=env, stdin=b"hi\n")
        check([(f"{command[0]} {status} {text}", done)])


ODD_HEADERS = ("", "x", "Wed, 99 May 99999 20:00:00 GMT", "9" * 400 + "s", "\xe9", "gzip, " * 100, "[" * 900)


@pytest.mark.parametrize(
    "header",
    ["Retry-After", "retry-after-ms", "Date", "Trace-Id", "Content-Encoding", "Location", "Content-Type"],
)
def test_a_value_in_a_header(header: str) -> None:
    statuses = cycle(("200 OK", "302 Found", "429 Slow"))
    for value, status in zip((*NUMBERS, *ODD_HEADERS), statuses, strict=False):
        sent = answer(b'{"error":"x"}', "application/json", f"{header}: {value}\r\n", status=status)
        with server(sent) as (base_url, _):
            done = run_in_process(*CHAT, "--base-url", base_url, "hi", env={"MINIMAX_API_KEY": KEY})
        check([(f"{value} {status}", done)])


ODD_VARIABLES = ("", " ", "x", "\u0661", "/", "http://[", "[::1", "x" * 5000, "\x1b[31m", "%", "~")


@pytest.mark.parametrize(
    "variable",
    [
        "COLUMNS",
        "MINIMAX_BASE_URL",
        "MINIMAX_API_KEY",
        "https_proxy",
        "no_proxy",
        "XDG_CONFIG_HOME",
        "TERM",
        "HOME",
    ],
)
def test_a_value_of_the_environment(variable: str) -> None:
    with service() as running:
        for value in (*NUMBERS, *ODD_VARIABLES):
            check([(value, run_in_process(*CHAT, "hi", server=running, env={variable: value}))])

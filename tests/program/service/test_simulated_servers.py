"""Whatever server the simulator imitates, `chat`, `stream` and `batch` give the user the same answer, or its own reason."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.server import RunningSimulator
from support.dialect_groups import ANSWERING
from support.harness import Finished, Record, parsed, service
from support.in_process import run_in_process

pytestmark = [pytest.mark.faults, pytest.mark.slow]

# Long enough that cumulative chunks are recognised.
THINKING = "First I wonder what was asked. Then I look at it from both sides. " * 6 + "Then I know."
ANSWER = "It is so, as far as anyone can see. And that is what there is to say. " * 6 + "The end."
PROMPT = f"sim:think {THINKING}|||{ANSWER}"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get", "now")
]
CITY = '{"city": "Zürich 🙂", "days": [1, 2]}'
CALLS = f'sim:say I look.\nsim:tool get {CITY}\nsim:tool get {{"city": "Rome"}}\nsim:tool now\nsim:then\nsim:say Done.'
ROUTES = ["stream", "whole", "batch"]
DIALECTS = pytest.mark.parametrize("dialect", ANSWERING)
NATIVE = [
    # Between two blocks of thinking a line ends.
    pytest.param(dialect, ("--native-thinking",), id=f"native-{dialect}")
    for dialect in Dialect
    if dialect is not Dialect.SEVERAL_BLOCKS
]


@pytest.fixture(autouse=True)
def _tools(here: Path) -> None:
    (here / "tools.json").write_text(json.dumps(TOOLS))


def ask(server: RunningSimulator, route: str, prompt: str, *options: str) -> tuple[int, Record, Record]:
    """Ask by `chat`, streamed or whole, or by `batch`; return the exit status, the record, and the error."""
    if route == "batch":
        line = json.dumps({"prompt": prompt}).encode()
        done = run_in_process("batch", "-q", "--retries", "1", *options, server=server, stdin=line)
        record, error = done.record, done.record["error"]
        return (int(str(error["code"])), record, error) if isinstance(error, dict) else (0, record, {})
    words = ("--wire", route, "--json", "--error-json", "--retries", "1", *options, "-n", prompt)
    done = run_in_process("chat", *words, server=server)
    error = parsed(done.stderr.splitlines()[-1]) if done.stderr else {}
    return done.status, done.record if done.stdout else {}, error


def stream(server: RunningSimulator, prompt: str, *options: str) -> Finished:
    return run_in_process("stream", "--retries", "1", *options, "-n", prompt, server=server)


@pytest.mark.parametrize(("dialect", "native"), [*((dialect, ()) for dialect in ANSWERING), *NATIVE])
def test_thinking_and_text_are_whole_from_every_server(dialect: Dialect, native: tuple[str, ...]) -> None:
    with service(dialects=[dialect]) as server:
        for route in ROUTES:
            status, record, error = ask(server, route, PROMPT, *native)
            assert (0, ANSWER) == (status, record.get("content")), (route, error)
            assert THINKING == str(record["thinking"]).strip(), route
        done = stream(server, PROMPT, *native)
    if native and dialect is Dialect.NO_OPENING_TAG:
        # Nothing is held back: the thinking is written before its closing tag shows what it was.
        assert 0 == done.status
        written, _, answer = done.stdout.decode().partition("</think>")
        assert (THINKING, ANSWER) == (written.strip(), answer.strip())
        assert "without its opening tag" in done.stderr_text
        return
    assert (0, f"{ANSWER}\n", b"") == (done.status, done.stdout.decode(), done.stderr)


@DIALECTS
@pytest.mark.parametrize("wire", ["stream", "whole"])
def test_tools_of_every_server_are_called_with_what_was_meant(dialect: Dialect, wire: str) -> None:
    tools = ("--tools", "tools.json", "--run", "get=cat", "--run", "now=cat", "--wire", wire)
    with service(dialects=[dialect]) as server:
        done = run_in_process("chat", "-q", *tools, "-n", CALLS, server=server)
        assert (0, "I look.\nDone.\n") == (done.status, done.stdout.decode()), done.stderr_text
        first, second = server.requests
    assert (200, 200) == (first["status"], second["status"])
    body = second["body"]
    assert isinstance(body, dict)
    assistant, *results = body["messages"][-4:]
    calls = assistant["tool_calls"]
    assert [("get", json.loads(CITY)), ("get", {"city": "Rome"}), ("now", {})] == [
        (call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls
    ]
    assert [call["id"] for call in calls] == [result["tool_call_id"] for result in results]
    assert 3 == len({call["id"] for call in calls})
    assert [json.loads(CITY), {"city": "Rome"}, {}] == [json.loads(result["content"]) for result in results]


TEXT_IS_WRITTEN = (8, 10, 11)
FAULTS: dict[str, tuple[int, bool, str]] = {
    # The fault: the status, whether it is retried, and words of the reason.
    "error-400": (9, False, "invalid params"),
    "error-401": (3, False, "invalid api key"),
    "error-429": (4, True, "rate limit"),
    "error-500": (7, True, "unknown error"),
    "error-529": (7, True, "当前服务集群负载较高"),
    "mid-error-500": (7, True, "unknown error"),
    "mid-error-400": (9, False, "invalid params"),
    "overloaded": (7, True, "Overloaded"),
    "finish=error": (7, True, "simulated failure"),
    "finish=abort": (7, True, "abort"),
    "finish=network_error": (7, True, "network_error"),
    "finish=sensitive": (10, False, "sensitive"),
    "finish=SAFETY": (10, False, "SAFETY"),
    "finish=max_tokens": (11, False, "cut off"),
    "finish=MODEL_LENGTH": (11, False, "cut off"),
    "finish=whatever": (8, False, "whatever"),
    "refusal": (10, False, "refused"),
    "blank": (8, True, "empty"),
    "html": (8, False, "Sign in"),
}


@pytest.fixture(scope="module", params=FAULTS)
def failing(request: pytest.FixtureRequest) -> Iterator[tuple[RunningSimulator, str]]:
    with service(request.param) as server:
        yield server, request.param


@pytest.mark.parametrize("route", ROUTES)
def test_a_failure_of_a_server_has_its_status_and_its_reason(
    failing: tuple[RunningSimulator, str], route: str
) -> None:
    server, fault = failing
    status, retried, words = FAULTS[fault]
    before = len(server.requests)
    found, record, error = ask(server, route, PROMPT)
    assert (status, True) == (found, words in str(error)), error
    assert (2 if retried else 1) == len(server.requests) - before
    if found in TEXT_IS_WRITTEN and fault not in {"blank", "html"}:
        assert ANSWER == record["content"]


def test_stream_prints_the_text_before_a_failure(failing: tuple[RunningSimulator, str]) -> None:
    server, fault = failing
    done = stream(server, PROMPT)
    assert FAULTS[fault][0] == done.status, done.stderr_text
    if fault.startswith(("finish=", "refusal")):
        assert ANSWER == done.stdout.decode().removesuffix("\n")


@pytest.mark.parametrize("fault", [name for name, (_, retried, _) in FAULTS.items() if retried])
def test_a_failure_that_passes_is_no_failure(fault: str) -> None:
    for route in ROUTES:
        with service(f"{fault}:#1") as server:
            status, record, error = ask(server, route, PROMPT)
            assert (0, ANSWER, 2) == (status, record.get("content"), len(server.requests)), (route, error)


def test_a_field_error_is_the_reason() -> None:
    with service("error-field") as server:
        status, _, error = ask(server, "stream", PROMPT)
        assert (9, True, 1) == (status, "the prompt does not fit" in str(error), len(server.requests))


def test_a_wait_in_milliseconds_is_kept() -> None:
    with service("retry-after-ms=20:#1") as server:
        status, record, _ = ask(server, "stream", PROMPT)
    assert (0, ANSWER) == (status, record["content"])


@pytest.mark.parametrize("dialect", [Dialect.DETAIL_ERRORS, Dialect.TEXT_ERRORS, Dialect.HTML_ERRORS])
@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("400", 9, ("invalid params", "Bad Request")),
        ("401", 3, ("invalid api key", "Unauthorized")),
        # Without a code of MiniMax this status does not mean moderation.
        ("422", 9, ("new_sensitive", "Unprocessable Entity")),
        ("429", 4, ("rate limit", "Too Many Requests")),
        ("502", 7, ("Bad Gateway", "Bad Gateway")),
    ],
)
def test_a_refusal_in_every_form_has_its_reason(
    dialect: Dialect, fault: str, status: int, words: tuple[str, str]
) -> None:
    with service(fault, dialects=[dialect]) as server:
        for route in ROUTES:
            found, _, error = ask(server, route, PROMPT)
            assert words[dialect is Dialect.HTML_ERRORS] in str(error["message"]), (route, error)
            assert status == found, (route, error)


def test_a_server_that_refuses_reasoning_split_needs_native_thinking() -> None:
    for form in ((), (Dialect.DETAIL_ERRORS,), (Dialect.TEXT_ERRORS,)):
        with service(dialects=[Dialect.NO_REASONING_SPLIT, *form]) as server:
            for route in ROUTES:
                status, _, error = ask(server, route, PROMPT)
                assert (9, True) == (status, "--native-thinking" in str(error["message"])), (route, error)
                assert ANSWER == ask(server, route, PROMPT, "--native-thinking")[1]["content"]


def test_a_server_without_a_key_gets_none() -> None:
    with service(dialects=[Dialect.NO_KEY]) as server:
        words = ("--base-url", server.base_url, "-n", PROMPT)
        done = run_in_process("chat", *words)
        assert (0, f"{ANSWER}\n") == (done.status, done.stdout.decode()), done.stderr_text
        headers = server.requests[0]["headers"]
    assert isinstance(headers, dict)
    assert "authorization" not in headers


@DIALECTS
@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_stream_that_breaks_off_is_no_answer_from_any_server(dialect: Dialect, fault: str) -> None:
    with service(fault, dialects=[dialect]) as server:
        done = run_in_process("chat", "--retries", "0", "-n", "sim:length 900", server=server)
        assert (True, b"") == (done.status in {6, 7, 8}, done.stdout), done.stderr_text
        line = b'"sim:length 900"\n'
        done = run_in_process("batch", "-q", "--retries", "0", "--wire", "stream", server=server, stdin=line)
        error = done.record["error"]
        assert isinstance(error, dict), done.record
        assert error["code"] in {6, 7, 8}

"""For all bytes that a server can send, each command ends with the status of the table and with no false answer.

`chat` and `stream` are run by the function that is the whole of their process, since a thousand processes take
minutes; some processes are run too, and a batch of many records is one.
"""

import gzip
import json
import re
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.main import main
from mmpipe.unix.streams import Streams
from support.failure_cases import FAILURES, failed, reported
from support.fault_cases import CASES, ENDLESS, WHOLE, Case, head, sized
from support.fault_server import FaultServer, Script, fault_server
from support.harness import KEY, LIMIT, Finished, mmpipe, parsed, shell

pytestmark = pytest.mark.faults

ALL = CASES | FAILURES
ANSWER = "five and six ∎"
GOOD = Script((sized(WHOLE),))
HASTY = ("--first-byte-timeout", "0.8", "--idle-timeout", "0.8")
COMMANDS = ("chat", "stream", "batch")
# These concern every record of a batch, and end it. A 403 without a reason may be a firewall's, of one request.
ENDING = [
    name
    for name, case in ALL.items()
    if case.status in (ExitStatus.AUTH, ExitStatus.QUOTA) and not case.again and name != "status-403"
]
QUICK = [name for name, case in ALL.items() if not case.hasty and name not in {*ENDLESS, *ENDING}]
SLOW = [name for name, case in ALL.items() if case.hasty and name not in ENDING]
# There is a wait before they are asked again, so these stand for the others in `chat` and `stream`.
ASKED_AGAIN = (
    "closed-before-a-byte", "reset", "closed-within-the-headers", "silence", "ssh-and-closed",
    "closed", "half-an-event", "done-without-a-finish", "chunk-cut", "reset-within-a-chunk",
    "reset-without-a-length", "stall", "comments-for-ever",
    "1002-as-status", "1002-as-base_resp", "1002-as-chunk", "1002-as-event", "status-503", "429-cut", "503-reset",
)  # fmt: skip
AS_PROCESSES = (
    "one-byte-at-a-time", "reset", "comments-for-ever", "half-an-event", "invalid-utf-8", "deep", "gzip-bomb",
    "header-of-200-kb", "line-of-1-gb", "1027-as-event",
)  # fmt: skip
CONTROLS = re.compile(
    "[\0-\t\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)


@pytest.fixture(autouse=True)
def _bare(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with fault_server({name: case.script for name, case in ALL.items()}) as running:
        yield running


def run(base_url: str, command: str, prompt: str, *options: str, terminals: str = "") -> Finished:
    """The command in this process; what it says is fit to be seen."""
    streams = Streams.fake(prompt.encode() + b"\n", terminals=terminals)
    words = ("--input-format", "lines") if command == "batch" else ("-n", prompt)
    status = main([command, "--base-url", base_url, *options, *words], streams)
    return fit_to_be_seen(Finished(status, *streams.captured()))


def haste(case: Case) -> tuple[str, ...]:
    """Limits on time for a case that only they end; the beginning of an answer is waited for, if there is one."""
    first = ("--first-byte-timeout", "30") if case.streamed else ()
    return (*HASTY, *first) if case.hasty else ()


def fit_to_be_seen(done: Finished) -> Finished:
    assert "Traceback" not in done.stderr_text
    assert None is CONTROLS.search(done.stderr_text)
    assert KEY not in done.stderr_text
    return done


def batch(names: Sequence[str]) -> bytes:
    """A record for each."""
    return b"".join(json.dumps({"id": name, "prompt": f"batch {name}"}).encode() + b"\n" for name in names)


def asked_in_batch(server: FaultServer, names: Sequence[str]) -> dict[str, int]:
    """Return the number of requests for each record."""
    return {name: server.asked(f"batch {name}") for name in names}


def of_record(line: bytes) -> tuple[object, object, object, object]:
    """The id of a record, the text, and the status and the use of asking again if it failed."""
    record = parsed(line)
    error = record["error"]
    found = (error["code"], error["retryable"]) if isinstance(error, dict) else (0, False)
    return (record["id"], record["content"], *found)


def expected(names: Sequence[str]) -> list[tuple[object, object, object, object]]:
    return sorted((name, "" if ALL[name].status else ANSWER, *ALL[name].of_record) for name in names)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_each_fault_has_its_status_and_leaves_nothing_false_on_stdout_and_is_asked_again_only_before_that(
    server: FaultServer, command: str, name: str
) -> None:
    case, prompt = ALL[name], f"{command} {name}"
    printed = case.streamed if command == "stream" or not case.status else b""
    may_help = case.again and not printed
    retries = 0 if may_help and name not in ASKED_AGAIN else 1
    done = run(server.base_url, command, prompt, "--retries", str(retries), "--error-json", *haste(case))
    assert (case.status, printed) == (done.status, done.stdout), done.stderr_text
    assert (1 + retries if may_help else 1) == server.asked(prompt)
    assert server.sent[prompt] <= case.most
    if case.status:
        error = json.loads(done.stderr)
        assert (case.status, case.again) == (error["code"], error["retryable"])


@pytest.mark.parametrize("name", AS_PROCESSES)
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_process_ends_in_the_same_way_with_one_line(server: FaultServer, command: str, name: str) -> None:
    case = ALL[name]
    options = ("-n", "--retries", "0", *haste(case))
    done = fit_to_be_seen(mmpipe(command, *options, f"process {command} {name}", env=server.env))
    printed = case.streamed if command == "stream" or not case.status else b""
    assert (case.status, printed) == (done.status, done.stdout), done.stderr_text
    assert (1 if case.status else 0) == len(done.stderr_text.splitlines())


def test_in_a_batch_each_record_has_its_fault_and_is_asked_again_where_that_may_help(
    server: FaultServer,
) -> None:
    done = fit_to_be_seen(mmpipe("batch", "--retries", "1", "-j", "64", stdin=batch(QUICK), env=server.env))
    assert ExitStatus.PARTIAL == done.status, done.stderr_text
    assert expected(QUICK) == sorted(map(of_record, done.stdout.splitlines()))
    assert {name: 1 + ALL[name].of_record[1] for name in QUICK} == asked_in_batch(server, QUICK)


def test_in_a_batch_only_limits_on_time_end_what_goes_on_for_ever(server: FaultServer) -> None:
    began = time.monotonic()
    options = (*HASTY, "--retries", "0", "-j", "64")
    done = fit_to_be_seen(mmpipe("batch", *options, stdin=batch(SLOW), env=server.env))
    assert ExitStatus.PARTIAL == done.status, done.stderr_text
    assert expected(SLOW) == sorted(map(of_record, done.stdout.splitlines()))
    assert dict.fromkeys(SLOW, 1) == asked_in_batch(server, SLOW)
    assert time.monotonic() - began < LIMIT / 2


def test_a_batch_takes_no_more_of_an_answer_without_an_end_than_fits_into_its_memory(
    server: FaultServer,
) -> None:
    names = list(ENDLESS)
    script = "ulimit -v 1000000; exec mmpipe batch --retries 0 -j 1"
    done = fit_to_be_seen(shell(script, stdin=batch(names), env=server.env))
    assert ExitStatus.PARTIAL == done.status, done.stderr_text
    assert expected(names) == sorted(map(of_record, done.stdout.splitlines()))
    assert dict.fromkeys(names, 1) == asked_in_batch(server, names)
    assert all(server.sent[f"batch {name}"] <= ALL[name].most for name in names)


@pytest.mark.parametrize("name", ENDING)
def test_an_error_that_concerns_every_record_ends_a_batch_with_its_own_status(
    server: FaultServer, name: str
) -> None:
    done = run(server.base_url, "batch", f"ending {name}", *haste(ALL[name]))
    assert ALL[name].status == done.status
    assert [("0", "", ALL[name].status, False)] == list(map(of_record, done.stdout.splitlines()))
    assert 1 == server.asked(f"ending {name}")


@pytest.mark.parametrize("command", ["chat", "batch"])
def test_the_body_of_an_error_is_not_waited_for_as_long_as_an_answer(
    server: FaultServer, command: str
) -> None:
    began = time.monotonic()
    done = run(server.base_url, command, f"{command} once 401-stalled", "--error-json")
    assert ExitStatus.AUTH == done.status
    # An answer would be waited for two minutes.
    assert time.monotonic() - began < LIMIT / 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redirect_is_followed_nowhere(command: str) -> None:
    with fault_server({}) as elsewhere:
        there = f"Location: {elsewhere.base_url}/chat/completions"
        statuses = (301, 302, 303, 307, 308)
        moved = {str(http): failed(http, b"", there, kind="text/html") for http in statuses}
        with fault_server(moved) as server:
            for http in moved:
                done = run(server.base_url, command, http, "--error-json")
                error = parsed(done.stdout)["error"] if command == "batch" else json.loads(done.stderr)
                assert isinstance(error, dict)
                assert (ExitStatus.REJECTED, int(http), 1) == (
                    error["code"],
                    error["http"],
                    server.asked(http),
                )
        assert 0 == elsewhere.connections


@pytest.mark.parametrize("command", COMMANDS)
def test_a_refused_connection_is_retried_and_then_reported(command: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        done = run(nobody, command, "hi", "--error-json", "--retries", "1", "--meta", "meta")
    if command == "batch":
        tries = "requests"
        assert [("0", "", ExitStatus.NETWORK, True)] == list(map(of_record, done.stdout.splitlines()))
    else:
        tries = "attempts"
        assert (ExitStatus.NETWORK, b"", True) == (done.status, done.stdout, parsed(done.stderr)["retryable"])
    assert 2 == parsed(Path("meta").read_bytes())[tries]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cookie_of_the_host_is_not_sent_back(command: str) -> None:
    begging = failed(503, b"", "Set-Cookie: told=1; Path=/")
    with fault_server({"cookie": (begging, GOOD)}) as server:
        # Many libraries keep no cookie of a host that is only a number.
        named = server.base_url.replace("127.0.0.1", "localhost")
        assert ExitStatus.OK == run(named, command, "cookie").status
        assert [b""] * 2 == [request.head.lower().partition(b"\ncookie:")[1] for request in server.requests]


A_DAY_OFF = "Date: Wed, 20 May 2026 23:59:58 GMT"
WAITS = {
    "2": 2.0, "0.7": 0.7, "-5": None, "NaN": None, "inf": None, "": None, "soon": None, "1e400": None, "\xb2": None,
    "Thu, 21 May 2026 00:00:03 GMT": 5.0, "Tue, 19 May 2026 00:00:00 GMT": 0.0,
    "Thu, 99 May 2026 00:00:00 GMT": None, "Thu May 21 00:00:03 2026": 5.0, "86400": 86400.0, "9" * 400: 1e9,
    "2\r\nRetry-After: 3\r\nRetry-After: soon": 3.0,
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wait_that_the_service_asks_for_is_read_by_the_clock_of_the_service(command: str) -> None:
    # The names are numbers, since a value may hold spaces.
    waits = {
        str(number): failed(429, b"", f"Retry-After: {value}", A_DAY_OFF)
        for number, value in enumerate(WAITS)
    }
    with fault_server(waits) as server:
        found = []
        for name in waits:
            done = run(server.base_url, command, name, "--error-json", "--retries", "0")
            error = parsed(done.stdout)["error"] if command == "batch" else json.loads(done.stderr)
            assert isinstance(error, dict)
            found.append(error["retry_after"])
    assert list(WAITS.values()) == found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_short_wait_is_kept_and_one_of_a_day_is_not_begun(command: str) -> None:
    busy = {wait: failed(429, b"", f"Retry-After: {wait}") for wait in ("0.7", "86400")}
    cut = Script((head("Content-Length: 9", "Retry-After: 0.7", status="429 Oops") + b"{",))
    with fault_server({"0.7": (busy["0.7"], cut, GOOD), "86400": busy["86400"]}) as server:
        assert ExitStatus.OK == run(server.base_url, command, "0.7").status
        first, second, third = server.times("0.7")
        assert 0.7 <= min(second - first, third - second)
        began = time.monotonic()
        done = run(server.base_url, command, "86400")
        assert (ExitStatus.QUOTA, 1) == (done.status, server.asked("86400"))
        assert "retry in 24 h" in done.stderr_text
        assert time.monotonic() - began < LIMIT / 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_header_that_says_so_does_not_make_a_refusal_asked_again(command: str) -> None:
    with fault_server({"refused": failed(401, b"", "x-should-retry: true", "Retry-After: 0")}) as server:
        assert (ExitStatus.AUTH, 1) == (
            run(server.base_url, command, "refused").status,
            server.asked("refused"),
        )


NASTY = "a\x1b[31m\x1b]0;title\x07b\x9b31mc\u202ed\u2066e\U000e0041f\x08\x7f\r\n"
IN_A_HEADER = ("\x1b[31m", "\x9b31m\x85", "\xe2\x80\xae\x7f", "\t\x08")
HOSTILE: dict[str, Script] = {
    "message": failed(400, reported(NASTY, 400)),
    "message-raw": failed(400, reported("MESSAGE", 400).replace(b"MESSAGE", b"\xc2\x9b31m\xe2\x80\xae")),
    "html": Script((sized(NASTY.encode(), kind="text/html"),)),
    "not-json": Script((sized(NASTY.encode()),)),
    "no-http": Script((NASTY.encode() * 2 + b"\r\n\r\n",)),
    "base-resp": Script(
        (sized(json.dumps({"base_resp": {"status_code": 2013, "status_msg": NASTY}}).encode()),)
    ),
    "finish-reason": Script((sized(WHOLE.replace(b'"stop"', json.dumps(NASTY).encode())),)),
    "error-field": Script((head() + b"error: " + NASTY.encode(),)),
    "coding-of-a-page": Script((sized(gzip.compress(NASTY.encode()), "Content-Encoding: gzip", kind="text/html"),)),
    "finish-reason-error": Script((sized(WHOLE.replace(b'"stop"', b'"error", "error": ' + json.dumps(NASTY).encode())),)),
    "request-id": failed(400, json.dumps({"error": "x", "request_id": NASTY}).encode()),
    **{
        f"{name}-{number}-{status[:3]}": Script((head(f"{name}: {value}", kind="", status=status) + b"x",))
        for name in ("Trace-Id", "Content-Type", "Retry-After", "Content-Encoding")
        for number, value in enumerate(IN_A_HEADER)
        for status in ("200 OK", "400 Oops")
    },
    **{f"reason-{number}": Script((head(status=f"400 {value}"),)) for number, value in enumerate(IN_A_HEADER)},
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("options", [("-v",), ("-q", "--error-json")])
def test_nothing_that_a_hostile_service_says_steers_the_terminal(
    command: str, options: tuple[str, ...]
) -> None:
    with fault_server(HOSTILE) as server:
        for name in HOSTILE:
            # `run` checks the output. JSON is escaped for a terminal, and nowhere else.
            terminals = "stderr" if "--error-json" in options else ""
            done = run(server.base_url, command, name, *options, "--retries", "0", terminals=terminals)
            assert (True, True) == (done.status > 1, bool(done.stderr_text)), name

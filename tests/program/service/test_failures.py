"""Each way in which the service can fail ends with its own exit status, one line on stderr, and no false answer."""

import json
import time

import pytest

from mmpipe.simulator.headers import RequestTrace
from support.harness import AT_ONCE, Finished, mmpipe, prompts, service

pytestmark = pytest.mark.faults

TRACE = RequestTrace(seed=0, number=1, now=0).id
QUICK = ("--first-byte-timeout", "2", "--idle-timeout", "2")
LONG = "sim:chunks 40"
ALL_OF_IT = " ".join(map(str, range(1, 41))).encode()

CODES = {
    "1000": 7, "1001": 5, "1002": 4, "1004": 3, "1008": 4, "1013": 7, "1024": 7, "1026": 10, "1027": 10,
    "1028": 4, "1030": 4, "1033": 7, "1039": 9, "1041": 4, "1042": 9, "2013": 9, "2045": 4, "2049": 3,
    "2056": 4, "2061": 4, "2062": 4, "2064": 7,
}  # fmt: skip
STATUSES = {"403": 3, "404": 9, "409": 9, "413": 9, "503": 7}
"""Those that come without a code; the others are among the codes."""
IN_THE_BODY = {
    "base_resp-1002": 4, "base_resp-1004": 3, "base_resp-1027": 10, "base_resp-2064": 7, "event-1000": 7,
    "event-1027": 10, "json-error": 7,
}  # fmt: skip
NO_ANSWER = {
    "choices-null": 8, "cut": 8, "cut-at-frame": 8, "no-finish": 8, "html": 8, "empty": 8, "bad-utf8": 8,
    "bad-json": 8, "reset": 6, "redirect": 9,
}  # fmt: skip
NOTHING_HEARD = {"refuse-late": 6, "hang": 5}
STANDSTILL = {"hang-mid": 5, "comments": 5}
WHOLE = {
    "base_resp-2061": 4, "choices-null": 8, "cut": 8, "cut-at-frame": 8, "no-finish": 8, "html": 8,
    "bad-utf8": 8, "hang-mid": 5, "comments": 5,
}  # fmt: skip
LIVE = {
    "base_resp-1002": 4, "event-1027": 10, "cut": 8, "cut-at-frame": 8, "no-finish": 8, "bad-utf8": 8,
    "hang-mid": 5, "refuse-late": 6,
}  # fmt: skip


def ask(command: str, fault: str, *options: str, prompt: str = LONG) -> tuple[Finished, int]:
    """Run the command once against that fault; return the result and the number of requests."""
    patience = QUICK if fault in ("hang", "hang-mid", "comments") else ()
    with service(fault) as server:
        done = mmpipe(command, "-n", *patience, *options, prompt, server=server)
        return done, len(server.requests)


def the_one_line(done: Finished) -> str:
    assert "Traceback" not in done.stderr_text
    (line,) = done.stderr_text.splitlines(keepends=True)
    assert line.startswith("mmpipe: ")
    assert line.endswith("\n")
    return line


@pytest.mark.parametrize(
    ("fault", "status"), [*CODES.items(), *STATUSES.items(), *IN_THE_BODY.items(), *NO_ANSWER.items()]
)
def test_a_failure_has_its_status_one_line_with_its_trace_and_nothing_on_stdout(
    fault: str, status: int
) -> None:
    done, _ = ask("chat", fault, "--retries", "0")
    assert (status, b"") == (done.status, done.stdout)
    assert TRACE in the_one_line(done)


@pytest.mark.parametrize(("fault", "status"), [*NOTHING_HEARD.items(), *STANDSTILL.items()])
def test_a_service_that_falls_silent_is_not_waited_for_for_ever(fault: str, status: int) -> None:
    done, _ = ask("chat", fault, "--retries", "0")
    assert (status, b"") == (done.status, done.stdout)
    assert (fault in STANDSTILL) == (TRACE in the_one_line(done))


@pytest.mark.parametrize(("fault", "status"), WHOLE.items())
def test_asked_for_in_one_piece_the_failures_mean_the_same(fault: str, status: int) -> None:
    done, _ = ask("chat", fault, "--wire", "whole", "--retries", "0")
    assert (status, b"") == (done.status, done.stdout)
    assert TRACE in the_one_line(done)


@pytest.mark.parametrize(("fault", "status"), LIVE.items())
def test_a_stream_that_breaks_off_never_ends_with_status_0(fault: str, status: int) -> None:
    done, _ = ask("stream", fault, "--retries", "0")
    assert done.status == status
    assert ALL_OF_IT.startswith(done.stdout)
    the_one_line(done)


@pytest.mark.parametrize(("fault", "status"), {"length": 11, "filter": 10}.items())
def test_an_answer_cut_by_the_service_is_printed_but_is_no_success(fault: str, status: int) -> None:
    done, _ = ask("chat", fault, prompt="sim:echo as far as it went")
    assert (status, b"as far as it went\n") == (done.status, done.stdout)
    assert TRACE in the_one_line(done)


def test_an_answer_cut_at_its_limit_can_be_accepted() -> None:
    done, _ = ask("chat", "length", "--allow-truncated", prompt="sim:echo enough")
    assert (0, b"enough\n", b"") == (done.status, done.stdout, done.stderr)


@pytest.mark.parametrize("fault", ["slow", "bom", "retry-lines", "hang-end"])
def test_an_odd_but_whole_stream_is_a_success(fault: str) -> None:
    done, _ = ask("chat", fault, prompt="sim:think a|||sound and whole")
    assert (0, b"sound and whole\n", b"") == (done.status, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("fault", "code", "name", "http", "api_code"),
    [
        ("2013", 9, "rejected", 400, 2013),
        ("html", 8, "bad response", None, None),
        ("refuse-late", 6, "network", None, None),
    ],
)
def test_an_error_can_be_had_as_one_json_object(
    fault: str, code: int, name: str, http: int | None, api_code: int | None
) -> None:
    done, _ = ask("chat", fault, "--error-json", "--retries", "0")
    error = json.loads(done.stderr)
    assert (code, b"") == (done.status, done.stdout)
    assert (code, name, http, api_code) == tuple(error[key] for key in ("code", "name", "http", "api_code"))
    assert error["message"]


def test_a_wrong_option_is_reported_in_json_too() -> None:
    done = mmpipe("chat", "--error-json", "--temperature", "7", "hi")
    assert (2, 2) == (done.status, json.loads(done.stderr)["code"])


@pytest.mark.parametrize("fault", ["500:#1", "1002:#1", "refuse-late:#1", "cut:#1"])
def test_a_passing_error_is_retried_and_the_answer_is_printed_once(fault: str) -> None:
    with service(fault) as server:
        done = mmpipe("chat", "-n", "--retries", "1", "sim:echo at last", server=server)
        assert (0, b"at last\n", b"") == (done.status, done.stdout, done.stderr)
        assert prompts(server) == ["sim:echo at last"] * 2


@pytest.mark.parametrize("fault", ["401", "402", "2013", "2056"])
def test_a_request_that_a_retry_cannot_help_is_sent_once(fault: str) -> None:
    done, asked = ask("chat", fault)
    assert (True, 1) == (done.status > 0, asked)


def test_a_stream_that_failed_before_its_first_byte_is_asked_again() -> None:
    done, asked = ask("stream", "500:#1", "--retries", "1", prompt="sim:echo fresh")
    assert (0, b"fresh\n", 2) == (done.status, done.stdout, asked)


def test_nothing_is_asked_again_once_a_byte_is_on_stdout() -> None:
    done, asked = ask("stream", "cut:#1", "--retries", "5")
    assert (8, 1) == (done.status, asked)
    assert ALL_OF_IT.startswith(done.stdout)
    assert done.stdout


def test_a_retry_after_of_a_day_ends_the_run_at_once_and_is_reported() -> None:
    began = time.monotonic()
    done, asked = ask("chat", "retry-after=99999")
    assert (4, b"", 1) == (done.status, done.stdout, asked)
    assert "27 h 46 min" in the_one_line(done)
    assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize("fault", ["retry-after=1:#1", "retry-after-date=2:#1"])
def test_a_short_wait_that_the_service_asks_for_is_kept(fault: str) -> None:
    with service(fault) as server:
        done = mmpipe("chat", "-n", "sim:echo patient", server=server)
        first, second = (float(str(request["time"])) for request in server.requests)
        assert (0, b"patient\n") == (done.status, done.stdout)
        assert second - first >= 0.9


def test_a_used_up_plan_says_when_it_comes_back() -> None:
    done, _ = ask("chat", "2056")
    assert "1 h 30 min" in the_one_line(done)


def test_all_tries_together_have_one_limit() -> None:
    began = time.monotonic()
    done, _ = ask("chat", "hang", "--max-time", "1", "--retries", "50")
    assert (5, b"") == (done.status, done.stdout)
    assert "--max-time" in the_one_line(done)
    assert time.monotonic() - began < 1 + AT_ONCE

"""The key is in no output, file, child process or crash report, from whichever source it came."""

import base64
import json
import signal
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from support.harness import MMPIPE, Finished, eventually, finished, mmpipe, run, sent_key, service, started
from support.hidden_key import KEY, SEEN, WAYS, given, shows, where_it_shows
from support.socket_server import answer, server
from support.tool_conversations import TWO_ROUNDS, WEATHER, command, runs, tools_file

pytestmark = pytest.mark.keys


def test_the_search_for_the_key_finds_a_key_in_every_form() -> None:
    Path("file").write_text(f"Authorization: Bearer {KEY}")
    Path("part").write_text(KEY[3:-8])
    Path("quoted").write_text(urllib.parse.quote(KEY))
    for filler in ("", "u:", "ab:"):
        Path(f"basic{filler}").write_bytes(base64.b64encode(f"{filler}{KEY}".encode()))
    Path("end").write_text(f"****{KEY[-SEEN:]}")
    found = ["basic", "basicab:", "basicu:", "file", "part", "quoted"]
    assert ["stderr of run 0", *found] == where_it_shows(Finished(0, b"", KEY.encode()))


def test_a_program_that_the_sdk_would_ask_for_the_platform_is_not_run() -> None:
    script = Path("bin/uname")
    script.write_text("#!/bin/sh\nenv > seen\n")
    script.chmod(0o755)
    with service() as running:
        assert 0 == mmpipe("batch", server=running, stdin=b"hi\n").status
    assert not Path("seen").exists()


@pytest.mark.parametrize("way", WAYS)
def test_it_is_in_nothing_that_a_run_says_or_writes(way: str, here: Path) -> None:
    kept = ["-v", "--record", "kept", "--meta", "meta"]
    Path("in.txt").write_text("sim:echo 1\nsim:echo 2\n")
    with RunningSimulator(SimulatorProfile(log=here / "log")) as running:
        env, options = given(way, running.base_url)
        done = [
            mmpipe(*arguments, *options, env=env)
            for arguments in (
                ("chat", "-n", *kept, "--json", "-c", "talk", *runs(), WEATHER),
                ("chat", "-n", *kept, "-F", "raw", "-c", "talk", "-o", "answer", "sim:echo again"),
                ("stream", "-n", *kept, "-F", "jsonl", "-t", "show", "sim:think a|||b"),
                ("batch", "-v", "--record", "kept", "in.txt", "-o", "out.jsonl", "-j", "2"),
                ("batch", "-v", "in.txt", "--rpm", "600", "--dry-run"),
                ("models", "-v", "--live", "--json"),
            )
        ]
        assert [0] * len(done) == [one.status for one in done], [one.stderr_text for one in done]
        assert KEY == sent_key(running)
    assert {"log", "meta", "talk", "answer", "out.jsonl"} <= {path.name for path in here.iterdir()}
    assert list(here.glob("kept/*"))
    assert [] == where_it_shows(*done)


@pytest.mark.parametrize(
    ("fault", "way"),
    list(zip(["401", "2049", "500", "redirect", "html", "event-1027"], [*WAYS, *WAYS], strict=True)),
)
def test_it_is_in_nothing_that_a_failed_run_says_or_writes(fault: str, way: str, here: Path) -> None:
    with service(fault) as running:
        env, options = given(way, running.base_url)
        kept = ["--record", "kept", "--retries", "0", "-v", *options]
        done = [
            mmpipe("chat", "-n", *kept, "--error-json", "--meta", "meta", "-c", "talk", "hi", env=env),
            mmpipe("batch", *kept, "-o", "out.jsonl", env=env, stdin=b"hi\n"),
        ]
        assert all(one.status > 0 for one in done)
        assert KEY == sent_key(running)
    assert {"meta", "out.jsonl"} <= {path.name for path in here.iterdir()}
    assert [] == where_it_shows(*done)


HEADER = f"Bearer {KEY}"
ERROR = {"error": {"message": f"invalid {HEADER} (1004)", "type": HEADER, "param": HEADER, "code": HEADER}}
SAID = json.dumps(ERROR).encode()
BASE_RESP = json.dumps({"base_resp": {"status_code": 2049, "status_msg": f"invalid {HEADER}"}}).encode()
NAMES = ("Trace-Id", "X-Request-Id", "Retry-After", "Authorization", "WWW-Authenticate", "Set-Cookie", "Date")
IN_HEADERS = "".join(f"{name}: {KEY}\r\n" for name in NAMES)
ECHOES = {
    "the message of an error": answer(SAID, "application/json", status="401 Unauthorized"),
    "a body that is not JSON": answer(HEADER.encode(), "text/plain", status="500 Oops"),
    "a refusal that is not UTF-8": answer(f"né {HEADER}".encode("latin-1"), "text/plain", status="403 No"),
    "the page of a refusal": answer(
        f"<title>sk&#45;{KEY[3:]}</title><p>{HEADER}".encode(), "text/html", status="403 No"
    ),
    "the details of a refusal": answer(
        json.dumps({"detail": [{"loc": ["header", KEY], "msg": HEADER}, {"errors": {KEY: [KEY]}}]}).encode(),
        "application/json",
        status="422 No",
    ),
    "a field of the stream": answer(b"error: " + HEADER.encode() + b"\n\n"),
    "a page instead of an answer": answer(f"<p>{HEADER}</p>".encode(), "text/html"),
    "an event of the stream": answer(b"event: error\ndata: " + SAID + b"\n\n"),
    "base_resp": answer(BASE_RESP, "application/json"),
    "the address of a redirect": answer(
        b"", more=f"Location: http://127.0.0.1:9/{KEY}\r\n", status="302 Found"
    ),
    "headers": answer(SAID, "application/json", IN_HEADERS, "429 Slow down"),
    "the reason of the status": answer(b"", status=f"401 {HEADER}"),
    "what is not HTTP": f"{HEADER}\r\n\r\n".encode(),
    "the trace id of a body": answer(
        json.dumps({**ERROR, "request_id": KEY}).encode(), "application/json", status="400 No"
    ),
    "the content type": answer(b"x", f"text/{KEY}"),
    "a page that is cut in the middle of it": answer(f"<p>{'x' * 25}{HEADER}</p>".encode(), "text/html"),
    "a message that is cut in the middle of it": answer(
        json.dumps({"error": {"message": f"{'z' * 570}{KEY}"}}).encode(), "application/json", status="400 No"
    ),
}


@pytest.mark.parametrize("place", ECHOES)
def test_a_service_that_gives_it_back_with_its_failure_is_not_repeated(place: str) -> None:
    with server(ECHOES[place]) as (base_url, seen):
        env, _ = given("environment", base_url)
        kept = ["--record", "kept", "--retries", "0", "-v"]
        done = [
            mmpipe("stream", "-n", *kept, "-F", "jsonl", "--meta", "meta", "-c", "talk", "hi", env=env),
            mmpipe("batch", *kept, "--error-json", "-o", "out.jsonl", env=env, stdin=b"hi\n"),
            mmpipe("models", "-v", "--live", "--retries", "0", env=env),
        ]
        assert all(one.status > 0 for one in done)
        assert [True] * len(done) == [KEY.encode() in request for request in seen]
    assert [] == where_it_shows(*done)


@pytest.mark.parametrize("way", WAYS)
def test_no_child_has_it_in_its_environment_or_its_arguments_and_no_process_in_those_that_all_can_see(
    way: str, needs: Callable[[str], None]
) -> None:
    needs("strace")
    look = "env > tool.env; cat /proc/[0-9]*/cmdline > all.arguments 2> /dev/null"
    weather, clock = command("weather", f"{look}; echo 18"), command("clock", "echo no >&2; exit 3")
    tools = ["--tools", tools_file(), "--run", f"get_weather={weather}", "--run", f"get_time={clock}"]
    trace = ("strace", "-f", "-v", "-s", "100000", "-e", "trace=execve", "-o", "secret/trace")
    with service() as running:
        env, options = given(way, running.base_url)
        done = run((*trace, *MMPIPE, "chat", "-n", "-v", *options, *tools, TWO_ROUNDS), env=env)
        assert 0 == done.status, done.stderr_text
    children = [line for line in Path("secret/trace").read_bytes().splitlines() if b" execve(" in line][1:]
    assert [True, True] == [
        any(program in line for line in children) for program in (b'/weather"', b'/clock"')
    ]
    assert [] == [line for line in children if shows(line)]
    # Only root's strace can read what a process that is not dumpable hands to its child, so this one shows it itself.
    asked = ["asked.arguments", "asked.env"] if way == "api_key_command" else []
    assert asked == sorted(path.name for path in Path().glob("asked.*") if path.stat().st_size)
    assert b"mmpipe" in Path("all.arguments").read_bytes()
    assert Path("tool.env").exists()
    assert [] == where_it_shows(done)


@pytest.mark.parametrize("arguments", [("stream", "-n", "-o", "out", "hi"), ("batch", "in.txt", "-o", "out")])
@pytest.mark.parametrize("way", ["environment", "api_key_command"])
def test_a_crash_leaves_no_core_that_would_hold_it(way: str, arguments: tuple[str, ...], here: Path) -> None:
    Path("in.txt").write_text("hi\n")
    as_large_as_may_be = 'ulimit -c "$(ulimit -Hc)"; exec "$@"'
    with service("hang-mid") as running:
        env, options = given(way, running.base_url)
        line = ("sh", "-c", as_large_as_may_be, "sh", *MMPIPE, *arguments, *options)
        with started(line, env=env) as process:
            # The answer that has begun, or what is noted beside a journal.
            eventually(lambda: any(path.stat().st_size for path in here.glob(".out*")), "it is at work")
            limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
            (core,) = [limit.split()[4] for limit in limits if limit.startswith("Max core file size")]
            assert "0" == core
            process.send_signal(signal.SIGSEGV)
            done = finished(process)
    assert -signal.SIGSEGV == done.status
    assert [] == list(here.glob("*core*"))
    assert [] == where_it_shows(done)

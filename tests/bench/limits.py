"""Limits on time and signals while much is decoded: `PYTHONPATH=tests python tests/bench/limits.py [ROW...]`.

Each row is an answer that costs as much of the processor as a server can make it, and never ends by itself. Each of
`chat`, `stream` and `batch` meets it, and is to end by --max-time, SIGINT, SIGTERM, for a batch --deadline, and for rows
without progress by --first-byte-timeout and --idle-timeout. Then one batch asks all rows at once, beside the cases of the
fault table that only a limit ends. A run that ends more than two seconds late, by the wall clock, is marked; on a busy
machine look at the seconds of the processor beside it.
"""

import gzip
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory

from support.fault_cases import CASES, MANY, event, head
from support.fault_server import End, FaultServer, Script, fault_server
from support.harness import MMPIPE

LIMIT = 2.0  # seconds after the request
LATE = 2.0  # seconds after the limit
MEGABYTE = 2**20
PIECES = 40_000
TICKS = os.sysconf("SC_CLK_TCK")


def calls(*found: object) -> bytes:
    return event({"tool_calls": found})


def call(**fields: object) -> object:
    return {"function": fields}


def whole(message: object, times: int = 1) -> Script:
    """A whole answer, all but its last byte."""
    body = json.dumps({"choices": [{"finish_reason": "stop", "message": message}] * times}).encode()
    return Script(
        (head(f"Content-Length: {len(body)}", kind="application/json") + body[:-1],), end=End.SILENCE
    )


def for_ever(*pieces: bytes, begin: bytes = b"") -> Script:
    """As fast as it is taken; the last piece again and again."""
    return Script((head() + begin, *pieces), times=MANY, end=End.SILENCE)


def zipped(content: bytes) -> Script:
    """A bomb within the limit on what may be unpacked, and then silence."""
    return Script((head("Content-Encoding: gzip") + gzip.compress(content, 9)[:-1],), end=End.SILENCE)


def ended(*pieces: bytes) -> Script:
    """A stream with an end, and then silence; its calls are read at the end."""
    return Script((head(), *pieces, event({}, "stop") + b"data: [DONE]\n\n"), end=End.SILENCE)


WORD = event({"content": "word "})
ROWS: dict[str, Script] = {
    "calls-in-one-event": for_ever(calls(*({"index": number} for number in range(PIECES)))),
    "pieces-in-one-event": for_ever(calls(*({"index": 0, "function": {"arguments": "x"}},) * PIECES)),
    "pieces-without-index": for_ever(calls(*(call(name="f", arguments="{"),) * PIECES)),
    "arguments": for_ever(calls({"index": 0, "function": {"name": "f", "arguments": "x" * 1000}}) * 100),
    "arguments-of-marks": for_ever(calls({"index": 0, "function": {"arguments": '"{[' * 300}}) * 100),
    "ended-arguments-of-marks": ended(*[calls({"index": 0, "function": {"arguments": '"{[' * 300}}) * 100] * 300),
    "cumulative-arguments": for_ever(
        *(calls({"index": 0, "function": {"arguments": '{"a":"' + "x" * 1000 * size}}) for size in range(1000))
    ),
    "names": for_ever(calls({"index": 0, "function": {"name": "n"}}) * 2000),
    "words": for_ever(WORD * 1000),
    "a-huge-event": for_ever(event({"content": "x" * 12 * MEGABYTE})),
    "a-huge-line-of-marks": for_ever(event({"content": '<think></think>\\"' * 500_000})),
    "an-open-line": for_ever(b"x" * 65_536, begin=b"data: "),
    "lines-of-one-event": for_ever(b"data: 1\n" * 8000),
    "growing-text": for_ever(*(event({"content": "word " * size}) for size in range(2000))),
    "growing-thinking": for_ever(*(event({"reasoning_content": "word " * size}) for size in range(2000))),
    "details": for_ever(
        event({"reasoning_details": [{"type": "reasoning.text", "index": number} for number in range(1000)]})
    ),
    "tags": for_ever(event({"content": "<think>"}) * 500 + event({"content": "</think><"}) * 500),
    "surrogates": for_ever(event({"content": "@" * 100}).replace(b"@", rb"\ud83d") * 200),
    "unknown-fields": for_ever(event({f"field-{number}": "x" for number in range(2000)})),
    "choices": for_ever(b'data: {"choices":[' + b'{"index":0,"delta":{"content":"x"}},' * 20_000 + b"{}]}\n\n"),
    "finishes": for_ever(event({"content": "x"}, "stop") * 1000),
    "empty-deltas": for_ever(event({"content": ""}) * 1000),
    "comments": for_ever(b": ping\n\n" * 8000),
    "deep-json": for_ever(b"data: " + b"[" * 400 + b"]" * 400 + b"\n\n"),
    "gzip-of-words": zipped(WORD * (60 * MEGABYTE // len(WORD))),
    "gzip-of-comments": zipped(b": ping\n\n" * (7 * MEGABYTE)),
    "gzip-of-spaces": zipped(b" " * 60 * MEGABYTE),
    "whole-calls": whole({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}] * 200_000}),
    "whole-text": whole({"content": "<think>word</think> " * 1_000_000}),
    "whole-choices": whole({"content": "word"}, 300_000),
    "error-page": Script(
        (head(kind="text/html", status="500 Error"), b"<p>&#x<script><" * 4000), times=MANY, end=End.SILENCE
    ),
}  # fmt: skip
SLOW = {f"fault-{name}": case.script for name, case in CASES.items() if case.hasty}
WITHOUT_PROGRESS = {
    "an-open-line", "lines-of-one-event", "empty-deltas", "comments", "gzip-of-comments", "gzip-of-spaces",
}  # fmt: skip
OPTIONS = {
    "max-time": ("--max-time", f"{LIMIT}"),
    "deadline": ("--deadline", f"{LIMIT}"),
    "idle": ("--first-byte-timeout", f"{LIMIT}", "--idle-timeout", f"{LIMIT}"),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a run: its status, and seconds after the limit, by the wall clock and of the processor."""

    status: int
    wall: float
    cpu: float

    def __str__(self) -> str:
        mark = "  LATE" if self.wall > LATE else ""
        before = "before the limit" if self.wall < 0 else f"{self.wall:5.2f} s late, {self.cpu:5.2f} s of CPU"
        return f"status {self.status:3}  {before}{mark}"


def used(pid: int) -> float:
    """Seconds of the processor that a process has used."""
    with open(f"/proc/{pid}/stat", "rb") as status:  # noqa: PTH123  not a file
        fields = status.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start(server: FaultServer, folder: str, command: str, prompt: str, *options: str) -> "Popen[bytes]":
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder, **server.env}
    words = ("-n", prompt) if command != "batch" else ("--input-format", "lines")
    process = Popen(
        (*MMPIPE, command, "--retries", "0", *options, *words),
        stdin=PIPE if command == "batch" else DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        env=environment,
    )
    if process.stdin is not None:
        process.stdin.write(prompt.encode())
        process.stdin.close()
    return process


def endings(command: str, row: str) -> Iterator[str]:
    yield from ("max-time", "INT", "TERM")
    if command == "batch":
        yield "deadline"
    if row in WITHOUT_PROGRESS:
        yield "idle"


def measure(server: FaultServer, folder: str, command: str, row: str, ending: str) -> Ended:
    """Run a command at a row, end it, and look how long it takes."""
    options = OPTIONS.get(ending, ())
    grace = ("--grace", "0") if command == "batch" else ()
    prompt = f"{command}-{ending} {row}"
    process = start(server, folder, command, prompt, *options, *grace)
    while not (times := server.times(prompt)) and process.poll() is None:
        time.sleep(0.01)
    limit = (times or [time.monotonic()])[0] + LIMIT
    while process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    if process.poll() is not None:
        return Ended(process.returncode, -1, 0)
    before = used(process.pid)
    if not options:
        process.send_signal(getattr(signal, f"SIG{ending}"))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime - before
    return Ended(process.returncode, time.monotonic() - limit, cpu)


def at_once(server: FaultServer, folder: str, rows: Sequence[str]) -> Iterator[tuple[str, float, object]]:
    """Each record of one batch: its name, how many seconds after its limit it was done, and its error."""
    command = (
        *MMPIPE,
        "batch",
        "-q",
        "--retries",
        "0",
        "-j",
        "100",
        "--max-time",
        f"{LIMIT}",
        "--wire",
        "stream",
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder, **server.env}
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment) as process:
        output, _ = process.communicate("".join(f"batch {row}\n" for row in rows).encode())
    for line in output.splitlines():
        record = json.loads(line)
        error = record["error"] or {"name": "ok"}
        yield rows[record["index"]], record["elapsed_ms"] / 1000 - LIMIT, error["name"]


def run(rows: Sequence[str]) -> None:
    late = 0
    with fault_server(ROWS | SLOW) as server, TemporaryDirectory() as folder:
        for row in rows:
            for command in ("chat", "stream", "batch"):
                for ending in endings(command, row):
                    ended = measure(server, folder, command, row, ending)
                    late += ended.wall > LATE
                    print(f"{row:22} {command:6} {ending:8} {ended}", flush=True)
        for row, wall, error in at_once(server, folder, [*rows, *SLOW]):
            late += wall > LATE
            print(f"{row:22} batch of all {wall:5.2f} s late  {error}{'  LATE' if wall > LATE else ''}")
    print(f"{late} were late")


if __name__ == "__main__":
    run(sys.argv[1:] or [*ROWS])

"""Runs `mmpipe` against a server as a user does, and checks status and output: one answer, a stream, a tool, a batch of fifty."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

RECORDS = 50
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Wrong(Exception):
    """A result that a user would not expect."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server, and how it is reached: options and variables of each command; the words that it echoes, if it can.

    `order` makes a prompt that the server answers with the text given to it; None if its answers are its own.
    """

    base_url: str
    model: str
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    order: Callable[[str], str] | None = None
    calls_tools: bool = True
    # The status of a good answer; a tiny model never stops by itself.
    statuses: tuple[int, ...] = (0,)

    def prompt(self, text: str) -> str:
        return text if self.order is None else self.order(text)


def run(target: Target, command: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run one command of mmpipe with a clean environment."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(Path.cwd()),
        "MINIMAX_API_KEY": "sk-test-0000",
        **target.env,
    }
    words = (
        sys.executable,
        "-m",
        "mmpipe",
        command,
        "--base-url",
        target.base_url,
        "-m",
        target.model,
        *target.options,
    )
    return subprocess.run(
        [*words, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=variables,
    )


def expect(done: "subprocess.CompletedProcess[str]", statuses: Sequence[int], stdout: str | None) -> None:
    """Raise Wrong for another status, or another output if one is expected."""
    if done.returncode not in statuses:
        raise Wrong(f"status {done.returncode}: {done.stderr.strip()[-300:]}")
    if stdout is not None and done.stdout != stdout:
        raise Wrong(f"stdout is {done.stdout[:200]!r}")


def check_chat(target: Target) -> None:
    expected = "five and six\n" if target.order else None
    for wire in ("stream", "whole"):
        expect(
            run(target, "chat", "-n", "--wire", wire, target.prompt("five and six")),
            target.statuses,
            expected,
        )


def check_stream(target: Target) -> None:
    expected = "one two three\n" if target.order else None
    expect(run(target, "stream", "-n", target.prompt("one two three")), target.statuses, expected)


def check_tools(target: Target) -> None:
    Path("tools.json").write_text(json.dumps([TOOL]))
    tools = ("--tools", "tools.json", "--run", "get_weather=cat", "-F", "messages")
    done = run(target, "chat", "-n", *tools, 'sim:tool get_weather {"city": "Paris"}')
    expect(done, (0,), None)
    roles = [json.loads(line)["role"] for line in done.stdout.splitlines()]
    if roles != ["user", "assistant", "tool", "assistant"]:
        raise Wrong(f"the roles are {roles}")


def check_batch(target: Target) -> None:
    records = [{"id": str(number), "prompt": target.prompt(f"record {number}")} for number in range(RECORDS)]
    done = run(target, "batch", "-j", "8", stdin="".join(json.dumps(record) + "\n" for record in records))
    expect(done, (0,) if target.statuses == (0,) else (0, 14), None)
    lines = {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}
    if sorted(lines) != sorted(record["id"] for record in records):
        raise Wrong(f"{len(lines)} lines for {RECORDS} records")
    for number, line in lines.items():
        status = line["error"]["code"] if line["error"] else 0
        if status not in target.statuses or (target.order and line["content"].strip() != f"record {number}"):
            raise Wrong(f"record {number}: {line['error'] or line['content'][:100]}")


CHECKS: Mapping[str, Callable[[Target], None]] = {
    "chat": check_chat,
    "stream": check_stream,
    "tools": check_tools,
    "batch": check_batch,
}


def check_all(name: str, target: Target) -> Iterator[tuple[str, str]]:
    """Yield the name and the result of each check, `ok` or the reason."""
    for check, perform in CHECKS.items():
        if check == "tools" and not target.calls_tools:
            continue
        yield f"{name} {check}", result_of(partial(perform, target))


def result_of(perform: Callable[[], None]) -> str:
    """Return `ok`, or the reason why it is not."""
    try:
        perform()
    except Wrong as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return "it took more than five minutes"
    return "ok"


@contextmanager
def working_folder(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)

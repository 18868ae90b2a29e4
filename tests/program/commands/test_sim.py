"""`mmpipe sim` stands in for the service: around one command, or beside a shell, for any client."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.harness import MMPIPE, finished, mmpipe, parsed, run, shell, started

SDK = """
from openai import OpenAI
reply = OpenAI().chat.completions.create(
    model="MiniMax-M3", messages=[{"role": "user", "content": "sim:echo by the SDK"}],
    extra_body={"reasoning_split": True},
)
print(reply.choices[0].message.content)
"""

A_WHILE = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.1; done"


@contextmanager
def beside(*options: str) -> Iterator[str]:
    """The lines that a simulator in the background prints for the shell."""
    with started((*MMPIPE, "sim", *options)) as process:
        assert process.stdout is not None
        yield (process.stdout.readline() + process.stdout.readline()).decode()
        process.send_signal(signal.SIGTERM)
        done = finished(process)
        assert (-signal.SIGTERM, b"", b"") == (done.status, done.stdout, done.stderr)


def test_it_ends_with_the_status_of_its_command() -> None:
    done = mmpipe("sim", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (7, b"out\n", b"err\n") == (done.status, done.stdout, done.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_dies_by_the_signal_of_its_command(number: signal.Signals) -> None:
    done = mmpipe("sim", "--", "sh", "-c", f"kill -{number.value} $$")
    assert (-number, b"") == (done.status, done.stderr)


def test_a_signal_is_passed_on_to_its_command() -> None:
    script = f"trap 'echo told; exit 3' TERM; echo ready; {A_WHILE}"
    with started((*MMPIPE, "sim", "--", "sh", "-c", script)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        done = finished(process)
    assert (3, b"told\n") == (done.status, done.stdout)


@pytest.mark.parametrize("_again", range(3))
def test_a_signal_that_comes_as_its_command_starts_is_passed_on_too(_again: int) -> None:
    script = f"trap 'echo told; exit 3' TERM; kill -TERM $PPID; {A_WHILE}"
    done = mmpipe("sim", "--", "sh", "-c", script)
    assert (3, b"told\n") == (done.status, done.stdout)


def test_standard_input_is_its_command_s() -> None:
    done = mmpipe("sim", "--", "mmpipe", "stream", stdin=b"sim:echo right through")
    assert (0, b"right through\n", b"") == (done.status, done.stdout, done.stderr)


def test_the_failure_that_was_ordered_comes_and_its_status_is_passed_on() -> None:
    done = mmpipe("sim", "--fail", "2013", "--", "mmpipe", "chat", "-n", "hi")
    assert (9, b"") == (done.status, done.stdout)


def test_its_command_does_not_see_the_real_key() -> None:
    env = {
        "MINIMAX_API_KEY": "the-real-one",
        "OPENAI_API_KEY": "the-other",
        "MINIMAX_BASE_URL": "https://real",
    }
    done = mmpipe("sim", "--", "env", env=env)
    assert done.status == 0
    assert [] == [line for line in done.stdout.decode().splitlines() if "real" in line or "the-other" in line]


def test_its_two_lines_point_a_shell_and_every_client_at_it() -> None:
    with beside("--log", "log") as lines:
        assert [True, True] == [line.startswith("export ") for line in lines.splitlines()]
        ours = shell(f"{lines} mmpipe chat -n 'sim:echo by us'")
        theirs = run(("sh", "-c", f'{lines} exec "$0" -c "$1"', sys.executable, SDK))
    assert (0, b"by us\n", b"") == (ours.status, ours.stdout, ours.stderr)
    assert (0, b"by the SDK\n") == (theirs.status, theirs.stdout)
    records = [parsed(line) for line in Path("log").read_bytes().splitlines()]
    assert [True, True] == [record["answered"] for record in records]
    assert "sk-sim-0000000000000000" not in Path("log").read_text()


def test_alone_it_serves_until_an_interrupt_ends_it() -> None:
    with started((*MMPIPE, "sim")) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"export ")
        process.send_signal(signal.SIGINT)
        done = finished(process)
    assert (-signal.SIGINT, b"") == (done.status, done.stderr)


@pytest.mark.parametrize(
    "options",
    [("--fail", "nonsense"), ("--fail", "500:sometimes"), ("--fail", "9999"), ("--dialect", "klingon"),
     ("--tps", "-1"), ("--port", "70000"), ("--log", "nowhere/log")],
)  # fmt: skip
def test_a_simulator_that_cannot_be_had_is_a_wrong_option(options: tuple[str, str]) -> None:
    done = mmpipe("sim", *options, "--", "echo", "never")
    assert (2, b"") == (done.status, done.stdout)
    assert [True] == [line.startswith("mmpipe: ") for line in done.stderr_text.splitlines()]


def test_a_command_that_does_not_exist_is_reported_in_one_line() -> None:
    done = mmpipe("sim", "--", "no-such-command")
    assert (True, b"") == (done.status > 0, done.stdout)
    assert [True] == ["no-such-command" in line for line in done.stderr_text.splitlines()]


def test_descriptors_that_the_user_opened_are_the_commands(here: Path) -> None:
    done = shell(
        "mmpipe sim -- mmpipe chat -n --meta /dev/fd/3 --thinking-file /dev/fd/4 hi 3> meta 4> thinking"
    )
    assert (0, b"") == (done.status, done.stderr)
    assert b'"exit_status":0' in (here / "meta").read_bytes()
    assert (here / "thinking").read_bytes()


MULTIPLY = """
import json, sys
given = json.load(sys.stdin)
print(given["a"] * given["b"])
"""


def test_the_examples_of_schemas_and_tools_succeed_as_they_are_printed() -> None:
    number = {"type": "number"}
    two = {"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}
    tools = [{"type": "function", "function": {"name": "multiply", "parameters": two}}]
    Path("tools.json").write_text(json.dumps(tools))
    Path("multiply.py").write_text(MULTIPLY)
    year = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]}
    Path("year.json").write_text(json.dumps(year))
    mood = {
        "type": "object",
        "properties": {"sentiment": {"enum": ["good", "bad"]}},
        "required": ["sentiment"],
    }
    Path("mood.json").write_text(json.dumps(mood))
    Path("in.csv").write_text("id,review\n" + "".join(f"{number},Item {number}\n" for number in range(20)))
    script = f"""
    mmpipe chat -n --schema year.json 'Faust was printed in 1808. When was Faust printed?' &&
    mmpipe batch -qk --schema mood.json --template 'Sentiment of: {{review}}' in.csv -F csv &&
    mmpipe chat -n --tools tools.json --run 'multiply={sys.executable} multiply.py' 'Multiply 1234 by 5678.'
    """
    done = mmpipe("sim", "--", "sh", "-c", script)
    assert (0, "") == (done.status, done.stderr_text)
    valid, header, *rows, answer = done.stdout.decode().splitlines()
    assert '{"year":1808}' == valid
    assert "id,review,sentiment,error" == header
    assert {"good", "bad"} == {row.split(",")[2] for row in rows}
    assert "7006652" in answer

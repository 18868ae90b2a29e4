"""On a terminal a batch shows how far it is, keeps that apart from its lines, and lets no answer steer the terminal."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.harness import LIMIT, Process, eventually, mmpipe, service, shell, started
from support.terminals import Terminal, on_terminal

HOSTILE = "\x9b31m \u202e \U000e0041 \x7f"


def test_no_answer_emits_a_control_and_the_lines_mean_the_same(here: Path) -> None:
    (here / "in.jsonl").write_text(json.dumps({"prompt": f"sim:echo hi {HOSTILE}!"}) + "\n")
    with service() as server:
        lines = on_terminal("batch", "in.jsonl", "-F", "jsonl", "--progress", "none", server=server)
        text = on_terminal("batch", "in.jsonl", "--progress", "none", server=server)
    for done in (lines, text):
        assert 0 == done.status, done.stderr_text
        foreign = re.sub("\x1b\\[[02]m", "", done.stdout.decode())
        assert not any(character in foreign for character in "\x1b\x9b\u202e\U000e0041\x7f")
    assert f"hi {HOSTILE}!" == json.loads(lines.stdout)["content"]
    assert "── 0\nhi <U+009B>31m <U+202E> <U+E0041> \u2421!\n" == re.sub(
        "\x1b\\[[02]m", "", text.stdout.decode()
    ).replace("\r\n", "\n")


@pytest.mark.parametrize("options", [(), ("-k",)], ids=["as it is", "in order"])
def test_merged_journals_emit_no_control_and_mean_the_same(here: Path, options: tuple[str, ...]) -> None:
    (here / "in.jsonl").write_text(json.dumps({"id": "a\x9b2J", "prompt": f"sim:echo hi {HOSTILE}!"}) + "\n")
    with service() as server:
        assert 0 == mmpipe("batch", "in.jsonl", "-o", "out.jsonl", "-q", server=server).status
    done = on_terminal("batch", "--merge", "out.jsonl", *options)
    assert 0 == done.status, done.stderr_text
    text = done.stdout.decode()
    assert not any(character in text for character in "\x1b\x9b\u202e\U000e0041\x7f")
    merged, kept = json.loads(text), json.loads((here / "out.jsonl").read_text())
    assert merged == kept
    assert f"hi {HOSTILE}!" == merged["content"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("batch", "in.jsonl", "--dry-run"),
        ("batch", "in.jsonl", "--pass-through", "--progress", "none"),
        ("batch", "in.jsonl", "--format", "openai", "--progress", "none"),
        ("batch", "in.jsonl", "--progress", "bar", "-v"),
        ("batch", "--merge", "in.jsonl", "no\x9b2Jsuch"),
        ("batch", "--merge", "in.jsonl"),
        ("batch", "no\x9b2Jsuch"),
        ("batch", "in.jsonl", "--error-json", "-m", "no\x9b2Jsuch"),
        ("chat", "-n", "--error-json", "-m", "no\x9b2Jsuch", "hi"),
        ("chat", "-n", "-F", "messages", f"sim:echo {HOSTILE}"),
        ("stream", "-n", "-F", "jsonl", f"sim:think {HOSTILE}|||{HOSTILE}"),
        ("models", "no\x9b2Jsuch"),
        ("completion", "no\x9b2Jsuch"),
        ("no\x9b2Jsuch",),
        ("chat", "--no\x9b2Jsuch"),
        ("sim", "--dialect", "no\x9b2Jsuch"),
        ("sim", "--", "no\x9b2Jsuch"),
    ],
    ids=lambda arguments: " ".join(arguments[:4]).encode("ascii", "replace").decode(),
)
def test_no_command_lets_foreign_text_steer_the_terminal(here: Path, arguments: tuple[str, ...]) -> None:
    record = {"id": "a\x9b2J", "prompt": f"sim:echo hi {HOSTILE}!", "model": "no\x9b2Jsuch", "b\x9b2J": 1}
    (here / "in.jsonl").write_text(json.dumps(record, ensure_ascii=False) + "\n")
    with service() as server:
        done = on_terminal(*arguments, server=server)
    assert 1 != done.status
    for written in (done.stdout.decode(), done.stderr.decode()):
        foreign = re.sub("\x1b\\[[0-9;]*[mKJ]", "", written)
        assert not any(character in foreign for character in "\x1b\x9b\u202e\U000e0041\x7f"), foreign


def test_a_bar_is_drawn_while_it_goes_on_and_gives_way_to_what_is_written(here: Path) -> None:
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(40)))
    with service("slow:0.5") as server:
        done = on_terminal("batch", "in.txt", "-j", "2", server=server, stdout=False)
    assert 0 == done.status
    assert 40 == len(done.records)
    drawn = done.stderr.decode()
    assert "/40" in drawn
    # The last that stands there is the summary, on a line of its own.
    assert "mmpipe: 40 good, " in drawn.rpartition("\x1b[J")[2]


@contextmanager
def on_own_terminal(script: str, server: RunningSimulator) -> Iterator[tuple[Terminal, Process]]:
    """Run a script of bash with job control; all of its streams are the terminal that controls it."""
    with Terminal() as screen:
        command = ("setsid", "--ctty", "--wait", "bash", "-mc", script)
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), screen.slave)
        with started(command, server, **streams, env={"TERM": "xterm-256color"}) as process:
            yield screen, process


def test_the_bar_is_gone_when_ctrl_z_stops_the_run_and_comes_back(here: Path) -> None:
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(40)))
    script = "mmpipe batch in.txt -j 2 >out.jsonl; echo stopped by $?; fg; echo ended with $?"
    with service(tps=200) as server, on_own_terminal(script, server) as (screen, process):
        eventually(lambda: "/40" in screen.text, "a bar")
        screen.type("\x1a")
        eventually(lambda: "stopped by 148" in screen.text, "the shell")
        assert 0 == process.wait(LIMIT)
    before, _, after = screen.seen().partition(b"stopped by 148")
    assert b"\x1b[J\r\r\x1b[J" in before.rpartition(b"/40")[2].replace(b"^Z", b"")
    assert b"/40" in after
    assert b"mmpipe: 40 good, " in after
    assert b"ended with 0" in after


def test_a_run_in_the_background_draws_no_bar_over_the_work_in_front(here: Path) -> None:
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(40)))
    script = "mmpipe batch in.txt -j 2 >out.jsonl & wait"
    with service(tps=200) as server, on_own_terminal(script, server) as (screen, process):
        assert 0 == process.wait(LIMIT)
    assert b"/40" not in screen.seen()
    assert b"mmpipe: 40 good, " in screen.seen()


def test_ctrl_c_says_what_it_waits_for_and_how_to_continue(here: Path) -> None:
    (here / "in.txt").write_text("sim:echo it's\n" * 3)
    script = "mmpipe batch in.txt -o 'my out.jsonl' --grace 0.5 --no-dedupe; echo ended with $?"
    with service("hang") as server, on_own_terminal(script, server) as (screen, process):
        eventually(lambda: "/3" in screen.text, "a bar")
        screen.type("\x03")
        process.wait(LIMIT)
    rest = screen.seen().decode().partition("^C")[2]
    # What was typed is erased, with the bar.
    assert "\x1b[Kmmpipe: waiting 1 s at most for the answers in flight; " in rest
    assert "mmpipe: ended by SIGINT: 0 good, 3 left, " in rest
    assert "mmpipe batch in.txt -o 'my out.jsonl' --grace 0.5 --no-dedupe --resume\r\n" in rest


def test_on_a_terminal_failures_are_listed_with_commands_that_work(
    here: Path, needs: Callable[[str], None]
) -> None:
    needs("jq")
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(3)))
    arguments = ("batch", "in.txt", "-o", "my 'out.jsonl", "--retries", "0", "-j", "1", "--progress", "none")
    with service("length:#2") as server:
        done = on_terminal(*arguments, server=server, env={"NO_COLOR": "1", "COLUMNS": "200"})
        assert (14, 1) == (done.status, done.stderr_text.count("1 failed"))
        assert re.search(r"  exit status 14 +some records have no good answer\r\n$", done.stderr_text)
        commands = dict(re.findall(r"  (to \w+(?: them)?) +(.*)\r\n", done.stderr_text))
        assert b"1: the answer was cut off" in shell(commands["to see them"]).stdout
        resumed = shell(commands["to continue"], server)
    assert (0, True) == (resumed.status, "1 good, 0 failed, 2 answered before" in resumed.stderr_text)
    assert "\x1b" not in done.stderr_text


def test_an_error_that_no_list_of_failures_replaces_is_reported(here: Path) -> None:
    (here / "in.txt").write_text("sim:echo 1\n")
    with service("length") as server:
        for option, words in (("-q", "error[partial]: 1 of 1 record failed"), ("--error-json", '"code":14,')):
            done = on_terminal(
                "batch", "in.txt", option, "--retries", "0", server=server, env={"NO_COLOR": "1"}
            )
            assert (14, 1) == (done.status, done.stderr_text.count(words)), done.stderr_text


def test_a_terminal_and_no_file_is_a_hint_and_no_silent_wait() -> None:
    with service() as server:
        done = on_terminal("batch", server=server, stdin=True, stderr=False)
    assert (2, True) == (done.status, "name a file" in done.stderr_text)

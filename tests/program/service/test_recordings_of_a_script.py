"""A recorded run gives the same answers again without key and network."""

import json
from pathlib import Path

import pytest

from support.harness import KEY, mmpipe, service
from support.tool_conversations import TOOLS, TWO_ROUNDS, runs

PROMPTS = ["sim:echo caf\u00e9", "Why is the sky blue?"]


@pytest.mark.parametrize("form", ["text", "json", "messages", "raw"])
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_replay_needs_neither_key_nor_network_and_is_the_same(command: str, form: str) -> None:
    with service() as far:
        first = [mmpipe(command, "-n", "-F", form, "--record", "kept", prompt, far=far) for prompt in PROMPTS]
    again = [mmpipe(command, "-n", "-F", form, "--replay", "kept", prompt) for prompt in PROMPTS]
    assert [0] * 4 == [done.status for done in (*first, *again)]
    if form == "json":
        times = {"elapsed_ms": 0}
        assert [done.record | times for done in first] == [done.record | times for done in again]
    else:
        assert [done.stdout for done in first] == [done.stdout for done in again]


def test_a_miss_is_status_6_and_names_the_file() -> None:
    Path("kept").mkdir()
    done = mmpipe("chat", "-n", "--replay", "kept", "never asked")
    assert (6, b"") == (done.status, done.stdout)
    assert "kept/" in done.said
    assert ".json" in done.said


def test_a_cache_asks_once() -> None:
    with service() as far:
        done = [mmpipe("chat", "-n", "--cache", "kept", PROMPTS[1], far=far) for _ in range(2)]
        assert 1 == len(far.requests)
    assert done[0].stdout == done[1].stdout


def test_a_conversation_with_tools_replays_whole() -> None:
    with service() as far:
        first = mmpipe("chat", "-n", "-F", "messages", "--record", "kept", *runs(), TWO_ROUNDS, far=far)
    again = mmpipe("chat", "-n", "-F", "messages", "--replay", "kept", *runs(), TWO_ROUNDS)
    assert (0, first.stdout) == (again.status, again.stdout)
    assert 3 == len(list(Path("kept").iterdir()))


def test_a_failure_that_the_service_told_replays_with_its_status() -> None:
    with service("1026") as far:
        first = mmpipe("chat", "-n", "--record", "kept", "a", far=far)
    again = mmpipe("chat", "-n", "--replay", "kept", "a")
    assert (10, 10) == (first.status, again.status)
    assert first.said == again.said


@pytest.mark.parametrize("wire", ["stream", "whole"])
def test_what_one_command_recorded_another_replays(wire: str) -> None:
    records = b"".join(json.dumps(prompt).encode() + b"\n" for prompt in PROMPTS)
    with service() as far:
        first = mmpipe("batch", "-k", "--wire", wire, "--record", "kept", far=far, stdin=records)
    again = mmpipe("batch", "-k", "--replay", "kept", stdin=records)
    alone = mmpipe("chat", "-n", "--replay", "kept", PROMPTS[0])
    assert [0, 0, 0] == [done.status for done in (first, again, alone)], again.said
    assert [record["content"] for record in first.records] == [record["content"] for record in again.records]
    assert "caf\u00e9\n".encode() == alone.stdout
    missing = mmpipe("batch", "--replay", "kept", stdin=b"never asked\n")
    assert 14 == missing.status
    assert 6 == missing.record["error"]["code"]  # type: ignore[index]


def test_the_key_is_in_no_recording_and_the_files_are_private() -> None:
    with service() as far:
        mmpipe("chat", "-n", "--record", "kept", f"sim:echo {KEY}", far=far)
    (file,) = Path("kept").iterdir()
    # The user sent it as a prompt; even then no file has it.
    assert KEY not in file.read_text().replace("\\u", "")
    assert 0o600 == file.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--replay", "no"], 2),
        (["--record", "a", "--replay", "b"], 2),
        (["--record", "file/x"], 13),
    ],
)
@pytest.mark.parametrize("command", ["chat", "batch"])
def test_a_place_that_cannot_be_is_told_before_it_is_asked(
    command: str, options: list[str], status: int
) -> None:
    Path("file").write_text("")
    with service() as far:
        done = mmpipe(command, *options, far=far, stdin=b"a")
        assert [] == far.requests
    assert (status, b"") == (done.status, done.stdout), done.said


def test_what_is_missing_fails_alone_and_what_is_there_costs_nothing() -> None:
    asked = b"".join(f"never asked {number}\n".encode() for number in range(60)) + b"Hi\n"
    with service() as far:
        mmpipe("batch", "--record", "kept", far=far, stdin=b"Hi\n")
    done = mmpipe("batch", "-j", "2", "--replay", "kept", "--max-cost", "0.00001", stdin=asked)
    assert 14 == done.status, done.said
    (good,) = (record for record in done.records if record["error"] is None)
    assert (61, 0.0) == (len(done.records), good["cost"])


def test_a_call_that_nobody_could_run_is_recorded_all_the_same() -> None:
    tools = json.dumps(TOOLS[:1])
    options = ("-n", "-p", f"tools={tools}", 'sim:tool get_weather {"city":')
    with service() as far:
        first = mmpipe("chat", *options, "--record", "kept", far=far)
    assert (8, 8) == (first.status, mmpipe("chat", *options, "--replay", "kept").status)

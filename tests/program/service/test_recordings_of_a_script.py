"""A recorded run gives the same answers again without key and network."""

import json
import shlex
from pathlib import Path

import pytest

from support.harness import KEY, mmpipe, service, shell
from support.tool_conversations import TOOLS, TWO_ROUNDS, runs

PROMPTS = ["sim:echo caf\u00e9", "Why is the sky blue?"]


@pytest.mark.parametrize("form", ["text", "json", "messages", "raw"])
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_replay_needs_neither_key_nor_network_and_is_the_same(command: str, form: str) -> None:
    with service() as server:
        first = [
            mmpipe(command, "-n", "-F", form, "--record", "kept", prompt, server=server) for prompt in PROMPTS
        ]
    again = [mmpipe(command, "-n", "-F", form, "--replay", "kept", prompt) for prompt in PROMPTS]
    assert [0] * 4 == [done.status for done in (*first, *again)]
    if form == "json":
        # A replay is at once, and costs nothing.
        own = {"elapsed_ms": 0, "cost": 0.0}
        assert [done.record | own for done in first] == [done.record | {"elapsed_ms": 0} for done in again]
    else:
        assert [done.stdout for done in first] == [done.stdout for done in again]


def test_a_miss_is_status_6_and_names_the_file() -> None:
    Path("kept").mkdir()
    done = mmpipe("chat", "-n", "--replay", "kept", "never asked")
    assert (6, b"") == (done.status, done.stdout)
    assert "kept/" in done.stderr_text
    assert ".json" in done.stderr_text


def test_a_cache_asks_once() -> None:
    with service() as server:
        done = [mmpipe("chat", "-n", "--cache", "kept", PROMPTS[1], server=server) for _ in range(2)]
        assert 1 == len(server.requests)
    assert done[0].stdout == done[1].stdout


def test_a_conversation_with_tools_replays_whole() -> None:
    with service() as server:
        first = mmpipe("chat", "-n", "-F", "messages", "--record", "kept", *runs(), TWO_ROUNDS, server=server)
    again = mmpipe("chat", "-n", "-F", "messages", "--replay", "kept", *runs(), TWO_ROUNDS)
    assert (0, first.stdout) == (again.status, again.stdout)
    assert 3 == len(list(Path("kept").iterdir()))


def test_a_failure_that_the_service_reported_is_replayed_with_its_status() -> None:
    with service("1026") as server:
        first = mmpipe("chat", "-n", "--record", "kept", "a", server=server)
    again = mmpipe("chat", "-n", "--replay", "kept", "a")
    assert (10, 10) == (first.status, again.status)
    assert first.stderr_text == again.stderr_text


@pytest.mark.parametrize("wire", ["stream", "whole"])
def test_a_recording_of_one_command_is_replayed_by_another(wire: str) -> None:
    records = b"".join(json.dumps(prompt).encode() + b"\n" for prompt in PROMPTS)
    with service() as server:
        first = mmpipe("batch", "-k", "--wire", wire, "--record", "kept", server=server, stdin=records)
    again = mmpipe("batch", "-k", "--replay", "kept", stdin=records)
    alone = mmpipe("chat", "-n", "--replay", "kept", PROMPTS[0])
    assert [0, 0, 0] == [done.status for done in (first, again, alone)], again.stderr_text
    assert [record["content"] for record in first.records] == [record["content"] for record in again.records]
    assert "caf\u00e9\n".encode() == alone.stdout
    missing = mmpipe("batch", "--replay", "kept", stdin=b"never asked\n")
    assert 14 == missing.status
    assert 6 == missing.record["error"]["code"]  # type: ignore[index]


def test_the_key_is_in_no_recording_and_the_files_are_private() -> None:
    with service() as server:
        done = [
            mmpipe("chat", "-n", "--record", "kept", prompt, server=server)
            for prompt in (PROMPTS[0], f"sim:echo {KEY}")
        ]
    # A prompt with the key is not sent, so there is nothing of it to record.
    assert [0, 12] == [one.status for one in done]
    (file,) = Path("kept").iterdir()
    assert KEY not in file.read_text()
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
def test_an_impossible_output_is_an_error_before_any_request(
    command: str, options: list[str], status: int
) -> None:
    Path("file").write_text("")
    with service() as server:
        done = mmpipe(command, *options, server=server, stdin=b"a")
        assert [] == server.requests
    assert (status, b"") == (done.status, done.stdout), done.stderr_text


def test_a_record_without_a_recording_fails_alone_and_a_replayed_record_costs_nothing() -> None:
    asked = b"".join(f"never asked {number}\n".encode() for number in range(60)) + b"Hi\n"
    with service() as server:
        mmpipe("batch", "--record", "kept", server=server, stdin=b"Hi\n")
    done = mmpipe("batch", "-j", "2", "--replay", "kept", "--max-cost", "0.00001", stdin=asked)
    assert 14 == done.status, done.stderr_text
    (good,) = (record for record in done.records if record["error"] is None)
    assert (61, 0.0) == (len(done.records), good["cost"])


def test_an_invalid_call_is_recorded_all_the_same() -> None:
    tools = json.dumps(TOOLS[:1])
    options = ("-n", "-p", f"tools={tools}", 'sim:tool get_weather {"city":')
    with service() as server:
        first = mmpipe("chat", *options, "--record", "kept", server=server)
    assert (8, 8) == (first.status, mmpipe("chat", *options, "--replay", "kept").status)


REAL = {"MINIMAX_API_KEY": "sk-of-a-real-account"}


def test_two_simulators_share_a_cache_and_their_words_are_no_answer_of_a_real_host() -> None:
    asked = ("chat", "-n", "--retries", "0", "sim:echo simulated")
    cached, replayed = (*asked, "--cache", "kept"), (*asked, "--replay", "kept")
    first = shell(f"mmpipe sim -- mmpipe {shlex.join(cached)}")
    # The second one fails each request that it gets.
    failing = "mmpipe sim --fail 500 -- mmpipe"
    second = shell(f"{failing} {shlex.join(cached)} && {failing} {shlex.join(replayed)}")
    assert (0, b"simulated\n") == (first.status, first.stdout), first.stderr_text
    assert (0, b"simulated\n" * 2) == (second.status, second.stdout), second.stderr_text
    real = mmpipe(*replayed, env=REAL)
    assert (6, b"") == (real.status, real.stdout)
    assert "is of mmpipe sim, and not of https://api.minimaxi.com/v1" in real.stderr_text
    with service() as server:
        asked_again = mmpipe(*cached, server=server)
        assert (0, 1) == (asked_again.status, len(server.requests)), asked_again.stderr_text
        assert 6 == mmpipe(*replayed, env={"MINIMAX_BASE_URL": "http://127.0.0.1:9/v1"}).status
    # Neither host nor key: a test of a script runs anywhere.
    assert b"simulated\n" == mmpipe(*replayed).stdout


def test_a_batch_takes_no_answer_of_another_host_either() -> None:
    with service() as server:
        assert 0 == mmpipe("batch", "--cache", "kept", server=server, stdin=b"Hi\n").status
    with service() as other:
        cached = mmpipe("batch", "--cache", "kept", server=other, stdin=b"Hi\n")
        assert (0, 1) == (cached.status, len(other.requests))
    done = mmpipe("batch", "--replay", "kept", env=REAL, stdin=b"Hi\n")
    assert (14, 6) == (done.status, done.record["error"]["code"])  # type: ignore[index]


def test_the_words_of_the_simulator_are_no_answer_of_a_real_host_by_way_of_a_journal() -> None:
    Path("in.txt").write_text("sim:echo one\n")
    batch = ("batch", "--retries", "0", "in.txt")
    assert 0 == shell(f"mmpipe sim -- mmpipe {shlex.join(batch)} --record kept").status
    assert 0 == mmpipe(*batch, "--replay", "kept", "-o", "out.jsonl").status
    assert "mmpipe sim" == json.loads(Path("out.jsonl").read_text())["host"]
    resumed = mmpipe(*batch, "-o", "out.jsonl", "--resume", env=REAL)
    assert 12 == resumed.status
    assert "'0' has an answer of mmpipe sim in out.jsonl" in resumed.stderr_text


def test_one_warning_is_printed_for_all_recordings_of_an_older_mmpipe() -> None:
    asked = b"".join(f"sim:echo {number}\n".encode() for number in range(9))
    with service() as server:
        mmpipe("batch", "--record", "kept", server=server, stdin=asked)
    for path in Path("kept").iterdir():
        value = json.loads(path.read_text())
        del value["host"]
        path.write_text(json.dumps(value))
    done = mmpipe("batch", "--replay", "kept", env=REAL, stdin=asked)
    assert (0, 1) == (done.status, done.stderr_text.count("warning: recordings without a host")), (
        done.stderr_text
    )
    assert (0, b"") == ((done := mmpipe("chat", "-n", "--replay", "kept", "sim:echo 1")).status, done.stderr)

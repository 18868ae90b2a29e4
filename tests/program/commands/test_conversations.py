"""Conversations are files and pipes, and continue with every message as it was."""

import json
import os
import stat
from pathlib import Path

import pytest

from support.harness import LIMIT, Record, mmpipe, parsed, prompts, service, shell, started
from support.tool_conversations import TWO_ROUNDS, messages, roles, runs, tools_file, transcript

FORMS = [(), ("--native-thinking",)]
WIRES = ["stream", "whole"]


def ids(message: Record) -> list[object]:
    """Those of the calls in a message or a record."""
    calls = message["tool_calls"]
    assert isinstance(calls, list)
    return [call["id"] for call in calls]


def first_messages(*options: str) -> list[Record]:
    """The assistant messages of both rounds exactly as the service sends them, unstreamed."""
    with service() as far:
        done = mmpipe("chat", "-n", "-F", "raw", "--wire", "whole", *options, *runs(), TWO_ROUNDS, far=far)
    assert 0 == done.status, done.said
    decoder, text, found = json.JSONDecoder(), done.stdout.decode(), []
    while text:
        body, end = decoder.raw_decode(text)
        found.append(body["choices"][0]["message"])
        text = text[end:]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", WIRES)
def test_the_message_of_each_round_is_sent_back_field_for_field(form: tuple[str, ...], wire: str) -> None:
    first, second, last = first_messages(*form)
    with service() as far:
        done = mmpipe("chat", "-n", "-F", "messages", "--wire", wire, *form, *runs(), TWO_ROUNDS, far=far)
    assert 0 == done.status, done.said
    assert ["user", "assistant", "tool", "tool"] == roles(far, 1)
    assert first == messages(far, 1)[1]
    assert [first, second] == [messages(far, 2)[1], messages(far, 2)[4]]
    assert last == done.records[-1]
    assert messages(far, 2) == done.records[:-1]


@pytest.mark.parametrize("form", FORMS)
def test_hidden_thinking_is_sent_back_whole_in_both_forms(form: tuple[str, ...]) -> None:
    with service() as far:
        mmpipe("chat", "-n", "-c", "talk", "-t", "hide", *form, "Hi", far=far)
        mmpipe("chat", "-n", "-c", "talk", "-t", "hide", *form, "And?", far=far)
    said = messages(far, 1)[1]
    if form:
        assert str(said["content"]).startswith("<think>\n")
        assert "reasoning_details" not in said
    else:
        assert said["reasoning_content"] == said["reasoning_details"][0]["text"]  # type: ignore[index]
        assert "MiniMax AI" == said["name"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", WIRES)
def test_two_processes_hold_one_conversation_in_a_file(form: tuple[str, ...], wire: str) -> None:
    options = ("chat", "-n", "-c", "talk", "--wire", wire, *form, "--tools", tools_file())
    first, second, _ = first_messages(*form)
    with service() as far:
        asked = mmpipe(*options, "--json", TWO_ROUNDS, far=far)
        weather, time = ids(asked.record)
        results = [f"--tool-result={time}=noon", f"--tool-result={weather}=@-"]
        options = tuple(option for option in options if option != "-n")
        told = mmpipe(*options, "--json", *results, far=far, stdin=b"18 degrees")
    assert (0, 0) == (asked.status, told.status), told.said
    assert first == messages(far, 1)[1] == transcript("talk")[1]
    # In the order of the calls, whatever the order of the options.
    assert ["18 degrees", "noon"] == [message["content"] for message in messages(far, 1)[2:]]
    assert told.record["message"] == transcript("talk")[-1]
    assert ids(second) == ids(told.record)


@pytest.mark.parametrize("form", ["", "--native-thinking"])
def test_two_processes_hold_one_conversation_in_a_pipe(form: str) -> None:
    with service() as far:
        done = shell(
            f"mmpipe chat -n {form} -F messages 'name a prime' |"
            f" mmpipe stream {form} -F messages --messages - 'why is it prime?'",
            far,
        )
    assert 0 == done.status, done.said
    assert ["user", "assistant", "user"] == roles(far, 1)
    assert done.records[:3] == messages(far, 1)
    assert "name a prime" == prompts(far)[0]


def test_a_transcript_is_private_and_grows_by_the_new_messages() -> None:
    with service() as far:
        for prompt in ("one", "two"):
            assert 0 == mmpipe("chat", "-n", "-s", "be brief", "-c", "talk", prompt, far=far).status
    assert 0o600 == stat.S_IMODE(Path("talk").stat().st_mode)
    said = ["system", "user", "assistant", "user", "assistant"]
    assert said == [message["role"] for message in transcript("talk")]
    assert ["one", "two"] == [
        message["content"] for message in transcript("talk") if message["role"] == "user"
    ]


@pytest.mark.parametrize(
    ("faults", "status"), [(["cut"], 8), (["length"], 11), (["filter"], 10), (["1026"], 10), (["hang"], 5)]
)
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_without_a_whole_answer_a_transcript_stays_unchanged(
    command: str, faults: list[str], status: int
) -> None:
    Path("talk").write_text('{"role":"user","content":"a"}\n')
    with service(*faults) as far:
        for file in ("talk", "new"):
            options = ("-n", "--retries", "0", "--first-byte-timeout", "1", "-c", file)
            assert status == mmpipe(command, *options, "b", far=far).status
    assert '{"role":"user","content":"a"}\n' == Path("talk").read_text()
    assert not Path("new").exists()


def test_a_truncated_answer_that_is_accepted_is_kept() -> None:
    with service("length") as far:
        assert 0 == mmpipe("chat", "-n", "--allow-truncated", "-c", "talk", "a", far=far).status
    assert ["user", "assistant"] == [message["role"] for message in transcript("talk")]


def test_a_locked_conversation_is_awaited_or_status_15() -> None:
    with (
        service(tps=20) as far,
        started(("sh", "-c", "mmpipe stream -n -c talk 'sim:length 300'"), far) as process,
    ):
        assert process.stdout is not None
        process.stdout.read(1)
        busy = mmpipe("chat", "-n", "-c", "talk", "--no-wait", "b", far=far)
        waited = mmpipe("chat", "-n", "-c", "talk", "sim:echo c", far=far)
    assert 15 == busy.status
    assert "process" in busy.said
    assert (0, b"c\n") == (waited.status, waited.stdout)
    assert "waiting for another run that holds talk" in waited.said
    assert 4 == len(transcript("talk"))


def test_two_programs_of_a_pipe_can_share_a_conversation() -> None:
    with service() as far:
        done = shell("mmpipe chat -n -c talk 'sim:echo a' | mmpipe chat -c talk 'after this:'", far)
    assert 0 == done.status, done.said
    assert ["sim:echo a", "after this:\n\na\n"] == prompts(far)
    assert 4 == len(transcript("talk"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"role":"user","content":"a"}\n{"role":\n{"role":"user","content":"b"}\n', "line 2"),
        ('{"role":"user","content":"a"}\n[]\n', "line 2"),
        ('{"role":"tool","tool_call_id":"1","content":"a"}\n', "message 1 is the result of a missing call"),
    ],
)
@pytest.mark.parametrize("option", ["-c", "--messages"])
def test_an_invalid_transcript_is_refused_with_its_place_and_left_unchanged(
    option: str, text: str, words: str
) -> None:
    Path("talk").write_text(text)
    with service() as far:
        done = mmpipe("chat", "-n", option, "talk", "b", far=far)
        assert [] == far.requests
    assert (12, b"") == (done.status, done.stdout)
    assert words in done.said
    assert text == Path("talk").read_text()


def test_a_torn_end_is_cut_off_and_reported() -> None:
    Path("talk").write_text('{"role":"user","content":"a"}\n{"role":"assi')
    with service() as far:
        done = mmpipe("chat", "-n", "-c", "talk", "b", far=far)
    assert 0 == done.status
    assert "torn" in done.said
    assert ["a", "b"] == [message["content"] for message in messages(far, 0)]
    assert 3 == len(transcript("talk"))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--messages", "talk", "--tool-result", "9=a"], 2, "--tool-result 9: there is no such call"),
        (["-c", "talk", "--tool-result", "1=a"], 12, "the result of 2 (g) is missing"),
        (["-c", "talk", "go on"], 12, "the result of 1 (f), 2 (g) is missing"),
        (["-c", "talk", "--tool-result", "1"], 2, "must look like"),
        (["-c", "talk", "--tool-result", "1=a", "--tool-result", "1=b"], 2, "given twice"),
        (["--tool-result", "1=a", "go on"], 2, "goes with -c or --messages"),
        (["-c", "talk", "--tool-result", "1=@-", "--tool-result", "2=@-"], 2, "read once only"),
        (["--messages", "-", "-"], 2, "read once only"),
        (["-c", "new"], 12, "the prompt is empty"),
        (["-c", "talk", "--messages", "talk", "a"], 2, "--messages begins a conversation"),
    ],
)
def test_messages_that_cannot_be_sent_are_refused_before_any_request(
    arguments: list[str], status: int, words: str
) -> None:
    calls = [{"id": "1", "function": {"name": "f"}}, {"id": "2", "function": {"name": "g"}}]
    Path("talk").write_text(json.dumps({"role": "assistant", "content": "", "tool_calls": calls}))
    before = Path("talk").read_bytes()
    with service() as far:
        done = mmpipe("chat", *arguments, far=far)
        assert [] == far.requests
    assert (status, b"") == (done.status, done.stdout), done.said
    assert words in done.said
    assert before == Path("talk").read_bytes()


def test_system_messages_are_joined_for_a_model_that_takes_one() -> None:
    Path("talk").write_text('{"role":"system","content":"be brief"}\n{"role":"user","content":"a"}\n')
    options = ("chat", "-n", "-v", "-m", "MiniMax-M2.1", "--messages", "talk", "-s", "be kind", "b")
    with service() as far:
        done = mmpipe(*options, "-F", "messages", far=far)
    assert 0 == done.status, done.said
    assert "they are joined" in done.said
    assert {"role": "system", "content": "be brief\n\nbe kind"} == messages(far, 0)[0]
    # What is kept is what was said.
    assert ["system", "user", "system", "user", "assistant"] == [record["role"] for record in done.records]


def test_an_image_is_not_sent_to_a_model_that_ignores_images() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    Path("talk").write_text(json.dumps({"role": "user", "content": [picture]}))
    with service() as far:
        done = mmpipe("chat", "-n", "-m", "MiniMax-M2.1", "--messages", "talk", far=far)
        assert [] == far.requests
        assert 0 == mmpipe("chat", "-n", "-m", "MiniMax-M3", "--messages", "talk", far=far).status
    assert (12, b"") == (done.status, done.stdout)
    assert "does not accept image_url" in done.said


def test_a_conversation_that_cannot_be_extended_is_refused_before_any_request() -> None:
    os.mkfifo("pipe")
    with service() as far:
        for path, status in (("pipe", 12), (".", 12), ("no/talk", 13)):
            assert status == mmpipe("chat", "-n", "-c", path, "a", far=far).status
        assert [] == far.requests


def test_eight_writers_at_once_lose_nothing() -> None:
    script = 'for i in 1 2 3; do mmpipe chat -n -c talk -q "$0 $i" > /dev/null || exit; done'
    with service() as far:
        writers = [started(("sh", "-c", script, f"w{number}"), far) for number in range(8)]
        processes = [writer.__enter__() for writer in writers]
        statuses = [process.wait(LIMIT) for process in processes]
        for writer in writers:
            writer.__exit__(None, None, None)
    assert [0] * 8 == statuses
    said = [parsed(line) for line in Path("talk").read_bytes().splitlines()]
    assert ["user", "assistant"] * 24 == [message["role"] for message in said]
    for number in range(8):
        own = [message["content"] for message in said if str(message["content"]).startswith(f"w{number} ")]
        assert [f"w{number} {turn}" for turn in (1, 2, 3)] == own


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_empty_messages_are_an_input_error(text: str) -> None:
    with service() as far:
        done = mmpipe("chat", "--messages", "-", "why is it prime?", far=far, stdin=text.encode())
        assert [] == far.requests
    assert (12, b"") == (done.status, done.stdout)
    assert "there is no message in it" in done.said


def test_a_whole_answer_is_kept_though_its_reader_has_gone() -> None:
    with service() as far:
        done = shell("mmpipe chat -n -c talk 'sim:length 300000' | head -c 1 > /dev/null", far)
    assert 0 == done.status
    assert 300_000 == len(str(transcript("talk")[-1]["content"]))


def test_the_last_system_message_counts() -> None:
    with service() as far:
        for system in ("A", "A", "B", "A"):
            mmpipe("chat", "-n", "-c", "talk", "-s", system, "q", far=far)
    assert ["A", "B", "A"] == [
        message["content"] for message in transcript("talk") if message["role"] == "system"
    ]


def test_the_output_cannot_be_the_transcript() -> None:
    with service() as far:
        assert 0 == mmpipe("chat", "-n", "-c", "talk", "a", far=far).status
        before = Path("talk").read_bytes()
        done = shell("mmpipe chat -n -c talk b >> talk", far)
        assert 1 == len(far.requests)
    assert 2 == done.status
    assert before == Path("talk").read_bytes()


def test_a_batch_joins_system_messages_too() -> None:
    several = [{"role": "system", "content": text} for text in ("be brief", "be kind")]
    record = {"messages": [*several, {"role": "user", "content": "a"}], "model": "MiniMax-M2.1"}
    with service() as far:
        done = mmpipe("batch", far=far, stdin=json.dumps(record).encode())
    assert 0 == done.status, done.stdout
    assert "be brief\n\nbe kind" == messages(far, 0)[0]["content"]


def test_a_whole_answer_is_kept_though_a_signal_ends_its_writing() -> None:
    with (
        service() as far,
        started(("sh", "-c", "exec mmpipe chat -n -c talk 'sim:length 300000'"), far) as process,
    ):
        # The pipe is full, and nobody reads on.
        assert process.stdout is not None
        process.stdout.read(1)
        process.terminate()
        process.stdout.close()
        assert process.wait(LIMIT) in (-15, -13)
    assert ["user", "assistant"] == [message["role"] for message in transcript("talk")]

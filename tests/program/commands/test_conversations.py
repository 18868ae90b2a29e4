"""Conversations are files and pipes, and continue with every message as it was."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
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
    with service() as server:
        done = mmpipe(
            "chat", "-n", "-F", "raw", "--wire", "whole", *options, *runs(), TWO_ROUNDS, server=server
        )
    assert 0 == done.status, done.stderr_text
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
    with service() as server:
        done = mmpipe(
            "chat", "-n", "-F", "messages", "--wire", wire, *form, *runs(), TWO_ROUNDS, server=server
        )
    assert 0 == done.status, done.stderr_text
    assert ["user", "assistant", "tool", "tool"] == roles(server, 1)
    assert first == messages(server, 1)[1]
    assert [first, second] == [messages(server, 2)[1], messages(server, 2)[4]]
    assert last == done.records[-1]
    assert messages(server, 2) == done.records[:-1]


@pytest.mark.parametrize("form", FORMS)
def test_hidden_thinking_is_sent_back_whole_in_both_forms(form: tuple[str, ...]) -> None:
    with service() as server:
        mmpipe("chat", "-n", "-c", "talk", "-t", "hide", *form, "Hi", server=server)
        mmpipe("chat", "-n", "-c", "talk", "-t", "hide", *form, "And?", server=server)
    answer = messages(server, 1)[1]
    if form:
        assert str(answer["content"]).startswith("<think>\n")
        assert "reasoning_details" not in answer
    else:
        assert answer["reasoning_content"] == answer["reasoning_details"][0]["text"]  # type: ignore[index]
        assert "MiniMax AI" == answer["name"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", WIRES)
def test_two_processes_hold_one_conversation_in_a_file(form: tuple[str, ...], wire: str) -> None:
    options = ("chat", "-n", "-c", "talk", "--wire", wire, *form, "--tools", tools_file())
    first, second, _ = first_messages(*form)
    with service() as server:
        asked = mmpipe(*options, "--json", TWO_ROUNDS, server=server)
        weather, time = ids(asked.record)
        results = [f"--tool-result={time}=noon", f"--tool-result={weather}=@-"]
        options = tuple(option for option in options if option != "-n")
        resumed = mmpipe(*options, "--json", *results, server=server, stdin=b"18 degrees")
    assert (0, 0) == (asked.status, resumed.status), resumed.stderr_text
    assert first == messages(server, 1)[1] == transcript("talk")[1]
    # In the order of the calls, whatever the order of the options.
    assert ["18 degrees", "noon"] == [message["content"] for message in messages(server, 1)[2:]]
    assert resumed.record["message"] == transcript("talk")[-1]
    assert ids(second) == ids(resumed.record)


@pytest.mark.parametrize("form", ["", "--native-thinking"])
def test_two_processes_hold_one_conversation_in_a_pipe(form: str) -> None:
    with service() as server:
        done = shell(
            f"mmpipe chat -n {form} -F messages 'name a prime' |"
            f" mmpipe stream {form} -F messages --messages - 'why is it prime?'",
            server,
        )
    assert 0 == done.status, done.stderr_text
    assert ["user", "assistant", "user"] == roles(server, 1)
    assert done.records[:3] == messages(server, 1)
    assert "name a prime" == prompts(server)[0]


def test_a_transcript_is_private_and_grows_by_the_new_messages() -> None:
    with service() as server:
        for prompt in ("one", "two"):
            assert 0 == mmpipe("chat", "-n", "-s", "be brief", "-c", "talk", prompt, server=server).status
    assert 0o600 == stat.S_IMODE(Path("talk").stat().st_mode)
    answer = ["system", "user", "assistant", "user", "assistant"]
    assert answer == [message["role"] for message in transcript("talk")]
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
    with service(*faults) as server:
        for file in ("talk", "new"):
            options = ("-n", "--retries", "0", "--first-byte-timeout", "1", "-c", file)
            assert status == mmpipe(command, *options, "b", server=server).status
    assert '{"role":"user","content":"a"}\n' == Path("talk").read_text()
    assert not Path("new").exists()


def test_a_truncated_answer_that_is_accepted_is_kept() -> None:
    with service("length") as server:
        assert 0 == mmpipe("chat", "-n", "--allow-truncated", "-c", "talk", "a", server=server).status
    assert ["user", "assistant"] == [message["role"] for message in transcript("talk")]


def test_a_locked_conversation_is_awaited_or_status_15() -> None:
    with (
        service(tps=20) as server,
        started(("sh", "-c", "mmpipe stream -n -c talk 'sim:length 300'"), server) as process,
    ):
        assert process.stdout is not None
        process.stdout.read(1)
        busy = mmpipe("chat", "-n", "-c", "talk", "--no-wait", "b", server=server)
        waited = mmpipe("chat", "-n", "-v", "-c", "talk", "sim:echo c", server=server)
    assert 15 == busy.status
    assert "process" in busy.stderr_text
    assert (0, b"c\n") == (waited.status, waited.stdout)
    assert "waiting for another run that holds talk" in waited.stderr_text
    assert 4 == len(transcript("talk"))


def test_two_programs_of_a_pipe_can_share_a_conversation() -> None:
    with service() as server:
        done = shell("mmpipe chat -n -c talk 'sim:echo a' | mmpipe chat -c talk 'after this:'", server)
    assert 0 == done.status, done.stderr_text
    assert ["sim:echo a", "after this:\n\na\n"] == prompts(server)
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
    with service() as server:
        done = mmpipe("chat", "-n", option, "talk", "b", server=server)
        assert [] == server.requests
    assert (12, b"") == (done.status, done.stdout)
    assert words in done.stderr_text
    assert text == Path("talk").read_text()


def test_a_torn_end_is_cut_off_and_reported() -> None:
    Path("talk").write_text('{"role":"user","content":"a"}\n{"role":"assi')
    with service() as server:
        done = mmpipe("chat", "-n", "-c", "talk", "b", server=server)
    assert 0 == done.status
    assert "torn" in done.stderr_text
    assert ["a", "b"] == [message["content"] for message in messages(server, 0)]
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
    with service() as server:
        done = mmpipe("chat", *arguments, server=server)
        assert [] == server.requests
    assert (status, b"") == (done.status, done.stdout), done.stderr_text
    assert words in done.stderr_text
    assert before == Path("talk").read_bytes()


def test_system_messages_are_joined_for_a_model_that_takes_one() -> None:
    Path("talk").write_text('{"role":"system","content":"be brief"}\n{"role":"user","content":"a"}\n')
    options = ("chat", "-n", "-v", "-m", "MiniMax-M2.1", "--messages", "talk", "-s", "be kind", "b")
    with service() as server:
        done = mmpipe(*options, "-F", "messages", server=server)
    assert 0 == done.status, done.stderr_text
    assert "they are joined" in done.stderr_text
    assert {"role": "system", "content": "be brief\n\nbe kind"} == messages(server, 0)[0]
    # The file keeps the messages as they were before they were joined.
    assert ["system", "user", "system", "user", "assistant"] == [record["role"] for record in done.records]


def test_an_image_is_not_sent_to_a_model_that_ignores_images() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    Path("talk").write_text(json.dumps({"role": "user", "content": [picture]}))
    with service() as server:
        done = mmpipe("chat", "-n", "-m", "MiniMax-M2.1", "--messages", "talk", server=server)
        assert [] == server.requests
        assert 0 == mmpipe("chat", "-n", "-m", "MiniMax-M3", "--messages", "talk", server=server).status
    assert (12, b"") == (done.status, done.stdout)
    assert "does not accept image_url" in done.stderr_text


def test_a_conversation_that_cannot_be_extended_is_refused_before_any_request() -> None:
    os.mkfifo("pipe")
    with service() as server:
        for path, status in (("pipe", 12), (".", 12), ("no/talk", 13)):
            assert status == mmpipe("chat", "-n", "-c", path, "a", server=server).status
        assert [] == server.requests


def test_four_writers_at_once_lose_nothing() -> None:
    with service() as server, ThreadPoolExecutor(4) as writers:

        def write(number: int) -> list[int]:
            turns = (f"w{number} {turn}" for turn in (1, 2, 3))
            return [mmpipe("chat", "-n", "-c", "talk", "-q", turn, server=server).status for turn in turns]

        assert [[0] * 3] * 4 == list(writers.map(write, range(4)))
    answer = [parsed(line) for line in Path("talk").read_bytes().splitlines()]
    assert ["user", "assistant"] * 12 == [message["role"] for message in answer]
    for number in range(4):
        own = [message["content"] for message in answer if str(message["content"]).startswith(f"w{number} ")]
        assert [f"w{number} {turn}" for turn in (1, 2, 3)] == own


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_empty_messages_are_an_input_error(text: str) -> None:
    with service() as server:
        done = mmpipe("chat", "--messages", "-", "why is it prime?", server=server, stdin=text.encode())
        assert [] == server.requests
    assert (12, b"") == (done.status, done.stdout)
    assert "there is no message in it" in done.stderr_text


def test_a_whole_answer_is_kept_though_its_reader_has_gone() -> None:
    with service() as server:
        done = shell("mmpipe chat -n -c talk 'sim:length 300000' | head -c 1 > /dev/null", server)
    assert 0 == done.status
    assert 300_000 == len(str(transcript("talk")[-1]["content"]))


def test_the_last_system_message_counts() -> None:
    warned: list[bool] = []
    with service() as server:
        for system in ("A", "A", "B", "A"):
            done = mmpipe("chat", "-n", "-c", "talk", "-s", system, "q", server=server)
            warned.append("talk has another system message: the new one follows it" in done.stderr_text)
    assert [False, False, True, True] == warned
    assert ["A", "B", "A"] == [
        message["content"] for message in transcript("talk") if message["role"] == "system"
    ]


def test_the_output_cannot_be_the_transcript() -> None:
    with service() as server:
        assert 0 == mmpipe("chat", "-n", "-c", "talk", "a", server=server).status
        before = Path("talk").read_bytes()
        done = shell("mmpipe chat -n -c talk b >> talk", server)
        assert 1 == len(server.requests)
    assert 2 == done.status
    assert before == Path("talk").read_bytes()


def test_a_batch_joins_system_messages_too() -> None:
    several = [{"role": "system", "content": text} for text in ("be brief", "be kind")]
    record = {"messages": [*several, {"role": "user", "content": "a"}], "model": "MiniMax-M2.1"}
    with service() as server:
        done = mmpipe("batch", server=server, stdin=json.dumps(record).encode())
    assert 0 == done.status, done.stdout
    assert "be brief\n\nbe kind" == messages(server, 0)[0]["content"]


def test_a_whole_answer_is_kept_though_a_signal_ends_its_writing() -> None:
    with (
        service() as server,
        started(("sh", "-c", "exec mmpipe chat -n -c talk 'sim:length 300000'"), server) as process,
    ):
        # The pipe is full, and nobody reads on.
        assert process.stdout is not None
        process.stdout.read(1)
        process.terminate()
        process.stdout.close()
        assert process.wait(LIMIT) in (-15, -13)
    assert ["user", "assistant"] == [message["role"] for message in transcript("talk")]


def test_what_one_run_writes_another_reads_with_every_field_as_it_was() -> None:
    arguments = {"city": "Zürich", "now": True, "n": 1.5}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}, "x": [1]}
    earlier: list[Record] = [
        {"role": "developer", "content": [{"type": "text", "text": "be brief", "x": 1}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "value": "b"}],
            "name": "u",
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call],
            "reasoning_details": [{"text": "hm"}],
            "y": {},
        },
        {"role": "tool", "tool_call_id": "c1", "content": {"degrees": 18}},
    ]
    Path("first").write_text(json.dumps({"model": "m", "messages": earlier}))
    with service() as server:
        first = mmpipe("chat", "-n", "--messages", "first", "-c", "talk", "-F", "messages", server=server)
        Path("second").write_bytes(first.stdout)
        second = mmpipe("chat", "-n", "--messages", "second", "-F", "messages", "and?", server=server)
        third = mmpipe("chat", "-n", "-c", "talk", "-F", "messages", "and?", server=server)
    assert (0, 0, 0) == (first.status, second.status, third.status), first.stderr_text
    assert "only its messages are used, and not its model" in first.stderr_text
    assert earlier == first.records[:4] == second.records[:4] == third.records[:4] == transcript("talk")[:4]
    assert first.records == second.records[:5] == third.records[:5]
    sent = messages(server, 0)
    assert sent == messages(server, 1)[:4] == messages(server, 2)[:4]
    assert ["system", "user", "assistant", "tool"] == [message["role"] for message in sent]
    assert arguments == json.loads(sent[2]["tool_calls"][0]["function"]["arguments"])  # type: ignore[index]
    assert '{"degrees":18}' == sent[3]["content"]
    assert {**earlier[2], "tool_calls": None} == {**sent[2], "tool_calls": None}

"""A constrained answer is valid, or there is no output."""

import json
from pathlib import Path

import pytest

from support.harness import Record, bodies, mmpipe, parsed, service
from support.tool_conversations import WEATHER, messages, runs, transcript

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
GOOD = '{"age": 7}'


def schema() -> str:
    Path("schema.json").write_text(json.dumps(SCHEMA))
    return "schema.json"


@pytest.mark.parametrize("command", ["chat", "stream"])
@pytest.mark.parametrize(
    "answer",
    [GOOD, f"```json\n{GOOD}\n```", f"Here you are:\n\n```\n{GOOD}\n```\nEnjoy!", f"It is {GOOD}, I think."],
)
@pytest.mark.parametrize("form", [(), ("--native-thinking",)])
def test_fences_and_prose_are_taken_off(command: str, answer: str, form: tuple[str, ...]) -> None:
    with service() as server:
        done = mmpipe(command, "-n", *form, "--schema", schema(), f"sim:echo {answer}", server=server)
    assert (0, b'{"age":7}\n') == (done.status, done.stdout), done.stderr_text


def test_the_schema_is_sent_to_the_model_and_not_kept_in_the_transcript() -> None:
    with service() as server:
        options = ("-n", "-s", "Be brief.", "-c", "talk", "-m", "MiniMax-M2.1")
        done = mmpipe("chat", *options, "--schema", schema(), f"sim:echo {GOOD}", server=server)
    assert 0 == done.status, done.stderr_text
    # This model takes one system message.
    system = str(messages(server, 0)[0]["content"])
    assert system.startswith("Be brief.\n\n")
    assert json.dumps(SCHEMA, separators=(",", ":")) in system
    assert ["Be brief.", f"sim:echo {GOOD}"] == [message["content"] for message in transcript("talk")[:2]]


def test_an_invalid_answer_is_repaired_by_a_further_turn() -> None:
    prompt = f'sim:turns {{"age": -1}}|||{GOOD}'
    with service() as server:
        done = mmpipe(
            "chat", "-n", "-c", "talk", "--meta", "meta", "--schema", schema(), prompt, server=server
        )
    assert (0, b'{"age":7}\n') == (done.status, done.stdout), done.stderr_text
    *_, invalid_answer, complaint = messages(server, 1)
    assert '{"age": -1}' == invalid_answer["content"]
    assert "$.age" in str(complaint["content"])
    assert ["user", "assistant", "user", "assistant"] == [message["role"] for message in transcript("talk")]
    meta = parsed(Path("meta").read_bytes())
    assert (2, 2) == (meta["turns"], meta["attempts"])


@pytest.mark.parametrize("command", ["chat", "stream"])
@pytest.mark.parametrize("form", ["text", "json", "messages"])
def test_an_answer_that_stays_invalid_is_status_8_without_a_byte(command: str, form: str) -> None:
    with service() as server:
        for repairs in (0, 1, 3):
            options = ("-n", "-c", "talk", "-F", form, "--schema", schema(), "--repair", str(repairs))
            done = mmpipe(command, *options, 'sim:turns {"age": "old"}', server=server)
            assert (8, b"") == (done.status, done.stdout)
            assert "$.age" in done.stderr_text
        assert 1 + 2 + 4 == len(server.requests)
    assert not Path("talk").exists()


def test_events_end_with_the_error_and_hold_nothing_of_the_answer() -> None:
    with service() as server:
        done = mmpipe("stream", "-n", "-F", "jsonl", "--schema", schema(), "sim:echo no", server=server)
    assert 8 == done.status
    assert ["error"] == [record["type"] for record in done.records]


@pytest.mark.parametrize(("fault", "status"), [("length", 11), ("filter", 10)])
def test_a_cut_or_filtered_answer_is_not_repaired(fault: str, status: int) -> None:
    with service(fault) as server:
        done = mmpipe("chat", "-n", "--schema", schema(), f"sim:echo {GOOD}", server=server)
    assert (status, b"") == (done.status, done.stdout)


def test_a_record_has_the_json_in_its_content_and_the_message_as_it_was() -> None:
    with service() as server:
        done = mmpipe(
            "chat", "-n", "--json", "--schema", schema(), f"sim:echo ```\n{GOOD}\n```", server=server
        )
    message = done.record["message"]
    assert isinstance(message, dict)
    assert ('{"age":7}', f"```\n{GOOD}\n```") == (done.record["content"], message["content"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--repair", "2"], "--repair goes with --schema"),
        (["--schema", "schema.json", "--repair", "-1"], "--repair is -1"),
        (["--schema", "schema.json", "--extract", "json"], "one of them"),
        (["--schema", "schema.json", "-F", "raw"], "-F raw"),
        (["--extract", "code", "-t", "show"], "write no thinking"),
        (["--schema", "bad.json"], "bad.json"),
        (["--schema", "no.json"], "cannot read no.json"),
    ],
)
@pytest.mark.parametrize("command", ["chat", "batch"])
def test_contradicting_options_are_refused_before_any_request(
    command: str, options: list[str], words: str
) -> None:
    schema()
    Path("bad.json").write_text('{"type": "no such type"}')
    if command == "batch" and "-F" in options:
        options = ["--schema", "bad.json"]
        words = "bad.json"
    with service() as server:
        done = mmpipe(command, *options, server=server, stdin=b"a")
        assert [] == server.requests
    assert done.status in (2, 12)
    assert b"" == done.stdout
    assert words in done.stderr_text


def test_the_code_of_an_answer_comes_out_to_the_byte() -> None:
    text = "Sure:\n\n```python\nif a:\n\tb = '\\\\'  \n```\nThat is all.\n```\nsecond\n```"
    with service() as server:
        done = mmpipe("stream", "-n", "--extract", "code", f"sim:echo {text}", server=server)
        none = mmpipe("chat", "-n", "--extract", "code", "sim:echo no code", server=server)
    assert (0, b"if a:\n\tb = '\\\\'  \n") == (done.status, done.stdout)
    assert "2 code blocks" in done.stderr_text
    assert (8, b"") == (none.status, none.stdout)


def test_the_json_of_an_answer_comes_out_compact() -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "--extract", "json", 'sim:echo It is {"a": [1.0, "é"]}.', server=server)
    assert (0, '{"a":[1.0,"é"]}\n'.encode()) == (done.status, done.stdout)


def lines(*prompts: str) -> bytes:
    return "".join(
        f"{json.dumps({'id': f'r{number}', 'prompt': prompt})}\n" for number, prompt in enumerate(prompts)
    ).encode()


def by_id(records: list[Record]) -> dict[object, Record]:
    return {record["id"]: record for record in records}


@pytest.mark.parametrize("wire", ["whole", "stream"])
def test_a_batch_repairs_and_fails_each_record_for_itself(wire: str) -> None:
    prompts = (
        f"sim:echo ```\n{GOOD}\n```",
        f'sim:turns {{"age": -1}}|||{GOOD}',
        "sim:echo no",
        "sim:tool x {}",
    )
    with service() as server:
        done = mmpipe("batch", "--wire", wire, "--schema", schema(), server=server, stdin=lines(*prompts[:3]))
        sent = bodies(server)
    assert 14 == done.status
    valid, repaired, bad = (by_id(done.records)[f"r{number}"] for number in range(3))
    assert ['{"age":7}'] * 2 == [valid["content"], repaired["content"]]
    assert [1, 2, 2] == [valid["attempts"], repaired["attempts"], bad["attempts"]]
    assert isinstance(bad["error"], dict)
    assert (8, "bad response") == (bad["error"]["code"], bad["error"]["name"])
    assert 5 == len(sent)
    assert isinstance(repaired["usage"], dict)
    assert isinstance(valid["usage"], dict)
    assert repaired["usage"]["total_tokens"] > valid["usage"]["total_tokens"]


def test_a_changed_schema_is_a_changed_request() -> None:
    Path("in.jsonl").write_bytes(lines(f"sim:echo {GOOD}"))
    options = ("in.jsonl", "-o", "out.jsonl", "--resume", "--schema", schema())
    with service() as server:
        assert [0, 0] == [mmpipe("batch", *options, server=server).status for _ in range(2)]
        assert 1 == len(server.requests)
        Path("schema.json").write_text('{"type": "object"}')
        changed = mmpipe("batch", *options, server=server)
    assert changed.status not in (0, 14)
    assert "r0" in changed.stderr_text


@pytest.mark.parametrize("command", ["chat", "stream"])
@pytest.mark.parametrize("wanted", ["--schema=schema.json", "--extract=json"])
def test_text_before_a_tool_call_is_not_the_answer(command: str, wanted: str) -> None:
    schema()
    prompt = f'sim:say Let me look: {{"age":"?"}}\n{WEATHER}\nsim:then\nsim:say {GOOD}'
    with service() as server:
        done = mmpipe(command, "-n", wanted, *runs(), prompt, server=server)
        events = mmpipe(command, "-n", "-F", "jsonl", wanted, *runs(), prompt, server=server)
        bad = mmpipe(command, "-n", wanted, *runs(), prompt.replace(GOOD, "none"), server=server)
    assert (0, b'{"age":7}\n') == (done.status, done.stdout), done.stderr_text
    assert ['{"age":7}'] == [event["text"] for event in events.records if event["type"] == "text"]
    assert (8, b"") == (bad.status, bad.stdout)


def test_an_answer_that_stays_invalid_is_not_kept_but_results_of_tools_are() -> None:
    with service() as server:
        options = ("-n", "-c", "talk", "--schema", schema())
        done = mmpipe("chat", *options, *runs(), f"{WEATHER}\nsim:then\nsim:say no", server=server)
    assert (8, b"") == (done.status, done.stdout)
    assert ["user", "assistant", "tool"] == [message["role"] for message in transcript("talk")]


def test_the_usage_of_an_invalid_answer_is_reported_too() -> None:
    prompt = f'sim:turns {{"age": -1}}|||{GOOD}'
    with service() as server:
        events = mmpipe("stream", "-n", "-F", "jsonl", "--schema", schema(), prompt, server=server).records
        record = mmpipe("chat", "-n", "--json", "--schema", schema(), prompt, server=server).record
    (usage,) = (event for event in events if event["type"] == "usage")
    assert record["usage"] == {name: count for name, count in usage.items() if name != "type"}


def test_a_repaired_record_has_retries_of_its_own() -> None:
    with service("503:#2") as server:
        prompt = f'sim:turns {{"age": -1}}|||{GOOD}'
        options = ("--schema", schema(), "--retries", "1")
        done = mmpipe("batch", *options, server=server, stdin=lines(prompt))
    assert 0 == done.status, done.stdout
    assert 3 == done.record["attempts"]


def test_tool_calls_of_a_batch_are_not_validated() -> None:
    tools = json.dumps([{"type": "function", "function": {"name": "x", "parameters": {"type": "object"}}}])
    with service() as server:
        options = ("--schema", schema(), "-p", f"tools={tools}")
        done = mmpipe("batch", *options, server=server, stdin=lines("sim:say Look.\nsim:tool x {}"))
    assert 0 == done.status, done.stdout
    assert "" == done.record["content"]
    assert 1 == len(done.record["tool_calls"])  # type: ignore[arg-type]

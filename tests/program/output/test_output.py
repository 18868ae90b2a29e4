"""stdout is data: the model's bytes, in every environment and each of the formats."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmpipe.simulator import prose
from support.harness import Finished, Record, bodies, mmpipe, parsed, prompts, service
from support.hostile_texts import EVERYTHING

SPECIAL = "sim:think first thoughts|||and the answer"


def answered(prompt: str, *options: str, command: str = "chat") -> Finished:
    with service() as server:
        return mmpipe(command, *options, server=server, stdin=prompt.encode())


def record(*options: str, prompt: str = SPECIAL) -> Record:
    done = answered(prompt, "--json", *options)
    assert (0, b"") == (done.status, done.stderr)
    return done.record


@pytest.mark.parametrize("text", ["none", "three\n\n\n"])
def test_the_answer_ends_with_one_newline_of_ours_only_if_it_has_none(text: str) -> None:
    expected = text if text.endswith("\n") else text + "\n"
    assert expected == answered(f"sim:echo {text}").stdout.decode()


@pytest.mark.parametrize("wire", ["stream", "whole"])
def test_the_record_has_the_same_fields_streamed_or_whole(wire: str) -> None:
    found = record("--wire", wire)
    assert set(found) == {
        "id", "model", "content", "thinking", "tool_calls", "finish_reason", "usage", "cost", "message", "request_id",
        "attempts", "elapsed_ms",
    }  # fmt: skip
    assert ("and the answer", "first thoughts", [], "stop", 1) == tuple(
        found[name] for name in ("content", "thinking", "tool_calls", "finish_reason", "attempts")
    )
    usage, message = found["usage"], found["message"]
    assert isinstance(usage, dict)
    assert isinstance(message, dict)
    assert {"prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "cached_tokens"} == set(
        usage
    )
    assert ("assistant", "and the answer") == (message["role"], message["content"])


def test_a_record_holds_hostile_text_unchanged_on_one_line() -> None:
    assert record(prompt=f"sim:echo {EVERYTHING}")["content"] == EVERYTHING


def test_events_come_in_their_order() -> None:
    done = answered(SPECIAL, "-F", "jsonl", command="stream")
    kinds = [str(event["type"]) for event in done.records]
    assert ["start", "thinking", "text", "usage", "end"] == list(dict.fromkeys(kinds))
    assert "and the answer" == "".join(
        str(event["text"]) for event in done.records if event["type"] == "text"
    )
    assert "stop" == done.records[-1]["finish_reason"]


def test_after_a_failure_the_last_event_is_the_error_with_the_exit_status() -> None:
    with service("cut") as server:
        done = mmpipe("stream", "-n", "-F", "jsonl", "sim:chunks 40", server=server)
    assert (8, "error", 8) == (done.status, done.records[-1]["type"], done.records[-1]["code"])
    assert "start" == done.records[0]["type"]


def test_messages_are_the_transcript_and_the_new_turn() -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "-F", "messages", "-s", "be kind", "sim:echo yes", server=server)
    assert [("system", "be kind"), ("user", "sim:echo yes"), ("assistant", "yes")] == [
        (message["role"], message["content"]) for message in done.records
    ]


@pytest.mark.parametrize("wire", ["stream", "whole"])
def test_raw_is_what_the_server_sent(wire: str) -> None:
    done = answered("sim:echo as sent", "-F", "raw", "--wire", wire)
    assert done.status == 0
    if wire == "whole":
        assert "chat.completion" == done.record["object"]
    else:
        events = done.stdout.strip(b"\n").split(b"\n\n")
        assert all(event.startswith(b"data: {") for event in events)
        assert "chat.completion.chunk" == parsed(events[0].removeprefix(b"data: "))["object"]


def test_a_line_about_the_answer_is_appended_while_stdout_stays_text() -> None:
    Path("meta").write_text('{"old":1}\n')
    done = answered("sim:echo text", "--meta", "meta")
    old, new = map(parsed, Path("meta").read_bytes().splitlines())
    assert ({"old": 1}, b"text\n") == (old, done.stdout)
    assert ("stop", 1, 0, None) == tuple(
        new[name] for name in ("finish_reason", "attempts", "exit_status", "error")
    )
    assert {"id", "model", "usage", "cost"} <= set(new)


def test_the_line_about_the_answer_can_go_to_a_descriptor_and_tells_of_failures() -> None:
    reader, writer = os.pipe()
    with service("2013") as server, open(reader, "rb") as line:  # noqa: PTH123  a descriptor has no path
        done = mmpipe("chat", "-n", "--meta", f"/dev/fd/{writer}", "hi", server=server, pass_fds=(writer,))
        os.close(writer)
        meta = parsed(line.read())
    assert (9, 9, b"") == (done.status, meta["exit_status"], done.stdout)
    assert isinstance(meta["error"], dict)
    assert meta["error"]["api_code"] == 2013


@pytest.mark.parametrize(
    ("options", "stdout", "stderr"),
    [
        (("-t", "hide"), "and the answer\n", ""),
        ((), "and the answer\n", ""),
        (("-t", "split"), "and the answer\n", "first thoughts\n"),
        (("-t", "show"), "<think>\nfirst thoughts\n</think>\n\nand the answer\n", ""),
    ],
)
def test_thinking_goes_where_it_is_wanted(options: Sequence[str], stdout: str, stderr: str) -> None:
    done = answered(SPECIAL, *options)
    assert (0, stdout, stderr) == (done.status, done.stdout.decode(), done.stderr_text)


def test_thinking_can_go_to_a_descriptor_of_its_own() -> None:
    reader, writer = os.pipe()
    with service() as server, open(reader, "rb") as thinking:  # noqa: PTH123  a descriptor has no path
        done = mmpipe(
            "chat", "-n", "--thinking-file", f"/dev/fd/{writer}", SPECIAL, server=server, pass_fds=(writer,)
        )
        os.close(writer)
        assert thinking.read() == b"first thoughts\n"
    assert (0, b"and the answer\n", b"") == (done.status, done.stdout, done.stderr)


def test_hidden_thinking_is_in_no_record_and_no_event() -> None:
    assert "thinking" not in record("-t", "hide")
    events = answered(SPECIAL, "-F", "jsonl", "-t", "hide", command="stream").records
    assert "thinking" not in {event["type"] for event in events}


def test_shown_thinking_is_inside_the_content_of_the_record() -> None:
    assert record("-t", "show")["content"] == "<think>\nfirst thoughts\n</think>\n\nand the answer"


def test_every_request_option_is_sent() -> None:
    options = [
        "--temperature",
        "0.5",
        "--top-p",
        "0.9",
        "--max-tokens",
        "77",
        "-p",
        'user="me"',
        "-s",
        "short",
    ]
    with service() as server:
        mmpipe("chat", "-n", "-m", "MiniMax-M2.7", *options, "sim:echo x", server=server)
        (body,) = bodies(server)
    assert ("MiniMax-M2.7", 0.5, 0.9, 77, "me", True, True) == tuple(
        body[name]
        for name in (
            "model", "temperature", "top_p", "max_completion_tokens", "user", "stream", "reasoning_split"
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [("--temperature", "2.1"), ("--top-p", "1.1"), ("-p", "n=2"), ("-p", "functions=[]"), ("-F", "yaml")],
)
def test_a_request_that_the_api_would_refuse_is_not_sent(options: Sequence[str]) -> None:
    with service() as server:
        done = mmpipe("chat", "-n", *options, "hi", server=server)
        assert (2, b"", []) == (done.status, done.stdout, server.requests)
        assert done.stderr_text.startswith("mmpipe: ")


def test_the_temperature_is_judged_by_the_model() -> None:
    with service() as server:
        for model, temperature, status in (
            ("MiniMax-M3", "0", 0),
            ("MiniMax-M2.7", "0", 2),
            ("MiniMax-M3", "2", 0),
        ):
            done = mmpipe("chat", "-n", "-m", model, "--temperature", temperature, "hi", server=server)
            assert status == done.status, done.stderr_text
        assert 2 == len(server.requests)


def test_a_parameter_that_the_api_ignores_is_sent_with_one_warning() -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "-p", "logit_bias={}", "sim:echo x", server=server)
        assert (0, ["sim:echo x"]) == (done.status, prompts(server))
    assert [True] == ["logit_bias" in line for line in done.stderr_text.splitlines()]


RIVER = "Tell me of the river."
DIALECTS = (
    "mm-closer", "no-opening-tag", "several-blocks", "tag-cut", "cumulative", "last-frame-message",
    "leftover-closer", "mirrored", "crlf", "done",
)  # fmt: skip


def understood(*dialects: str, native: bool, prompt: str = RIVER) -> tuple[str, str]:
    """The answer and the thinking that mmpipe has made of a dialect."""
    with service(dialects=dialects) as server:
        options = ["--native-thinking"] if native else []
        done = mmpipe("chat", "-n", "--json", *options, prompt, server=server)
    assert (0, b"") == (done.status, done.stderr)
    return str(done.record["content"]), str(done.record["thinking"])


def test_the_plain_dialect_has_the_whole_answer() -> None:
    assert (prose.answer(RIVER, "MiniMax-M3"), prose.thinking(RIVER)) == understood(native=False)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_of_the_api_says_the_same(dialect: str) -> None:
    content, thinking = prose.answer(RIVER, "MiniMax-M3"), prose.thinking(RIVER)
    found = understood(dialect, native=dialect != "leftover-closer")
    if dialect == "several-blocks":
        # The halves are kept apart by a line end.
        found = found[0].replace("\n", ""), found[1].replace("\n", "")
    assert (content, thinking) == found


def test_thinking_again_on_a_new_line_is_separated() -> None:
    prompt = "sim:think one\n\ntwo|||three\n\nfour"
    content, thinking = understood("several-blocks", native=True, prompt=prompt)
    assert (["three", "four"], ["one", "two"]) == (content.split(), thinking.split())


def test_json_on_one_line_is_json_for_every_hostile_text() -> None:
    done = answered(f"sim:echo {EVERYTHING}", "-F", "jsonl", command="stream")
    texts = [str(event["text"]) for event in done.records if event["type"] == "text"]
    assert "".join(texts) == EVERYTHING

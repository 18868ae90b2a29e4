"""The path from prompt to answer, with a function in place of the service."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mmpipe.api.attempt import Observer
from mmpipe.chat.answer import Ask, answer
from mmpipe.chat.options import ChatOptions, OutputOptions, PromptOptions, StdinOptions, ThinkingOptions
from mmpipe.config.options import RequestOptions, ServiceOptions, SystemMessageOptions
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, Usage
from mmpipe.core.request import Request
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.timeouts import Limits
from mmpipe.errors import (
    BadResponse,
    CutShort,
    Filtered,
    MmpipeError,
    QuotaError,
    Rejected,
    ServerError,
    ToolError,
    UsageError,
)
from mmpipe.unix.streams import Streams
from mmpipe.writers.options import OutputFormat, Verbosity

STOP = Stop("stop", {"role": "assistant", "content": "56"})
WHOLE: list[Event] = [
    Start("1", "MiniMax-M3", "trace"),
    Thinking("hm"),
    Text("5"),
    Text("6"),
    Usage(4, 5, 9),
    STOP,
]
BROKEN = BadResponse("truncated", retryable=True)
KEY = {"MINIMAX_API_KEY": "sk-test-key", "TERM": "xterm"}


def asking(*attempts: list[Event | MmpipeError], seen: list[Request] | None = None) -> Ask:
    """A service whose attempts bring these events, and fail where an error stands among them."""
    left = iter(attempts)

    def ask(request: Request, _: Endpoint, __: Limits, ___: Observer) -> Iterator[Event]:
        if seen is not None:
            seen.append(request)
        for event in next(left):
            if isinstance(event, MmpipeError):
                raise event
            yield event

    return ask


def written(
    *attempts: list[Event | MmpipeError],
    live: bool = False,
    terminals: str = "",
    **typed: object,
) -> tuple[str, str, MmpipeError | None]:
    """Return stdout, stderr and the error."""
    streams = Streams.fake(terminals=terminals)
    options = ChatOptions(
        prompt=PromptOptions(("7 * 8?",)),
        stdin=StdinOptions(no_stdin=True),
        **typed,  # type: ignore[arg-type]
    )
    error: MmpipeError | None = None
    try:
        answer(options, streams, KEY, live=live, ask=asking(*attempts))
    except MmpipeError as raised:
        error = raised
    stdout, stderr = streams.captured()
    return stdout.decode(), stderr.decode(), error


def test_an_answer_is_written_with_one_final_newline() -> None:
    assert ("56\n", "", None) == written(list(WHOLE))


def test_a_failed_attempt_without_output_is_retried() -> None:
    down = ServerError("down", retryable=True)
    assert ("56\n", "", None) == written([Start("0", "MiniMax-M3"), Text("4"), BROKEN], [down], list(WHOLE))


def test_nothing_is_retried_after_a_byte_of_output() -> None:
    stdout, _, error = written([Start("0", "MiniMax-M3"), Text("4"), BROKEN], list(WHOLE), live=True)
    assert ("4", BROKEN) == (stdout, error)


def test_a_live_answer_of_native_thinking_without_a_tag_is_written_as_it_comes() -> None:
    begun: list[Event | MmpipeError] = [Start("0", "MiniMax-M3"), Text("4"), Text("2\n</think>\nx"), BROKEN]
    native = RequestOptions(native_thinking=True)
    assert ("42\n</think>\nx", BROKEN) == written(begun, live=True, request=native)[::2]


UNTAGGED: list[Event | MmpipeError] = [
    Start("0", "MiniMax-M3"),
    Text("I think.\n</think>\n\n56"),
    Stop("stop", {"role": "assistant", "content": "I think.\n</think>\n\n56"}),
]


@pytest.mark.parametrize("native", [True, False])
def test_thinking_without_its_opener_is_no_part_of_a_whole_answer(native: bool) -> None:
    request = RequestOptions(native_thinking=native)
    stdout, stderr, error = written(UNTAGGED, request=request)
    assert ("56\n", None) == (stdout, error)
    # Without --native-thinking it is a guess.
    assert (0 if native else 1, not native) == (len(stderr.splitlines()), "was taken for thinking" in stderr)
    record = json.loads(written(UNTAGGED, request=request, output=OutputOptions("json"))[0])
    assert ("I think.", "56") == (record["thinking"], record["content"])
    assert "I think.\n</think>\n\n56" == record["message"]["content"]


def test_a_live_answer_without_the_opener_of_its_thinking_is_warned_of() -> None:
    stdout, stderr, error = written(UNTAGGED, live=True)
    assert ("I think.\n</think>\n\n56\n", None) == (stdout, error)
    assert "without its opening tag" in stderr


def test_an_error_that_a_retry_cannot_help_is_not_retried() -> None:
    refusal = QuotaError("no balance")
    assert ("", "", refusal) == written([refusal], list(WHOLE))


def test_retries_come_to_an_end() -> None:
    failure = ServerError("down", retryable=True)
    assert failure is written([failure], [failure], list(WHOLE), service=ServiceOptions(retries=1))[2]


def test_a_failed_chat_writes_nothing() -> None:
    formats: tuple[OutputFormat, ...] = ("text", "json", "messages", "raw")
    for form in formats:
        output, service = OutputOptions(form), ServiceOptions(retries=0)
        assert "" == written([*WHOLE[:-1], BROKEN], output=output, service=service)[0]


def test_no_text_comes_twice_in_json_lines_and_a_closed_block_comes_before_the_next_text() -> None:
    def lines(*texts: str) -> list[tuple[str, str]]:
        events: list[Event | MmpipeError] = [Start("0", "M"), *map(Text, texts), STOP]
        stdout, _, _ = written(events, output=OutputOptions("jsonl"), live=True)
        return [(line["type"], line.get("text", "")) for line in map(json.loads, stdout.splitlines())]

    assert [("start", ""), ("text", "<think>\nI think"), ("end", "")] == lines("<think>\nI ", "think")
    closed = lines("<think>\nI ", "think\n</think>\n\n5", "6")
    assert [("thinking", "I "), ("thinking", "think"), ("text", "5"), ("text", "6")] == closed[1:-1]


def test_json_lines_end_with_the_error() -> None:
    stdout, _, _ = written([*WHOLE[:3], BROKEN], output=OutputOptions("jsonl"), live=True)
    assert ["start", "thinking", "text", "error"] == [
        json.loads(line)["type"] for line in stdout.splitlines()
    ]


@pytest.mark.parametrize(
    ("stop", "error"), [(Stop("length", {}), CutShort), (Stop("content_filter", {}), Filtered)]
)
def test_a_cut_or_filtered_answer_is_written_and_fails(stop: Stop, error: type[MmpipeError]) -> None:
    stdout, _, raised = written([*WHOLE[:-1], stop])
    assert "56\n" == stdout
    assert isinstance(raised, error)
    stdout, _, _ = written([*WHOLE[:-1], stop], output=OutputOptions("jsonl"))
    assert "error" == json.loads(stdout.splitlines()[-1])["type"]


def test_a_truncated_answer_can_be_accepted() -> None:
    assert ("56\n", "", None) == written(
        [*WHOLE[:-1], replace(STOP, reason="length")], output=OutputOptions(allow_truncated=True)
    )


def test_an_answer_with_an_unknown_finish_reason_is_written_and_fails_once() -> None:
    stdout, _, error = written([*WHOLE[:-1], Stop("weird", {})], list(WHOLE))
    assert "56\n" == stdout
    assert isinstance(error, BadResponse)
    assert "'weird'" in error.message


def test_thinking_alone_is_an_empty_line_and_a_warning() -> None:
    stdout, stderr, error = written([Start("0", "MiniMax-M3"), Thinking("hm"), Stop("stop", {})])
    assert ("\n", None) == (stdout, error)
    assert "warning: the answer has no text" in stderr


def test_tool_calls_in_text_are_lines_of_json_and_an_error() -> None:
    call = ToolCall(0, "1", "ls", "{}")
    stdout, _, error = written([Start("0", "MiniMax-M3"), call, Stop("tool_calls", {})])
    assert '{"index":0,"id":"1","name":"ls","arguments":"{}"}\n' == stdout
    assert isinstance(error, ToolError)
    assert (
        written([Start("0", "MiniMax-M3"), call, Stop("tool_calls", {})], output=OutputOptions("json"))[2]
        is None
    )


SHOWN = "<think>\nhm\n</think>\n\n56\n"


@pytest.mark.parametrize(
    ("terminals", "thinking", "stdout", "stderr"),
    [
        ("", None, "56\n", ""),
        ("", "hide", "56\n", ""),
        ("", "split", "56\n", "hm\n"),
        ("", "show", SHOWN, ""),
        ("stdout", "show", "\x1b[2mhm\x1b[22m\x1b[2m\n\x1b[22m\x1b[2m\n\x1b[22m56\n", ""),
        ("stderr", None, "56\n", "\x1b[2mhm\x1b[22m\x1b[2m\n\x1b[22m"),
        ("stderr", "hide", "56\n", ""),
        ("stderr", "show", SHOWN, ""),
    ],
)
def test_thinking_goes_where_the_user_wants_it(
    terminals: str, thinking: ThinkingMode | None, stdout: str, stderr: str
) -> None:
    assert (stdout, stderr, None) == written(
        list(WHOLE), terminals=terminals, thinking=ThinkingOptions(thinking)
    )


def test_a_thinking_file_gets_the_thinking_whatever_stderr_is(tmp_path: Path) -> None:
    thinking = ThinkingOptions(thinking_file=str(tmp_path / "thinking"))
    assert ("56\n", "", None) == written(list(WHOLE), thinking=thinking, terminals="stderr")
    assert "hm\n" == (tmp_path / "thinking").read_text()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"thinking": ThinkingOptions(thinking_file="-")}, "-t show writes both"),
        ({"output": OutputOptions(meta="-")}, "name a file, /dev/stderr or /dev/fd/3"),
    ],
)
def test_what_stands_beside_the_answer_does_not_go_to_standard_output(
    options: dict[str, object], hint: str
) -> None:
    typed = ChatOptions(stdin=StdinOptions(no_stdin=True), prompt=PromptOptions(("hi",)), **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=hint):
        answer(typed, Streams.fake(), KEY, ask=asking(list(WHOLE)))
    assert not Path("-").exists()


@pytest.mark.parametrize(("thinking", "content"), [("split", "56"), ("hide", "56"), ("show", SHOWN.rstrip())])
def test_a_record_holds_the_thinking_by_its_mode(thinking: ThinkingMode, content: str) -> None:
    record = json.loads(
        written(list(WHOLE), output=OutputOptions("json"), thinking=ThinkingOptions(thinking))[0]
    )
    assert content == record["content"]
    assert ("hm" if thinking == "split" else None) == record.get("thinking")
    assert dict(STOP.message) == record["message"]
    assert ("1", "MiniMax-M3", "trace", "stop", 1) == tuple(
        record[name] for name in ("id", "model", "request_id", "finish_reason", "attempts")
    )


def test_messages_are_the_whole_conversation() -> None:
    lines = written(list(WHOLE), output=OutputOptions("messages"))[0].splitlines()
    assert [{"role": "user", "content": "7 * 8?"}, dict(STOP.message)] == [json.loads(line) for line in lines]


def test_the_request_is_what_was_typed() -> None:
    seen: list[Request] = []
    options = ChatOptions(
        prompt=PromptOptions(("hi",)),
        stdin=StdinOptions(no_stdin=True),
        system=SystemMessageOptions("be brief"),
        request=RequestOptions(model="X", temperature=0.5, max_tokens=9, param=("seed=7",), wire="whole"),
    )
    answer(options, Streams.fake(), KEY, ask=asking(list(WHOLE), seen=seen))
    messages = ({"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"})
    body = {"temperature": 0.5, "max_completion_tokens": 9, "reasoning_split": True, "seed": 7}
    assert [Request("X", messages, body, streamed=False)] == seen


def failing(**typed: object) -> Callable[[Path], object]:
    def fail(meta: Path) -> object:
        options = ChatOptions(output=OutputOptions(meta=str(meta)), **typed)  # type: ignore[arg-type]
        with pytest.raises(MmpipeError) as caught:
            answer(options, Streams.fake(), {}, ask=asking())
        return int(caught.value.status)

    return fail


@pytest.mark.parametrize(
    "failure",
    [
        failing(),
        failing(request=RequestOptions(temperature=9)),
        failing(service=ServiceOptions(base_url="nonsense")),
    ],
)
def test_meta_is_written_after_every_failure(failure: Callable[[Path], object], tmp_path: Path) -> None:
    status = failure(tmp_path / "meta")
    line = json.loads((tmp_path / "meta").read_text())
    assert status == line["exit_status"] == line["error"]["code"]


def test_meta_describes_the_answer(tmp_path: Path) -> None:
    written([BROKEN], list(WHOLE), output=OutputOptions(meta=str(tmp_path / "meta")))
    line = json.loads((tmp_path / "meta").read_text())
    assert (0, 2, "stop", 9, None) == (
        line["exit_status"], line["attempts"], line["finish_reason"], line["usage"]["total_tokens"], line["error"]
    )  # fmt: skip


@pytest.mark.parametrize("live", [False, True])
def test_an_answer_by_another_model_and_a_model_past_its_end_are_warned_of(*, live: bool) -> None:
    events: list[Event | MmpipeError] = [Start("1", "MiniMax-M2"), Text("56"), STOP]
    assert ("56\n", "mmpipe: warning: MiniMax-M3 was asked, and MiniMax-M2 answered\n", None) == written(
        events, live=live
    )
    stdout, stderr, _ = written(events, live=live, request=RequestOptions(model="MiniMax-M2.5"))
    assert ("56\n", 2) == (stdout, len(stderr.splitlines()))
    assert "mmpipe: warning: MiniMax-M2.5 was announced to end on 2026-11-18; `mmpipe models`" in stderr
    assert (
        ""
        == written(events, request=RequestOptions(model="MiniMax-M2.5"), verbosity=Verbosity(quiet=True))[1]
    )


def test_a_rejected_request_for_a_model_past_its_end_names_the_end() -> None:
    _, stderr, error = written([Rejected("unknown model")], request=RequestOptions(model="MiniMax-M2.5"))
    assert isinstance(error, Rejected)
    assert "was announced to end on 2026-11-18" in stderr
    _, stderr, _ = written([Rejected("unknown model")])
    assert "" == stderr


def test_verbose_ends_with_tokens_cost_and_time() -> None:
    answered: list[Event] = [Start("1", "MiniMax-M3"), Text("56"), Usage(30, 60, 90), STOP]
    _, stderr, error = written(list(answered), verbosity=Verbosity(verbose=True))
    assert error is None
    assert re.search(r"mmpipe: 30 tokens in, 60 out, \$0\.000081, 1 request, \d+\.\d s\n\Z", stderr)


@pytest.mark.parametrize("output", [OutputOptions(meta="key"), OutputOptions(output="key")])
def test_nothing_is_written_to_the_file_of_the_key(
    output: OutputOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key").write_text("sk-test")
    typed = ChatOptions(
        stdin=StdinOptions(no_stdin=True),
        prompt=PromptOptions(("hi",)),
        output=output,
        service=ServiceOptions(api_key_file="key"),
    )
    with pytest.raises(UsageError, match="key is both input and output"):
        answer(typed, Streams.fake(), {}, ask=asking(list(WHOLE)))
    assert "sk-test" == Path("key").read_text()

"""Typed words become options; a test function stands in place of the work of a command."""

import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner, Result

from mmpipe.api.options import RecordingOptions
from mmpipe.batch.options import (
    BatchOptions,
    LimitOptions,
    PaceOptions,
    RecordOptions,
    ResultOptions,
    ResultThinkingOptions,
    SelectionOptions,
)
from mmpipe.batch.pace.error_limit import ErrorLimit
from mmpipe.batch.shard import Shard
from mmpipe.chat.options import (
    ChatOptions,
    ConversationOptions,
    OutputOptions,
    PromptOptions,
    StdinOptions,
    ThinkingOptions,
)
from mmpipe.command_line import command_line
from mmpipe.commands.program import Program
from mmpipe.commands.sim import SimOptions
from mmpipe.commands.tree import TREE
from mmpipe.config.options import RequestOptions, ServiceOptions, SystemMessageOptions
from mmpipe.errors import UsageError
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.faults import FaultKind
from mmpipe.simulator.options import SimulatorOptions
from mmpipe.structured.options import ConstraintOptions
from mmpipe.tools.options import ToolOptions
from mmpipe.unix.streams import Streams
from mmpipe.writers.options import Verbosity


def invoke(*arguments: str, streams: Streams | None = None) -> Result:
    program = Program(streams or Streams.fake(), {}, TREE)
    return CliRunner().invoke(command_line(TREE), list(arguments), obj=program)


def chosen(name: str, *arguments: str) -> object:
    """The options that a command hands to its work."""
    seen: list[object] = []
    command = replace(TREE.named(name), run=lambda _, options: seen.append(options))
    tree = replace(TREE, loaders={name: lambda: command})
    result = CliRunner().invoke(command_line(tree), [name, *arguments], obj=Program(Streams.fake(), {}, tree))
    assert result.exit_code == 0, (result.output, result.exception)
    return seen[0]


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_without_arguments_every_option_has_its_default(command: str) -> None:
    assert ChatOptions() == chosen(command)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a", "b c", "-"], {"prompt": PromptOptions(words=("a", "b c", "-"))}),
        (["-f", "x", "--file", "-"], {"prompt": PromptOptions(file=("x", "-"))}),
        (["-n"], {"stdin": StdinOptions(no_stdin=True)}),
        (["--no-stdin"], {"stdin": StdinOptions(no_stdin=True)}),
        (["--stdin-timeout", "2.5"], {"stdin": StdinOptions(stdin_timeout=2.5)}),
        (["--", "-n"], {"prompt": PromptOptions(words=("-n",))}),
        (["-s", "be brief"], {"system": SystemMessageOptions(system="be brief")}),
        (["--system-file", "x"], {"system": SystemMessageOptions(system_file="x")}),
        (["--messages", "x"], {"conversation": ConversationOptions(messages="x")}),
        (["-c", "x", "--no-wait"], {"conversation": ConversationOptions(conversation="x", no_wait=True)}),
        (
            ["--tool-result", "1=a", "--tool-result", "2=@b"],
            {"tools": ToolOptions(tool_result=("1=a", "2=@b"))},
        ),
        (["--tools", "x", "--tool-choice", "none"], {"tools": ToolOptions(tools="x", tool_choice="none")}),
        (["--run", "a=b", "--run", "c=d -e"], {"tools": ToolOptions(run=("a=b", "c=d -e"))}),
        (["-j", "2"], {"tools": ToolOptions(concurrency=2)}),
        (["--max-rounds", "2", "--max-calls", "3"], {"tools": ToolOptions(max_rounds=2, max_calls=3)}),
        (["--tool-timeout", "1.5"], {"tools": ToolOptions(tool_timeout=1.5)}),
        (["--confirm", "--sandbox"], {"tools": ToolOptions(confirm=True, sandbox=True)}),
        (["--tool-dir", "x", "--tool-env", "A"], {"tools": ToolOptions(tool_dir="x", tool_env=("A",))}),
        (["--schema", "x", "--repair", "2"], {"constraint": ConstraintOptions(schema="x", repair=2)}),
        (["--extract", "code"], {"constraint": ConstraintOptions(extract="code")}),
        (["--record", "x"], {"recordings": RecordingOptions(record="x")}),
        (["--replay", "x"], {"recordings": RecordingOptions(replay="x")}),
        (["--cache", "x"], {"recordings": RecordingOptions(cache="x")}),
        (["-m", "M"], {"request": RequestOptions(model="M")}),
        (["--temperature", "0.5", "--top-p", "0.1"], {"request": RequestOptions(temperature=0.5, top_p=0.1)}),
        (["--max-tokens", "9"], {"request": RequestOptions(max_tokens=9)}),
        (["-p", "a=1", "--param", "b=2"], {"request": RequestOptions(param=("a=1", "b=2"))}),
        (["--native-thinking"], {"request": RequestOptions(native_thinking=True)}),
        (["--wire", "whole"], {"request": RequestOptions(wire="whole")}),
        (["-t", "show"], {"thinking": ThinkingOptions(thinking="show")}),
        (["--thinking-file", "x"], {"thinking": ThinkingOptions(thinking_file="x")}),
        (["--json"], {"output": OutputOptions(json=True)}),
        (["-F", "jsonl"], {"output": OutputOptions(format="jsonl")}),
        (["--format", "raw", "-o", "x"], {"output": OutputOptions(format="raw", output="x")}),
        (["--meta", "x"], {"output": OutputOptions(meta="x")}),
        (["--allow-truncated"], {"output": OutputOptions(allow_truncated=True)}),
        (["-v", "-q"], {"verbosity": Verbosity(verbose=True, quiet=True)}),
        (["--profile", "x"], {"service": ServiceOptions(profile="x")}),
        (
            ["--connect-timeout", "1", "--first-byte-timeout", "2"],
            {"service": ServiceOptions(connect_timeout=1, first_byte_timeout=2)},
        ),
        (
            ["--idle-timeout", "3", "--max-time", "4", "--retries", "0"],
            {"service": ServiceOptions(idle_timeout=3, max_time=4, retries=0)},
        ),
        (
            ["--base-url", "intl", "--ca-file", "x"],
            {"service": ServiceOptions(base_url="intl", ca_file="x")},
        ),
        (["--api-key-file", "x"], {"service": ServiceOptions(api_key_file="x")}),
        (["--error-json"], {}),
    ],
)
def test_each_option_arrives(arguments: list[str], expected: dict[str, object]) -> None:
    assert replace(ChatOptions(), **expected) == chosen("chat", *arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["a", "-"], {"records": RecordOptions(files=("a", "-"))}),
        (
            ["--input-format", "lines", "-0", "--template", "{}"],
            {"records": RecordOptions(input_format="lines", null=True, template="{}")},
        ),
        (
            ["--keep-going", "--limit", "3", "--no-dedupe"],
            {"selection": SelectionOptions(keep_going=True, limit=3, no_dedupe=True)},
        ),
        (["--shard", "1/2"], {"selection": SelectionOptions(shard=Shard(1, 2))}),
        (["-t", "hide"], {"thinking": ResultThinkingOptions("hide")}),
        (
            ["--format", "openai", "-k", "--pass-through", "-o", "x"],
            {"output": ResultOptions("openai", keep_order=True, pass_through=True, output="x")},
        ),
        (["--resume"], {"output": ResultOptions(resume=True)}),
        (["--overwrite", "--merge"], {"output": ResultOptions(overwrite=True, merge=True)}),
        (["--progress", "bar", "--meta", "x"], {"output": ResultOptions(progress="bar", meta="x")}),
        (["-j", "3", "--rpm", "4"], {"pace": PaceOptions(concurrency=3, rpm=4)}),
        (["--tpm", "5", "--max-wait", "6"], {"pace": PaceOptions(tpm=5, max_wait=6)}),
        (
            ["--max-errors", "5%", "--max-cost", "1", "--deadline", "2", "--grace", "3", "--dry-run"],
            {"limits": LimitOptions(ErrorLimit(share=0.05), 1, 2, 3, dry_run=True)},
        ),
        (["--max-wait", "1h30m"], {"pace": PaceOptions(max_wait=5400)}),
        (["--max-cost", "$5.50", "--deadline", "2h"], {"limits": LimitOptions(None, 5.5, 7200)}),
    ],
)
def test_each_option_of_a_batch_arrives(arguments: list[str], expected: dict[str, object]) -> None:
    assert replace(BatchOptions(), **expected) == chosen("batch", *arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["chat", "-j", "0"], "-j / --concurrency is 0"),
        (["chat", "--max-rounds", "-1"], "--max-rounds is -1"),
        (["chat", "--max-calls", "-1"], "--max-calls is -1"),
        (["chat", "--repair", "-1"], "--repair is -1"),
        *((["chat", "--tool-timeout", limit], "--tool-timeout is") for limit in ("0", "-1", "inf", "nan")),
        *((["chat", "--stdin-timeout", limit], "--stdin-timeout is") for limit in ("0", "-1", "inf", "nan")),
        (["chat", "--max-time", "1x"], "--max-time: '1x' is not a duration, such as 90, 90s, 15m or 2h"),
        (["batch", "--deadline", "-1"], "--deadline is -1: it must be at least 0"),
        (["batch", "--max-cost", ""], "--max-cost: '' is not an amount, such as 5 or '$5'"),
        (["batch", "-j", "0"], "-j / --concurrency is 0: it must be at least 1"),
        (["batch", "--limit", "-1"], "--limit is -1"),
        *((["batch", name, "0"], f"{name} is 0: it must be at least 1") for name in ("--rpm", "--tpm")),
        *(
            (["batch", name, "inf"], f"{name} is inf: it must be finite and")
            for name in ("--max-wait", "--deadline", "--grace")
        ),
        (["batch", "--max-cost", "nan"], "--max-cost is nan"),
        (["batch", "--max-errors", "many"], "--max-errors is many"),
        (["batch", "--shard", "3/2"], "--shard 3/2"),
        (["sim", "--port", "65536"], "--port is 65536: it must be at least 0 and at most 65535"),
        (["sim", "--latency", "nan"], "--latency is nan"),
        (["sim", "--tps", "0"], "--tps is 0: it must be above 0"),
    ],
)
def test_a_number_out_of_range_is_a_usage_error_with_the_bound(arguments: list[str], name: str) -> None:
    error = invoke(*arguments).exception
    assert isinstance(error, UsageError)
    assert name in error.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "-F", "text"],
        ["-s", "a", "--system-file", "b"],
        ["--wire", "other"],
        ["-F", "yaml"],
        ["-t", "maybe"],
        ["--temperature", "warm"],
        ["--max-tokens", "1.5"],
        ["--api-key", "sk-never-an-option"],
    ],
)
def test_a_command_line_without_a_meaning_is_refused(arguments: list[str]) -> None:
    assert 0 != invoke("chat", *arguments).exit_code


@pytest.mark.parametrize(
    "arguments",
    [
        *(["chat", "hi", name, ""] for name in ("-o", "-c", "--meta", "--record", "--system-file", "-f")),
        ["stream", "hi", "--thinking-file="],
        ["batch", ""],
        ["batch", "-o", ""],
    ],
)
def test_a_name_that_a_script_did_not_set_is_a_usage_error(arguments: list[str]) -> None:
    assert "the name is empty" in str(invoke(*arguments).exception)


def test_each_value_that_the_message_on_a_wrong_one_suggests_is_taken() -> None:
    for parameter in (each for command in TREE.commands for each in command.options):
        if parameter.parse not in (int, float) and parameter.metavar not in ("DURATION", "DOLLARS"):
            continue
        with pytest.raises(UsageError) as refused:
            parameter.value("x")
        examples = refused.value.sentence.partition("such as ")[2].partition(" (")[0]
        assert examples
        for word in re.split(r", | or ", examples.replace("'", "")):
            parameter.value(word)


def test_the_simulator_gets_its_options_and_the_command_its_own() -> None:
    arguments = (
        "--port 1 --tps 2 --latency 3 --rpm 4 --fail 500 --fail cut:0.1 --dialect done --seed 5 --log f"
    )
    command = ("mmpipe", "chat", "--json", "--seed")
    expected = SimulatorOptions(command, 1, 2, 3, 4, ("500", "cut:0.1"), ("done",), 5, "f")
    for separator in (["--"], []):
        options = chosen("sim", *arguments.split(), *separator, *command)
        assert isinstance(options, SimOptions)
        assert expected == options.simulator


@pytest.mark.parametrize("arguments", [["--version"], ["chat", "--version"], ["sim", "--version"]])
def test_the_version_goes_to_standard_output(arguments: list[str]) -> None:
    streams = Streams.fake()
    assert 0 == invoke(*arguments, streams=streams).exit_code
    assert streams.captured()[0].startswith(b"mmpipe 0.")


def test_the_help_of_the_simulator_names_every_fault_and_dialect() -> None:
    streams = Streams.fake()
    invoke("sim", "--help", streams=streams)
    # Lines are broken behind hyphens too.
    text = " ".join(streams.captured()[0].decode().split()).replace("- ", "-")
    kinds = {kind.value for kind in FaultKind} - {"STATUS", "CODE"}
    assert [] == [name for name in sorted(kinds | set(Dialect)) if name not in text]


def test_no_option_takes_the_key() -> None:
    streams = Streams.fake()
    invoke("chat", "--help", streams=streams)
    text = streams.captured()[0].decode()
    assert "--api-key-file" in text
    assert "--api-key " not in text

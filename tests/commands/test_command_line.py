"""Arguments become options; the commands are tried with functions of ours in place of the work."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mmpipe.api.options import RecordingOptions
from mmpipe.chat.answer import Options
from mmpipe.chat.conversation import ConversationOptions
from mmpipe.chat.outputs import Form
from mmpipe.chat.prompt import PromptSources
from mmpipe.command_line import command_line
from mmpipe.commands.program import Program
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.faults import FaultKind
from mmpipe.simulator.run import SimulatorOptions
from mmpipe.structured.constraint import ConstraintOptions
from mmpipe.tools.options import Bounds, ToolOptions
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Verbosity

UNTYPED = [
    "model",
    "temperature",
    "top_p",
    "max_tokens",
    "thinking",
    "connect_timeout",
    "first_byte_timeout",
    "idle_timeout",
    "max_time",
    "retries",
    "base_url",
    "ca_file",
    "api_key_file",
]


def chosen(*arguments: str) -> Options:
    """The options that `chat` or `stream` hands to the work."""
    seen: list[Options] = []

    def answer(options: Options, _: Streams, __: Mapping[str, str]) -> None:
        seen.append(options)

    result = CliRunner().invoke(
        command_line(), list(arguments), obj=Program(Streams.fake(), {}, answer=answer)
    )
    assert result.exit_code == 0, (result.output, result.exception)
    return seen[0]


def conversation(**options: object) -> dict[str, object]:
    return {"conversation": ConversationOptions(**options)}  # type: ignore[arg-type]


def typed(options: Options) -> dict[str, object]:
    return {name: value for name, value in options.settings.items() if value is not None}


@pytest.mark.parametrize(("command", "live"), [("chat", False), ("stream", True)])
def test_the_two_commands_differ_in_one_flag(command: str, live: bool) -> None:
    options = chosen(command)
    assert live is options.form.live
    assert UNTYPED == list(options.settings)
    assert {} == typed(options)
    assert Options(form=Form(live=live)) == replace(options, settings={})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a", "b c", "-"], conversation(prompt=PromptSources(("a", "b c", "-")))),
        (["-f", "x", "--file", "-"], conversation(prompt=PromptSources((), ("x", "-")))),
        (["-n"], conversation(prompt=PromptSources(use_stdin=False))),
        (["--no-stdin"], conversation(prompt=PromptSources(use_stdin=False))),
        (["--stdin-timeout", "2.5"], conversation(prompt=PromptSources(stdin_timeout=2.5))),
        (["--", "-n"], conversation(prompt=PromptSources(("-n",)))),
        (["-s", "be brief"], conversation(system="be brief")),
        (["--system-file", "x"], conversation(system_file="x")),
        (["--messages", "x"], conversation(messages="x")),
        (["-c", "x", "--no-wait"], conversation(file="x", waits=False)),
        (["--tool-result", "1=a", "--tool-result", "2=@b"], conversation(results=("1=a", "2=@b"))),
        (["--tools", "x", "--tool-choice", "none"], {"tools": ToolOptions(file="x", choice="none")}),
        (["--run", "a=b", "--run", "c=d -e"], {"tools": ToolOptions(runs=("a=b", "c=d -e"))}),
        (["-j", "2"], {"tools": ToolOptions(bounds=Bounds(jobs=2))}),
        (["--max-rounds", "2", "--max-calls", "3"], {"tools": ToolOptions(bounds=Bounds(rounds=2, calls=3))}),
        (["--tool-timeout", "1.5"], {"tools": ToolOptions(seconds=1.5)}),
        (["--confirm", "--sandbox"], {"tools": ToolOptions(confirm=True, sandbox=True)}),
        (["--tool-dir", "x", "--tool-env", "A"], {"tools": ToolOptions(folder="x", variables=("A",))}),
        (["--schema", "x", "--repair", "2"], {"fitting": ConstraintOptions("x", 2)}),
        (["--extract", "code"], {"fitting": ConstraintOptions(extract="code")}),
        (["--record", "x"], {"recordings": RecordingOptions("x", "record")}),
        (["--replay", "x"], {"recordings": RecordingOptions("x", "replay")}),
        (["--cache", "x"], {"recordings": RecordingOptions("x", "cache")}),
        (["-p", "a=1", "--param", "b=2"], {"parameters": ("a=1", "b=2")}),
        (["--native-thinking"], {"native_thinking": True}),
        (["--wire", "whole"], {"streamed": False}),
        (["--thinking-file", "x"], {"form": Form(thinking_file="x")}),
        (["--json"], {"form": Form("json")}),
        (["-F", "jsonl"], {"form": Form("jsonl")}),
        (["--format", "raw", "-o", "x"], {"form": Form("raw", output="x")}),
        (["--meta", "x"], {"meta": "x"}),
        (["--allow-truncated"], {"allow_truncated": True}),
        (["-v", "-q"], {"manners": Verbosity(verbose=True, quiet=True)}),
        (["--profile", "x"], {"profile": "x"}),
        (["--error-json"], {}),
    ],
)
def test_each_option_arrives(arguments: list[str], expected: dict[str, object]) -> None:
    assert replace(Options(), **expected) == replace(chosen("chat", *arguments), settings={})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-m", "M"], {"model": "M"}),
        (["--temperature", "0.5", "--top-p", "0.1"], {"temperature": 0.5, "top_p": 0.1}),
        (["--max-tokens", "9"], {"max_tokens": 9}),
        (["-t", "show"], {"thinking": "show"}),
        (
            ["--connect-timeout", "1", "--first-byte-timeout", "2"],
            {"connect_timeout": 1, "first_byte_timeout": 2},
        ),
        (
            ["--idle-timeout", "3", "--max-time", "4", "--retries", "0"],
            {"idle_timeout": 3, "max_time": 4, "retries": 0},
        ),
        (["--base-url", "intl", "--ca-file", "x"], {"base_url": "intl", "ca_file": "x"}),
        (["--api-key-file", "x"], {"api_key_file": "x"}),
    ],
)
def test_what_a_configuration_file_may_hold_too_arrives_as_a_setting(
    arguments: list[str], expected: dict[str, object]
) -> None:
    assert expected == typed(chosen("stream", *arguments))


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
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(command_line(), ["chat", *arguments], obj=Program(Streams.fake(), {}))
    assert 0 != result.exit_code


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
    result = CliRunner().invoke(command_line(), arguments, obj=Program(Streams.fake(), {}))
    assert "the name is empty" in str(result.exception)


def test_the_simulator_gets_its_options_and_the_command_its_own() -> None:
    seen: list[SimulatorOptions] = []

    def simulate(options: SimulatorOptions, _: Streams, __: Mapping[str, str]) -> int:
        seen.append(options)
        return 0

    arguments = (
        "sim --port 1 --tps 2 --latency 3 --rpm 4 --fail 500 --fail cut:0.1 --dialect done --seed 5 --log f"
    )
    program = Program(Streams.fake(), {}, simulate=simulate)
    for separator in (["--"], []):
        command = ["mmpipe", "chat", "--json", "--seed"]
        CliRunner().invoke(command_line(), [*arguments.split(), *separator, *command], obj=program)
        assert seen.pop() == SimulatorOptions(
            tuple(command), 1, 2, 3, 4, ("500", "cut:0.1"), ("done",), 5, "f"
        )


@pytest.mark.parametrize("arguments", [["--version"], ["chat", "--version"], ["sim", "--version"]])
def test_the_version_goes_to_standard_output(arguments: list[str]) -> None:
    streams = Streams.fake()
    assert 0 == CliRunner().invoke(command_line(), arguments, obj=Program(streams, {})).exit_code
    assert streams.captured()[0].startswith(b"mmpipe 0.")


def test_the_help_of_the_simulator_names_every_fault_and_dialect() -> None:
    streams = Streams.fake()
    CliRunner().invoke(command_line(), ["sim", "--help"], obj=Program(streams, {}))
    # Lines are broken behind hyphens too.
    text = " ".join(streams.captured()[0].decode().split()).replace("- ", "-")
    kinds = {kind.value for kind in FaultKind} - {"STATUS", "CODE"}
    assert [] == [name for name in sorted(kinds | set(Dialect)) if name not in text]


def test_no_option_takes_the_key() -> None:
    streams = Streams.fake()
    CliRunner().invoke(command_line(), ["chat", "--help"], obj=Program(streams, {}))
    text = streams.captured()[0].decode()
    assert "--api-key-file" in text
    assert "--api-key " not in text

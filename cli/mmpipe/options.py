"""Every option of the command line, declared once, in the sections of the contract.

A section is a frozen dataclass whose fields are what Typer reads: a type, the names, a placeholder and a sentence.
Help, completions and man page are made of the same fields (see commands.py).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from mmpipe.commands import Section


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.obj.show_version()
        raise typer.Exit


def _show_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.obj.show_help(context.info_name)
        raise typer.Exit


@dataclass(frozen=True, slots=True)
class Input(Section):
    """What the prompt is made of."""

    title = "Input"

    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT", help="The prompt; words are joined by one space, `-` is standard input."
        ),
    ] = None
    file: Annotated[
        list[str] | None,
        typer.Option("-f", "--file", metavar="PATH", help="Add a file to the prompt; `-` is standard input."),
    ] = None
    system: Annotated[
        str | None, typer.Option("-s", "--system", metavar="TEXT", help="The system message.")
    ] = None
    system_file: Annotated[
        str | None,
        typer.Option("--system-file", metavar="PATH", help="Read the system message from a file."),
    ] = None
    no_stdin: Annotated[
        bool, typer.Option("-n", "--no-stdin", help="Never read standard input (like ssh -n).")
    ] = False
    stdin_timeout: Annotated[
        float | None,
        typer.Option(
            "--stdin-timeout", metavar="SECONDS", help="Fail if standard input has not ended by then."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Request(Section):
    """What is asked for."""

    title = "Request"

    model: Annotated[
        str | None, typer.Option("-m", "--model", metavar="MODEL", help="The model to ask [MiniMax-M3].")
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", metavar="T", help="Sampling temperature: above 0, at most 1."),
    ] = None
    top_p: Annotated[float | None, typer.Option("--top-p", metavar="P", help="Nucleus sampling: 0 to 1.")] = (
        None
    )
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", help="Most tokens of the answer, thinking included."),
    ] = None
    param: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", metavar="KEY=JSON", help="Any other field of the request."),
    ] = None
    native_thinking: Annotated[
        bool,
        typer.Option("--native-thinking", help="Have the thinking sent as tags in the text, and parse them."),
    ] = False
    wire: Annotated[
        Literal["stream", "whole"],
        typer.Option("--wire", help="How the API is asked, whatever is written here [stream]."),
    ] = "stream"


@dataclass(frozen=True, slots=True)
class Thinking(Section):
    """What becomes of the model's thinking."""

    title = "Thinking"

    thinking: Annotated[
        Literal["show", "split", "hide"] | None,
        typer.Option("-t", "--thinking", help="Thinking before the answer, apart from it, or not at all."),
    ] = None
    thinking_file: Annotated[
        str | None,
        typer.Option("--thinking-file", metavar="PATH", help="Where split thinking goes (/dev/fd/3 works)."),
    ] = None


@dataclass(frozen=True, slots=True)
class Output(Section):
    """What is written, and where."""

    title = "Output"

    format: Annotated[
        Literal["text", "json", "jsonl", "messages", "raw"] | None,
        typer.Option("-F", "--format", help="What is written [text]."),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="The same as -F json.")] = False
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write to FILE, all of the answer or nothing."),
    ] = None
    meta: Annotated[
        str | None,
        typer.Option(
            "--meta", metavar="FILE", help="Append one JSON line about the answer (/dev/fd/3 works)."
        ),
    ] = None
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="An answer cut at its token limit is no failure.")
    ] = False


@dataclass(frozen=True, slots=True)
class Catalogue(Section):
    """What is shown of the models."""

    title = "Output"

    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Show this model alone.")] = None
    format: Annotated[
        Literal["tsv", "jsonl"] | None,
        typer.Option("-F", "--format", help="What is written [a table on a terminal, tsv elsewhere]."),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="The same as -F jsonl.")] = False
    header: Annotated[bool, typer.Option("--header", help="Begin the tsv with a line of names.")] = False
    live: Annotated[
        bool,
        typer.Option("--live", help="Ask the host, and mark what it serves, what is new and what is gone."),
    ] = False


@dataclass(frozen=True, slots=True)
class Simulation(Section):
    """How the simulator behaves, and what runs against it."""

    title = "Simulator"

    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="Run this against the simulator, and end with its status."),
    ] = None
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen on [a free one].")
    ] = 0
    tps: Annotated[
        float | None, typer.Option("--tps", metavar="N", help="Tokens each second [as fast as possible].")
    ] = None
    latency: Annotated[
        float, typer.Option("--latency", metavar="SECONDS", help="Wait before the first byte.")
    ] = 0
    rpm: Annotated[
        int | None, typer.Option("--rpm", metavar="N", help="Refuse more requests a minute (429, 1002).")
    ] = None
    fail: Annotated[
        list[str] | None,
        typer.Option(
            "--fail",
            metavar="WHAT[:WHEN]",
            help="Fail with a status, code or kind, as in 500:1/5 or cut:0.02.",
        ),
    ] = None
    dialect: Annotated[
        list[str] | None,
        typer.Option("--dialect", metavar="DIALECT", help="A way in which the API has been seen to answer."),
    ] = None
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Seed of the probabilities of --fail [0].")
    ] = 0
    log: Annotated[
        str | None, typer.Option("--log", metavar="FILE", help="Append each request as one JSON line.")
    ] = None


@dataclass(frozen=True, slots=True)
class Script(Section):
    """What is to be printed for the shell."""

    title = "Output"

    shell: Annotated[
        Literal["bash", "zsh", "fish", "man"],
        typer.Argument(metavar="SHELL", help="bash, zsh or fish; man prints the manual page."),
    ]


@dataclass(frozen=True, slots=True)
class Service(Section):
    """Where the service is, and how patient to be with it."""

    title = "Common"

    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Tell what is chosen and why, ids and timings.")
    ] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No warnings and no spinner.")] = False
    connect_timeout: Annotated[
        float | None,
        typer.Option("--connect-timeout", metavar="SECONDS", help="Longest wait for a connection [10]."),
    ] = None
    first_byte_timeout: Annotated[
        float | None,
        typer.Option(
            "--first-byte-timeout", metavar="SECONDS", help="Longest wait for a stream to begin [60]."
        ),
    ] = None
    idle_timeout: Annotated[
        float | None,
        typer.Option("--idle-timeout", metavar="SECONDS", help="Longest pause within an answer [120]."),
    ] = None
    max_time: Annotated[
        float | None,
        typer.Option("--max-time", metavar="SECONDS", help="Longest time for all of the asking [600]."),
    ] = None
    retries: Annotated[
        int | None, typer.Option("--retries", metavar="N", help="How often to ask again [3].")
    ] = None
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="NAME", help="Use [profile.NAME] of the configuration file."),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="Where the API is: a URL, or cn or intl [cn]."),
    ] = None
    ca_file: Annotated[
        str | None,
        typer.Option("--ca-file", metavar="PATH", help="Certificates to trust instead of the system's."),
    ] = None
    api_key_file: Annotated[
        str | None, typer.Option("--api-key-file", metavar="PATH", help="Read the API key from a file.")
    ] = None


@dataclass(frozen=True, slots=True)
class About(Section):
    """What the program has without any command."""

    title = "Common"

    help: Annotated[
        # Typer's own help option has no default, and so makes it import pydantic whenever it is not given.
        bool,
        typer.Option("-h", "--help", help="Show this and exit.", callback=_show_help, is_eager=True),
    ] = False
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False


@dataclass(frozen=True, slots=True)
class Errors(Section):
    """How every command tells its errors; main looks for it by itself, since parsing may fail."""

    title = "Common"

    error_json: Annotated[bool, typer.Option("--error-json", help="Errors as one JSON object on stderr.")] = (
        False
    )

"""Every option of the command line, declared once as an Annotated alias; one of the two files that know Typer."""

from typing import Annotated, Literal, NoReturn

import typer

from mmpipe import __version__


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        _show(context, f"mmpipe {__version__}")


def _show_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        _show(context, context.get_help())


def _show(context: typer.Context, text: str) -> NoReturn:
    # By the program's own stream, so that a full disk and a cut pipe are told from success here too.
    context.obj.streams.stdout.write(f"{text}\n".encode())
    raise typer.Exit


# Input
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROMPT", help="The prompt; words are joined by one space, `-` is standard input."
    ),
]
File = Annotated[
    list[str] | None,
    typer.Option("-f", "--file", metavar="PATH", help="Add a file to the prompt; `-` is standard input."),
]
System = Annotated[str | None, typer.Option("-s", "--system", metavar="TEXT", help="The system message.")]
SystemFile = Annotated[
    str | None, typer.Option("--system-file", metavar="PATH", help="Read the system message from a file.")
]
NoStdin = Annotated[bool, typer.Option("-n", "--no-stdin", help="Never read standard input (like ssh -n).")]
StdinTimeout = Annotated[
    float | None,
    typer.Option("--stdin-timeout", metavar="SECONDS", help="Fail if standard input has not ended by then."),
]

# The request
Model = Annotated[str | None, typer.Option("-m", "--model", metavar="MODEL", help="The model to ask.")]
Temperature = Annotated[
    float | None, typer.Option("--temperature", metavar="T", help="Sampling temperature: above 0, at most 1.")
]
TopP = Annotated[float | None, typer.Option("--top-p", metavar="P", help="Nucleus sampling: 0 to 1.")]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", metavar="N", help="Most tokens of the answer, thinking included."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("-p", "--param", metavar="KEY=JSON", help="Any other field of the request."),
]
NativeThinking = Annotated[
    bool,
    typer.Option("--native-thinking", help="Have the thinking sent as tags in the text, and parse them."),
]
Wire = Annotated[
    Literal["stream", "whole"],
    typer.Option("--wire", help="How the API is asked, whatever is written here."),
]

# Thinking
Thinking = Annotated[
    Literal["show", "split", "hide"] | None,
    typer.Option("-t", "--thinking", help="Thinking: before the answer, apart, or not at all."),
]
ThinkingFile = Annotated[
    str | None,
    typer.Option("--thinking-file", metavar="PATH", help="Where split thinking goes (/dev/fd/3 works)."),
]

# Output
Format = Annotated[
    Literal["text", "json", "jsonl", "messages", "raw"] | None,
    typer.Option("-F", "--format", help="What is written [text]."),
]
Json = Annotated[bool, typer.Option("--json", help="The same as -F json.")]
OutputFile = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write to FILE, all of the answer or nothing."),
]
Meta = Annotated[
    str | None,
    typer.Option("--meta", metavar="FILE", help="Append one JSON line about the answer (/dev/fd/3 works)."),
]
AllowTruncated = Annotated[
    bool, typer.Option("--allow-truncated", help="An answer cut at its token limit is no failure.")
]

# Common
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Tell what is chosen and why, ids and timings.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No warnings and no spinner.")]
ErrorJson = Annotated[bool, typer.Option("--error-json", help="Errors as one JSON object on stderr.")]
ConnectTimeout = Annotated[
    float | None,
    typer.Option("--connect-timeout", metavar="SECONDS", help="Longest wait for a connection [10]."),
]
FirstByteTimeout = Annotated[
    float | None,
    typer.Option("--first-byte-timeout", metavar="SECONDS", help="Longest wait for a stream to begin [60]."),
]
IdleTimeout = Annotated[
    float | None,
    typer.Option("--idle-timeout", metavar="SECONDS", help="Longest pause within an answer [120]."),
]
MaxTime = Annotated[
    float | None,
    typer.Option("--max-time", metavar="SECONDS", help="Longest time for all of the asking [600]."),
]
Retries = Annotated[int | None, typer.Option("--retries", metavar="N", help="How often to ask again [3].")]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Use [profile.NAME] of the configuration file."),
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Where the API is: a URL, or cn or intl.")
]
CaFile = Annotated[
    str | None,
    typer.Option("--ca-file", metavar="PATH", help="Certificates to trust instead of the system's."),
]
ApiKeyFile = Annotated[
    str | None, typer.Option("--api-key-file", metavar="PATH", help="Read the API key from a file.")
]
# Typer's own help option has no default, and so makes it import pydantic whenever it is not given.
Help = Annotated[
    bool, typer.Option("-h", "--help", help="Show this and exit.", callback=_show_help, is_eager=True)
]
Version = Annotated[
    bool,
    typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
]

# Models
ModelName = Annotated[str | None, typer.Argument(metavar="MODEL", help="Show this model alone.")]
ModelsFormat = Annotated[
    Literal["tsv", "jsonl"] | None,
    typer.Option("-F", "--format", help="tsv or jsonl [a table on a terminal, tsv elsewhere]."),
]
ModelsJson = Annotated[bool, typer.Option("--json", help="The same as -F jsonl.")]
Header = Annotated[bool, typer.Option("--header", help="Begin the tsv with a line of names.")]

# The simulator
Port = Annotated[
    int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen on [a free one].")
]
Tps = Annotated[
    float | None, typer.Option("--tps", metavar="N", help="Tokens each second [as fast as possible].")
]
Latency = Annotated[float, typer.Option("--latency", metavar="SECONDS", help="Wait before the first byte.")]
Rpm = Annotated[
    int | None, typer.Option("--rpm", metavar="N", help="Refuse more requests a minute (429, 1002).")
]
Fail = Annotated[
    list[str] | None,
    typer.Option(
        "--fail", metavar="SPEC", help="Fail with a status, code or kind, as in 500:1/5 or cut:0.02."
    ),
]
DialectNames = Annotated[
    list[str] | None,
    typer.Option(
        "--dialect", metavar="NAME", help="A way of the API, such as cumulative or last-frame-message."
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the probabilities of --fail.")]
Log = Annotated[
    str | None, typer.Option("--log", metavar="FILE", help="Append each request as one JSON line.")
]
Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- COMMAND", help="Run this against the simulator, and end with its status."),
]

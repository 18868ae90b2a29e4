"""The command tree: arguments in, frozen options out; the work is done elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from mmpipe import options as o
from mmpipe.errors import UsageError
from mmpipe.streams import Streams

if TYPE_CHECKING:
    from mmpipe.answer import Options
    from mmpipe.models import ModelsOptions
    from mmpipe.simulate import SimulatorOptions


def _answer(options: "Options", streams: Streams, environment: Mapping[str, str]) -> None:
    # Imported here, like everything that --help and --version do not need.
    from mmpipe.answer import answer

    answer(options, streams, environment)


def _models(options: "ModelsOptions", streams: Streams, environment: Mapping[str, str]) -> None:
    from mmpipe.models import models

    models(options, streams, environment)


def _simulate(options: "SimulatorOptions", streams: Streams, environment: Mapping[str, str]) -> int:
    from mmpipe.simulate import simulate

    return simulate(options, streams, environment)


@dataclass(frozen=True, slots=True)
class Program:
    """What the commands work with; a test puts functions of its own here to see the options they get."""

    streams: Streams
    environment: Mapping[str, str]
    answer: "Callable[[Options, Streams, Mapping[str, str]], None]" = _answer
    models: "Callable[[ModelsOptions, Streams, Mapping[str, str]], None]" = _models
    simulate: "Callable[[SimulatorOptions, Streams, Mapping[str, str]], int]" = _simulate


def perform(arguments: Sequence[str], program: Program) -> int:
    """Run the command that `arguments` name; returns its exit status, or raises what went wrong."""
    try:
        status = app(arguments, prog_name="mmpipe", standalone_mode=False, obj=program)
    except typer.TyperException as error:
        # Typer has pydantic check the values, and passes its manner of speaking on.
        sentence = error.format_message().replace("Value error, ", "").rstrip(".")
        raise UsageError(f"{sentence}; --help tells more") from error
    return status if isinstance(status, int) else 0


app = typer.Typer(
    help="A Unix filter for MiniMax's OpenAI-compatible API.",
    context_settings={"help_option_names": []},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)


@app.callback()
def mmpipe(*, help: o.Help = False, version: o.Version = False) -> None:  # noqa: A002  the option's name
    """A Unix filter for MiniMax's OpenAI-compatible API.

    Try it without a key: echo "Why is the sky blue?" | mmpipe sim -- mmpipe stream
    """


def _answering(*, live: bool) -> Callable[..., None]:
    """The function behind `chat` and `stream`: the same options, and one flag that differs."""

    def command(
        context: typer.Context,
        *,
        words: o.Words = None,
        file: o.File = None,
        system: o.System = None,
        system_file: o.SystemFile = None,
        no_stdin: o.NoStdin = False,
        stdin_timeout: o.StdinTimeout = None,
        model: o.Model = None,
        temperature: o.Temperature = None,
        top_p: o.TopP = None,
        max_tokens: o.MaxTokens = None,
        param: o.Param = None,
        native_thinking: o.NativeThinking = False,
        wire: o.Wire = "stream",
        thinking: o.Thinking = None,
        thinking_file: o.ThinkingFile = None,
        format: o.Format = None,  # noqa: A002  the option's name
        json: o.Json = False,
        output: o.OutputFile = None,
        meta: o.Meta = None,
        allow_truncated: o.AllowTruncated = False,
        verbose: o.Verbose = False,
        quiet: o.Quiet = False,
        error_json: o.ErrorJson = False,  # noqa: ARG001  main looks for it, since parsing may fail
        connect_timeout: o.ConnectTimeout = None,
        first_byte_timeout: o.FirstByteTimeout = None,
        idle_timeout: o.IdleTimeout = None,
        max_time: o.MaxTime = None,
        retries: o.Retries = None,
        profile: o.Profile = None,
        base_url: o.BaseUrl = None,
        ca_file: o.CaFile = None,
        api_key_file: o.ApiKeyFile = None,
        help: o.Help = False,  # noqa: A002, ARG001  the option's own callback shows it
        version: o.Version = False,  # noqa: ARG001  as above
    ) -> None:
        from mmpipe.answer import Options
        from mmpipe.outlets import Form
        from mmpipe.prompt import PromptSources
        from mmpipe.writers.console import Manners

        if json and format not in (None, "json"):
            raise UsageError(f"--json and -F {format} contradict each other")
        if system is not None and system_file is not None:
            raise UsageError("--system and --system-file: one of them")
        chosen = Options(
            prompt=PromptSources(tuple(words or ()), tuple(file or ()), not no_stdin, stdin_timeout),
            system=system,
            system_file=system_file,
            parameters=tuple(param or ()),
            native_thinking=native_thinking,
            streamed=wire == "stream",
            form=Form(
                "json" if json else format or "text", thinking_file=thinking_file, output=output, live=live
            ),
            meta=meta,
            allow_truncated=allow_truncated,
            profile=profile,
            manners=Manners(verbose=verbose, quiet=quiet),
            settings={
                "model": model,
                "temperature": temperature,
                "top_p": top_p,
                "max_tokens": max_tokens,
                "thinking": thinking,
                "connect_timeout": connect_timeout,
                "first_byte_timeout": first_byte_timeout,
                "idle_timeout": idle_timeout,
                "max_time": max_time,
                "retries": retries,
                "base_url": base_url,
                "ca_file": ca_file,
                "api_key_file": api_key_file,
            },
        )
        program: Program = context.obj
        program.answer(chosen, program.streams, program.environment)

    return command


app.command("chat", help="Ask one prompt, and write the answer once it is whole.")(_answering(live=False))
app.command("stream", help="Ask one prompt, and write the answer as it arrives.")(_answering(live=True))


@app.command("models")
def models(
    context: typer.Context,
    *,
    model: o.ModelName = None,
    format: o.ModelsFormat = None,  # noqa: A002  the option's name
    json: o.ModelsJson = False,
    header: o.Header = False,
    error_json: o.ErrorJson = False,  # noqa: ARG001  as above
    help: o.Help = False,  # noqa: A002, ARG001  as above
    version: o.Version = False,  # noqa: ARG001  as above
) -> None:
    """Show what can be asked, and what it costs."""
    from mmpipe.models import ModelsOptions

    if json and format == "tsv":
        raise UsageError("--json and -F tsv contradict each other")
    program: Program = context.obj
    program.models(
        ModelsOptions(model, "jsonl" if json else format, header), program.streams, program.environment
    )


@app.command("sim", context_settings={"allow_interspersed_args": False})
def sim(
    context: typer.Context,
    *,
    command: o.Command = None,
    port: o.Port = 0,
    tps: o.Tps = None,
    latency: o.Latency = 0,
    rpm: o.Rpm = None,
    fail: o.Fail = None,
    dialect: o.DialectNames = None,
    seed: o.Seed = 0,
    log: o.Log = None,
    error_json: o.ErrorJson = False,  # noqa: ARG001  as above
    help: o.Help = False,  # noqa: A002, ARG001  as above
    version: o.Version = False,  # noqa: ARG001  as above
) -> int:
    """Simulate the API on this machine, to try everything without a key.

    WHAT in --fail WHAT[:WHEN] is an HTTP status, a MiniMax code, base_resp-CODE, event-CODE, retry-after=SECONDS,
    retry-after-date=SECONDS, choices-null, cut, cut-at-frame, reset, refuse-late, no-finish, html, json-error, empty,
    hang, hang-mid, hang-end, comments, length, filter, bad-utf8, bad-json, redirect, slow, bom or retry-lines.
    WHEN is a probability, 1/N (every Nth), #N (the Nth) or <N (those before the Nth).

    NAME in --dialect is incremental, cumulative, last-frame-message, done, mirrored, leftover-closer, no-opening-tag,
    mm-closer, several-blocks, tag-cut, crlf or no-usage.
    """
    from mmpipe.simulate import SimulatorOptions

    program: Program = context.obj
    chosen = SimulatorOptions(
        command=tuple(command or ()),
        port=port,
        tps=tps,
        latency=latency,
        rpm=rpm,
        fail=tuple(fail or ()),
        dialect=tuple(dialect or ()),
        seed=seed,
        log=log,
    )
    return program.simulate(chosen, program.streams, program.environment)

"""The commands: from sections of options to the frozen options of the work, which is done elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from mmpipe import __version__
from mmpipe import options as o
from mmpipe.commands import Command, Example
from mmpipe.errors import UsageError
from mmpipe.streams import Streams

if TYPE_CHECKING:
    from mmpipe.answer import Options
    from mmpipe.models import ModelsOptions
    from mmpipe.simulate import SimulatorOptions
    from mmpipe.writers.console import Manners


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

    def show(self, text: str) -> None:
        """Write by the program's own stream, so that a full disk and a cut pipe are told from success."""
        self.streams.stdout.write(text.encode())

    def show_version(self) -> None:
        """Answer `--version`."""
        self.show(f"mmpipe {__version__}\n")

    def show_help(self, command: str | None) -> None:
        """Answer `--help` of the command of that name, or of the program."""
        from mmpipe.reference.help import help_page

        self.show(help_page(COMMANDS, command))


def _mmpipe(_: Program, about: o.About) -> None:
    """The program by itself does nothing but tell about itself."""


def _ask(
    program: Program,
    *,
    live: bool,
    input: o.Input,  # noqa: A002  the section's name
    request: o.Request,
    thinking: o.Thinking,
    output: o.Output,
    service: o.Service,
    errors: o.Errors,  # noqa: ARG001  main looks for it
    about: o.About,  # noqa: ARG001  its callbacks show it
) -> None:
    from mmpipe.answer import Options
    from mmpipe.outlets import Form
    from mmpipe.prompt import PromptSources

    if output.json and output.format not in (None, "json"):
        raise UsageError(f"--json and -F {output.format} contradict each other")
    if input.system is not None and input.system_file is not None:
        raise UsageError("--system and --system-file: one of them")
    words, files = tuple(input.words or ()), tuple(input.file or ())
    chosen = Options(
        prompt=PromptSources(words, files, not input.no_stdin, input.stdin_timeout),
        system=input.system,
        system_file=input.system_file,
        parameters=tuple(request.param or ()),
        native_thinking=request.native_thinking,
        streamed=request.wire == "stream",
        form=Form(
            "json" if output.json else output.format or "text",
            thinking_file=thinking.thinking_file,
            output=output.output,
            live=live,
        ),
        meta=output.meta,
        allow_truncated=output.allow_truncated,
        profile=service.profile,
        manners=_manners(service),
        settings={
            "model": request.model,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "thinking": thinking.thinking,
            **_settings(service),
        },
    )
    program.answer(chosen, program.streams, program.environment)


def _list_models(
    program: Program,
    catalogue: o.Catalogue,
    service: o.Service,
    errors: o.Errors,  # noqa: ARG001  as above
    about: o.About,  # noqa: ARG001  as above
) -> None:
    from mmpipe.models import ModelsOptions

    if catalogue.json and catalogue.format == "tsv":
        raise UsageError("--json and -F tsv contradict each other")
    chosen = ModelsOptions(
        model=catalogue.model,
        format="jsonl" if catalogue.json else catalogue.format,
        header=catalogue.header,
        live=catalogue.live,
        profile=service.profile,
        manners=_manners(service),
        settings=_settings(service),
    )
    program.models(chosen, program.streams, program.environment)


def _run_simulator(
    program: Program,
    simulation: o.Simulation,
    errors: o.Errors,  # noqa: ARG001  as above
    about: o.About,  # noqa: ARG001  as above
) -> int:
    from mmpipe.simulate import SimulatorOptions

    chosen = SimulatorOptions(
        command=tuple(simulation.command or ()),
        port=simulation.port,
        tps=simulation.tps,
        latency=simulation.latency,
        rpm=simulation.rpm,
        fail=tuple(simulation.fail or ()),
        dialect=tuple(simulation.dialect or ()),
        seed=simulation.seed,
        log=simulation.log,
    )
    return program.simulate(chosen, program.streams, program.environment)


def _complete(
    program: Program,
    script: o.Script,
    errors: o.Errors,  # noqa: ARG001  as above
    about: o.About,  # noqa: ARG001  as above
) -> None:
    from mmpipe.reference.documents import document

    program.show(document(script.shell, COMMANDS))


def _manners(service: o.Service) -> "Manners":
    from mmpipe.writers.console import Manners

    return Manners(verbose=service.verbose, quiet=service.quiet)


def _settings(service: o.Service) -> dict[str, object]:
    """What a configuration file may hold too."""
    elsewhere = ("verbose", "quiet", "profile")
    return {name: value for name, value in asdict(service).items() if name not in elsewhere}


# The first is the program itself; what follows is in the order of the contract.
COMMANDS = (
    Command(
        "mmpipe",
        "A Unix filter for MiniMax's OpenAI-compatible API: prompts in, answers out, and an exit status to trust.",
        _mmpipe,
        details="""
            The prompt is made of words, then files, then standard input. The answer goes to standard output, and
            whatever is said about it to standard error. Status 0 means that the whole answer came and was written.

            Settings are options, or the environment, or a configuration file, in this order; the key is taken from
            MINIMAX_API_KEY. The manual page tells more.
        """,
        examples=(
            Example(
                'echo "Why is the sky blue?" | mmpipe sim -- mmpipe stream',
                "Try it without a key: a simulator stands in for the service.",
            ),
            Example(
                'mmpipe chat --json "Name a prime." | jq -r .content', "One prompt, and its answer as JSON."
            ),
        ),
    ),
    Command(
        "chat",
        "Ask one prompt, and write the answer once it is whole.",
        partial(_ask, live=False),
        examples=(
            Example(
                'git diff | mmpipe chat "Write a commit message for this diff."',
                "What comes by the pipe follows the words.",
            ),
            Example(
                'mmpipe chat -f notes.txt "Summarise in three lines." -o summary.txt',
                "A file in, a file out: all of the answer, or untouched.",
            ),
        ),
    ),
    Command(
        "stream",
        "Ask one prompt, and write the answer as it arrives.",
        partial(_ask, live=True),
        examples=(
            Example('mmpipe stream -n -t show "Is 91 prime?"', "Watch the thinking, and then the answer."),
            Example(
                """mmpipe stream -n -F jsonl "Tell me a story." | jq -rj 'select(.type == "text").text'""",
                "Events for a program, one JSON object a line.",
            ),
        ),
    ),
    Command(
        "models",
        "Show what can be asked, and what it costs.",
        _list_models,
        details="""
            A table on a terminal; elsewhere lines of columns with a tab between them, the name first. Prices are US
            dollars for a million tokens.
        """,
        examples=(
            Example("mmpipe models | cut -f 1,5,6", "Names, and prices in and out."),
            Example("mmpipe models --json MiniMax-M3 | jq .context", "One model, as JSON."),
        ),
    ),
    Command(
        "sim",
        "Simulate the API on this machine, to try everything without a key.",
        _run_simulator,
        details="""
            WHAT is an HTTP status, a MiniMax code, base_resp-CODE, event-CODE, retry-after=SECONDS,
            retry-after-date=SECONDS, choices-null, cut, cut-at-frame, reset, refuse-late, no-finish, html,
            json-error, empty, hang, hang-mid, hang-end, comments, length, filter, bad-utf8, bad-json, redirect,
            slow, bom or retry-lines. WHEN is a probability, 1/N (every Nth), #N (the Nth) or <N (those before the
            Nth).

            DIALECT is incremental, cumulative, last-frame-message, done, mirrored, leftover-closer, no-opening-tag,
            mm-closer, several-blocks, tag-cut, crlf or no-usage.
        """,
        examples=(
            Example(
                "mmpipe sim --fail '429:#1' -- mmpipe chat -n -v \"Are you there?\"",
                "The first request meets a rate limit, the second does not.",
            ),
            Example(
                'mmpipe sim --tps 30 --latency 1 -- mmpipe stream -n "Tell me a story."',
                "As slow as the real one.",
            ),
        ),
        takes_command=True,
    ),
    Command(
        "completion",
        "Print the completion script of a shell, or the manual page.",
        _complete,
        details="The same files are installed under share/; this is for where they are not found.",
        examples=(
            Example("source <(mmpipe completion bash)", "TAB in the running bash."),
            Example("mmpipe completion man > mmpipe.1", "The manual page; man -l mmpipe.1 shows it."),
        ),
    ),
)

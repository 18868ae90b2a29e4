"""`chat` and `stream`: one prompt, one answer; they differ in one flag."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from mmpipe.commands.program import Program
from mmpipe.commands.sections import (
    COMMON,
    Request,
    Service,
    SystemMessage,
    Talk,
    Thinking,
    manners,
    settings,
)
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Example, Section, argument, option


@dataclass(frozen=True, slots=True)
class Prompt(Section):
    """What the prompt is made of."""

    title = "Input"

    words: Annotated[
        list[str] | None,
        argument("PROMPT", help="The prompt; words are joined by one space, `-` is standard input."),
    ] = None
    file: Annotated[
        list[str] | None,
        option("-f", "--file", metavar="PATH", help="Add a file to the prompt; `-` is standard input."),
    ] = None


@dataclass(frozen=True, slots=True)
class StandardInput(Section):
    """How standard input is read."""

    title = "Input"

    no_stdin: Annotated[bool, option("-n", "--no-stdin", help="Never read standard input (like ssh -n).")] = (
        False
    )
    stdin_timeout: Annotated[
        float | None,
        option("--stdin-timeout", metavar="SECONDS", help="Fail if standard input has not ended by then."),
    ] = None


@dataclass(frozen=True, slots=True)
class Output(Section):
    """What is written, and where."""

    title = "Output"

    format: Annotated[
        Literal["text", "json", "jsonl", "messages", "raw"] | None,
        option("-F", "--format", help="What is written [text]."),
    ] = None
    json: Annotated[bool, option("--json", help="The same as -F json.")] = False
    output: Annotated[
        str | None,
        option("-o", "--output", metavar="FILE", help="Write to FILE, all of the answer or nothing."),
    ] = None
    meta: Annotated[
        str | None,
        option("--meta", metavar="FILE", help="Append one JSON line about the answer (/dev/fd/3 works)."),
    ] = None
    allow_truncated: Annotated[
        bool, option("--allow-truncated", help="An answer cut at its token limit is no failure.")
    ] = False


def _ask(
    program: Program,
    *,
    live: bool,
    prompt: Prompt,
    system: SystemMessage,
    stdin: StandardInput,
    request: Request,
    thinking: Thinking,
    output: Output,
    talk: Talk,
    service: Service,
) -> None:
    from mmpipe.answer import Options
    from mmpipe.outlets import Form
    from mmpipe.prompt import PromptSources

    if output.json and output.format not in (None, "json"):
        raise UsageError(f"--json and -F {output.format} contradict each other")
    if system.system is not None and system.system_file is not None:
        raise UsageError("--system and --system-file: one of them")
    words, files = tuple(prompt.words or ()), tuple(prompt.file or ())
    chosen = Options(
        prompt=PromptSources(words, files, not stdin.no_stdin, stdin.stdin_timeout),
        system=system.system,
        system_file=system.system_file,
        parameters=tuple(request.param or ()),
        native_thinking=request.native_thinking,
        streamed=request.wire != "whole",
        form=Form(
            "json" if output.json else output.format or "text",
            thinking_file=thinking.thinking_file,
            output=output.output,
            live=live,
        ),
        meta=output.meta,
        allow_truncated=output.allow_truncated,
        profile=service.profile,
        manners=manners(talk),
        settings=settings(request, thinking, service),
    )
    program.answer(chosen, program.streams, program.environment)


CHAT = Command(
    "chat",
    "Ask one prompt, and write the answer once it is whole.",
    partial(_ask, live=False),
    common=COMMON,
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
)

STREAM = Command(
    "stream",
    "Ask one prompt, and write the answer as it arrives.",
    partial(_ask, live=True),
    common=COMMON,
    examples=(
        Example('mmpipe stream -n -t show "Is 91 prime?"', "Watch the thinking, and then the answer."),
        Example(
            """mmpipe stream -n -F jsonl "A story." | jq -rj 'select(.type == "text").text'""",
            "Events for a program, one JSON object a line.",
        ),
    ),
)

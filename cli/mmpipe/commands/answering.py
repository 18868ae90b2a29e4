"""`chat` and `stream`: one prompt, one answer; they differ in one flag."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from mmpipe.commands.conversation import Conversation, Prompt, StandardInput, conversation_options
from mmpipe.commands.program import Program
from mmpipe.commands.sections import (
    COMMON,
    Fitting,
    Kept,
    Request,
    Service,
    SystemMessage,
    Talk,
    Thinking,
    fitting,
    manners,
    recordings,
    settings,
)
from mmpipe.commands.tools import Tools, tool_options
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Example, Section, option

if TYPE_CHECKING:
    from mmpipe.chat.outputs import Form


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
        option(
            "--meta",
            metavar="FILE",
            help="Append a JSON line about each tool that ran and one about the answer.",
        ),
    ] = None
    allow_truncated: Annotated[
        bool, option("--allow-truncated", help="An answer cut at its token limit is no failure.")
    ] = False


def _ask(
    program: Program,
    *,
    live: bool,
    prompt: Prompt,
    conversation: Conversation,
    system: SystemMessage,
    stdin: StandardInput,
    request: Request,
    thinking: Thinking,
    output: Output,
    fit: Fitting,
    tools: Tools,
    kept: Kept,
    talk: Talk,
    service: Service,
) -> None:
    from mmpipe.chat.answer import Options

    chosen = Options(
        conversation=conversation_options(
            prompt, conversation, system, stdin, tuple(tools.tool_result or ())
        ),
        tools=tool_options(tools),
        fitting=fitting(fit),
        recordings=recordings(kept),
        parameters=tuple(request.param or ()),
        native_thinking=request.native_thinking,
        streamed=request.wire != "whole",
        form=_form(output, thinking, live=live),
        meta=output.meta,
        allow_truncated=output.allow_truncated,
        profile=service.profile,
        manners=manners(talk),
        settings=settings(request, thinking, service),
    )
    program.answer(chosen, program.streams, program.environment)


def _form(output: Output, thinking: Thinking, *, live: bool) -> "Form":
    from mmpipe.chat.outputs import Form

    if output.json and output.format not in (None, "json"):
        raise UsageError(f"--json and -F {output.format} contradict each other")
    return Form(
        "json" if output.json else output.format or "text",
        thinking_file=thinking.thinking_file,
        output=output.output,
        live=live,
    )


_DETAILS = """
    A conversation (-c, --messages, -F messages) is a message of the API on each line, kept as it came and sent back
    whole. FILE is locked from its reading to the one write that extends it, once the answer is there.

    A COMMAND of --run gets the arguments of the call as JSON on standard input; what it prints is the result, and a
    status other than 0 is told to the model. It gets PATH, HOME, USER, LOGNAME, SHELL, TERM, TMPDIR, TZ, LANG and LC_*,
    and is killed with its children. Without --run the calls come out, and --tool-result goes on.

    The schema is told to the model in a system message that is not kept. Fences and prose around the JSON are taken off.
    """

CHAT = Command(
    "chat",
    "Ask one prompt, and write the answer once it is whole.",
    partial(_ask, live=False),
    common=COMMON,
    details=_DETAILS,
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
    details=_DETAILS,
    examples=(
        Example('mmpipe stream -n -t show "Is 91 prime?"', "Watch the thinking, and then the answer."),
        Example(
            """mmpipe stream -n -F jsonl "A story." | jq -rj 'select(.type == "text").text'""",
            "Events for a program, one JSON object a line.",
        ),
    ),
)

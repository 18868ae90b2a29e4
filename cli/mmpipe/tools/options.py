"""Options of function calling: `--tools`, `--run` and the limits of both."""

from collections.abc import Iterator
from typing import Annotated

from mmpipe.dataclass import dataclass
from mmpipe.grammar import OptionGroup, option
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import NamedInput

CHOICES = ("auto", "none", "required")


@dataclass(frozen=True, slots=True)
class ToolOptions(OptionGroup):
    """Functions that the model may call; `run` has texts such as `get_time=date -u`."""

    title = "Function calling"

    tools: Annotated[
        str | None,
        option("--tools", metavar="FILE", help="Tool definitions of OpenAI, MCP, Anthropic or Gemini."),
    ] = None
    tool_choice: Annotated[
        str | None,
        option("--tool-choice", metavar="CHOICE", help="auto, none, required, or the name of a tool."),
    ] = None
    tool_result: Annotated[
        tuple[str, ...],
        option(
            "--tool-result", metavar="ID=TEXT", help="The result of a call; @FILE reads it, @- from stdin."
        ),
    ] = ()
    run: Annotated[
        tuple[str, ...],
        option(
            "--run", metavar="NAME=COMMAND", help="Run COMMAND when the model calls NAME; no shell is used."
        ),
    ] = ()
    concurrency: Annotated[
        int,
        option(
            "-j", "--concurrency", metavar="N", at_least=1, help="Most tools that run at once [{default}]."
        ),
    ] = 4
    max_rounds: Annotated[
        int,
        option("--max-rounds", metavar="N", at_least=0, help="Most rounds of calls [{default}]."),
    ] = 8
    max_calls: Annotated[
        int, option("--max-calls", metavar="N", at_least=0, help="Most calls in all [{default}].")
    ] = 32
    tool_timeout: Annotated[
        float,
        option(
            "--tool-timeout", metavar="DURATION", above=0, help="Kill a tool that runs longer [{default}]."
        ),
    ] = 30.0
    confirm: Annotated[bool, option("--confirm", help="Ask on the terminal before each tool is run.")] = False
    sandbox: Annotated[
        bool, option("--sandbox", help="Run tools in bubblewrap: no network, no writable files.")
    ] = False
    tool_dir: Annotated[
        str | None, option("--tool-dir", metavar="DIR", help="Where tools run; writable in the sandbox too.")
    ] = None
    tool_env: Annotated[
        tuple[str, ...],
        option(
            "--tool-env", metavar="NAME", help="A variable that tools get beside PATH, HOME, LANG and such."
        ),
    ] = ()

    @property
    def input(self) -> NamedInput | None:
        """The file of the definitions."""
        return NamedInput.of("--tools", self.tools)

    @property
    def result_inputs(self) -> Iterator[NamedInput]:
        """The files of results."""
        for result in self.tool_result:
            identity, _, value = result.partition("=")
            if value.startswith("@"):
                yield name_result(identity, value[1:])


def name_result(identity: str, path: str) -> NamedInput:
    """Return the file with the result of a call, as an input."""
    return NamedInput(f"--tool-result {one_line(identity, 60)}", path)

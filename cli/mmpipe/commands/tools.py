"""The section of function calling: what the model may call, what then runs, and how it is held."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mmpipe.errors import UsageError
from mmpipe.grammar import Section, option

if TYPE_CHECKING:
    from mmpipe.tools.options import ToolOptions


@dataclass(frozen=True, slots=True)
class Tools(Section):
    """Functions that the model may call."""

    title = "Function calling"

    tools: Annotated[
        str | None, option("--tools", metavar="FILE", help="Tool definitions, as OpenAI has them.")
    ] = None
    tool_choice: Annotated[
        str | None,
        option("--tool-choice", metavar="CHOICE", help="auto, none, required, or the name of a tool."),
    ] = None
    tool_result: Annotated[
        list[str] | None,
        option(
            "--tool-result", metavar="ID=TEXT", help="The result of a call; @FILE reads it, @- from stdin."
        ),
    ] = None
    run: Annotated[
        list[str] | None,
        option(
            "--run", metavar="NAME=COMMAND", help="Run COMMAND when the model calls NAME; no shell is used."
        ),
    ] = None
    concurrency: Annotated[
        int, option("-j", "--concurrency", metavar="N", help="Most tools that run at once [4].")
    ] = 4
    max_rounds: Annotated[
        int, option("--max-rounds", metavar="N", help="End after so many rounds of calls [8].")
    ] = 8
    max_calls: Annotated[int, option("--max-calls", metavar="N", help="End after so many calls [32].")] = 32
    tool_timeout: Annotated[
        float, option("--tool-timeout", metavar="SECONDS", help="Kill a tool that runs longer [30].")
    ] = 30.0
    confirm: Annotated[bool, option("--confirm", help="Ask on the terminal before each tool is run.")] = False
    sandbox: Annotated[
        bool, option("--sandbox", help="Run tools in bubblewrap: no network, nothing to write to.")
    ] = False
    tool_dir: Annotated[
        str | None, option("--tool-dir", metavar="DIR", help="Where tools run; writable in the sandbox too.")
    ] = None
    tool_env: Annotated[
        list[str] | None,
        option(
            "--tool-env", metavar="NAME", help="A variable that tools get beside PATH, HOME, LANG and such."
        ),
    ] = None


def tool_options(tools: Tools) -> "ToolOptions":
    from mmpipe.tools.options import Bounds, ToolOptions

    least = {
        "-j": (tools.concurrency, 1),
        "--max-rounds": (tools.max_rounds, 0),
        "--max-calls": (tools.max_calls, 0),
    }
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise UsageError(f"{name} is {value}: it must be at least {lowest}")
    return ToolOptions(
        file=tools.tools,
        choice=tools.tool_choice,
        runs=tuple(tools.run or ()),
        confirm=tools.confirm,
        sandbox=tools.sandbox,
        folder=tools.tool_dir,
        variables=tuple(tools.tool_env or ()),
        seconds=tools.tool_timeout,
        bounds=Bounds(rounds=tools.max_rounds, calls=tools.max_calls, jobs=tools.concurrency),
    )

"""Call the tools that a prompt names, with what the prompt holds as arguments."""

import re
from collections.abc import Sequence
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.simulator.asked_schema import AskedSchema
from mmpipe.simulator.instances import OptionalMembers, build_instance
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.rounds import OrderedCall
from mmpipe.simulator.schema_check import NoInstance
from mmpipe.text.json_encoding import format_json

_MOST_CALLS: Final = 8


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool of a request: its name, and the schema of its arguments."""

    name: str
    parameters: object


def read_tools(body: Json) -> tuple[OfferedTool, ...]:
    """Return the tools of a request that passed validation."""
    tools = body.get("tools")
    functions = [tool["function"] for tool in tools] if isinstance(tools, list) else []
    return tuple(OfferedTool(str(each["name"]), each["parameters"]) for each in functions)


def call_named_tools(prompt: str, tools: Sequence[OfferedTool]) -> list[OrderedCall]:
    """Return a call of each tool that the prompt names, in the order of the names."""
    places = [(place, tool) for tool in tools if (place := _find_name(prompt, tool.name)) is not None]
    named = sorted(places, key=lambda found: found[0])[:_MOST_CALLS]
    calls = []
    for place, tool in named:
        # One of several takes first what follows its name.
        text = prompt if len(named) == 1 else f"{prompt[place:]}\n{prompt[:place]}"
        try:
            arguments = build_instance(AskedSchema(tool.parameters), text, OptionalMembers.GIVEN)
        except NoInstance:
            continue
        calls.append(OrderedCall(tool.name, format_json(arguments)))
    return calls


def _find_name(prompt: str, name: str) -> int | None:
    """Return the place of the name as a word or words, in any case."""
    words = re.escape(name).replace("_", "[_ ]")
    found = re.search(rf"(?<!\w){words}(?!\w)", prompt, re.IGNORECASE)
    return found and found.start()

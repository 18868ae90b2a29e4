"""openai-agents: an agent over chat completions, alone, streamed, with tools, with an output type, and with a handoff."""

import asyncio

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel
from reporting import check, report

set_tracing_disabled(disabled=True)


class City(BaseModel):
    name: str
    bridges: int


@function_tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def agent(name: str = "Agent", **settings: object) -> Agent:
    return Agent(
        name=name,
        model=OpenAIChatCompletionsModel("MiniMax-M3", AsyncOpenAI()),
        model_settings=ModelSettings(temperature=0, extra_body={"reasoning_split": True}),
        **settings,
    )


async def chat() -> None:
    check("Hello", (await Runner.run(agent(), "sim:echo Hello")).final_output)


async def stream() -> None:
    result = Runner.run_streamed(agent(), "sim:length 500")
    events = [event async for event in result.stream_events()]
    check((500, True), (len(result.final_output), len(events) > 3))


async def tools() -> None:
    prompt = 'sim:tool weather {"city": "Paris"}\nsim:tool weather {"city": "Rome"}\nsim:then\nsim:say Done.'
    result = await Runner.run(agent(tools=[weather]), prompt)
    outputs = [item.output for item in result.new_items if item.type == "tool_call_output_item"]
    check((["sunny in Paris", "sunny in Rome"], "Done."), (outputs, result.final_output))


async def structured() -> None:
    result = await Runner.run(agent(output_type=City), 'sim:echo {"name": "Rome", "bridges": 30}')
    check(City(name="Rome", bridges=30), result.final_output)


async def handoff() -> None:
    other = agent("Other")
    result = await Runner.run(
        agent(handoffs=[other]), "sim:tool transfer_to_other\nsim:then\nsim:say It is me."
    )
    check(("It is me.", "Other"), (result.final_output, result.last_agent.name))


features = {"chat": chat, "stream": stream, "tools": tools, "output type": structured, "handoff": handoff}
report("openai-agents", {name: lambda run=run: asyncio.run(run()) for name, run in features.items()})

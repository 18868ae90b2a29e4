"""pydantic-ai: an agent alone, streamed, with a tool, and with each way of structured output."""

import asyncio

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from reporting import check, report

CITY = '{"name": "Rome", "bridges": 30}'


class City(BaseModel):
    name: str
    bridges: int


def agent(**settings: object) -> Agent:
    model = OpenAIChatModel(
        "MiniMax-M3", settings={"extra_body": {"reasoning_split": True}, "temperature": 0}
    )
    return Agent(model, **settings)


def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def chat() -> None:
    check("Hello", agent().run_sync("sim:echo Hello").output)


async def stream_text() -> None:
    async with agent().run_stream("sim:length 500") as result:
        texts = [text async for text in result.stream_text(delta=True, debounce_by=None)]
    check((500, True), (len("".join(texts)), len(texts) > 1))


def tools() -> None:
    prompt = 'sim:tool weather {"city": "Paris"}\nsim:tool weather {"city": "Rome"}\nsim:then\nsim:say Done.'
    result = agent(tools=[weather]).run_sync(prompt)
    check("Done.", result.output)
    check(True, all(f"sunny in {city}" in str(result.all_messages()) for city in ("Paris", "Rome")))


def structured(output: object, prompt: str) -> None:
    check(City(name="Rome", bridges=30), agent(output_type=output).run_sync(prompt).output)


async def parallel() -> None:
    results = await asyncio.gather(*(agent().run(f"sim:echo {number}") for number in range(10)))
    check([str(number) for number in range(10)], [result.output for result in results])


report(
    "pydantic-ai-slim",
    {
        "chat": chat,
        "stream": lambda: asyncio.run(stream_text()),
        "tools": tools,
        "output by a tool": lambda: structured(ToolOutput(City, name="city"), f"sim:tool city {CITY}"),
        "output by JSON Schema": lambda: structured(NativeOutput(City), f"sim:echo {CITY}"),
        "output by a prompt": lambda: structured(PromptedOutput(City), f"sim:echo {CITY}"),
        "10 in parallel": lambda: asyncio.run(parallel()),
    },
)

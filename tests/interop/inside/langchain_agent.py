"""LangChain: a model alone, with tools and with a schema, and an agent."""

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from reporting import check, report


class City(BaseModel):
    """A city."""

    name: str
    bridges: int


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def model() -> ChatOpenAI:
    return ChatOpenAI(
        model="MiniMax-M3",
        temperature=0,
        max_retries=0,
        extra_body={"reasoning_split": True},
        stream_usage=True,
    )


def chat() -> None:
    check("Hello", model().invoke("sim:echo Hello").content)


def stream() -> None:
    texts = [str(chunk.content) for chunk in model().stream("sim:length 500")]
    check((500, True), (len("".join(texts)), len(texts) > 3))


def tools() -> None:
    reply = model().bind_tools([weather]).invoke('sim:tool weather {"city": "Paris"}')
    check([("weather", {"city": "Paris"})], [(call["name"], call["args"]) for call in reply.tool_calls])


def streamed_tools() -> None:
    whole = None
    for chunk in (
        model()
        .bind_tools([weather])
        .stream('sim:tool weather {"city": "Rome"}\nsim:tool weather {"city": "Oslo"}')
    ):
        whole = chunk if whole is None else whole + chunk
    check(["Rome", "Oslo"], [call["args"]["city"] for call in whole.tool_calls] if whole else None)


def structured(method: str) -> None:
    prompt = 'sim:echo {"name": "Rome", "bridges": 30}'
    if method == "function_calling":
        prompt = 'sim:tool City {"name": "Rome", "bridges": 30}'
    check(City(name="Rome", bridges=30), model().with_structured_output(City, method=method).invoke(prompt))


def agent() -> None:
    prompt = 'sim:tool weather {"city": "Paris"}\nsim:then\nsim:tool weather {"city": "Rome"}'
    state = create_agent(model(), [weather]).invoke({"messages": [{"role": "user", "content": prompt}]})
    results = [message.content for message in state["messages"] if message.type == "tool"]
    check(["sunny in Paris", "sunny in Rome"], results)
    check(True, "“sunny in Rome”" in str(state["messages"][-1].content))


report(
    "langchain-openai",
    {
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "tools, streamed": streamed_tools,
        "schema by JSON Schema": lambda: structured("json_schema"),
        "schema by a tool": lambda: structured("function_calling"),
        "agent": agent,
    },
)

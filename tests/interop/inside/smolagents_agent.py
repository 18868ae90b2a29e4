"""smolagents: a model alone, and agents that call tools or write code."""

from reporting import check, report
from smolagents import CodeAgent, OpenAIModel, ToolCallingAgent, tool


@tool
def weather(city: str) -> str:
    """Return the weather of a city.

    Args:
        city: The name of the city.
    """
    return f"sunny in {city}"


def model() -> OpenAIModel:
    return OpenAIModel("MiniMax-M3", extra_body={"reasoning_split": True}, temperature=0)


def chat() -> None:
    check("Hello", model().generate([{"role": "user", "content": "sim:echo Hello"}]).content)


def stream() -> None:
    chunks = model().generate_stream([{"role": "user", "content": "sim:length 500"}])
    check(500, len("".join(chunk.content or "" for chunk in chunks)))


def tool_calling(**settings: object) -> None:
    agent = ToolCallingAgent(tools=[weather], model=model(), max_steps=4, verbosity_level=0, **settings)
    prompt = (
        'sim:tool weather {"city": "Paris"}\nsim:tool weather {"city": "Rome"}\nsim:then\n'
        'sim:tool final_answer {"answer": "Sunny everywhere."}'
    )
    check("Sunny everywhere.", agent.run(prompt))
    observed = [step.observations for step in agent.memory.steps if getattr(step, "observations", None)]
    check(True, all(f"sunny in {city}" in observed[0] for city in ("Paris", "Rome")))


def additional_arguments() -> None:
    agent = ToolCallingAgent(tools=[weather], model=model(), max_steps=3, verbosity_level=0)
    prompt = 'sim:tool weather {"city": "Oslo"}\nsim:then\nsim:tool final_answer {"answer": 7}'
    check(7, agent.run(prompt, additional_args={"unit": "celsius"}))


def code() -> None:
    agent = CodeAgent(tools=[weather], model=model(), max_steps=2, verbosity_level=0)
    answer = agent.run("sim:echo Thought: I look.\n<code>\nfinal_answer(weather('Paris'))\n</code>")
    check("sunny in Paris", answer)


report(
    "smolagents",
    {
        "chat": chat,
        "stream": stream,
        "ToolCallingAgent": tool_calling,
        "ToolCallingAgent, streamed": lambda: tool_calling(stream_outputs=True),
        "ToolCallingAgent, more arguments": additional_arguments,
        "ToolCallingAgent with plans": lambda: tool_calling(planning_interval=1),
        "CodeAgent": code,
    },
)

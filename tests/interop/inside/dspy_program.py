"""DSPy, which sends a prompt among fields of its own: a prediction, a chain of thought, and an agent with a tool."""

import dspy
from reporting import check, report

ANSWER = "[[ ## answer ## ]]\n{answer}\n[[ ## completed ## ]]"


def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def predict() -> None:
    answer = ANSWER.format(answer="Paris")
    check("Paris", dspy.Predict("question -> answer")(question=f"sim:echo {answer}").answer)


def think() -> None:
    order = "sim:echo [[ ## reasoning ## ]]\nI know it.\n" + ANSWER.format(answer="Rome")
    check("Rome", dspy.ChainOfThought("question -> answer")(question=order).answer)


dspy.configure(
    lm=dspy.LM("openai/MiniMax-M3", cache=False, temperature=0, extra_body={"reasoning_split": True}),
)
report("dspy", {"a prediction": predict, "a chain of thought": think})

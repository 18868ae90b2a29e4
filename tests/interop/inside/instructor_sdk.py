"""instructor: structured output by a tool and by JSON, with a repeated request after an invalid answer."""

import instructor
import openai
from pydantic import BaseModel, Field
from reporting import check, report

ROME = {"name": "Rome", "bridges": 30}
CITY = '{"name": "Rome", "bridges": 30}'


class City(BaseModel):
    """A city."""

    name: str
    bridges: int = Field(gt=0)


def extract(mode: instructor.Mode, prompt: str) -> dict[str, object]:
    client = instructor.from_openai(openai.OpenAI(), mode=mode)
    city = client.chat.completions.create(
        model="MiniMax-M3",
        messages=[{"role": "user", "content": prompt}],
        response_model=City,
        max_retries=2,
        extra_body={"reasoning_split": True},
    )
    return city.model_dump()


def by_tool() -> None:
    check(ROME, extract(instructor.Mode.TOOLS, f"sim:tool City {CITY}"))


def by_json() -> None:
    check(ROME, extract(instructor.Mode.JSON, f"sim:echo {CITY}"))


def corrected() -> None:
    prompt = f'sim:turns {{"name": "Rome", "bridges": 0}}|||{CITY}'
    check(ROME, extract(instructor.Mode.JSON, prompt))


report(
    "instructor", {"schema by a tool": by_tool, "schema by JSON": by_json, "a corrected answer": corrected}
)

"""The command `llm`, with a file of extra OpenAI models: chat, stream, a function, a schema, a conversation."""

import json
import os
import subprocess
from pathlib import Path

from reporting import check, report

ANSWER_S = 60
MODELS = """\
- model_id: sim
  model_name: MiniMax-M3
  api_base: "{url}"
  supports_tools: true
  supports_schema: true
"""
FUNCTION = (
    'def weather(city: str) -> str:\n    "Return the weather of a city."\n    return f"sunny in {city}"\n'
)


def llm(*arguments: str) -> str:
    done = subprocess.run(
        ["llm", *arguments],
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise AssertionError(f"status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def chat() -> None:
    check("Hello\n", llm("-m", "sim", "--no-stream", "sim:echo Hello"))


def stream() -> None:
    check(500, len(llm("-m", "sim", "sim:length 500").removesuffix("\n")))


def tools() -> None:
    answer = llm("-m", "sim", "--functions", FUNCTION, 'sim:tool weather {"city": "Paris"}')
    check(True, "“sunny in Paris”" in answer)


def schema() -> None:
    answer = llm("-m", "sim", "--schema", "name, bridges int", 'sim:echo {"name": "Rome", "bridges": 30}')
    check({"name": "Rome", "bridges": 30}, json.loads(answer))


def conversation() -> None:
    llm("-m", "sim", "sim:turns one|||two")
    check("two\n", llm("-c", "And now?"))


folder = Path.cwd() / "llm"
folder.mkdir()
os.environ["LLM_USER_PATH"] = str(folder)
(folder / "extra-openai-models.yaml").write_text(MODELS.format(url=os.environ["OPENAI_BASE_URL"]))
report(
    "llm", {"chat": chat, "stream": stream, "tools": tools, "schema": schema, "conversation": conversation}
)

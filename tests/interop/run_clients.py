"""Runs third-party clients against `mmpipe sim`: `python tests/interop/run_clients.py [NAME]...`.

Installs each from its registry into a virtual environment of its own in a temporary folder (MMPIPE_INTEROP keeps the folder
from run to run). One line for each feature: client, version, feature, and `ok` or the reason. The status is 1 if one fails.
Every wait has a limit.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from processes import Unavailable, make_environment, simulator

PROGRAMS = Path(__file__).parent / "inside"
RUN_S = 300.0


@dataclass(frozen=True)
class Client:
    """A client: its program in the folder `inside`, the packages to install, and options of the simulator."""

    program: str
    packages: tuple[str, ...]
    options: tuple[str, ...] = ()


CLIENTS: Mapping[str, Client] = {
    "openai": Client("openai_sdk.py", ("openai",)),
    "langchain": Client("langchain_agent.py", ("langchain-openai", "langchain")),
    "litellm": Client("litellm_sdk.py", ("litellm",)),
    # It can neither send `reasoning_split` nor leave out <think>: it needs a server that splits by itself.
    "llm": Client("llm_command.py", ("llm",), ("--dialect", "reasoning")),
    "pydantic-ai": Client("pydantic_agent.py", ("pydantic-ai-slim[openai]",)),
    "instructor": Client("instructor_sdk.py", ("instructor",)),
    "openai-agents": Client("openai_agents.py", ("openai-agents",)),
    "dspy": Client("dspy_program.py", ("dspy",)),
    "smolagents": Client("smolagents_agent.py", ("smolagents[openai]",)),
}


def run_client(client: Client, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each feature of a client with its result. Raises Unavailable."""
    folder.mkdir(exist_ok=True)
    programs = make_environment(folder / "environment", *client.packages)
    with tempfile.TemporaryDirectory(dir=folder) as home, simulator(folder, *client.options) as port:
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": home,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "OPENAI_API_KEY": "sk-sim-0000000000000000",
        }
        command = (programs / "python", PROGRAMS / client.program)
        try:
            done = subprocess.run(
                command, env=environment, cwd=home, timeout=RUN_S, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            yield "in time", f"it takes more than {RUN_S:.0f} s"
            return
    for line in done.stdout.splitlines():
        feature, result = json.loads(line)
        yield feature, result
    if done.returncode:
        yield "to its end", (done.stderr.strip().splitlines() or ["no word"])[-1]


def main(names: list[str]) -> int:
    """Run the named clients, or all; return the exit status."""
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("MMPIPE_INTEROP", temporary)).absolute()
        folder.mkdir(exist_ok=True)
        for name in names or CLIENTS:
            try:
                for feature, result in run_client(CLIENTS[name], folder / name):
                    print(f"{feature:55} {result}", flush=True)
                    failed += result != "ok"
            except Unavailable as error:
                print(f"{name:55} not here: {error}", flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

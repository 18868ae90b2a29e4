"""The samples of the official page run unchanged, with the plain SDK."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.server import RunningSimulator
from support.simulator_client import KEY, SPLIT, ask, chat, simulator

SAMPLES = Path(__file__).parent / "samples"
CONVERSATION = {
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hi, how are you?"},
    ]
}


def run_sample(name: str, running: RunningSimulator) -> str:
    environment = {"PATH": os.defpath, "OPENAI_BASE_URL": running.base_url, "OPENAI_API_KEY": KEY}
    command = [sys.executable, "-c", (SAMPLES / name).read_text("utf-8")]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def expected(running: RunningSimulator) -> tuple[str, str]:
    message = ask(running, chat(**SPLIT) | CONVERSATION).message
    return str(message["reasoning_content"]), str(message["content"])


@pytest.mark.slow
def test_the_quick_start_prints_thinking_and_text() -> None:
    with simulator() as running:
        thinking, text = expected(running)
        assert run_sample("quick_start.txt", running) == f"Thinking:\n{thinking}\n\nText:\n{text}\n\n"


@pytest.mark.slow
def test_the_streaming_sample_prints_each_text_once_if_chunks_are_cumulative() -> None:
    with simulator(dialects=frozenset({Dialect.CUMULATIVE})) as running:
        thinking, text = expected(running)
        printed = run_sample("streaming.txt", running)
    rule = "=" * 60
    while_it_came, _, at_the_end = printed.partition(f"\n{rule}\nResponse Content:\n{rule}\n")
    assert while_it_came.endswith(f"Thinking Process:\n{rule}\n{thinking}{text}")
    assert at_the_end == f"{text}\n\n"


@pytest.mark.slow
def test_the_streaming_sample_loses_text_if_chunks_are_incremental() -> None:
    """The same holds for the real API: the sample expects cumulative chunks (FACTS.md, "Streams")."""
    with simulator() as running:
        _, text = expected(running)
        assert text not in run_sample("streaming.txt", running)

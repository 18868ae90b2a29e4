"""The cost of a whole call, against the same call as a bare SDK script: `python tests/bench/call.py`."""

import os
import sys
import tempfile
from pathlib import Path

from measure import compare

from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator

CREATE = """
from openai import OpenAI
client = OpenAI()
messages = [{"role": "user", "content": "Why is the sky blue?"}]
answer = client.chat.completions.create(model="MiniMax-M3", messages=messages, extra_body={"reasoning_split": True}%s)
"""
WHOLE = CREATE % "" + "print(answer.choices[0].message.content)\n"
STREAMED = (
    CREATE % ", stream=True"
    + "for chunk in answer:\n    print(chunk.choices[0].delta.content or '', end='')\n"
)


def run() -> None:
    with RunningSimulator(SimulatorProfile()) as simulator, tempfile.TemporaryDirectory() as folder:
        pair = {"BASE_URL": simulator.base_url, "API_KEY": "simulated"}
        services = ("MINIMAX", "OPENAI")
        environment = os.environ | {
            f"{service}_{name}": value for service in services for name, value in pair.items()
        }
        scripts = {"whole": WHOLE, "streamed": STREAMED}
        for name, script in scripts.items():
            Path(folder, f"{name}.py").write_text(script, encoding="utf-8")
        mmpipe = (sys.executable, "-m", "mmpipe")
        question = ("-n", "Why is the sky blue?")
        compare(
            {
                "bare SDK script, whole": (sys.executable, f"{folder}/whole.py"),
                "bare SDK script, streamed": (sys.executable, f"{folder}/streamed.py"),
                "mmpipe chat": (*mmpipe, "chat", *question),
                "mmpipe chat --wire whole": (*mmpipe, "chat", "--wire", "whole", *question),
                "mmpipe stream": (*mmpipe, "stream", *question),
            },
            environment=environment,
        )


if __name__ == "__main__":
    run()

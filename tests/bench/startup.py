"""The cost of starting, against a bare interpreter: `python tests/bench/startup.py`."""

import sys

from measure import compare

MMPIPE = (sys.executable, "-m", "mmpipe")

if __name__ == "__main__":
    compare(
        {
            "python -c pass": (sys.executable, "-c", "pass"),
            "mmpipe --version": (*MMPIPE, "--version"),
            "mmpipe --help": (*MMPIPE, "--help"),
            "mmpipe chat --help": (*MMPIPE, "chat", "--help"),
            "mmpipe models": (*MMPIPE, "models"),
            "mmpipe models, read by Typer": (*MMPIPE, "models", "-vq"),
        }
    )

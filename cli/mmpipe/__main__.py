"""Runs `mmpipe` for `python -m mmpipe`."""

from mmpipe.main import run

run()

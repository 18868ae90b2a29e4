"""`python -m mmpipe` is `mmpipe`."""

from mmpipe.main import run

run()

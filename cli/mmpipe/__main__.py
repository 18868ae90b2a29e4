"""Runs `mmpipe` for `python -m mmpipe`."""

import sys

if not sys.flags.safe_path:
    # With -m the first place to look for modules is the current folder, whose files are not trusted. This package was
    # found already; nothing else is loaded from there. A `mmpipe.py` there comes first: only `python -P -m` passes it by.
    del sys.path[0]

from mmpipe.main import run

run()

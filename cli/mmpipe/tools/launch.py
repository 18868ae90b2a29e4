"""Builds the command that starts a tool through the launcher."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def build_launch(words: Iterable[str], command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` under the limits in `words`, such as `NOFILE=1024`; launcher.py has the others."""
    launcher = str(Path(__file__).with_name("launcher.py"))
    return [sys.executable, "-I", "-S", launcher, str(os.getpid()), *words, "--", *command]

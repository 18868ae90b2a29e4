"""Builds the command that starts a tool through the launcher."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def build_launch(limits: Iterable[str], command: Sequence[str], *, hides_keys: bool) -> list[str]:
    """Return the words that run `command` under `limits`, such as `NOFILE=1024`; with `hides_keys` without our session keyring."""
    launcher = str(Path(__file__).with_name("launcher.py"))
    words = (*limits, *(["KEYRING=new"] if hides_keys else []))
    return [sys.executable, "-I", "-S", launcher, str(os.getpid()), *words, "--", *command]

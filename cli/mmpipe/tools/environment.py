"""Keeps what is secret in our environment from the tools that we run."""

import sys
from collections.abc import Mapping, Sequence

from mmpipe.errors import UsageError

_ALLOWED = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TERM", "TMPDIR"})
_LOCALE = "LC_"
_KEYS = ("MINIMAX_API_KEY", "OPENAI_API_KEY")
_PATH = "/usr/local/bin:/usr/bin:/bin"
_TELLING = 12  # characters; a key so long is no part of another value by chance
_SET_DUMPABLE = 4  # PR_SET_DUMPABLE of <linux/prctl.h>


def tool_environment(environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The variables that a tool gets: a short list that harms nobody, and `names` that the user adds.

    A list of what is allowed, since nobody knows all the names under which secrets are kept. Raises UsageError for
    what is no name, and for a variable that is or holds an API key.
    """
    keys = [value for name in _KEYS if (value := environment.get(name, "").strip())]
    for name in names:
        if not name or "=" in name or "\0" in name:
            raise UsageError(f"--tool-env {name!r} is no name of a variable")
        if name in _KEYS or _holds_any(environment.get(name, ""), keys):
            raise UsageError(f"--tool-env {name}: no tool is given an API key")
    given = {
        name: value
        for name, value in environment.items()
        if name in names or ((name in _ALLOWED or name.startswith(_LOCALE)) and not _holds_any(value, keys))
    }
    return {"PATH": _PATH, **given}


def hide_environment() -> bool:
    """Keep the memory of this process, and so the key, from other processes of the same user; returns whether it worked.

    On Linux `/proc/PID/environ` and `/proc/PID/mem` of this process are then closed, and no debugger can attach. A tool
    would otherwise find the key there, as its parent's. This covers neither a tool with CAP_SYS_PTRACE or CAP_PERFMON (root
    has them, unless they are taken away as in the sandbox), nor other processes of the user that have the key: the shell that
    exported it can be read by every program that the user runs, and hiding it from a tool takes the sandbox.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    failure: int = ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    return failure == 0


def _holds_any(value: str, keys: Sequence[str]) -> bool:
    return any(key == value.strip() or (len(key) >= _TELLING and key in value) for key in keys)

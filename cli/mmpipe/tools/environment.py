"""Keeps the secrets of our environment from tools."""

import sys
from collections.abc import Mapping, Sequence

from mmpipe.config.keys import KEY_VARIABLES
from mmpipe.errors import UsageError

_ALLOWED = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TERM", "TMPDIR"})
_LOCALE = "LC_"
_PATH = "/usr/local/bin:/usr/bin:/bin"
_MIN_KEY = 12  # characters; a shorter key may be part of another value by chance
_SET_DUMPABLE = 4  # PR_SET_DUMPABLE of <linux/prctl.h>


def select_environment(environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the variables for tools: a short list of harmless ones, and the `names` that the user adds.

    The list permits and does not forbid, since secrets have many names. Raises UsageError for an invalid name and for a
    variable that is or contains an API key.
    """
    keys = [value for name in KEY_VARIABLES if (value := environment.get(name, "").strip())]
    for name in names:
        if not name or "=" in name or "\0" in name:
            raise UsageError(f"--tool-env {name!r} is not a valid name of a variable")
        if name in KEY_VARIABLES or _contains_any(environment.get(name, ""), keys):
            raise UsageError(f"--tool-env {name}: no tool gets an API key")
    given = {
        name: value
        for name, value in environment.items()
        if name in names
        or ((name in _ALLOWED or name.startswith(_LOCALE)) and not _contains_any(value, keys))
    }
    return {"PATH": _PATH, **given}


def check_key(given: Mapping[str, str], key: str) -> None:
    """Raise UsageError if one of the variables for tools contains the key, which may come from a file or a command."""
    for name, value in given.items():
        if _contains_any(value, [key]):
            raise UsageError(f"--tool-env {name}: no tool gets an API key")


def hide_environment() -> bool:
    """Hide the memory of this process, and so the key, from other processes of the user; returns True on success.

    On Linux this closes `/proc/PID/environ` and `/proc/PID/mem` of this process, where a tool could read the key. It
    also keeps debuggers from attaching. Outside the sandbox two ways to the key stay open. A tool with CAP_SYS_PTRACE
    or CAP_PERFMON (root has both) can still read it. Other processes of the user, such as the shell that exported the
    key, are not hidden.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    failure: int = ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    return failure == 0


def _contains_any(value: str, keys: Sequence[str]) -> bool:
    return any(key == value.strip() or (len(key) >= _MIN_KEY and key in value) for key in keys)

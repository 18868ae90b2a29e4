"""Record each request, as a dict and as a line of the log."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mmpipe.simulator.json_text import Json, parse
from mmpipe.text.visible import visible_json

_SECRET = re.compile(r"auth|cookie|key|token|secret|password|credential")
_MASK = "****"


def mask_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with lower-case names, and without the values of those that may hold a secret."""
    named = ((name.lower(), value) for name, value in headers.items())
    return {name: _MASK if _SECRET.search(name) else value for name, value in named}


def decode_body(raw: bytes) -> object:
    """Return the JSON value of a body, or its text if it is not JSON."""
    with suppress(ValueError, RecursionError):
        return parse(raw)
    return raw.decode(errors="replace")


def append_record(log: Path, record: Json) -> None:
    """Append one line in one write, so that lines of several processes never mix."""
    append_line(log, visible_json(json.dumps(record)).encode() + b"\n")


def append_line(log: Path, line: bytes) -> None:
    """Append to a file that only its owner can read. An empty line only checks that the file can be written."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)

"""Records as a batch writes them, and the requests that they answer."""

import json
from hashlib import sha256
from pathlib import Path

from mmpipe.batch.journal.journal import Journal, open_journal

FAILED = {"code": 7, "name": "server"}


def asked(text: str = "a question") -> str:
    """The hash of a request."""
    return sha256(text.encode()).hexdigest()


def record(name: str, *, good: bool = True, request: str = "a question", **more: object) -> bytes:
    """A line in our own form."""
    fields: dict[str, object] = {"index": 0, "id": name, "content": "größer \u2028 \U0001f389"}
    fields |= {"request_sha256": asked(request)}
    fields |= {"attempt": 1, "error": None if good else FAILED, **more}
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def batch_api_line(name: str, *, good: bool = True) -> bytes:
    """A line as the Batch API has it."""
    fields: dict[str, object] = {
        "id": "batch_req_1",
        "custom_id": name,
        "response": {"body": {}} if good else None,
    }
    fields |= {"error": None if good else FAILED, "request_sha256": asked()}
    return json.dumps(fields).encode() + b"\n"


def resumed(path: Path, *more: bytes) -> str | None:
    """Go on with a journal; what was repaired."""
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        if more:
            journal.append(more)
        return journal.repaired


def states(journal: Journal, *names: str) -> list[str]:
    """Return the state of the usual request under each id."""
    return [journal.state(name, asked()) for name in names]

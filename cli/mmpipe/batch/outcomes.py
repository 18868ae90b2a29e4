"""Writes what became of a record as one JSON line: the contract's form, or that of the OpenAI Batch API."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmpipe.batch.engine import Outcome
from mmpipe.batch.records import BadRecord, Record
from mmpipe.errors import InputError, MmpipeError
from mmpipe.json_bytes import json_bytes
from mmpipe.reply import Attempts, Reply, usage_json
from mmpipe.strict_json import loads

_NAMES = ("id", "custom_id")


@dataclass(frozen=True, slots=True)
class Form:
    """How outcomes are written."""

    openai: bool = False
    with_thinking: bool = True
    pass_through: bool = False


def outcome_line(
    outcome: Outcome[Record], form: Form, earlier: int = 0, dollars: float | None = None
) -> bytes:
    """The line of a record that was asked, for so many dollars, and `earlier` so often by other runs."""
    record, error = outcome.item, outcome.error
    identity = _identity(record, earlier + outcome.attempts.count)
    if form.openai:
        said = _openai_response(outcome.reply) if error is None else None
        return _line({**_openai(record.id, record.index, said, error), **identity})
    answer = outcome.reply.record(outcome.attempts, with_thinking=form.with_thinking)
    line = {
        **_named(record),
        "index": record.index,
        "response_id": answer.pop("id") or None,
        **answer,
        "cost": dollars,
        "error": None if error is None else error.as_json(),
        **_passed_through(record, form),
        **identity,
    }
    return _line(line)


def copied_line(line: bytes, record: Record, form: Form, earlier: int = 0) -> bytes:
    """The line of a record that was not asked, since `line` answers the same request under another id."""
    said = loads(line.decode())
    assert isinstance(said, dict)  # noqa: S101  it is ours
    first = next(said[name] for name in reversed(_NAMES) if name in said)
    identity = {"same_as": first, **_identity(record, earlier)}
    if form.openai:
        return _line({**said, **_openai_names(record.id, record.index), **identity})
    answer = {name: value for name, value in said.items() if name not in (*_NAMES, "input")}
    unasked = {"attempts": 0, "elapsed_ms": 0, "cost": 0.0}
    place = {"index": record.index}
    return _line(
        {**_named(record), **answer, **place, **unasked, **_passed_through(record, form), **identity}
    )


def bad_record_line(record: BadRecord, form: Form) -> bytes:
    """The line of one that could not be asked; it has the same fields."""
    name = record.id if record.id is not None else str(record.index)
    error = InputError(f"{record.source}, line {record.number}: {record.message}")
    identity = {"request_sha256": None, "attempt": 0}
    if form.openai:
        return _line({**_openai(name, record.index, None, error), **identity})
    answer = Reply().record(Attempts(), with_thinking=form.with_thinking)
    del answer["id"]
    line = {"id": name, "index": record.index, "response_id": None, **answer, "cost": None}
    return _line({**line, "error": error.as_json(), **identity})


def _named(record: Record) -> dict[str, str]:
    return {"custom_id" if record.custom_id else "id": record.id}


def _passed_through(record: Record, form: Form) -> dict[str, object]:
    return {"input": record.fields} if form.pass_through else {}


def _identity(record: Record, attempt: int) -> dict[str, object]:
    """By this a later run knows the line again."""
    return {"request_sha256": record.sha256, "attempt": attempt}


def _openai(
    name: str, index: int, response: Mapping[str, object] | None, error: MmpipeError | None
) -> dict[str, object]:
    """As the Batch API writes its output file: one of `response` and `error` is null."""
    return {
        **_openai_names(name, index),
        "response": response,
        "error": None if error is None else {**error.as_json(), "code": error.status.label.replace(" ", "_")},
    }


def _openai_names(name: str, index: int) -> dict[str, object]:
    return {"id": f"batch_req_{name}", "custom_id": name, "index": index}


def _openai_response(reply: Reply) -> dict[str, object]:
    choice = {"index": 0, "message": reply.message, "finish_reason": reply.finish_reason}
    body = {
        "id": reply.id,
        "object": "chat.completion",
        "model": reply.model,
        "choices": [choice],
        "usage": usage_json(reply.usage),
    }
    return {"status_code": 200, "request_id": reply.request_id, "body": body}


def _line(record: Mapping[str, object]) -> bytes:
    return json_bytes(record) + b"\n"

"""Writes what became of a record as one JSON line: the contract's form, or that of the OpenAI Batch API."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmpipe.batch.engine import Outcome
from mmpipe.batch.records import BadRecord, Record
from mmpipe.catalogue import cost
from mmpipe.errors import InputError, MmpipeError
from mmpipe.reply import Attempts, Reply, usage_json


@dataclass(frozen=True, slots=True)
class Form:
    """How outcomes are written; `earlier` are the attempts that the journal knows of other runs."""

    openai: bool = False
    with_thinking: bool = True
    pass_through: bool = False


def outcome_line(outcome: Outcome[Record], form: Form, earlier: int = 0) -> bytes:
    """The line of a record that was asked."""
    record, error = outcome.item, outcome.error
    attempt = earlier + outcome.attempts.count
    if form.openai:
        said = _openai_response(outcome.reply) if error is None else None
        return _line({**_openai(record.id, said, error), **_identity(record, attempt)})
    answer = outcome.reply.record(outcome.attempts, with_thinking=form.with_thinking)
    line = {
        **_named(record),
        "index": record.index,
        "response_id": answer.pop("id") or None,
        **answer,
        "cost": cost(outcome.reply.model, outcome.reply.usage),
        "error": None if error is None else error.as_json(),
        **({"input": record.fields} if form.pass_through else {}),
        **_identity(record, attempt),
    }
    return _line(line)


def bad_record_line(record: BadRecord, form: Form) -> bytes:
    """The line of one that could not be asked; it has the same fields."""
    name = record.id if record.id is not None else str(record.index)
    error = InputError(f"{record.source}, line {record.number}: {record.message}")
    if form.openai:
        return _line({**_openai(name, None, error), "custom_id": name, "attempt": 0})
    answer = Reply().record(Attempts(), with_thinking=form.with_thinking)
    del answer["id"]
    line = {"id": name, "index": record.index, "response_id": None, **answer, "cost": None}
    return _line({**line, "error": error.as_json(), "attempt": 0})


def _named(record: Record) -> dict[str, str]:
    return {"custom_id" if record.custom_id else "id": record.id}


def _identity(record: Record, attempt: int) -> dict[str, object]:
    """By this a later run knows the line again."""
    return {"request_sha256": record.sha256, "attempt": attempt}


def _openai(name: str, response: Mapping[str, object] | None, error: MmpipeError | None) -> dict[str, object]:
    """As the Batch API writes its output file: one of `response` and `error` is null."""
    return {
        "id": f"batch_req_{name}",
        "custom_id": name,
        "response": response,
        "error": None if error is None else {**error.as_json(), "code": error.status.label.replace(" ", "_")},
    }


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
    return _encode(record).encode(errors="backslashreplace") + b"\n"


_encode: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

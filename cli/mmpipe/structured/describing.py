"""Describes the errors of a validator in short lines, for a model and for a person; pure."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mmpipe.text.visible import one_line

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_MOST_ALTERNATIVES: Final = 3


def describe_error(error: "ValidationError") -> str:
    """Return one line: the place of the error in the value, and the error."""
    from jsonschema_rs import ValidationErrorKind

    what = shorten(error.message)
    if isinstance(error.kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        # Nobody knows which alternative was meant: give the first error of each.
        first = [branch[0] for branch in error.kind.context if branch][:_MOST_ALTERNATIVES]
        alternatives = "; or ".join(
            f"{_format_path(each.instance_path)}: {shorten(each.message)}" for each in first
        )
        what = f"no alternative is valid: {alternatives}" if alternatives else what
    return one_line(f"{_format_path(error.instance_path)}: {what}.", 1000)


def _format_path(steps: Iterable[str | int]) -> str:
    return shorten("$" + "".join(map(_format_step, steps)))


def _format_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"


def shorten(text: str, limit: int = 200) -> str:
    """Return both ends of the text: a message begins with the value, which may be huge, and ends with the error."""
    half = limit // 2
    return one_line(text if len(text) <= limit else f"{text[:half]}\u2026{text[-half:]}")

"""Translates `--effort`, how much a model is to think, into the fields of its request; pure."""

from collections.abc import Collection, Mapping
from typing import Final, Literal, TypeAlias

from mmpipe.core.catalogue import Model, find_model

Effort: TypeAlias = Literal["none", "low", "medium", "high", "xhigh", "max"]

# The fields of a request that set how much the model is to think.
EFFORT_FIELDS: Final = ("thinking", "reasoning_effort")
_OFF: Final = {"thinking": {"type": "disabled"}}


def effort_fields(effort: Effort, model: str) -> Mapping[str, object]:
    """Return the body fields of an effort (FACTS.md, "Parameters"); none if the model has no such level.

    A model outside of the catalogue gets the field of OpenAI, which servers of open models know too.
    """
    known = find_model(model)
    if known is not None and effort == "none" and known.thinking == "switch":
        return _OFF
    return {"reasoning_effort": effort} if known is None or effort in known.efforts else {}


def sets_effort(fields: Mapping[str, object]) -> bool:
    """Return True if a field of the request sets how much the model is to think; null does not."""
    return any(fields.get(name) is not None for name in EFFORT_FIELDS)


def replace_effort(
    fields: Mapping[str, object], effort: Effort | None, model: str, fixed: Collection[str] = ()
) -> dict[str, object]:
    """Return the fields with those of `effort` instead of other ones, or of none; it does not set the `fixed` ones."""
    rest = {name: value for name, value in fields.items() if name not in EFFORT_FIELDS}
    own = {} if effort is None else effort_fields(effort, model)
    return {**rest, **{name: value for name, value in own.items() if name not in fixed}}


def describe_missing_effort(effort: Effort, model: str) -> str | None:
    """Return a warning if the model has no such level, so that nothing is sent."""
    known = find_model(model)
    if known is None or effort_fields(effort, model):
        return None
    levels = [f"`{level}`" for level in _levels(known)]
    has = f"its levels are {', '.join(levels)}" if len(levels) > 1 else f"its only level is {''.join(levels)}"
    return (
        f"{known.id} has no effort `{effort}`, and decides by itself: {has if levels else 'it has no levels'}"
    )


def _levels(model: Model) -> tuple[str, ...]:
    return ("none", *model.efforts) if model.thinking == "switch" else model.efforts

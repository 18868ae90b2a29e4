"""Knows the models: what they can do, what they cost, and how that is known; the facts are in catalogue.toml."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from mmpipe.events import Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, for prompts of at most `up_to` tokens; None is what is not known."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One row; every field is explained at the top of catalogue.toml."""

    id: str
    context: int
    max_output: int
    description: str
    thinking: str
    source: str
    date: dt.date
    prices: tuple[Price, ...]
    tps: int | None = None
    images: bool = False
    several_system_messages: bool = False
    ignored: tuple[str, ...] = ()
    ends: dt.date | None = None


def load() -> tuple[Model, ...]:
    """All models, the ones to be recommended first."""
    import tomllib

    rows = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))["models"]
    return tuple(
        Model(
            **{
                **row,
                "ignored": tuple(row["ignored"]),
                "prices": tuple(Price(**price) for price in row["prices"]),
            }
        )
        for row in rows
    )


def find(name: str) -> Model | None:
    """The model of that name, if it is known; the service takes names in any case (api_facts 3.3)."""
    return next((model for model in load() if model.id.lower() == name.lower()), None)


def cost(name: str, usage: Usage | None) -> float | None:
    """What an answer cost in US dollars; None where the price or the count is not known, never 0 for want of it.

    Tokens from the cache are part of the prompt (api_facts 2.7); thinking is part of the completion.
    """
    model = find(name)
    if model is None or usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    prompt = usage.prompt_tokens
    price = next((price for price in model.prices if price.up_to is None or prompt <= price.up_to), None)
    if price is None:
        return None
    cached = usage.cached_tokens or 0
    if cached and price.cache_read is None:
        return None
    dollars = (
        (prompt - cached) * price.input
        + cached * (price.cache_read or 0)
        + usage.completion_tokens * price.output
    )
    return round(dollars / _MILLION, 9)

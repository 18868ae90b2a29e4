"""Model catalogue: abilities, limits and prices of the models, read from catalogue.toml."""

import datetime as dt
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from mmpipe.core.events import Usage
from mmpipe.dataclass import dataclass
from mmpipe.text.numeric_range import NumericRange
from mmpipe.text.suggestions import suggest

MAX_NAME = 200  # characters of a model's name: names are counted and compared
_MILLION = 1_000_000
_LONGEST = 100  # characters of a name: the comparison is slow
_TIERS = {None: 1.0, "standard": 1.0, "priority": 1.5}


@dataclass(frozen=True, slots=True)
class Price:
    """Price of a million tokens, for prompts of at most `up_to` tokens; None where unknown."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model; the top of catalogue.toml explains every field."""

    id: str
    context: int
    max_output: int
    description: str
    thinking: str
    source: str
    date: dt.date
    temperature: NumericRange
    prices: tuple[Price, ...]
    tps: int | None = None
    images: bool = False
    video: bool = False
    several_system_messages: bool = False
    ignored: tuple[str, ...] = ()
    ends: dt.date | None = None
    efforts: tuple[str, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    prices_yuan: tuple[Price, ...] = ()

    @property
    def parts(self) -> frozenset[str]:
        """The types of parts that a message may have beside text."""
        return frozenset(
            name for name, taken in (("image_url", self.images), ("video_url", self.video)) if taken
        )

    def price(self, prompt: int) -> Price:
        """Return the price in US dollars for a prompt of `prompt` tokens; a price without numbers if none is known."""
        fitting = (price for price in self.prices if price.up_to is None or prompt <= price.up_to)
        return next(fitting, Price())


@cache
def load_models() -> tuple[Model, ...]:
    """Return all models, the recommended ones first."""
    import tomllib

    rows = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))["models"]
    return tuple(
        Model(
            **{
                **row,
                "temperature": NumericRange(**row["temperature"]),
                "ignored": tuple(row["ignored"]),
                "efforts": tuple(row.get("efforts", ())),
                "prices": tuple(Price(**price) for price in row["prices"]),
                "prices_yuan": tuple(Price(**price) for price in row.get("prices_yuan", ())),
            }
        )
        for row in rows
    )


def find_model(name: str) -> Model | None:
    """Return the model of that name, upper or lower case alike, as for the service; None if unknown."""
    return _models_by_name().get(name.lower())


def suggest_model(name: str) -> str:
    """Return `did you mean MODEL?` for a name that is like one of the catalogue, whatever stands before it; or nothing."""
    return _suggest(name[:_LONGEST])


@cache
def _models_by_name() -> Mapping[str, Model]:
    return {model.id.lower(): model for model in load_models()}


@lru_cache(256)
def _suggest(shown: str) -> str:
    ids = [known.id for known in load_models()]
    return suggest(shown, ids) or suggest(shown.rpartition("/")[2], ids)


def calculate_cost(name: str, usage: Usage | None) -> float | None:
    """Return the cost of an answer in US dollars at the list price; None, and never 0, if it is unknown.

    Tokens read from the cache and written to it are part of the prompt, thinking is part of the completion
    (FACTS.md, "Usage"). Priority costs 1.5 times as much (FACTS.md, "Limits and prices"); prices of other tiers are
    unknown.
    """
    model = find_model(name)
    if model is None or usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    factor = _TIERS.get(usage.service_tier)
    price = model.price(usage.prompt_tokens)
    read, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    plain = usage.prompt_tokens - read - written
    counts = (
        (plain, price.input),
        (read, price.cache_read),
        (written, price.cache_write),
        (usage.completion_tokens, price.output),
    )
    if factor is None or plain < 0 or any(tokens and dollars is None for tokens, dollars in counts):
        return None
    return round(factor * sum(tokens * (dollars or 0) for tokens, dollars in counts) / _MILLION, 9)

"""The catalogue is complete, agrees with other price lists, and gives the cost of an answer."""

import datetime as dt
import re
from dataclasses import replace

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price

from mmpipe.config.base_request import UNDISPUTED
from mmpipe.core import catalogue
from mmpipe.core.catalogue import Model, calculate_cost, find_model
from mmpipe.core.events import Usage

MODELS = catalogue.load_models()
# The official page: name, context window, speed.
OFFICIAL = {
    "MiniMax-M2.7": 60,
    "MiniMax-M2.7-highspeed": 100,
    "MiniMax-M2.5": 60,
    "MiniMax-M2.5-highspeed": 100,
    "MiniMax-M2.1": 60,
    "MiniMax-M2.1-highspeed": 100,
    "MiniMax-M2": None,
}


def test_the_models_of_the_official_page_are_there_as_it_gives_them() -> None:
    for name, tps in OFFICIAL.items():
        model = find_model(name)
        assert model is not None
        assert (204_800, tps) == (model.context, model.tps)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_each_row_is_whole(model: Model) -> None:
    assert re.fullmatch(r"MiniMax-M[\w.-]+", model.id)
    assert model.thinking in ("always", "switch", "adaptive")
    assert 0 < model.max_output <= model.context
    assert model.source
    assert dt.date(2026, 1, 1) < model.date
    # The last price has no limit, so that every prompt has one.
    assert [None] == [price.up_to for price in model.prices][-1:]


@pytest.mark.parametrize("cached", [0, 1000])
@pytest.mark.parametrize("prompt", [2000, 600_000])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_our_prices_agree_with_a_list_that_others_keep(model: Model, prompt: int, cached: int) -> None:
    theirs = TheirUsage(input_tokens=prompt, output_tokens=500, cache_read_tokens=cached)
    expected = calc_price(theirs, model_ref=model.id, provider_id="minimax").total_price
    assert pytest.approx(float(expected)) == calculate_cost(
        model.id, Usage(prompt, 500, prompt + 500, None, cached)
    )


def test_an_unknown_price_is_null_and_never_nothing() -> None:
    assert None is calculate_cost("some-other-model", Usage(1, 1, 2))
    assert None is calculate_cost("MiniMax-M3", None)
    assert None is calculate_cost("MiniMax-M3", Usage(total_tokens=2))
    assert 0 == calculate_cost("MiniMax-M3", Usage(0, 0, 0))
    # More from the cache than there was makes no sense; no price of that is known.
    assert None is calculate_cost("MiniMax-M3", Usage(100, 10, 110, cached_tokens=200))
    assert None is calculate_cost("MiniMax-M3", Usage(100, 10, 110, cache_write_tokens=10))
    assert None is calculate_cost("MiniMax-M3", Usage(100, 10, 110, service_tier="flex"))


def test_cache_writes_and_the_priority_tier_cost_more() -> None:
    assert 1000 * 0.3e-6 + 1000 * 0.375e-6 == pytest.approx(
        calculate_cost("MiniMax-M2.7", Usage(2000, 0, 2000, cache_write_tokens=1000))
    )
    usage = Usage(1000, 500, 1500)
    normal = calculate_cost("MiniMax-M3", usage)
    assert normal is not None
    assert normal == calculate_cost("MiniMax-M3", replace(usage, service_tier="standard"))
    assert 1.5 * normal == pytest.approx(
        calculate_cost("MiniMax-M3", replace(usage, service_tier="priority"))
    )


def test_no_model_ignores_what_is_never_looked_up_for_it() -> None:
    assert [] == [model.id for model in MODELS if UNDISPUTED & set(model.ignored)]


def test_a_name_is_found_in_any_case() -> None:
    found = find_model("minimax-m3")
    assert found is not None
    assert "MiniMax-M3" == found.id
    assert None is find_model("m3")

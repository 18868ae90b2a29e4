"""The part of the request that all prompts share, from options and settings."""

from pathlib import Path

import pytest

from mmpipe.config.base_request import build_base_request, find_effort
from mmpipe.config.options import RequestOptions
from mmpipe.config.settings import Settings
from mmpipe.errors import UsageError


def parameters_of(
    *param: str, environment: dict[str, str] | None = None, **typed: object
) -> dict[str, object]:
    """Return the body fields, without `reasoning_split`, of these options."""
    settings = Settings(typed, environment or {})
    options = RequestOptions(param=param)
    body = build_base_request(options, settings, pytest.fail).parameters
    return {name: value for name, value in body.items() if name != "reasoning_split"}


def configured(folder: Path, text: str) -> dict[str, str]:
    """Write the configuration file; returns an environment in which it is found."""
    (folder / "mmpipe").mkdir()
    (folder / "mmpipe" / "config.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(folder)}


def test_the_limit_on_tokens_is_sent_under_the_name_that_was_typed() -> None:
    assert {"max_completion_tokens": 9} == parameters_of(max_tokens=9)
    assert {"max_tokens": 9} == parameters_of("max_tokens=9")


def test_the_limit_on_tokens_is_typed_once() -> None:
    with pytest.raises(UsageError, match="only one"):
        parameters_of("max_tokens=9", max_tokens=9)


def test_a_limit_that_was_typed_replaces_the_one_of_the_configuration(tmp_path: Path) -> None:
    environment = configured(tmp_path, "max_tokens = 5\n")
    assert {"max_completion_tokens": 5} == parameters_of(environment=environment)
    assert {"max_tokens": 9} == parameters_of("max_tokens=9", environment=environment)


def test_a_temperature_is_judged_by_the_model() -> None:
    assert {"temperature": 2} == parameters_of(temperature=2, model="MiniMax-M3")
    assert {"temperature": 7} == parameters_of(temperature=7, model="my-model")
    with pytest.raises(UsageError, match=r"for MiniMax-M2\.7 it must be above 0 and at most 1"):
        parameters_of(temperature=2, model="MiniMax-M2.7")


OFF = {"thinking": {"type": "disabled"}}


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("MiniMax-M3", "none", OFF),
        ("minimax-m3", "none", OFF),
        ("MiniMax-M3.1-Flash", "low", {"reasoning_effort": "low"}),
        ("MiniMax-M3.1-Flash", "max", {"reasoning_effort": "max"}),
        ("my-own-model", "none", {"reasoning_effort": "none"}),
        ("MiniMaxAI/MiniMax-M3", "high", {"reasoning_effort": "high"}),
    ],
)
def test_an_effort_is_sent_in_the_words_of_the_model(model: str, effort: str, expected: object) -> None:
    assert expected == parameters_of(model=model, effort=effort)


@pytest.mark.parametrize(
    ("model", "effort", "sentence"),
    [
        (
            "MiniMax-M3",
            "low",
            "MiniMax-M3 has no effort `low`, and decides by itself: its only level is `none`",
        ),
        (
            "MiniMax-M3.1-Flash",
            "none",
            "MiniMax-M3.1-Flash has no effort `none`, and decides by itself: its levels are `low`, `medium`, `high`, `xhigh`, `max`",
        ),
        ("MiniMax-M2", "high", "MiniMax-M2 has no effort `high`, and decides by itself: it has no levels"),
    ],
)
def test_an_effort_that_the_model_does_not_have_is_not_sent_and_warned_of(
    model: str, effort: str, sentence: str
) -> None:
    warnings: list[str] = []
    settings = Settings({"model": model, "effort": effort}, {})
    body = build_base_request(RequestOptions(), settings, warnings.append).parameters
    assert ({"reasoning_split": True}, [sentence]) == (body, warnings)


def test_a_configured_effort_gives_way_to_what_is_typed(tmp_path: Path) -> None:
    environment = configured(tmp_path, 'effort = "none"\n')
    assert OFF == parameters_of(environment=environment)
    adaptive = 'thinking={"type":"adaptive"}'
    assert {"thinking": {"type": "adaptive"}} == parameters_of(adaptive, environment=environment)
    flash = {"model": "MiniMax-M3.1-Flash", "effort": "low"}
    assert {"reasoning_effort": "low"} == parameters_of(environment=environment, **flash)


def test_a_typed_effort_replaces_the_fields_of_the_configuration(tmp_path: Path) -> None:
    environment = configured(tmp_path, '[params]\nreasoning_effort = "max"\nuser = "me"\n')
    expected = {"user": "me", "reasoning_effort": "low"}
    assert expected == parameters_of(environment=environment, model="MiniMax-M3.1-Flash", effort="low")


def test_what_is_set_for_all_records_replaces_the_effort(tmp_path: Path) -> None:
    environment = configured(tmp_path, 'params.thinking.type = "disabled"\n')
    flash: dict[str, object] = {"model": "MiniMax-M3.1-Flash", "effort": "none"}
    for typed in (flash, {**flash, "model": "MiniMax-M3"}):
        options, settings = RequestOptions(), Settings(typed, environment)
        overrides = {"reasoning_effort": "high"}
        body = build_base_request(options, settings, pytest.fail, overrides=overrides).parameters
        assert {"reasoning_split": True, **overrides} == body
        assert find_effort(settings, options, overrides) is None
        # A field that is only removed from the records says nothing.
        assert "none" == find_effort(settings, options, {"reasoning_effort": None})


def test_how_much_the_model_thinks_is_set_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="-p thinking and --effort: use only one of them"):
        parameters_of('thinking={"type":"adaptive"}', effort="none")
    environment = configured(tmp_path, 'effort = "none"\nparams.reasoning_effort = "low"\n')
    with pytest.raises(UsageError, match=r"effort and params\.reasoning_effort"):
        parameters_of(environment=environment)


def test_a_configured_effort_that_nobody_knows_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="effort is 'some': it must be one of none, low, medium, high, xhigh, max"
    ):
        parameters_of(environment=configured(tmp_path, 'effort = "some"\n'))

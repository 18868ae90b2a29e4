"""The part of the request that all prompts share, from options and settings."""

from pathlib import Path

import pytest

from mmpipe.config.base_request import build_base_request
from mmpipe.config.options import RequestOptions
from mmpipe.config.settings import Settings
from mmpipe.errors import UsageError


def parameters_of(
    *param: str, environment: dict[str, str] | None = None, **typed: object
) -> dict[str, object]:
    """Return the body fields, without `reasoning_split`, of these options."""
    settings = Settings(typed, environment or {})
    options = RequestOptions(param=param)
    body = build_base_request(options, settings, pytest.fail, streamed=True).parameters
    return {name: value for name, value in body.items() if name != "reasoning_split"}


def test_the_limit_on_tokens_is_sent_under_the_name_that_was_typed() -> None:
    assert {"max_completion_tokens": 9} == parameters_of(max_tokens=9)
    assert {"max_tokens": 9} == parameters_of("max_tokens=9")


def test_the_limit_on_tokens_is_typed_once() -> None:
    with pytest.raises(UsageError, match="only one"):
        parameters_of("max_tokens=9", max_tokens=9)


def test_a_limit_that_was_typed_replaces_the_one_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mmpipe").mkdir()
    (tmp_path / "mmpipe" / "config.toml").write_text("max_tokens = 5\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert {"max_completion_tokens": 5} == parameters_of(environment=environment)
    assert {"max_tokens": 9} == parameters_of("max_tokens=9", environment=environment)


def test_a_temperature_is_judged_by_the_model() -> None:
    assert {"temperature": 2} == parameters_of(temperature=2, model="MiniMax-M3")
    assert {"temperature": 7} == parameters_of(temperature=7, model="my-model")
    with pytest.raises(UsageError, match=r"for MiniMax-M2\.7 it must be above 0 and at most 1"):
        parameters_of(temperature=2, model="MiniMax-M2.7")

"""An answer by another model is reported, and a model past its end date; names of one model are one model."""

from datetime import date, timedelta

import pytest

from mmpipe.core.catalogue import load_models
from mmpipe.core.model_warnings import ModelWarning, find_model_warnings
from mmpipe.core.reply import Reply
from mmpipe.errors import NetworkError, Rejected, ServerError

ENDED = next(model for model in load_models() if model.ends is not None)
LASTING = next(model for model in load_models() if model.ends is None)


def kinds(
    asked: str, answered: str, today: date | None = None, *, replayed: bool = False
) -> list[ModelWarning]:
    reply = Reply(model=answered, replayed=replayed)
    return [*find_model_warnings(asked, reply, today=today or date(2026, 1, 1))]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("MiniMax-M3", "MiniMax-M3"), ("minimax-m3", "MiniMax-M3"), ("MiniMax-M3", ""), (" MiniMax-M3", "MiniMax-M3 "),
        ("MiniMaxAI/MiniMax-M2", "MiniMax-M2"), ("minimax-m2", "minimax/minimax-m2"), ("a/b/M", "c/M"),
        ("minimax/minimax-m2:free", "minimax/minimax-m2"), ("minimax-m2", "minimax-m2:cloud"), ("m:1", "m:1"),
        ("gpt-4o", "gpt-4o-2024-08-06"), ("gpt-4o", "openai/gpt-4o-20240806"), ("gpt-4-0613", "gpt-4"),
        ("mistral-large-latest", "mistral-large"), ("mistral-large", "mistral-large-2411"), ("o1-preview", "o1"),
    ],
)  # fmt: skip
def test_names_of_one_model_are_no_warning(asked: str, answered: str) -> None:
    assert [] == kinds(asked, answered)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("MiniMax-M3", "MiniMax-M2"), ("MiniMax-M2", "MiniMax-M2.7"), ("MiniMax-M2.7", "MiniMax-M2.7-highspeed"),
        ("llama:7b", "llama:70b"), ("auto", "minimax/minimax-m2"), ("a/b", "b/a"), ("M-2024-08-06", "M-2024-11-20"),
        ("M", "\u202eM"),
    ],
)  # fmt: skip
def test_another_model_is_named(asked: str, answered: str) -> None:
    assert [ModelWarning.OTHER_MODEL] == kinds(asked, answered)


def test_the_sentence_shows_both_names_on_one_short_line() -> None:
    (sentence,) = find_model_warnings("M", Reply(model="\x1b[2J\n" + "x" * 10_000)).values()
    assert sentence.startswith("M was asked, and ␛[2J x")
    assert len(sentence) < 200


def test_a_model_is_warned_of_from_the_day_after_its_last_one() -> None:
    assert ENDED.ends is not None
    for days, expected in ((-1, []), (0, []), (1, [ModelWarning.ENDED_MODEL])):
        assert expected == kinds(ENDED.id, ENDED.id, ENDED.ends + timedelta(days))
        assert [] == kinds(LASTING.id, LASTING.id, ENDED.ends + timedelta(days))
    assert [ModelWarning.ENDED_MODEL] == [*find_model_warnings(ENDED.id.lower(), Reply())]


def test_a_failure_is_warned_of_only_if_the_model_may_be_the_reason() -> None:
    answered = Reply(model=ENDED.id)
    for error, reply, expected in (
        (NetworkError("refused"), Reply(), 0),
        (Rejected("unknown model"), Reply(), 1),
        (ServerError("broken"), answered, 1),
    ):
        assert expected == len(find_model_warnings(ENDED.id, reply, error))


def test_a_replay_may_have_a_model_that_has_ended() -> None:
    assert [] == kinds(ENDED.id, ENDED.id, date(2100, 1, 1), replayed=True)

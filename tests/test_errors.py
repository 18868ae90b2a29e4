"""An error has all its facts when it is raised; what should differ is a new error."""

import pickle

from mmpipe.errors import MmpipeError, QuotaError
from mmpipe.structured.extraction import InvalidAnswer

TOLD = QuotaError(
    "wait, sk-secret", http=429, api_code=1002, request_id="0640", retryable=True, retry_after=7.0
)


def fields(error: MmpipeError) -> dict[str, object]:
    return error.as_json()


def test_a_derived_error_differs_in_what_was_changed_and_in_nothing_else() -> None:
    before = fields(TOLD)
    derived = TOLD.derived(message="wait, ***", retryable=False, retry_after=None)
    assert {**before, "message": "wait, ***", "retryable": False, "retry_after": None} == fields(derived)
    assert (QuotaError, before) == (type(derived), fields(TOLD))


def test_nothing_of_a_masked_error_shows_the_text_that_was_masked() -> None:
    derived = TOLD.derived(message="wait, ***")
    assert "secret" not in f"{derived} {derived!r} {derived.args} {vars(derived)}"


def test_a_derived_error_keeps_what_its_class_adds() -> None:
    derived = InvalidAnswer("There is no JSON.").derived(request_id="0640")
    assert ("There is no JSON.", "0640") == (derived.complaint, derived.request_id)
    assert str(derived) == derived.message == "the answer does not fit: There is no JSON."


def test_an_error_is_the_same_behind_a_process_boundary() -> None:
    assert fields(TOLD) == fields(pickle.loads(pickle.dumps(TOLD)))  # noqa: S301  our own bytes

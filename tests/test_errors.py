"""An error has all its facts when it is raised; what should differ is a new error."""

import ast
import pickle
import re
from pathlib import Path

from mmpipe import errors
from mmpipe.errors import ExitStatus, MmpipeError, QuotaError
from mmpipe.structured.repair import InvalidAnswer

TOLD = QuotaError(
    "wait, sk-secret",
    hint="not with sk-secret",
    http=429,
    api_code=1002,
    request_id="0640",
    retryable=True,
    retry_after=7.0,
)


def fields(error: MmpipeError) -> dict[str, object]:
    return error.as_json()


def test_a_derived_error_differs_in_what_was_changed_and_in_nothing_else() -> None:
    before = fields(TOLD)
    derived = TOLD.derived(sentence="wait, ***", retryable=False, retry_after=None)
    assert {
        **before,
        "message": "wait, ***; not with sk-secret",
        "retryable": False,
        "retry_after": None,
    } == fields(derived)
    assert (QuotaError, before) == (type(derived), fields(TOLD))


def test_nothing_of_a_masked_error_shows_the_text_that_was_masked() -> None:
    derived = TOLD.derived(sentence="wait, ***", hint="not with ***")
    assert "secret" not in f"{derived} {derived!r} {derived.args} {vars(derived)}"


def test_a_derived_error_keeps_what_its_class_adds() -> None:
    derived = InvalidAnswer("There is no JSON.", request_id=None).derived(request_id="0640")
    assert ("There is no JSON.", "0640") == (derived.complaint, derived.request_id)
    assert str(derived) == derived.message == "the answer is invalid: There is no JSON."


def test_an_error_is_the_same_behind_a_process_boundary() -> None:
    assert fields(TOLD) == fields(pickle.loads(pickle.dumps(TOLD)))  # noqa: S301  our own bytes


ROOT = Path(errors.__file__).parent


def documented_tree() -> dict[str, tuple[str, int | None]]:
    """For each line of the tree in the docstring: the class, its parent ("" for a root) and its status if given."""
    assert errors.__doc__ is not None
    found: dict[str, tuple[str, int | None]] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        node = re.match(
            r"(?P<branches>(?:[│├└ ][─ ]{2} )*)(?P<name>[A-Z]\w+)(?: +(?P<status>\d+))?(?:  |$)", line
        )
        if node is not None:
            depth = len(node["branches"]) // 4
            above[depth:] = [node["name"]]
            found[node["name"]] = (
                above[depth - 1] if depth else "",
                int(node["status"]) if node["status"] else None,
            )
    return found


def defined_tree() -> dict[str, str]:
    """For each error class of the program: its parent ("" for a root)."""
    bases = {
        node.name: node.bases[0].id
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name)
    }
    names = {name for name, kind in vars(errors).items() if name in bases and issubclass(kind, BaseException)}
    while more := {name for name, base in bases.items() if base in names} - names:
        names |= more
    return {name: bases[name] if bases[name] in names else "" for name in names}


def test_the_tree_in_the_docstring_holds_every_error_of_the_program() -> None:
    assert defined_tree() == {name: parent for name, (parent, _) in documented_tree().items()}


def test_the_statuses_in_the_tree_are_those_of_the_classes() -> None:
    statuses = {name: status for name, (_, status) in documented_tree().items() if status is not None}
    assert set(ExitStatus) - {ExitStatus.OK} == set(statuses.values())
    assert statuses == {name: kind.status for name, kind in vars(errors).items() if name in statuses}

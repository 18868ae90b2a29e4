"""A frozen dataclass with slots does all that one of the standard library does."""

import copy
import dataclasses
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe import dataclass as ours


def define(dataclass: Any) -> list[Any]:  # noqa: ANN401  a decorator
    """Classes of all kinds that are used."""

    @dataclass(frozen=True, slots=True)
    class Empty:
        """Nothing."""

    @dataclass(frozen=True, slots=True)
    class Single:
        one: object

    @dataclass(frozen=True, slots=True)
    class Several:
        """Fields with defaults."""

        one: object
        two: str = "2"
        hidden: str = dataclasses.field(default="", repr=False)
        many: list[object] = dataclasses.field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Checked(Several):
        more: int = 0

        def __post_init__(self) -> None:
            if not self.more:
                raise ValueError(self.one)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        one: object
        two: int = 2

    @dataclass(frozen=True, slots=True)
    class Counted:
        one: object
        two: str = dataclasses.field(default="2", init=False)
        many: list[object] = dataclasses.field(default_factory=list, init=False)

    return [Empty, Single, Several, Checked, Named, Counted]


OURS, THEIRS = define(ours.dataclass), define(dataclasses.dataclass)
VALUES = st.sampled_from([None, 0, 1, 1.0, float("nan"), "", "x", (1,), ["x"]])


def outcome(work: Callable[[], object]) -> object:
    """The value, as text where it is one of a class, or the kind and words of the error."""
    try:
        return repr(work())
    except (TypeError, ValueError, AttributeError) as error:
        return type(error), str(error)


@given(
    st.integers(0, len(OURS) - 1),
    st.lists(VALUES, max_size=5),
    st.dictionaries(st.sampled_from(["one", "two", "hidden", "more", "other"]), VALUES),
)
def test_instances_are_made_shown_compared_hashed_copied_and_matched_alike(
    kind: int, words: list[object], named: dict[str, object]
) -> None:
    def use(classes: list[Any]) -> list[object]:
        made = classes[kind]
        try:
            instance = made(*words, **named)
        except (TypeError, ValueError) as error:
            return [type(error), str(error)]
        other = made(*words, **named)
        return [
            repr(instance),
            instance == other,
            instance == dataclasses.replace(instance),
            instance == (1,),
            outcome(lambda: hash(instance) == hash(other)),
            dataclasses.asdict(instance),
            repr(copy.deepcopy(instance)),
            made.__match_args__,
            made.__slots__,
        ]

    assert repr(use(THEIRS)) == repr(use(OURS))


@pytest.mark.parametrize("classes", [OURS, THEIRS])
def test_an_instance_cannot_be_changed(classes: list[Any]) -> None:
    instance = classes[2](1)
    for name in ("one", "other"):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            setattr(instance, name, 2)
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            delattr(instance, name)
    assert 1 == instance.one


def test_an_instance_of_another_class_is_not_equal() -> None:
    several, checked = OURS[2], OURS[3]
    assert several(1) != checked(1, more=1)


@ours.dataclass(frozen=True, slots=True, weakref_slot=True)
class Importable:
    """A class that can be found by its name."""

    text: str
    parts: tuple[int, ...] = ()


def test_an_instance_is_pickled_and_referred_to() -> None:
    instance = Importable("é", (1, 2))
    assert instance == pickle.loads(pickle.dumps(instance))  # noqa: S301  our own
    assert instance is weakref.ref(instance)()

"""Defines dataclasses as the standard library does, but frozen ones with slots in a quarter of the time.

`dataclasses.dataclass` compiles seven functions for such a class, and a short run has a hundred of these classes. Here only
`__init__` is compiled; the others read the fields by their names. To type checkers, `fields`, `replace`, `asdict` and `match`
the class is one of the standard library. Not for `InitVar`, `field(hash=...)`, and an `__eq__` without a `__hash__`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, **settings: bool) -> Callable[[type], type]:
        """Return the decorator; the settings are those of the standard library."""
        if frozen and slots:
            return lambda defined: _define_frozen(defined, settings)
        return dataclasses.dataclass(frozen=frozen, slots=slots, **settings)


def _define_frozen(defined: type, settings: Mapping[str, bool]) -> Any:  # noqa: ANN401  a class
    # For a class without a docstring the standard library makes one of its signature, which takes longer than all the rest.
    defined.__doc__ = defined.__doc__ or defined.__name__
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, **settings)(defined)
    fields = dataclasses.fields(made)
    for name, method in {"__init__": _compile_init(made, fields), **_list_methods(fields)}.items():
        if name not in vars(defined):
            setattr(made, name, method)
    return made


def _compile_init(made: type, fields: Sequence[dataclasses.Field[Any]]) -> object:
    """Return a function that fills the slots; instances are made often, so it is compiled, with a signature of its own."""
    places: dict[str, object] = {"__name__": made.__module__, "_absent": dataclasses.MISSING}
    positional, named, lines = ["self"], ["*"], []
    for field in fields:
        name = value = field.name
        default = "" if field.default is dataclasses.MISSING else f"=_default_{name}"
        if field.default_factory is not dataclasses.MISSING:
            default, value = "=_absent", f"_make_{name}() if {name} is _absent else {name}"
        if field.init:
            (named if field.kw_only is True else positional).append(f"{name}{default}")
        elif default:
            value = f"_make_{name}()" if value != name else f"_default_{name}"
        else:
            continue
        lines.append(f"_set_{name}(self, {value})")
        places[f"_set_{name}"] = getattr(made, name).__set__
        places[f"_default_{name}"], places[f"_make_{name}"] = field.default, field.default_factory
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    signature = ", ".join(positional if len(named) == 1 else positional + named)
    exec(f"def __init__({signature}): {'; '.join(lines) or 'pass'}", places)  # noqa: S102  of names of fields alone
    init: Any = places["__init__"]
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init


def _list_methods(fields: Sequence[dataclasses.Field[Any]]) -> Mapping[str, object]:
    """Return the other methods of a frozen class, by name."""
    names = [field.name for field in fields]
    shown = [field.name for field in fields if field.repr]
    read, read_compared = _reader(names), _reader([field.name for field in fields if field.compare])

    def is_equal(self: object, other: object) -> bool:
        return read_compared(self) == read_compared(other) if type(other) is type(self) else NotImplemented

    def hash_value(self: object) -> int:
        return hash(read_compared(self))

    def describe(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def list_values(self: object) -> tuple[object, ...]:
        return read(self)

    def fill(self: object, state: Sequence[object]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return {
        "__eq__": is_equal,
        "__hash__": hash_value,
        "__repr__": describe,
        # Of an instance that is pickled.
        "__getstate__": list_values,
        "__setstate__": fill,
        "__setattr__": _refuse_change,
        "__delattr__": _refuse_change,
    }


def _reader(names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
    """Return a function that gives these attributes."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple(getattr(instance, name) for name in names)


def _refuse_change(_: object, name: str, *__: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")

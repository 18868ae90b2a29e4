"""JSON in all the ways that it may be written, each beside its compact form."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Written:
    """One value: as a model or a person wrote it, and with no space in it and no needless escapes."""

    source: str
    compact: str


def _alone(source: str) -> Written:
    return Written(source, source)


def _string(text: str, escaped: bool) -> Written:
    return Written(json.dumps(text, ensure_ascii=escaped), json.dumps(text, ensure_ascii=False))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
_SCALARS = (
    NUMBERS.map(_alone)
    | st.sampled_from(["true", "false", "null"]).map(_alone)
    | st.builds(_string, TEXTS, st.booleans())
)


def written(spaces: str = " \t\r\n") -> st.SearchStrategy[Written]:
    """Values of any kind, with any number of such spaces wherever there may be some."""
    space = st.text(spaces, max_size=3)

    def spaced(value: Written, before: str, behind: str) -> Written:
        return Written(f"{before}{value.source}{behind}", value.compact)

    def array(values: list[Written], empty: str) -> Written:
        source = ",".join(value.source for value in values)
        return Written(f"[{source or empty}]", f"[{','.join(value.compact for value in values)}]")

    def an_object(members: dict[str, tuple[Written, Written]], empty: str) -> Written:
        source = ",".join(f"{name.source}:{value.source}" for name, value in members.values())
        compact = ",".join(f"{name.compact}:{value.compact}" for name, value in members.values())
        return Written(f"{{{source or empty}}}", f"{{{compact}}}")

    def within(inner: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
        values = st.builds(spaced, inner, space, space)
        names = st.builds(spaced, st.builds(_string, TEXTS, st.booleans()), space, space)
        # A key comes once: by its compact form it is known.
        members = st.lists(st.tuples(names, values), max_size=4).map(
            lambda pairs: {name.compact: (name, value) for name, value in pairs}
        )
        return st.builds(array, st.lists(values, max_size=4), space) | st.builds(an_object, members, space)

    return st.builds(spaced, st.recursive(_SCALARS, within, max_leaves=10), space, space)

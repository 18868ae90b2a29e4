"""An array is read as a stream: each element is a record in the line where it begins."""

import json
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.json_array import ArraySplitter
from mmpipe.batch.records.formats.record_format import FormatOptions, RawRecord, Unreadable
from mmpipe.batch.records.sources import Piece
from mmpipe.errors import InputError
from support.json_texts import Written, written
from support.piece_cuts import PLACES, cut
from support.record_reading import split

pytestmark = pytest.mark.laws

Found = tuple[int, bytes | str]
CUT_OFF = "the array is cut off: it has no end"
MISSING = "an element of the array is missing beside a comma"
MORE = "more follows the end of the array; it is not read"


def read(*contents: bytes, limit: int = 1000) -> list[Found]:
    """The line and the bytes of each element, or what is wrong with it."""
    pieces = [Piece("in", content) for content in (*contents, b"") if content] + [Piece("in", b"")]
    return [
        (raw.number, raw.content if isinstance(raw, RawRecord) else raw.message)
        for _, raw in split(pieces, FormatOptions("json", limit=limit))
        if raw is not None
    ]


def everywhere(content: bytes, limit: int = 1000) -> list[Found]:
    """The elements, which do not depend on how the bytes came."""
    whole = read(content, limit=limit)
    for step in (1, 2, 3):
        assert whole == read(*(content[at : at + step] for at in range(0, len(content), step)), limit=limit)
    return whole


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b" \n", []),
        (b"\xef\xbb\xbf\n[]\n", []),
        (b'["a"]', [(1, b'"a"')]),
        (b'\n[\n  "a",\n  {\n    "b": [1, {"c": "],\\""}]\n  }\n, 3]\n\n', [
            (3, b'"a"'), (4, b'{\n    "b": [1, {"c": "],\\""}]\n  }'), (7, b"3"),
        ]),
        # What is no JSON is left to the reader of the element.
        (b'[{"a" 1}, {"b": }, nonsense, {"c": 1} {"d": 2}]', [
            (1, b'{"a" 1}'), (1, b'{"b": }'), (1, b"nonsense"), (1, b'{"c": 1} {"d": 2}'),
        ]),
        (b'["a",\n, "b",\n]', [(1, b'"a"'), (2, MISSING), (2, b'"b"'), (3, MISSING)]),
        (b'["a",\n"b"', [(1, b'"a"'), (2, CUT_OFF)]),
        (b"[\n{", [(2, CUT_OFF)]),
        (b'["a"]\n["b"]\n"c"', [(1, b'"a"'), (2, MORE)]),
        (b'[{}}, "a"]', [(1, b"{}"), (1, "a } has no partner"), (1, MISSING), (1, b'"a"')]),
    ],
)  # fmt: skip
def test_elements_are_what_lies_between_the_commas(content: bytes, expected: list[Found]) -> None:
    assert expected == everywhere(content)


@pytest.mark.parametrize(
    "long",
    [
        b'"' + b"x" * 30 + b'"',
        b'"' + b'\\"],' * 9 + b'"',
        b"[" * 15 + b"]" * 15,
        b'{"a":"' + b"}\n" * 9 + b'"}',
    ],
)
def test_after_an_element_that_is_too_long_the_next_one_is_read(long: bytes) -> None:
    expected = [(2, "it is longer than 20 bytes"), (2 + long.count(b"\n"), b'"a"')]
    assert expected == everywhere(b"[\n" + long + b', "a"]', limit=20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n "prompt": "a"\n}\n', "in is no JSON array, but begins with an object: `jq -c . FILE`"),
        (b"plain text", "in is no JSON array; --input-format names another format"),
    ],
)
def test_what_is_no_array_is_refused_with_the_way_to_one(content: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(content)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("source", "content", "expected"),
    [
        ("in.json", b'[{"prompt": "a"},\n"b"]', "JsonArray"),
        ("in.JSON.gz", b"[\n1]", "JsonArray"),
        ("in.json", b'{"prompt": "a"}\n{"prompt": "b"}\n', "JsonLines"),
        ("in.json", b'"a"\n"b"\n', "JsonLines"),
        ("in.json", b'{broken\n{"prompt": "b"}\n', "JsonLines"),
        ("piped in", b'[{"prompt": "a"}', "JsonArray"),
        ("piped in", b'[ "a", "b"]', "JsonArray"),
        ("piped in", b"[\n  {", "JsonArray"),
        ("piped in", b"[INFO] started\n", "Lines"),
        ("piped in", b"[1, 2] is a list\n", "Lines"),
        ("in.jsonl", b'["a"]\n', "JsonLines"),
    ],
)
def test_an_array_is_recognised_by_its_beginning(source: str, content: bytes, expected: str) -> None:
    for contents in ([content], [content[at : at + 1] for at in range(len(content))]):
        pieces = [Piece(source, piece) for piece in (*contents, b"")]
        assert {expected} == {type(own).__name__ for own, _ in split(pieces)}


def test_an_array_on_one_long_line_is_read_as_it_arrives() -> None:
    pieces = (Piece("in", b'[{"prompt": "a"}' if number == 0 else b', "b"') for number in range(1000))
    found = split(pieces, FormatOptions(limit=20))
    assert [b'{"prompt": "a"}', b'"b"'] == [
        raw.content for _, raw in (next(found), next(found)) if isinstance(raw, RawRecord)
    ]


VALUES = st.lists(
    st.text(max_size=9)
    | st.dictionaries(st.text(max_size=3), st.text(max_size=9) | st.lists(st.text(max_size=3))),
    max_size=6,
)


@given(VALUES, PLACES, st.sampled_from([None, 0, 1, 4, "\t"]), st.booleans())
def test_what_python_writes_is_read_back_at_every_cut(
    values: list[object], places: list[int], indent: int | str | None, escapes: bool
) -> None:
    content = json.dumps(values, indent=indent, ensure_ascii=escapes).encode(errors="surrogatepass")
    for pieces in (cut(content, places), [content[at : at + 1] for at in range(len(content))]):
        found = [raw for _, raw in read(*pieces, limit=10_000) if isinstance(raw, bytes)]
        assert values == [json.loads(raw.decode(errors="surrogatepass")) for raw in found]


@given(st.lists(written(), max_size=4), PLACES)
def test_any_spaces_and_escapes_are_read_back(values: list[Written], places: list[int]) -> None:
    content = ("[" + " , ".join(value.source for value in values) + " ]").encode()
    found = [raw for _, raw in read(*cut(content, places), limit=100_000)]
    assert [value.source.strip(" \t\r\n").encode() for value in values] == found


@given(st.lists(st.sampled_from(list(b'[]{},"\\ \n1a')), max_size=40).map(bytes), PLACES, st.integers(1, 9))
@example(b'"', [], 5)
def test_any_bytes_cut_anywhere_are_the_same_elements(content: bytes, places: list[int], limit: int) -> None:
    def found(*pieces: bytes) -> list[RawRecord | Unreadable]:
        splitter = ArraySplitter("in", limit)
        raws = [raw for piece in (b"[", *pieces) for raw in splitter.feed(piece)]
        return [*raws, *splitter.close()]

    assert found(content) == found(*cut(content, places))


@pytest.mark.slow
def test_an_endless_element_does_not_fill_the_memory() -> None:
    for piece in (b'{"a": "' + b"x" * 2**16, b"[" * 2**10, b" " * 2**16, b'"a",' * 2**9):
        splitter = ArraySplitter("in", limit=2**20)
        tracemalloc.start()
        try:
            for content in (b"[", *[piece] * 25):
                for _ in splitter.feed(content):
                    pass
            assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
        finally:
            tracemalloc.stop()

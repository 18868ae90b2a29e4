"""Extraction takes the wanted part out of an answer whole, or not at all."""

import json
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmpipe.structured.extraction import (
    MOST_CANDIDATES,
    MOST_CHARACTERS,
    MOST_VALUES,
    InvalidText,
    extract_code,
    extract_json,
    extract_valid_json,
    find_json,
)
from mmpipe.structured.schema import Schema
from support.json_texts import Written, written

CALM = settings(deadline=None)

ANY = Schema.parse("true", "any")
PERSON = Schema.parse(
    '{"type":"object","required":["age"],"properties":{"age":{"type":"integer"}}}', "person"
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CONTAINERS = JSON.filter(lambda value: isinstance(value, dict | list))
# Words around JSON: with anything in them but what opens a value, a string or a fence.
PROSE = st.text(st.characters(exclude_characters='[{"`~', exclude_categories=["Cs"]))
INDENT = st.sampled_from([None, 0, 2])


def complaint(text: str, schema: Schema = ANY) -> str:
    """The complaint about an answer."""
    with pytest.raises(InvalidText) as caught:
        extract_valid_json(text, schema)
    return str(caught.value)


def values(text: str) -> list[object]:
    """The values found in an answer."""
    return [found.value for found in find_json(text)]


def same(value: object, text: str) -> bool:
    """Return whether `text` is that value, with its keys in order; true is not 1, and 1 is not 1.0."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) == text


@CALM
@given(JSON, INDENT)
def test_an_answer_that_is_json_alone_comes_back(value: object, indent: int | None) -> None:
    assert same(value, extract_valid_json(f"\n {json.dumps(value, indent=indent)}\n\n", ANY))


@CALM
@given(
    JSON,
    INDENT,
    PROSE,
    st.sampled_from(["```", "~~~", "`````"]),
    st.sampled_from(["json", "", "JSON x=1", "js"]),
)
def test_json_in_a_fence_comes_back(
    value: object, indent: int | None, prose: str, fence: str, info: str
) -> None:
    document = json.dumps(value, indent=indent, ensure_ascii=False)
    assert same(value, extract_valid_json(f"{prose}\n{fence}{info}\n{document}\n{fence}\n{prose}", ANY))


@CALM
@given(CONTAINERS, INDENT, PROSE, PROSE)
@example({"a": "}{"}, None, "Here it is: ", " Anything else?")
def test_json_in_prose_comes_back(value: object, indent: int | None, before: str, after: str) -> None:
    document = json.dumps(value, indent=indent, ensure_ascii=False)
    assert same(value, extract_json(f"{before}{document}{after}"))
    assert same(value, extract_valid_json(f"{before}{document}{after}", ANY))


@CALM
@given(st.text())
def test_every_answer_is_valid_or_invalid_and_raises_nothing_else(text: str) -> None:
    for take in (extract_json, extract_code):
        with suppress(InvalidText):
            take(text)


@CALM
@given(written())
@example(Written('{ "a" : 123456789.123456789123 }', '{"a":123456789.123456789123}'))
@example(Written("[1.10, -0, 1e0]", "[1.10,-0,1e0]"))
@example(Written("12345678901234567890.10\n", "12345678901234567890.10"))
def test_every_number_keeps_its_digits_and_nothing_but_space_and_escapes_is_lost(answer: Written) -> None:
    assert answer.compact == extract_json(answer.source)
    assert answer.compact == extract_valid_json(answer.source, ANY)
    assert answer.compact == extract_valid_json(f"```json\n{answer.source}\n```", ANY)


def test_numbers_and_the_order_of_keys_stay_as_they_are() -> None:
    text = '{"z":1.0,"a":123456789012345678901234567890,"m":-0.5}'
    assert text == extract_valid_json(text, ANY)
    assert text == extract_valid_json(f"It is {text}.", ANY)


def test_of_a_key_that_comes_twice_that_value_is_written_which_was_checked() -> None:
    # Who reads on may take the first of them, which nothing was held against.
    assert '{"age":7.0}' == extract_valid_json('{"age": "x", "age": 7.0}', PERSON)
    assert '$.age: "x" is not of type "integer".' == complaint('{"age": 7, "age": "x"}', PERSON)


def test_letters_are_letters_and_not_escapes() -> None:
    assert '{"ü":"好😀"}' == extract_json(r'{"\u00fc": "\u597d\ud83d\ude00"}')


def test_json_blocks_come_before_other_blocks_and_those_before_prose() -> None:
    text = 'See {"n": 3}\n```\n{"n": 2}\n```\n```json\n{"n": 1}\n```\n'
    assert [{"n": 1}, {"n": 2}, {"n": 3}] == values(text)[:3]


def test_the_first_valid_value_is_taken() -> None:
    assert '{"age":7}' == extract_valid_json('As in [1], it is {"name": "x"}, or {"age": 7}.', PERSON)


def test_the_complaint_is_about_the_best_candidate() -> None:
    text = '```json\n{"age": "7"}\n```\nOr {"age": null}?'
    assert '$.age: "7" is not of type "integer".' == complaint(text, PERSON)


def test_a_fence_that_is_never_closed_holds_the_rest() -> None:
    assert '{"age":7}' == extract_valid_json('Here:\n```json\n{"age": 7}\n', PERSON)


def test_a_number_or_a_word_in_prose_is_no_json_but_alone_it_is() -> None:
    assert "There is no JSON value in the answer." == complaint("It is 42, which is true.")
    assert "42" == extract_json(" 42\n")
    assert "null" == extract_json("```\nnull\n```")


@pytest.mark.parametrize(
    "broken",
    [
        '{"a": [1, 2,], "b": [3]}',
        '[{"a": 1}, {"b": [2]}',
        '{"note": "cut off in [1] here',
        '{"note": "line one\n[1] line two"}',
        '{"note": "cut off } in [1] here',
        "{'a': [1, 2]}",
        "{a: [1]}",
        '{"a": NaN, "b": [1]}',
        '{"a": 1e999, "b": [1]}',
        '[ // a comment\n {"a": 1}]',
        '{"quoted \\" and [1]": oops, "b": [2]}',
    ],
)
def test_no_part_is_taken_from_a_broken_value(broken: str) -> None:
    for text in (broken, f"Here:\n{broken}", f"```json\n{broken}\n```"):
        assert [] == values(text)
        assert complaint(text)


def test_an_answer_that_is_json_is_one_value_and_not_its_parts_too() -> None:
    assert [[{"a": [1]}]] == values('[{"a": [1]}]')


def test_the_search_continues_after_a_broken_value() -> None:
    text = 'Not {"age": ...} and not [text](link), but {"age": 7}. - [ ] done'
    assert [{"age": 7}] == values(text)


def test_the_complaint_names_the_place_of_a_syntax_error() -> None:
    message = complaint('{"a": 1\n"b": 2}')
    assert message.startswith("The answer is not JSON: ")
    assert "line 2 column 1" in message
    assert "line 2 column 1" in complaint('Here:\n```json\n{"a": 1\n"b": 2}\n```')
    assert "NaN" in complaint("[NaN]")
    assert "mixed with other text" not in complaint("[NaN]")
    assert "a number is too large: 1E400" in complaint("[1E400]")
    assert "The answer is empty." == complaint(" \n")


def test_without_a_schema_the_complaint_is_the_same() -> None:
    with pytest.raises(InvalidText, match="There is no JSON value in the answer"):
        extract_json("I cannot do that.")


def test_a_lone_surrogate_is_no_answer() -> None:
    assert "surrogate" in complaint(r'["\ud800"]')
    with pytest.raises(InvalidText, match="surrogate"):
        extract_json(r'{"\udfff": 1}')


@pytest.mark.parametrize("levels", [500, 990, 100_000])
def test_json_nested_too_deep_is_no_answer(levels: int) -> None:
    assert complaint("[" * levels + "]" * levels)
    assert complaint("[" * levels + '{"a": 1}' + "]" * levels)


def test_json_too_deep_to_be_written_is_not_taken() -> None:
    # What the stack has room for differs between reading and writing.
    for levels in range(201, 1001):
        with pytest.raises(InvalidText, match="nested too deep"):
            extract_json("[" * levels + "]" * levels)
    text = "[" * 200 + "]" * 200
    assert text == extract_json(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "{" * 8_000_000,
        "[" * 8_000_000,
        '["' * 3_000_000,
        '\\"' * 3_000_000 + "[",
        '["' + '\\"' * 3_000_000,
        "[" * 900 + "1," * 1_000_000,
        "[x] " * 2_000_000,
        "{'a'} \n" * 1_000_000,
        "[" + " " * 8_000_000,
        "`" * 8_000_000 + "x`",
        "```\n" * 500_000,
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_megabytes_of_nonsense_take_seconds(text: str) -> None:
    # In quadratic time it would be hours, which the timeout of the suite does not wait for.
    assert complaint(text)


@pytest.mark.parametrize("shape", ["```\n{}\n```\n", "~~~json\n{}", "As in {} "])
def test_only_the_first_candidates_of_an_answer_are_looked_at(shape: str) -> None:
    shape = shape if "~~~" not in shape else f"{shape}\n~~~\n"
    bad, good = (shape.replace("{}", text) for text in ('{"age": "old"}', '{"age": 7}'))
    assert '{"age":7}' == extract_valid_json(bad * (MOST_CANDIDATES - 1) + good, PERSON)
    assert f"in the first {MOST_CANDIDATES} " in complaint(bad * MOST_CANDIDATES + good, PERSON)


def test_the_blocks_of_code_are_counted_as_far_as_the_others_are_read() -> None:
    assert ("1\n", MOST_CANDIDATES) == extract_code("```\n1\n```\n" * MOST_CANDIDATES)
    assert ("1\n", MOST_CANDIDATES + 1) == extract_code("```\n1\n```\n" * 100_000)


def test_an_answer_that_no_model_can_write_is_refused() -> None:
    assert "characters" in complaint("[" + " " * MOST_CHARACTERS + "]")
    assert "JSON values" in complaint("[" + "1," * MOST_VALUES + "1]")
    with pytest.raises(InvalidText, match="characters"):
        extract_code("```\n" + "x" * MOST_CHARACTERS)


@dataclass(frozen=True)
class Block:
    fence: str
    indent: int
    info: str
    lines: tuple[str, ...]

    @property
    def content(self) -> str:
        return "".join(line + "\n" for line in self.lines)

    @property
    def written(self) -> str:
        pad = " " * self.indent
        return "\n".join(
            [f"{pad}{self.fence}{self.info}", *(pad + line for line in self.lines), f" {self.fence}  ", ""]
        )


LINES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))
BLOCKS = st.builds(
    Block,
    st.sampled_from(["```", "~~~", "````", "~~~~~"]),
    st.integers(0, 3),
    st.sampled_from(["", "python", " c++ title=x", "sh\t"]),
    # Shorter fences and the other ones are only text inside.
    st.lists(
        LINES.filter(lambda line: not line.strip().startswith(("```", "~~~")))
        | st.sampled_from(["  ``", "~~"])
    ).map(tuple),
)
WORDS = LINES.filter(lambda line: not line.lstrip(" ").startswith(("```", "~~~"))).map(
    lambda line: line + "\n"
)


@CALM
@given(st.lists(st.tuples(WORDS, BLOCKS), min_size=1, max_size=4), WORDS)
def test_the_first_block_of_a_document_comes_to_the_byte(parts: list[tuple[str, Block]], end: str) -> None:
    text = "".join(words + block.written for words, block in parts) + end
    assert (parts[0][1].content, len(parts)) == extract_code(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```\n```\n", ""),
        ("```", ""),
        ("```py\nx = 1", "x = 1"),
        ("```py\r\nx\r\n```\r\ny\r\n", "x\r\n"),
        ("````md\n```py\nx\n```\n````\n", "```py\nx\n```\n"),
        ("~~~\n```\nx\n```\n~~~\n", "```\nx\n```\n"),
        ("```\nx\n  `````\t \ny", "x\n"),
        ("```\nx\n    ```\n```\n", "x\n    ```\n"),
        ("```\nx\n```y\n```\n", "x\n```y\n"),
        ("  ```\n    x\n  y\n z\nw\n  ```\n", "  x\ny\nz\nw\n"),
        ("`` `\n``` a`b\n~~~ a`b\nx\n~~~\n", "x\n"),
        ("```\na\x0bb\u2028```\x85d\n\n```\n", "a\x0bb\u2028```\x85d\n\n"),
        ("```\nx\n\t```\n```\n", "x\n\t```\n"),
        ("```\nx\n\x0b```\n```\n", "x\n\x0b```\n"),
    ],
)
def test_fences_are_those_of_commonmark(text: str, code: str) -> None:
    assert code == extract_code(text)[0]


@pytest.mark.parametrize(
    "text", ["", "x = 1\n", "    ```\n    x\n", "\t```\n", "``\nx\n``\n", "see ```x```\n"]
)
def test_an_answer_without_a_block_has_no_code(text: str) -> None:
    with pytest.raises(InvalidText, match="no fenced code block"):
        extract_code(text)

"""Blocks are those of CommonMark and of GitHub's tables, however the text is cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.writers.markdown import blocks
from mmpipe.writers.markdown.blocks import Gap, Margin, VerbatimEnd, VerbatimLine, VerbatimStart
from mmpipe.writers.markdown.reader import BlockReader
from support.law_examples import share
from support.markdown_outline import outline, outline_of_markdown_it, read_blocks

pytestmark = pytest.mark.laws

SAMPLES = {
    "headings": "# a\n## b ##\n#c\n####### d\na\nb\n===\nc\n---\n#\n# a#\n",
    "paragraphs": "a\n  b\n\n\nc\n    d\n",
    "rules": "***\n- - -\n___\n--\n\n* * *\n",
    "indented code": "a\n\n    b\n\n\n      c\n\nd\n\n\te\n",
    "fences": "```py x\na\n ```\n~~~\n```\n~~~\n````\n```\n````\n``` `\n  ```\n   a\n b\n  ```\n```\nopen",
    "lists": "- a\n- b\n  - c\n\n  d\n* e\n1. f\n1. g\n7. h\n3) i\n",
    "items": "- a\n\n      code\n- ```\n  b\n  ```\n-\n  c\n-\n\n  d\n10. e\n\n    f\n- # g\n- - h\n",
    "a number in a sentence": "It was\n1986. A good year\n1. a list\n",
    "quotes": "> a\nb\n> > c\n>d\n\n> ```\n> e\nf\n> - g\n>   h\ni\n",
    "tables": "a\n| b | c |\n|---|:-:|\n| d\\|e | f | \ng\n\n|a|\n|-|\n|b|\n# c\n",
    "no tables": "a | b\n--- | --- | ---\n\n| a |\n| b |\n",
    "html": "<div>\na\n\nb\n<!-- c\n\nd -->\ne\n<b>f</b>\n\n<b>\ng\n\n<script>\n\n- h\n</script>\ni\n<br\n",
    "tabs": "-\ta\n\n\tb\n1.\tc\n\n\t\td\n>\te\n",
    "line ends": "# a\r\n\r\nb\r\n- c\r\n",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_blocks_are_those_that_markdown_it_finds_in_the_whole_text(name: str) -> None:
    assert outline_of_markdown_it(SAMPLES[name]) == outline(SAMPLES[name])


INDENTS = st.sampled_from(("", "", " ", "  ", "   "))
MARKS = st.lists(st.sampled_from(("> ", ">", "- ", "* ", "1. ", "2. ", "3) ", "-   ")), max_size=2)
CONTENTS = st.sampled_from(
    (
        *(
            "a",
            "b c",
            "",
            "",
            "# h",
            "## h ##",
            "#",
            "```",
            "~~~",
            "```py",
            "---",
            "===",
            "***",
            "- - -",
            "-",
            "1.",
        ),
        *(">", "<div>", "</div>", "<!-- x", "-->", "<b>x</b>", "a <i>", "\n| a | b |\n|---|:-:|\n| c |", "+"),
    )
)
LINES = st.tuples(INDENTS, MARKS, CONTENTS).map(lambda line: f"{line[0]}{''.join(line[1])}{line[2]}")
TEXTS = st.lists(LINES, max_size=8).map("\n".join)


@settings(max_examples=share(150), deadline=None)
@given(TEXTS)
def test_blocks_in_each_other_are_those_that_markdown_it_finds(text: str) -> None:
    assert outline_of_markdown_it(text) == outline(text)


@settings(max_examples=share(150), deadline=None)
@given(TEXTS, st.lists(st.integers(0, 80), max_size=8))
def test_however_a_text_is_cut_its_blocks_are_the_same(text: str, cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(text)})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert read_blocks(text) == read_blocks(*pieces) == read_blocks(*text)


@pytest.mark.parametrize("size", [8191, 8192, 8193, 16384, 30000])
@pytest.mark.parametrize(
    "text", ["{}", "```\n{}\n```", "- {}\n", "| a |\n|---|\n| {} |\n", "# {}\na", "<div>{}\n"]
)
def test_a_very_long_line_comes_in_the_same_pieces_however_it_is_cut(text: str, size: int) -> None:
    whole = text.format("ab cdefg" * (size // 8) + "h" * (size % 8))
    assert read_blocks(whole) == read_blocks(
        *(whole[start : start + 1000] for start in range(0, len(whole), 1000))
    )


def test_a_long_line_of_code_stays_one_line() -> None:
    first, *lines, last = read_blocks("```\n", "x" * 20000, "\ny\n```\n")
    assert (VerbatimStart(Margin(), "code"), VerbatimEnd()) == (first, last)
    text = "".join(line.text + "\n" * line.is_ended for line in lines if isinstance(line, VerbatimLine))
    assert "x" * 20000 + "\ny\n" == text


def test_a_block_comes_with_its_last_line() -> None:
    reader = blocks_as_they_come("a\nb\n", "\n", "# c\n", "```sh\n", "d\n", "```\n", "- e\n", "- f\n", "g")
    assert [
        [],
        [blocks.Paragraph(Margin(), "a\nb")],
        [Gap(), blocks.Heading(Margin(), 1, "c")],
        [VerbatimStart(Margin(), "code", "sh")],
        [VerbatimLine("d")],
        [VerbatimEnd()],
        [],
        [blocks.Paragraph(Margin("• ", "  "), "e")],
        [],
        [blocks.Paragraph(Margin("• ", "  "), "f\ng")],
    ] == reader


def blocks_as_they_come(*pieces: str) -> list[list[blocks.Block]]:
    reader = BlockReader()
    return [*(reader.feed(piece) for piece in pieces), reader.close()]


def test_a_formula_of_many_lines_is_no_markdown() -> None:
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        found = read_blocks(f"{opening}\n- a_1_\n\n# b\n{closing}\nc\n")
        lines = [block.text for block in found if isinstance(block, VerbatimLine)]
        assert [opening, "- a_1_", "", "# b", closing] == lines
        assert blocks.Paragraph(Margin(), "c") == found[-1]


def test_blank_lines_stand_where_the_model_wrote_them_and_never_two() -> None:
    text = "\n\na\n\n\n\nb\n# c\nd\n> e\n>\n> f\n\ng\n\n"
    kinds = [block for block in read_blocks(text) if isinstance(block, Gap)]
    assert [Gap(), Gap(), Gap("│ "), Gap()] == kinds


def test_lists_are_numbered_as_their_first_number_says() -> None:
    margins = [margin for margin, _, _ in outline("3. a\n3. b\n   - c\n3. d\n\ne\n\n1. f\n")]
    assert ["3. ", "4. ", "   ◦ ", "5. ", "", "1. "] == margins


def test_marks_that_are_too_deep_are_text() -> None:
    ((margin, _, content),) = outline("> " * 100_000 + "a")[:1]
    assert "│ " * 12 == margin
    assert content.startswith("> > >")

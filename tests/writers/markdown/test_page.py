"""A page shows Markdown in lines of the terminal's width, and holds nothing that could steer the terminal."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.writers.markdown.inline import InlineReader
from mmpipe.writers.markdown.page import Page
from mmpipe.writers.markdown.reader import BlockReader
from mmpipe.writers.markdown.wrapping import wrap
from support.hostile_texts import EVERYTHING
from support.law_examples import share

pytestmark = pytest.mark.outputs

STYLE = re.compile(r"\x1b\[[0-9;]*m")
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\U000e0000-\U000e007f]"
)


def shown(text: str, width: int = 40, *, has_styles: bool = False) -> str:
    reader = BlockReader()
    page = Page(lambda: width, has_styles=has_styles)
    return page.draw(reader.feed(text)) + page.draw(reader.close())


def coloured(text: str) -> str:
    """The text with its styles as tags of their parameters."""
    return re.sub(r"\x1b\[([0-9;]+)m", r"<\1>", shown(text, has_styles=True)).replace("<0>", "</>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a", "<1;35;4>a</>\n"),
        ("## a *b*", "<1;35>a </><1;35;3>b</>\n"),
        ("### a", "<1>a</>\n"),
        ("*a* **b** ~~c~~ `d`", "<3>a</> <1>b</> <9>c</> <36>d</>\n"),
        ("[a](/b)", "<4>a</> <2>(/b)</>\n"),
        ("<http://a.b>", "<4>http://a.b</>\n"),
        ("<a@b.c>", "<4>a@b.c</>\n"),
        ("![a](b.png)", "[image: a] <2>(b.png)</>\n"),
        ("> - a", "<2>│ </>• a\n"),
        ("\u6ce8**\u610f\uff1a**\u6587", "\u6ce8<1>\u610f\uff1a</>\u6587\n"),
        ("\u4e2d\uff1a**\u6587**\uff0ca **b** c*d*", "\u4e2d\uff1a<1>\u6587</>\uff0ca <1>b</> c<3>d</>\n"),
        ("\u4e2d**\uff08\u6587\uff09**a", "\u4e2d<1>\uff08\u6587\uff09</>a\n"),
        ("---", f"<2>{'─' * 40}</>\n"),
        ("$a_1*b*c$ and \\(d_1\\)", "<35>$a_1*b*c$</> and <35>\\(d_1\\)</>\n"),
        ("$5 or $10 is *a*", "$5 or $10 is <3>a</>\n"),
        ("a<br>b <kbd>c</kbd>", "a\nb <2><kbd></>c<2></kbd></>\n"),
        ("```sh\n# a\n```", "<2>─── sh</>\n<2># a</>\n<2>───</>\n"),
        ("| a |\n|---|\n| b |", "<1>a</>\n<2>─</>\nb\n"),
    ],
)
def test_each_kind_of_text_has_its_style(text: str, expected: str) -> None:
    assert expected == coloured(text)


@pytest.mark.parametrize("text", ["# a", "## *b* **c** ~~d~~ `e`", "text ***f*** ``g ` h``"])
def test_without_colours_the_marks_stay(text: str) -> None:
    assert f"{text}\n" == shown(text)


def test_list_items_stand_below_each_other() -> None:
    text = "1. one two three four five six seven eight\n   - nested\n2. - [x] a\n   - [ ] b\n"
    expected = "1. one two three four five six seven\n   eight\n   ◦ nested\n2. ◦ [x] a\n   ◦ [ ] b\n"
    assert expected == shown(text)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("aaa bbb ccc", 7, "aaa bbb\nccc\n"),
        ("a longerthanthewidth b", 6, "a\nlongerthanthewidth\nb\n"),
        ("中文字符没有空格\uff0c也要换行\u3002", 11, "中文字符没\n有空格\uff0c也\n要换行\u3002\n"),
        ("中文\uff08字\uff09符", 6, "中文\n\uff08字\uff09\n符\n"),
        ("中文\nab\ncd ef", 5, "中文\nab\ncd ef\n"),
        ("**中文**\uff0cab", 5, "中\n文\uff0c\nab\n"),
    ],
)
def test_text_is_wrapped_by_the_cells_of_its_characters(text: str, width: int, expected: str) -> None:
    lines = wrap(InlineReader(keeps_marks=False).read(text), width)
    assert expected == "".join("".join(span.text for span in line) + "\n" for line in lines)


TABLE = "| Name | 数量 | Text |\n|---|--:|:-:|\n| 中文 | 1 | a `b` |\n| c \\| d | 1000 |\n"


def test_the_columns_of_a_table_are_as_wide_as_their_cells() -> None:
    expected = "Name  │ 数量 │ Text\n──────┼──────┼──────\n中文  │    1 │ a `b`\nc | d │ 1000\n"
    assert expected == shown(TABLE)


def test_a_table_that_is_too_wide_has_wrapped_cells_and_lines_between_its_rows() -> None:
    text = "| a | b |\n|---|---|\n| 1 | one two three four |\n| 2 | x |\n"
    expected = "a │ b\n──┼─────────────────\n1 │ one two three\n  │ four\n──┼─────────────────\n2 │ x\n"
    assert expected == shown(text, 20)


def test_a_table_on_a_very_narrow_terminal_is_a_list_of_cells() -> None:
    text = "| First | Second | Third | 4 |\n|--|--|--|--|\n| aaaaaaaa | bbbbbbbb | cccccccc | d |\n| e | f | g | h |\n"
    expected = (
        "First: aaaaaaaa\nSecond: bbbbbbbb\nThird: cccccccc\n4: d\n\nFirst: e\nSecond: f\nThird: g\n4: h\n"
    )
    assert expected == shown(text, 20)


def test_a_list_of_cells_leaves_the_empty_ones_out() -> None:
    text = "| First | Second | Third | 4 |\n|--|--|--|--|\n| a | | cccccccc | |\n| |\n| e |\n"
    assert "First: a\nThird: cccccccc\n\nFirst: e\n" == shown(text, 12)


def test_a_short_row_costs_no_more_than_its_text_however_many_columns_there_are() -> None:
    head = f"{'|a' * 9}|\n{'|-' * 9}|\n"
    assert "b │ c\n\nd\n" == shown(f"{head}| b | c |\n|\n| d |\n", 80).split("──\n")[1]
    many = f"{'|a' * 999}|\n{'|-' * 999}|\n"
    assert "a: b\n" * 1 + "\na: b\n" * 99 == shown(many + "| b |\n" * 100, 80)


def test_a_very_long_table_is_written_before_its_end() -> None:
    reader, page = BlockReader(), Page(lambda: 40, has_styles=False)
    text = "| a | b |\n|---|---|\n" + "| cc | d |\n" * 2000
    first = page.draw(reader.feed(text))
    assert first.startswith("a  │ b\n───┼──\ncc │ d\n")
    assert 2002 == first.count("\n")
    assert "" == page.draw(reader.close())


@pytest.mark.parametrize("has_styles", [True, False])
def test_code_is_copied_as_it_was_written(has_styles: bool) -> None:
    code = "def f():\n\treturn '''a\n\n  b'''  \n" + "x" * 100 + "\n"
    for text in (f"```python\n{code}```", f"> ```python\n{code}```".replace("\n", "\n> ")):
        drawn = STYLE.sub("", shown(text, has_styles=has_styles))
        assert f"─── python\n{code}───\n" in drawn
    inside = "1. a\n\n   ```python\n   " + code.replace("\n", "\n   ").replace("   \t", "   \t") + "```\n"
    assert "\ndef f():\n" in STYLE.sub("", shown(inside, has_styles=has_styles))


def test_nothing_that_a_model_says_can_steer_the_terminal() -> None:
    attacks = (
        EVERYTHING,
        "&#27;[31m &#x9b;1m &#x202e; &#13; &#10; &NewLine; &Tab;",
        "[a](<&#27;]8;;http://b&#27;\\>) ![&#27;c](&#x9b;d) <http://a/\x1b]8>",
        "```\x1b[31m\n\x1b[2J\x9b\n```\n    \x1b[1m\n",
        "| \x1b[1m |\n|---|\n| &#27;[2J\r |\n",
        "# \x1b[1m\n<div \x1b[1m>\n\n$\x1b$ \\(\x9b\\)\n`\x1b`",
    )
    for attack in attacks:
        for text in (attack, f"> - {attack}", attack.replace("\n", "\r\n")):
            drawn = shown(text, has_styles=True)
            assert [] == STEERING.findall(STYLE.sub("", drawn))
            assert "\x1b]8" not in drawn


PARTS = st.sampled_from(
    (
        *(
            "a",
            " ",
            "\n",
            "\n\n",
            "*",
            "**",
            "`",
            "```",
            "~~~\n",
            "# ",
            "- ",
            "1. ",
            "> ",
            "|",
            "|---|",
            "[",
            "](",
            ")",
        ),
        *(
            "$",
            "$$\n",
            "\\(",
            "\\)",
            "<",
            ">",
            "<br>",
            "&#27;",
            "&",
            "\x1b[31m",
            "\x9b",
            "\u202e",
            "中文",
            "\uff0c",
            "\t",
        ),
        *(
            "\U0001f469\u200d\U0001f4bb",
            "\r",
            "| a | b |\n|---|---|\n",
            "===\n",
            "```py\n",
            "'''",
            '"',
            "#",
            "//",
        ),
    )
)


@settings(max_examples=share(200), deadline=None)
@given(st.lists(PARTS, max_size=60).map("".join), st.sampled_from((1, 20, 79)))
def test_whatever_comes_only_colours_are_added_and_no_line_ends_in_a_space(text: str, width: int) -> None:
    drawn = shown(text, width, has_styles=True)
    plain = STYLE.sub("", drawn)
    assert [] == STEERING.findall(plain)
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in drawn.split("\n"))
    assert plain == "" or plain.endswith("\n")
    # What stands behind a fence is no text.
    words = re.findall("a|中", re.sub("(```|~~~).*", "", text))
    assert len(words) <= len(re.findall("a|中", plain))


# The text before the pieces.
STARTS = {"c | d\n": "| a | b |\n|---|---|\n", "|\n": f"{'|a' * 99}|\n{'|-' * 99}|\n"}


@pytest.mark.parametrize(
    "piece",
    [
        "> ",
        "- ",
        "[",
        "![",
        "*",
        "**a",
        "`",
        "<",
        "&",
        "[a](",
        "| a |\n|---|\n",
        "c | d\n",
        "|\n",
        "- a\n",
        "```\n",
        "a\n",
    ],
)
def test_a_page_is_hardly_longer_than_its_text(piece: str) -> None:
    text = STARTS.get(piece, "") + piece * (3_000 // len(piece))
    assert len(shown(text)) < 3 * len(text)

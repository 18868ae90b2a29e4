"""No control character reaches a terminal."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.text.visible import one_line, visible, visible_json

pytestmark = pytest.mark.laws

HOSTILE = st.text(
    st.one_of(
        st.characters(categories=["Cc"]),
        st.sampled_from("\u202e\u2066\u061c\u200f\U000e0041\x9b\x1b\x7f\r\n\t好é"),
        st.characters(),
    )
)
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def harmful(character: str) -> bool:
    """Return True by the Unicode database, not by the table under test."""
    return (
        (unicodedata.category(character) == "Cc" and character not in "\n\t")
        or unicodedata.bidirectional(character) in BIDI
        or character in "\u200e\u200f\u061c"
        or 0xE0000 <= ord(character) < 0xE0080
        or unicodedata.category(character) == "Cs"
    )


@given(HOSTILE)
def test_nothing_harmful_is_left(text: str) -> None:
    assert not any(map(harmful, visible(text)))


def test_no_character_of_unicode_is_harmful_once_it_is_shown() -> None:
    shown = (visible(chr(code)) for code in range(sys.maxunicode + 1) if harmful(chr(code)))
    assert [] == [text for text in shown if any(map(harmful, text))]


@given(HOSTILE)
def test_visible_text_stays_the_same(text: str) -> None:
    assert visible(text) == visible(visible(text))


@given(HOSTILE, HOSTILE)
def test_piece_by_piece_is_the_same_as_whole(one: str, two: str) -> None:
    assert visible(one) + visible(two) == visible(one + two)


# Some of the tags are characters that Unicode has not given a meaning, and so no category but Cn.
@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Cn"])))
def test_harmless_text_is_not_touched(text: str) -> None:
    assert text == visible(text)


@given(HOSTILE)
def test_json_means_the_same_and_holds_nothing_harmful(text: str) -> None:
    document = visible_json(json.dumps(text, ensure_ascii=False))
    assert text == json.loads(document)
    assert not any(map(harmful, document))


@given(HOSTILE)
def test_one_line_is_one_line_of_limited_length(text: str) -> None:
    line = one_line(text, 20)
    assert "\n" not in line
    assert len(line) <= 20


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x00", "␀"), ("\x1b", "␛"), ("\r", "␍"), ("\x1f", "␟"), ("\x7f", "␡"), ("\n", "\n"), ("\t", "\t"), (" ", " "),
        ("\x80", "<U+0080>"), ("\x9b", "<U+009B>"), ("\x9f", "<U+009F>"), ("\xa0", "\xa0"), ("~", "~"),
        ("\u061c", "<U+061C>"), ("\u200d", "\u200d"), ("\u200e", "<U+200E>"), ("\u200f", "<U+200F>"), ("\u2010", "\u2010"),
        ("\u2029", "\u2029"), ("\u202a", "<U+202A>"), ("\u202e", "<U+202E>"), ("\u202f", "\u202f"),
        ("\u2065", "\u2065"), ("\u2066", "<U+2066>"), ("\u206f", "<U+206F>"), ("\u2070", "\u2070"),
        ("\U000dffff", "\U000dffff"), ("\U000e0000", "<U+E0000>"), ("\U000e007f", "<U+E007F>"), ("\U000e0080", "\U000e0080"),
        ("\ud7ff", "\ud7ff"), ("\ud800", "<U+D800>"), ("\udfff", "<U+DFFF>"), ("\ue000", "\ue000"),
    ],
)  # fmt: skip
def test_control_characters_are_shown_as_a_picture_or_a_number(character: str, shown: str) -> None:
    assert f"a{shown}b" == visible(f"a{character}b")
    if character in "\n\t":
        assert "a b" == one_line(f"a{character}b")
    else:
        assert f"a{shown}b" == one_line(f"a{character}b")


@pytest.mark.parametrize(
    ("text", "line"),
    [(" a\nb\tc\n", "a b c"), ("12345", "12345"), ("123456", "1234…"), ("\n", ""), ("  123456  ", "1234…")],
)
def test_a_line_is_stripped_and_cut_where_it_is_too_long(text: str, line: str) -> None:
    assert line == one_line(text, 5)


def test_a_line_of_stderr_has_room_for_a_sentence_or_two() -> None:
    assert ["x" * 600, "x" * 599 + "…"] == [one_line("x" * length) for length in (600, 601)]

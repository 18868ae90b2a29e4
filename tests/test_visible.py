"""No control character reaches a terminal."""

import json
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.visible import one_line, visible, visible_json

HOSTILE = st.text(
    st.one_of(
        st.characters(categories=["Cc"]),
        st.sampled_from("\u202e\u2066\u061c\u200f\U000e0041\x9b\x1b\x7f\r\n\t好é"),
        st.characters(),
    )
)
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def harmful(character: str) -> bool:
    """By the Unicode database, and not by the table under test."""
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
def test_what_is_visible_stays_as_it_is(text: str) -> None:
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

"""The picture of the README shows what a run prints today."""

import html
import re

import pytest

from pictures.draw import PICTURE, draw, perform

pytestmark = [pytest.mark.outputs, pytest.mark.slow]


def words(svg: str) -> list[str]:
    """The lines of a picture, without the times, which differ from run to run."""
    lines: dict[str, str] = {}
    for place, text in re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>(.*?)</text>', svg):
        lines[place] = lines.get(place, "") + html.unescape(text).replace("\xa0", " ")
    return [re.sub(r"[\d.]+ s\b", "N s", line).rstrip() for line in lines.values()]


def test_the_picture_has_the_words_of_a_run() -> None:
    shown, session = words(PICTURE.read_text()), perform()
    assert words(draw(session)) == shown
    # A blank line parts the thinking from the answer.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", session)
    assert "stay brief.\n\nThis is a simulated answer" in plain
    assert any("error[usage]:" in line for line in shown)


def test_the_picture_is_small_and_fetches_nothing() -> None:
    svg = PICTURE.read_text()
    assert len(svg) < 25_000
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\s\"')]+", svg))
    assert "@font-face" not in svg

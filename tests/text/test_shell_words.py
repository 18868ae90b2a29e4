"""A command that is shown can be copied: a shell reads the very same words."""

import os
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmpipe.text.shell_words import format_command, quote_path, quote_word

words = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=5)


@given(words)
@example(["", "~", "a b", "it's", "-x", "{}", "$HOME", "a\nb", "\x1b[2J'\\", "\u202e1", "\udcff7", "中文"])
@settings(max_examples=10)
def test_a_shell_reads_the_same_words(typed: list[str]) -> None:
    script = f"printf '%s\\0' x {format_command(typed)}"
    read = subprocess.run(["bash", "-c", os.fsencode(script)], capture_output=True, check=True).stdout
    assert [b"x", *map(os.fsencode, typed)] == read.split(b"\0")[:-1]


@given(words)
def test_nothing_but_printable_characters_is_shown(typed: list[str]) -> None:
    assert format_command(typed).isprintable()


@pytest.mark.parametrize(
    ("expected", "path"), [("out.jsonl", "out.jsonl"), ("'my out'", "my out"), ("./-x", "-x"), ("-", "-")][:3]
)
def test_the_name_of_a_file_is_no_option(expected: str, path: str) -> None:
    assert expected == quote_path(path)
    assert quote_word(path) == path or "'" in expected

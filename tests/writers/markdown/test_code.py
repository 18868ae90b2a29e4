"""Code gets colours line by line, and keeps every character."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.writers.markdown.code import CodeReader
from mmpipe.writers.markdown.languages import find_grammar
from support.law_examples import share

pytestmark = pytest.mark.laws

STYLES = {"2": "comment", "32": "string", "35": "word", "36": "value", "1;34": "name", "31": "removed"}


def parts(language: str, *lines: str) -> list[str]:
    """The styled parts of these lines, each behind the name of its style."""
    reader = CodeReader(language)
    return [f"{STYLES[span.style]} {span.text}" for line in lines for span in reader.read(line) if span.style]


@pytest.mark.parametrize(
    ("language", "lines", "expected"),
    [
        ("python", ["@a.b", "x = 1 # c"], ["name @a.b", "value 1", "comment # c"]),
        ("py", ["return '#' + \"\\\"\""], ["word return", "string '#'", 'string "\\""']),
        ("python", ["'''a", "# b", "c''' or None"], ["string '''a", "string # b", "string c'''", "word or", "value None"]),
        ("js", ["/* a", "b */ const c = `d", "${e}`;"], ["comment /* a", "comment b */", "word const", "string `d", "string ${e}`"]),
        ("C++", ["#include <a>", "int b = 0x1F; // c"], ["name #include", "word int", "value 0x1F", "comment // c"]),
        ("rust", ["fn a<'b>(c: &'b str) { 'd' }"], ["word fn", "word str", "string 'd'"]),
        ("bash", ["echo 'a", "b' $c ${d} a#b # e"], ["word echo", "string 'a", "string b'", "name $c", "name ${d}", "comment # e"]),
        ("json", ['{"a": "b", "c": [1, null]}'], ['name "a"', 'string "b"', 'name "c"', "value 1", "value null"]),
        ("yaml", ["- a: true # b"], ["name - a", "value true", "comment # b"]),
        ("sql", ["SELECT a from B -- c"], ["word SELECT", "word from", "comment -- c"]),
        ("html", ['<a href="b">c</a><!-- d', "-->"], ["name <a", "name href", 'string "b"', "name >", "name </a", "name >", "comment <!-- d", "comment -->"]),
        ("diff", ["@@ 1 @@", "-a", "+b", " c"], ["value @@ 1 @@", "removed -a", "string +b"]),
        ("toml", ["[a]", 'b = "c" # d'], ["name [a]", "name b", 'string "c"', "comment # d"]),
        ("unknown", ["def a: 'b'"], []),
        ("", ["1"], []),
    ],
)  # fmt: skip
def test_words_strings_and_comments_of_a_language_have_colours(
    language: str, lines: list[str], expected: list[str]
) -> None:
    assert expected == parts(language, *lines)


LANGUAGES = (
    "python",
    "bash",
    "js",
    "c",
    "rust",
    "php",
    "lua",
    "sql",
    "json",
    "yaml",
    "html",
    "css",
    "toml",
    "diff",
    "make",
)
PIECES = st.sampled_from(
    (
        *"'\"`#/*-<>{}[]()$@&!%=:;,.\\ \t",
        "a",
        "def",
        "1",
        "/*",
        "*/",
        "<!--",
        "-->",
        "'''",
        '"""',
        "[[",
        "]]",
        "//",
        "中",
    )
)


@settings(max_examples=share(200), deadline=None)
@given(st.sampled_from(LANGUAGES), st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=4))
def test_no_character_of_the_code_is_lost_or_added(language: str, lines: list[str]) -> None:
    reader = CodeReader(language)
    for line in lines:
        assert line == "".join(span.text for span in reader.read(line))


@pytest.mark.parametrize("name", ["Python", "language-js", "C#", "objective-c", "shell-session"])
def test_a_language_has_many_names(name: str) -> None:
    assert find_grammar(name) is not None

"""A closer without an opener ends thinking only where these models write it; an answer that mentions it stays whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.core.lone_closers import CLOSERS, find_lone_closer

# Prose of a model, without tags and backticks.
PROSE = (
    st.lists(
        st.sampled_from(
            ["I see.", "So\n", "\n\n", "1 < 2", "</", "think>", "\n~~~\nx\n~~~\n", "a ", "\u597d"]
        ),
        min_size=1,
    )
    .map(lambda parts: f"So {''.join(parts)} yes.")
    .filter(lambda text: "</think>" not in text)
)
CLOSER = st.sampled_from(CLOSERS)


def split(text: str, *, anywhere: bool = False) -> tuple[str, str] | None:
    found = find_lone_closer(text, anywhere=anywhere)
    return None if found is None else (text[: found[0]], text[found[1] :])


@given(
    PROSE,
    CLOSER,
    st.sampled_from(["\n", "\n\n", "\r\n", " \n", "\n\n\n"]),
    PROSE,
    st.sampled_from(["", *CLOSERS]),
)
def test_a_closer_on_a_line_of_its_own_ends_the_thinking(
    thinking: str, closer: str, after: str, answer: str, mention: str
) -> None:
    rest = f"{after}{answer}{mention}"
    assert (f"{thinking}\n", rest) == split(f"{thinking}\n{closer}{rest}")


@given(PROSE, CLOSER, PROSE)
def test_a_closer_at_the_end_of_a_sentence_needs_an_empty_line(
    thinking: str, closer: str, answer: str
) -> None:
    assert (thinking, f"\n\n{answer}") == split(f"{thinking}{closer}\n\n{answer}")
    assert split(f"{thinking}{closer}\n{answer}") is None
    assert split(f"{thinking}{closer}{answer}") is None
    assert (thinking, answer) == split(f"{thinking}{closer}{answer}", anywhere=True)


@given(PROSE, CLOSER, st.sampled_from(["", "\n", " \n\n"]))
def test_an_answer_never_becomes_empty(text: str, closer: str, end: str) -> None:
    assert split(f"{text}\n{closer}{end}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no tag",
        "The tag </think>\n\nends it.",
        "the tags <think> and\n</think>\nstand around it",
        "<think>\n</think>\nx",
        "write `</think>`\n\nand go on",
        "write ``a ` </think>``\n\nand go on",
        "it's `code\n```\n</think>\n```\nend",
        "```xml\n<a/>\n</think>\n```\nend",
        "~~~~\n~~~\n</think>\n~~~~\nend",
        "   ```\n</think>\nopen to the end",
        "- </think>\nin a list",
        "> </think>\n\nin a quotation",
        '"</think>\n\nquoted',
        "(</think>\n\nin brackets",
        "**</think>\n\nbold",
        "\u201c</think>\n\nquoted",
        "    </think>\n\nindented",
        "said </think> first\n</think>\nand again",
        "</THINK>\n\nanother tag",
        "\n</thinking>\n\nanother tag",
    ],
)
def test_an_answer_that_mentions_the_tag_stays_whole(text: str) -> None:
    assert split(text) is None


@pytest.mark.parametrize(
    "thinking",
    [
        "I write `</think>` when I am done.\n",
        "A block:\n```\n</think>\n```\nDone.\n",
        "~~~\n<think>\n~~~\n",
        "It is `x` and ``</mm:think>``.\n",
    ],
)
def test_tags_in_the_code_of_the_thinking_do_not_count(thinking: str) -> None:
    assert (thinking, "\n\nyes") == split(f"{thinking}</think>\n\nyes")

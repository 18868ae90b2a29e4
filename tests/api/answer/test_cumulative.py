"""Cumulative streams come out right, and no incremental one is harmed."""

from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mmpipe.api.answer.cumulative import (
    ENOUGH_CHARACTERS,
    ENOUGH_GROWTHS,
    CumulativeDetector,
    StreamKind,
    is_refuted,
)

PROSE = (
    "The sky is blue because short waves of light are scattered more than long ones by the molecules of the air. "
    "At sunset the light takes a longer way, and what is left of it is red. On the moon the sky is black at noon."
)


def taken(pieces: list[str], field: str = "content") -> str:
    growth = CumulativeDetector()
    texts = [text for piece in pieces for _, text in growth.take(field, piece)]
    return "".join(texts + [text for _, text in growth.settle()])


def only_a_cumulative_stream_does(pieces: list[str]) -> bool:
    """Return whether each of the first pieces has all of the one before and more, at last at least 32 characters."""
    for growths, (before, after) in enumerate(pairwise(pieces), 1):
        if not after.startswith(before) or after == before:
            return False
        if growths >= ENOUGH_GROWTHS and len(before) >= ENOUGH_CHARACTERS:
            return True
    return False


NESTED = st.lists(st.integers(1, 90), min_size=1, max_size=6).map(lambda ends: [PROSE[:end] for end in ends])


@given(st.lists(st.text("ab ", min_size=1, max_size=12)))
@example(["a", "ab", "abab"])
@example(["a", "and", "and so"])
@example(["a", "an", "an old man went to the market to buy three eggs and a hen"])
@example([PROSE[:40], PROSE[:80]])
def test_an_incremental_stream_is_never_harmed(pieces: list[str]) -> None:
    assert "".join(pieces) == taken(pieces)


@given(
    st.lists(st.text(min_size=1))
    | NESTED
    | st.tuples(NESTED, st.lists(st.text(min_size=1))).map(lambda two: two[0] + two[1])
)
def test_only_what_no_incremental_stream_does_is_taken_for_cumulative(pieces: list[str]) -> None:
    assume(not only_a_cumulative_stream_does(pieces))
    assert "".join(pieces) == taken(pieces)


def test_text_that_only_begins_with_a_repetition_is_evidence() -> None:
    text = "ha" * 20 + " and no more, for that was not funny at all"
    assert text == taken([text[:2], text[:43], text[:60], text])


@given(st.text(min_size=1, max_size=6), st.lists(st.integers(1, 80), min_size=1))
def test_text_that_repeats_itself_is_not_taken_for_cumulative(word: str, lengths: list[int]) -> None:
    text = word * 200
    at, pieces = 0, []
    for length in sorted(lengths):
        pieces.append(text[at : at + length])
        at += length
    pieces = [piece for piece in pieces if piece]
    assert "".join(pieces) == taken(pieces)


@pytest.mark.parametrize("once", [PROSE[:16], PROSE[:18], PROSE[:40], "a" * 20 + "b"])
def test_a_repeated_text_is_not_taken_for_cumulative(once: str) -> None:
    for end in range(2 * len(once), 3 * len(once)):
        pieces = [(once * 3)[:1], (once * 3)[:2], (once * 3)[:end], (once * 5)[: end + 1]]
        assert "".join(pieces) == taken(pieces)


def test_a_cumulative_stream_with_repeats_at_first_is_emitted_once() -> None:
    text = "ha" * 11 + PROSE
    assert text == taken([text[:1], text[:40], text[:80], text])


@given(
    st.sets(st.integers(1, 31), min_size=1),
    st.sets(st.integers(ENOUGH_CHARACTERS, len(PROSE) - 1), min_size=2),
)
def test_a_cumulative_stream_says_its_text_once(short: set[int], long: set[int]) -> None:
    # Its pieces repeat three times, the last time much: less proves nothing.
    pieces = [PROSE[:end] for end in sorted(short | long | {len(PROSE)})]
    assert PROSE == taken(pieces)


def test_a_very_long_piece_is_looked_at_no_longer_than_a_short_one() -> None:
    text = ("a" * 200_000 + "b") * 2
    assert 3 * len(text) - 1 == len(taken([text[:-1], text, text]))


def test_a_cumulative_stream_flows_as_soon_as_it_is_proved() -> None:
    growth = CumulativeDetector()
    pieces = [PROSE[:3], PROSE[:50], PROSE[:60], PROSE[:80], PROSE[:90]]
    assert [
        [("content", PROSE[:3])],
        [],
        [],
        [("content", PROSE[3:50]), ("content", PROSE[50:60]), ("content", PROSE[60:80])],
        [("content", PROSE[80:90])],
    ] == [growth.take("content", piece) for piece in pieces]


def test_an_incremental_stream_flows_at_once() -> None:
    growth = CumulativeDetector()
    pieces = ["The", " user", " user wants", " more"]
    assert [[("content", piece)] for piece in pieces] == [growth.take("content", piece) for piece in pieces]


def test_a_cumulative_field_proves_a_cumulative_stream() -> None:
    growth = CumulativeDetector()
    for piece in (PROSE[:40], PROSE[:80], PROSE[:120], PROSE[:121]):
        growth.take("thinking", piece)
    assert [("content", "56")] == growth.take("content", "56")
    assert [("content", "!")] == growth.take("content", "56!")


def test_pieces_that_wait_for_proof_keep_their_order() -> None:
    growth = CumulativeDetector()
    assert [("thinking", "a")] == growth.take("thinking", "a")
    assert [] == growth.take("thinking", "ab")
    assert [] == growth.take("content", "x")
    assert [("thinking", "ab"), ("content", "x"), ("content", "y")] == growth.take("content", "y")


def test_one_repetition_is_no_proof_while_more_may_come() -> None:
    pieces = [PROSE[:40], PROSE[:40] + " Again: ", "it is blue."]
    assert "".join(pieces) == taken(pieces)


def test_text_that_does_not_continue_a_cumulative_stream_is_not_lost() -> None:
    grown = [PROSE[:40], PROSE[:80], PROSE[:120], PROSE[:140]]
    assert PROSE[:140] + "?!" == taken([*grown, "?", "!"])
    assert PROSE[:140] + "?!" == taken([*grown, "?", PROSE[:140] + "?!"])
    assert PROSE[:140] + PROSE[:130] == taken([*grown, PROSE[:130]])


def test_a_piece_that_only_repeats_proves_an_incremental_stream_unless_it_is_proved_cumulative() -> None:
    pieces = [PROSE[:40], PROSE[:80], PROSE[:80], PROSE[:120], PROSE]
    assert "".join(pieces) == taken(pieces)
    assert PROSE == taken([PROSE[:40], PROSE[:80], PROSE[:120], PROSE, PROSE])


STATEMENT = "INSERT INTO t (id, name, mail) VALUES (1, 'a', 'x@y.z')"


def test_statements_that_begin_alike_are_all_kept() -> None:
    more = STATEMENT + ", (2, 'b', 'x@y.z');\n"
    pieces = [STATEMENT, more, more, more + "COMMIT;\n"]
    for count in range(1, 5):
        assert "".join(pieces[:count]) == taken(pieces[:count])


PHRASES = st.sampled_from(
    [STATEMENT, PROSE[:50], PROSE[:90], "```sql\n", "- item\n", " ", "and so on and so on; ", "a"]
)


@given(
    st.lists(st.lists(PHRASES, min_size=1, max_size=4).map("".join), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=6),
)
def test_a_stream_of_repeated_phrases_loses_no_byte(pieces: list[str], copies: list[tuple[int, int]]) -> None:
    for source, target in copies:
        # A piece that begins as another one did, as lines of a list or statements do.
        pieces.insert(target, pieces[source % len(pieces)] + "." * (source % 3))
    assume(not only_a_cumulative_stream_does(pieces))
    assert "".join(pieces) == taken(pieces)


@given(st.lists(st.text("ab", min_size=1, max_size=40), max_size=8))
def test_who_knows_the_kind_of_a_stream_is_believed(pieces: list[str]) -> None:
    nested = ["".join(pieces[:count]) for count in range(1, len(pieces) + 1)]
    for kind, expected in (
        (StreamKind.INCREMENTAL, "".join(nested)),
        (StreamKind.CUMULATIVE, "".join(pieces)),
    ):
        detector = CumulativeDetector(kind)
        found = [text for piece in nested for _, text in detector.take("content", piece)]
        assert [] == detector.settle()
        assert expected == "".join(found)


def test_the_usage_refutes_a_guess_that_leaves_too_little_text() -> None:
    assert is_refuted(written=120, received=355, tokens=89)
    assert not is_refuted(written=120, received=355, tokens=40)
    # More tokens than all bytes: the server counts what it does not send.
    assert not is_refuted(written=120, received=355, tokens=5000)

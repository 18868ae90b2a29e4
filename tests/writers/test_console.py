"""What is said on stderr is what the user wants to hear, and never lands on what is drawn there."""

import pytest

from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console, Verbosity

TERM = {"TERM": "xterm"}
NOTE, WARNING, HINT, SUMMARY = (
    "mmpipe: a note\n",
    "mmpipe: warning: a warning\n",
    "mmpipe: a hint\n",
    "mmpipe: a summary\n",
)
CLEARED = "\r\x1b[K"


def console(
    manners: Verbosity, environment: dict[str, str], terminals: str = "stderr"
) -> tuple[Console, Streams]:
    streams = Streams.fake(terminals=terminals)
    return Console(streams, manners, environment), streams


def said(streams: Streams) -> str:
    stdout, stderr = streams.captured()
    assert b"" == stdout
    return stderr.decode()


@pytest.mark.parametrize(
    ("manners", "heard"),
    [
        (Verbosity(), WARNING + HINT + SUMMARY),
        (Verbosity(verbose=True), NOTE + WARNING + HINT + SUMMARY),
        (Verbosity(quiet=True), ""),
        (Verbosity(verbose=True, quiet=True), NOTE),
    ],
)
def test_as_much_is_said_as_was_asked_for(manners: Verbosity, heard: str) -> None:
    mouth, streams = console(manners, {}, terminals="")
    mouth.note("a note")
    mouth.warn("a warning")
    mouth.hint("a hint")
    mouth.summary("a summary")
    assert heard == said(streams)


def test_what_is_masked_is_left_out_of_every_sentence() -> None:
    mouth, streams = console(Verbosity(verbose=True), {}, terminals="")
    mouth.note("with sk-key")
    mouth.mask(lambda sentence: sentence.replace("sk-key", "***"))
    mouth.note("with sk-key")
    mouth.warn("sk-key")
    assert "mmpipe: with sk-key\nmmpipe: with ***\nmmpipe: warning: ***\n" == said(streams)


@pytest.mark.parametrize(
    ("terminals", "environment", "manners", "turns"),
    [
        ("stderr", TERM, Verbosity(), True),
        ("stderr", TERM, Verbosity(verbose=True), True),
        ("stderr", TERM, Verbosity(quiet=True), False),
        ("stdout", TERM, Verbosity(), False),
        ("stderr", {}, Verbosity(), False),
        *(("stderr", {"TERM": term}, Verbosity(), False) for term in ("", "dumb", "unknown")),
        ("stderr", {"TERM": "dumber"}, Verbosity(), True),
    ],
)
def test_a_spinner_turns_only_on_a_terminal_that_can_be_drawn_over(
    terminals: str, environment: dict[str, str], manners: Verbosity, turns: bool
) -> None:
    mouth, streams = console(manners, environment, terminals)
    mouth.turn()
    assert turns == bool(said(streams))


def test_the_spinner_gives_way_to_what_is_said_and_comes_again() -> None:
    mouth, streams = console(Verbosity(), TERM)
    with mouth:
        mouth.turn()
        mouth.warn("a warning")
        assert said(streams).endswith(CLEARED + WARNING)
        mouth.turn()
        assert not said(streams).endswith(WARNING)
        mouth.pause()
        assert said(streams).endswith(CLEARED)
        mouth.turn()
        assert not said(streams).endswith(CLEARED)
    assert said(streams).endswith(CLEARED)


def test_once_the_answer_has_begun_no_spinner_comes_again() -> None:
    mouth, streams = console(Verbosity(), TERM)
    mouth.turn()
    mouth.make_way()
    assert said(streams).endswith(CLEARED)
    cleared = said(streams)
    mouth.turn()
    mouth.pause()
    assert cleared == said(streams)
    mouth.hint("a hint")
    assert cleared + HINT == said(streams)


class Drawn:
    """Something in the last line."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def clear(self) -> None:
        self._streams.stderr.write(b"<cleared>")


def test_what_is_drawn_by_another_gives_way_to_every_sentence() -> None:
    mouth, streams = console(Verbosity(), {}, terminals="")
    with mouth:
        mouth.own(Drawn(streams))
        assert "" == said(streams)
        mouth.warn("a warning")
        mouth.hint("a hint")
    assert f"<cleared>{WARNING}<cleared>{HINT}<cleared>" == said(streams)


@pytest.mark.parametrize(
    ("environment", "dims"),
    [
        (TERM, True),
        (TERM | {"NO_COLOR": ""}, True),
        (TERM | {"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_thinking_is_dimmed_where_colour_is_wanted_and_possible(
    environment: dict[str, str], dims: bool
) -> None:
    assert dims is console(Verbosity(), environment)[0].dims

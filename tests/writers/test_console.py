"""Messages on stderr follow --verbose and --quiet, and never land on a drawing."""

import pytest

from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.details import Detail
from mmpipe.writers.options import Verbosity
from mmpipe.writers.terminal import Role, read_terminal_width

TERM = {"TERM": "xterm"}
NOTE, WARNING, HINT, SUMMARY = (
    "mmpipe: a note\n",
    "mmpipe: warning: a warning\n",
    "mmpipe: a hint\n",
    "mmpipe: a summary\n",
)
CLEARED = "\r\x1b[K"


def console(
    verbosity: Verbosity, environment: dict[str, str], terminals: str = "stderr"
) -> tuple[Console, Streams]:
    streams = Streams.fake(terminals=terminals)
    return Console(streams, verbosity, environment), streams


def stderr_of(streams: Streams) -> str:
    stdout, stderr = streams.captured()
    assert b"" == stdout
    return stderr.decode()


@pytest.mark.parametrize(
    ("verbosity", "printed"),
    [
        (Verbosity(), WARNING + HINT + SUMMARY),
        (Verbosity(verbose=True), NOTE + WARNING + HINT + SUMMARY),
        (Verbosity(quiet=True), ""),
        (Verbosity(verbose=True, quiet=True), NOTE),
    ],
)
def test_verbose_and_quiet_choose_the_messages(verbosity: Verbosity, printed: str) -> None:
    messages, streams = console(verbosity, {}, terminals="")
    messages.note("a note")
    messages.warn("a warning")
    messages.hint("a hint")
    messages.summarize("a summary")
    assert printed == stderr_of(streams)


def test_a_masked_key_is_in_no_message() -> None:
    messages, streams = console(Verbosity(verbose=True), {}, terminals="")
    messages.note("with sk-key")
    messages.set_mask(lambda sentence: sentence.replace("sk-key", "***"))
    messages.note("with sk-key")
    messages.warn("sk-key")
    assert "mmpipe: with sk-key\nmmpipe: with ***\nmmpipe: warning: ***\n" == stderr_of(streams)


@pytest.mark.parametrize(
    ("terminals", "environment", "verbosity", "turns"),
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
    terminals: str, environment: dict[str, str], verbosity: Verbosity, turns: bool
) -> None:
    messages, streams = console(verbosity, environment, terminals)
    messages.tick()
    assert turns == bool(stderr_of(streams))


def test_the_spinner_is_erased_for_a_message_and_drawn_again() -> None:
    messages, streams = console(Verbosity(), TERM)
    with messages:
        messages.tick()
        messages.warn("a warning")
        assert stderr_of(streams).endswith(CLEARED + "mmpipe: \x1b[33mwarning:\x1b[0m a warning\n")
        messages.tick()
        assert not stderr_of(streams).endswith(WARNING)
        messages.pause()
        assert stderr_of(streams).endswith(CLEARED)
        messages.tick()
        assert not stderr_of(streams).endswith(CLEARED)
    assert stderr_of(streams).endswith(CLEARED)


def test_once_the_answer_has_begun_no_spinner_comes_again() -> None:
    messages, streams = console(Verbosity(), TERM)
    messages.tick()
    messages.end_drawing()
    assert stderr_of(streams).endswith(CLEARED)
    cleared = stderr_of(streams)
    messages.tick()
    messages.pause()
    assert cleared == stderr_of(streams)
    messages.hint("a hint")
    assert cleared + HINT == stderr_of(streams)


class Drawn:
    """Drawing in the last line."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def clear(self) -> None:
        self._streams.stderr.write(b"<cleared>")


def test_an_attached_drawing_is_erased_before_every_message() -> None:
    messages, streams = console(Verbosity(), {}, terminals="")
    with messages:
        messages.attach(Drawn(streams))
        assert "" == stderr_of(streams)
        messages.warn("a warning")
        messages.hint("a hint")
    assert f"<cleared>{WARNING}<cleared>{HINT}<cleared>" == stderr_of(streams)


@pytest.mark.parametrize(
    ("environment", "can_dim"),
    [
        (TERM, True),
        (TERM | {"NO_COLOR": ""}, True),
        (TERM | {"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_thinking_is_dimmed_where_colour_is_wanted_and_possible(
    environment: dict[str, str], can_dim: bool
) -> None:
    assert can_dim is console(Verbosity(), environment)[0].can_dim


@pytest.mark.parametrize(
    ("typed", "width"),
    [
        ("120", 120),
        ("0", 80),
        ("-1", 80),
        ("x", 80),
        ("", 80),
        ("9" * 5000, 80),
        ("\u00b2", 80),
        ("99999", 99_999),
    ],
)
def test_the_width_of_a_terminal_is_a_number_of_columns_or_the_terminals_own(typed: str, width: int) -> None:
    streams = Streams.fake(terminals="stderr")
    assert width == read_terminal_width(streams.stderr, {"COLUMNS": typed})


@pytest.mark.parametrize(
    ("expected", "term"), [("mmpipe: wait\nmmpipe: a summary\n  to see  jq .\n", "xterm"), (SUMMARY, "dumb")]
)
def test_details_and_remarks_are_for_terminals_alone(expected: str, term: str) -> None:
    for terminals, printed in (("stderr", expected), ("", SUMMARY)):
        found, streams = console(Verbosity(), {"TERM": term, "NO_COLOR": "1"}, terminals)
        found.remark("wait")
        found.summarize("a summary", [Detail("to see", "jq .", Role.HEADING)])
        assert printed == stderr_of(streams)
    found, streams = console(Verbosity(verbose=True), {"TERM": term})
    found.remark("wait")
    assert "mmpipe: wait\n" == stderr_of(streams)


def test_details_are_quiet_and_never_show_the_key() -> None:
    for verbosity, printed in ((Verbosity(), "***"), (Verbosity(quiet=True), "")):
        found, streams = console(verbosity, TERM)
        found.set_mask(lambda text: text.replace("sk-1", "***"))
        found.summarize("a summary", [Detail("to see", "jq sk-1", Role.HEADING, is_command=True)])
        assert printed in stderr_of(streams)
        assert "sk-1" not in stderr_of(streams)
        assert bool(printed) == bool(stderr_of(streams))


def test_nothing_is_drawn_while_an_answer_is_being_written() -> None:
    found, streams = console(Verbosity(), TERM)
    found.tick()
    with found.make_way():
        assert stderr_of(streams).endswith(CLEARED)
        assert not found.may_draw
    assert found.may_draw

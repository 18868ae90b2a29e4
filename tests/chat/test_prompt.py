"""The prompt is what was typed, the files and standard input, in that order, and nothing is lost or guessed."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.chat.options import PromptOptions, StdinOptions
from mmpipe.chat.prompt import PromptSources, check_sources, read_prompt
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.streams import Input, Streams


def typed(*words: str, file: tuple[str, ...] = (), **stdin: object) -> PromptSources:
    return PromptSources(PromptOptions(words, file), StdinOptions(**stdin))  # type: ignore[arg-type]


def read(sources: PromptSources, stdin: bytes = b"", terminals: str = "") -> str:
    streams = Streams.fake(stdin, terminals=terminals)
    check_sources(sources, streams.stdin)
    return read_prompt(sources, streams.stdin, lambda _: None)


def test_words_are_joined_by_one_space() -> None:
    assert "why is the sky blue?" == read(typed("why is", "the sky", "blue?"))


def test_words_then_files_then_standard_input_with_one_blank_line_between(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"first\n")
    (tmp_path / "two").write_bytes(b"second\n\n\n")
    sources = typed("sum", "up:", file=(str(tmp_path / "one"), str(tmp_path / "two")))
    assert "sum up:\n\nfirst\n\nsecond\n\nthird\n" == read(sources, b"third\n")


def test_a_dash_is_replaced_by_standard_input(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"first\n")
    assert "before\n\npiped\n\nafter it" == read(typed("before", "-", "after", "it"), b"piped\n")
    assert "piped\n\nfirst\n" == read(typed(file=("-", str(tmp_path / "one"))), b"piped\n")
    assert "piped\n" == read(typed("-"), b"piped\n")


def test_standard_input_cannot_be_read_twice() -> None:
    with pytest.raises(UsageError, match="more than once"):
        read(typed("-", file=("-",)), b"x")


def test_no_stdin_never_reads_standard_input() -> None:
    assert "hi" == read(typed("hi", no_stdin=True), b"piped")
    with pytest.raises(UsageError, match="--no-stdin"):
        read(typed("-", no_stdin=True), b"piped")


def test_a_terminal_is_not_read_and_a_missing_prompt_is_explained() -> None:
    assert "hi" == read(typed("hi"), b"typed", terminals="stdin")
    with pytest.raises(UsageError, match="no prompt"):
        read(typed(), b"typed", terminals="stdin")


@pytest.mark.parametrize("stdin", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_prompt_is_an_input_error(stdin: bytes) -> None:
    with pytest.raises(InputError, match="empty"):
        read(typed(), stdin)


def test_no_stdin_and_nothing_else_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no prompt"):
        read(typed(no_stdin=True), b"piped")


def test_empty_standard_input_beside_a_prompt_is_no_error() -> None:
    assert "hi" == read(typed("hi"), b"")


@given(st.text().filter(str.strip))
def test_standard_input_is_passed_on_to_the_character(text: str) -> None:
    expected = text.removeprefix("\ufeff")
    if expected.strip():
        assert expected == read(typed(), text.encode())


def test_only_one_byte_order_mark_is_dropped() -> None:
    assert "\ufeffhi" == read(typed(), "\ufeff\ufeffhi".encode())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"abc\xff", "byte 3 is 0xff"),
        (b"\xef\xbb\xbfab\xe4", "byte 5 is 0xe4"),
        ("hü".encode("utf-16"), "byte 0 is 0xff"),
    ],
)
def test_bytes_that_are_not_utf8_are_refused_with_their_offset(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match=f"standard input is not UTF-8: {words}"):
        read(typed(), content)
    with pytest.raises(InputError, match=words):
        read(typed(file=(str(tmp_path / "file"),), no_stdin=True))


def test_words_are_utf8_in_every_locale() -> None:
    assert "hü" == read(typed(os.fsdecode("hü".encode()), no_stdin=True))
    with pytest.raises(InputError, match="the prompt is not UTF-8"):
        read(typed(os.fsdecode(b"h\xfc"), no_stdin=True))


@pytest.mark.parametrize("name", ["missing", "", ".", "nul\0"])
def test_a_file_that_cannot_be_read_is_an_input_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read(typed(file=(f"{tmp_path}/{name}",), no_stdin=True))


def test_input_that_never_ends_meets_the_timeout() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(InputError, match=r"within 0\.2 s .--stdin-timeout"):
            read_prompt(typed("hi", stdin_timeout=0.2), Input(reading), lambda _: None)
    finally:
        os.close(reading)
        os.close(writing)


def test_endless_input_does_not_fill_the_memory() -> None:
    with open("/dev/zero", "rb") as zeros, pytest.raises(InputError, match="longer than 67108864 bytes"):  # noqa: PTH123  a descriptor is needed
        read_prompt(typed(), Input(zeros.fileno()), lambda _: None)

"""The prompt is what was typed, the files and standard input, in that order, and nothing is lost or guessed."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.chat.options import PromptOptions, StdinOptions
from mmpipe.chat.prompt import PromptSources, check_sources, read_prompt
from mmpipe.config.options import Encoding, EncodingOptions
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.streams import Input, Streams


def typed(*words: str, file: tuple[str, ...] = (), **stdin: object) -> PromptSources:
    return PromptSources(PromptOptions(words, file), StdinOptions(**stdin))  # type: ignore[arg-type]


def read(sources: PromptSources, stdin: bytes = b"", terminals: str = "") -> str:
    streams = Streams.fake(stdin, terminals=terminals)
    return read_from(sources, streams.stdin)


def read_from(sources: PromptSources, stdin: Input, warn: Callable[[str], None] = pytest.fail) -> str:
    inputs = Inputs(stdin, sources.prompt.inputs, sources.stdin.rules)
    check_sources(sources, inputs)
    return read_prompt(sources, inputs, warn)


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
    with pytest.raises(UsageError, match="once only: PROMPT and -f take it"):
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


def test_an_empty_file_or_device_beside_a_prompt_is_no_error() -> None:
    assert "hi" == read(typed("hi"), b"")
    with Path("/dev/null").open("rb") as null:
        assert "hi" == read_from(typed("hi"), Input(null.fileno()))


@pytest.mark.parametrize("words", [("hi",), ("hi", "-"), ()])
def test_a_pipe_without_a_byte_beside_a_prompt_is_warned_of_once(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "one").write_text("hi")
    sources = typed(*words, file=() if words else (str(tmp_path / "one"),))
    for content, warned in ((b"", 1), (b"\n", 0)):
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        warnings: list[str] = []
        assert "hi" == read_from(sources, Input(reading), warnings.append).strip()
        os.close(reading)
        assert warned == len(warnings)
        assert all("a pipe without a byte" in warning for warning in warnings)


def test_a_pipe_without_a_byte_and_without_a_prompt_is_only_an_error() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(InputError, match="the prompt is empty"):
        read_from(typed("-"), Input(reading))
    assert "hi" == read_from(typed("hi", no_stdin=True), Input(reading))
    os.close(reading)


@pytest.mark.parametrize("codec", ["gbk", "utf-16-le", "shift-jis"])
def test_files_and_standard_input_are_in_the_named_encoding_and_words_are_not(
    codec: str, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes("\u4e2d\u6587".encode(codec))
    (tmp_path / "marked").write_bytes("\u4e2d".encode("utf-16"))
    sources = replace(
        typed("\u4f60", file=(str(tmp_path / "one"), str(tmp_path / "marked"))),
        encoding=EncodingOptions(Encoding.parse(codec)),
    )
    expected = "\u4f60\n\n\u4e2d\u6587\n\n\u4e2d\n\n\u65e5\u672c"
    assert expected == read(sources, "\u65e5\u672c".encode(codec))


def test_an_unknown_encoding_is_refused_with_a_suggestion() -> None:
    for word, ending in (("gkb", "; did you mean gbk?"), ("base64", ""), ("\udcff", "")):
        with pytest.raises(UsageError, match="there is no such encoding") as raised:
            Encoding.parse(word)
        assert raised.value.message.endswith(f"encoding of text files{ending}")


@given(st.text().filter(str.strip))
def test_standard_input_is_passed_on_to_the_character(text: str) -> None:
    expected = text.removeprefix("\ufeff")
    # NULs at every second place are those of another encoding.
    if expected.strip() and "\0" not in text:
        assert expected == read(typed(), text.encode())


def test_only_one_byte_order_mark_is_dropped() -> None:
    assert "\ufeffhi" == read(typed(), "\ufeff\ufeffhi".encode())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"abc\xff", "byte 3 is 0xff"),
        (b"\xef\xbb\xbfab\xe4", "byte 5 is 0xe4"),
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
            read_from(typed("hi", stdin_timeout=0.2), Input(reading))
    finally:
        os.close(reading)
        os.close(writing)


def test_endless_input_does_not_fill_the_memory() -> None:
    with (
        Path("/dev/zero").open("rb") as zeros,
        pytest.raises(InputError, match=r"larger than a request may be \(64 MiB\)"),
    ):
        read_from(typed(), Input(zeros.fileno()))

"""Input is sent byte for byte; bytes that are not UTF-8 are refused with their place, in every kind of input."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.server import RunningSimulator
from support.harness import Finished, Record, parsed, service
from support.hostile_texts import HOSTILE
from support.in_process import run_in_process

pytestmark = pytest.mark.inputs

BOM = codecs.BOM_UTF8
TALK = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}]},
]
LINES = ("--input-format", "lines")
RESULT = ("chat", "-c", "talk", "--tool-result")
# The content is on standard input and in the file `it`; `-n` leaves only the file.
PLACES: dict[str, tuple[str, ...]] = {
    "standard input": ("chat",),
    "standard input, live": ("stream",),
    "-": ("chat", "-"),
    "-f": ("chat", "-n", "-f", "it"),
    "-f -": ("stream", "-f", "-"),
    "--system-file": ("chat", "-n", "--system-file", "it", "hi"),
    "--tool-result @FILE": (*RESULT, "call_1=@it", "-n"),
    "--tool-result @-": (*RESULT, "call_1=@-"),
    "batch": ("batch", *LINES),
    "batch, from a file": ("batch", *LINES, "it"),
    "batch -0": ("batch", *LINES, "-0"),
    "batch --system-file": ("batch", *LINES, "--system-file", "it", "other"),
}
# What ends a record where there are several.
ENDS = {"batch": b"\n", "batch, from a file": b"\n", "batch -0": b"\0"}
SYSTEM = ("--system-file", "batch --system-file")
ACCEPTED = {name: text.encode() for name, text in HOSTILE.items()} | {
    "BOM": BOM + b"a",
    "two BOMs": BOM + BOM + b"a",
    "BOM inside": b"a" + BOM + b"b",
    "NUL": b"one\0b\0",
    "CR LF": b"a\r\nb\r\n",
    "lone CR": b"a\rb",
    "spaces": b" \ta \t",
    "other line ends": "a\u2028b\u2029c\x85d\x0be\x0cf".encode(),
    "spaces around": b" \t\n a \t\n\n\n",
    "end of text of DOS": b"a\x1a",
    "no characters": "a\ufffe\uffff\U0001ffff".encode(),
    "the last character": "\U0010ffff".encode(),
    "a replacement": "a\ufffd".encode(),
    "JSON": b'{"prompt": "\\ud83d"} \\n \\\\',
}  # fmt: skip
FAR_OFF = 1_000_003
REFUSED = {
    "Latin-1": (b"gr\xf6\xdfe\n", 2),
    "a surrogate": (b"a\xed\xa0\x80b", 1),
    "a pair of surrogates": (b"\xed\xa0\xbd\xed\xb8\x80", 0),
    "overlong": (b"a\xc0\xafb", 1),
    "overlong, of three": (b"ab\xe0\x80\xafb", 2),
    "beyond the last character": (b"\xf4\x90\x80\x80", 0),
    "a continuation": (b"a\x80", 1),
    "cut, of two": (b"a\xc3", 1),
    "cut, of three": (b"ab\xe2\x82", 2),
    "cut, of four": (b"\xf0\x9f\x98", 0),
    "far off": (b"x" * FAR_OFF + b"\xe9", FAR_OFF),
}
READERS: dict[str, tuple[str, ...]] = {
    **{name: place for name, place in PLACES.items() if name not in ("batch", "batch -0")},
    "--messages": ("chat", "-n", "--messages", "it"),
    "--messages -": ("chat", "--messages", "-"),
    "-c": ("chat", "-n", "-c", "it", "hi"),
    "--schema": ("chat", "-n", "--schema", "it", "hi"),
    "--tools": ("chat", "-n", "--tools", "it", "hi"),
    "batch --schema": ("batch", "--schema", "it", "other"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with service() as running:
        yield running


def given(content: bytes, place: tuple[str, ...], server: RunningSimulator) -> Finished:
    """Return the result of reading the content at that place."""
    Path("it").write_bytes(content)
    Path("other").write_text("hi\n")
    Path("talk").write_text("".join(f"{json.dumps(message)}\n" for message in TALK))
    return run_in_process(*place, server=server, stdin=content)


def messages_of(request: Json) -> list[Record]:
    body = request["body"]
    assert isinstance(body, dict)
    return list(body["messages"])


def sent(content: bytes, place: str, server: RunningSimulator) -> object:
    """The content as it went out."""
    return sent_as_it_stands(content + ENDS.get(place, b""), place, server)


def sent_as_it_stands(content: bytes, place: str, server: RunningSimulator) -> object:
    """The content as it went out, without the end of a record."""
    before = len(server.requests)
    done = given(content, PLACES[place], server)
    assert ExitStatus.OK == done.status, done.stderr_text
    (request,) = server.requests[before:]
    text = messages_of(request)[0 if place in SYSTEM else -1]["content"]
    return str(text).encode()


@pytest.mark.parametrize("place", PLACES)
def test_input_is_sent_unchanged_without_one_leading_bom(place: str, server: RunningSimulator) -> None:
    contents = {name: one for name, one in ACCEPTED.items() if ENDS.get(place, b"none") not in one}
    expected = {name: one.removeprefix(BOM) for name, one in contents.items()}
    assert len(contents) > 10
    assert expected == {name: sent(one, place, server) for name, one in contents.items()}


@pytest.mark.parametrize("command", [("chat",), ("batch", *LINES, "it")], ids=["chat", "batch"])
@pytest.mark.parametrize("name", REFUSED)
def test_input_that_is_not_utf8_is_refused_with_the_offset(
    name: str, command: tuple[str, ...], server: RunningSimulator
) -> None:
    (content, offset), before = REFUSED[name], len(server.requests)
    done = given(content, command, server)
    assert (ExitStatus.INPUT, b"") == (done.status, done.stdout)
    (line,) = done.stderr_text.splitlines()
    assert f"is not UTF-8: byte {offset} is 0x{content[offset]:02x}" in line
    assert before == len(server.requests)


# NULs that end records tell no encoding.
@pytest.mark.parametrize("place", [place for place in PLACES if place != "batch -0"])
def test_a_wide_encoding_is_read_with_its_mark_and_refused_without(
    place: str, server: RunningSimulator
) -> None:
    for encoding, mark in (
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
    ):
        content, before = "gr\u00fc\u00df".encode(encoding), len(server.requests)
        done = given(content, PLACES[place], server)
        assert (ExitStatus.INPUT, b"", before) == (done.status, done.stdout, len(server.requests))
        assert done.stderr_text.endswith(f"without a byte order mark: add --encoding {encoding}\n")
        assert "gr\u00fc\u00df".encode() == sent_as_it_stands(mark + content, place, server)


@pytest.mark.parametrize("place", PLACES)
def test_an_archive_of_texts_is_refused_as_one(place: str, server: RunningSimulator) -> None:
    before = len(server.requests)
    content = b"f1".ljust(257, b"\0") + b"ustar  \0" + bytes(247) + b"sim:echo one\n"
    done = given(content, PLACES[place], server)
    assert (ExitStatus.INPUT, b"", before) == (done.status, done.stdout, len(server.requests))
    assert "is a tar archive, not text: `tar -xOf " in done.stderr_text


@pytest.mark.parametrize("place", READERS)
def test_it_is_refused_wherever_it_is_read(place: str, server: RunningSimulator) -> None:
    before = len(server.requests)
    done = given(b'{"role": "user", "content": "a\xe9"}\n', READERS[place], server)
    assert (ExitStatus.INPUT, b"", before) == (done.status, done.stdout, len(server.requests))
    (line,) = done.stderr_text.splitlines()
    assert "is not UTF-8: byte 30 is 0xe9" in line


def test_a_bom_counts_in_the_place(server: RunningSimulator) -> None:
    for place in ("standard input", "-f", "--system-file", "-c", "--messages"):
        stderr_text = given(BOM + b'{"role":"\xff"}', READERS[place], server).stderr_text
        assert "is not UTF-8: byte 12 is 0xff" in stderr_text


def test_a_bom_counts_in_the_place_in_a_batch_too(server: RunningSimulator) -> None:
    stderr_text = given(BOM + b"a\xff\n", PLACES["batch, from a file"], server).stderr_text
    assert "is not UTF-8: byte 4 is 0xff" in stderr_text


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_one_bad_record_of_a_pipe_fails_by_itself(separator: bytes, server: RunningSimulator) -> None:
    options = ("-0",) if separator == b"\0" else ()
    before = len(server.requests)
    content = separator.join([b"one", b"tw\xf6", b"three", b""])
    done = run_in_process("batch", *LINES, "-k", *options, server=server, stdin=content)
    assert ExitStatus.PARTIAL == done.status
    assert [b"one", b"three"] == [
        str(messages_of(request)[-1]["content"]).encode() for request in server.requests[before:]
    ]
    error = parsed(done.stdout.splitlines()[1])["error"]
    assert isinstance(error, dict)
    assert ExitStatus.INPUT == error["code"]
    assert "is not UTF-8: byte 2 is 0xf6" in error["message"]


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"  \t ", BOM, "\x0b\x0c\x85\u2028\u00a0".encode()])
def test_nothing_but_space_is_no_prompt(content: bytes, server: RunningSimulator) -> None:
    before = len(server.requests)
    for place in ("standard input", "standard input, live", "-", "-f", "-f -"):
        done = given(content, PLACES[place], server)
        assert (ExitStatus.INPUT, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))
    assert before == len(server.requests)


@pytest.mark.parametrize("content", [b'model = "\xff"', 'model = "x"'.encode("utf-16"), b'model = "a\0b"'])
def test_a_configuration_that_is_no_text_is_refused_by_its_name(content: bytes, here: Path) -> None:
    folder = here / ".config/mmpipe"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_bytes(content)
    for command in (("chat", "-n", "hi"), ("batch",)):
        done = run_in_process(*command, stdin=b"hi\n", env={"MINIMAX_API_KEY": "k"})
        assert (ExitStatus.USAGE, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))
        assert "config.toml is not TOML" in done.stderr_text

"""Standard input is known by what it is, under any name, and is read once; the file of a key is read as a key only."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from mmpipe.errors import InputError, UsageError
from mmpipe.text.sizes import TooLong
from mmpipe.unix.inputs import UNNAMED, Inputs, NamedInput, StdinRules
from mmpipe.unix.streams import Input

SPELLINGS = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
TEXT = b"some text\n"


@contextmanager
def file(folder: Path) -> Iterator[int]:
    (folder / "named").write_bytes(TEXT)
    with (folder / "named").open("rb", buffering=0) as opened:
        yield opened.fileno()


@contextmanager
def pipe(_: Path) -> Iterator[int]:
    reading, writing = os.pipe()
    os.write(writing, TEXT)
    os.close(writing)
    yield reading
    os.close(reading)


@contextmanager
def fifo(folder: Path) -> Iterator[int]:
    os.mkfifo(folder / "named")
    reading = os.open(folder / "named", os.O_RDONLY | os.O_NONBLOCK)
    (folder / "named").write_bytes(TEXT)
    yield reading
    os.close(reading)


@contextmanager
def peer(_: Path) -> Iterator[int]:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(TEXT)
        yield ours.fileno()


KINDS: dict[str, Callable[[Path], AbstractContextManager[int]]] = {
    kind.__name__: kind for kind in (file, pipe, fifo, peer)
}


def list_names(descriptor: int, folder: Path) -> list[str]:
    """All names of standard input, which has that descriptor here."""
    (folder / "link").symlink_to(f"/proc/self/fd/{descriptor}")
    (folder / "link to link").symlink_to("link")
    own = [name for name in ("named", "link", "link to link") if (folder / name).exists()]
    found = [f"/proc/{who}/fd/{descriptor}" for who in ("self", "thread-self", os.getpid())]
    return [*SPELLINGS, f"/dev/fd/{descriptor}", *found, *(str(folder / name) for name in own)]


@pytest.mark.parametrize("kind", KINDS)
def test_standard_input_is_read_once_under_whatever_names(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as descriptor:
        stdin, names = Input(descriptor), list_names(descriptor, tmp_path)
        for name in names:
            inputs = Inputs(stdin, [NamedInput("--schema", name)])
            assert NamedInput("--schema", name) == inputs.taken_by, name
            with pytest.raises(UsageError, match=r"once only: --schema.* and the prompt take it"):
                inputs.read_text(UNNAMED)
            for other in names:
                with pytest.raises(UsageError, match=r"once only: --schema.* and --tools.* take it"):
                    Inputs(stdin, [NamedInput("--schema", name), NamedInput("--tools", other)])
        # Refusals have read nothing.
        assert TEXT.decode() == Inputs(stdin).read_text(UNNAMED)


@pytest.mark.parametrize("kind", KINDS)
def test_any_name_of_standard_input_gives_its_text(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as descriptor:
        names = list_names(descriptor, tmp_path)
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        folder.mkdir()
        with KINDS[kind](folder) as descriptor:
            renamed = list_names(descriptor, folder)[number]
            read = Inputs(Input(descriptor)).read_text(NamedInput("-f", renamed))
            assert TEXT.decode() == read, name


def test_a_file_that_is_standard_input_is_whole_under_its_own_name(tmp_path: Path) -> None:
    with file(tmp_path) as descriptor:
        os.read(descriptor, 5)
        inputs = Inputs(Input(descriptor), [named := NamedInput("-f", str(tmp_path / "named"))])
        assert TEXT.decode() == inputs.read_text(named)
        # As in `while read line; do mmpipe -f named "$line"; done <named`: the rest is still there.
        assert TEXT[5:].decode() == Inputs(Input(descriptor)).read_text(NamedInput("-f", "/dev/stdin"))


def test_devices_are_no_second_use_of_standard_input() -> None:
    keys, screen = os.openpty()
    null = os.open("/dev/null", os.O_RDONLY)
    for descriptor, path in ((null, "/dev/null"), (screen, os.ttyname(screen))):
        named = [NamedInput("--schema", path), NamedInput("--system-file", path)]
        assert Inputs(Input(descriptor), named).taken_by is None
    assert "" == Inputs(Input(null)).read_text(NamedInput("-f", "/dev/null"))
    for descriptor in (keys, screen, null):
        os.close(descriptor)


def test_other_files_and_pipes_may_be_read_for_several_purposes(tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(TEXT)
    with pipe(tmp_path) as descriptor, pipe(tmp_path) as other:
        named = [NamedInput(option, str(tmp_path / "same")) for option in ("-f", "--system-file")]
        inputs = Inputs(Input(descriptor), [*named, NamedInput("--tools", f"/dev/fd/{other}"), None])
        assert inputs.taken_by is None
        assert [TEXT.decode()] * 2 == [inputs.read_text(one) for one in named]
        assert TEXT.decode() == inputs.read_text(NamedInput("--tools", f"/dev/fd/{other}"))
        assert TEXT.decode() == inputs.read_text(UNNAMED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_read_as_nothing_else(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as descriptor:
        stdin, names = Input(descriptor), list_names(descriptor, tmp_path)
        for name in names:
            key = NamedInput("--api-key-file", name, is_secret=True)
            for other in names:
                with pytest.raises(UsageError, match=r"is read as the key \(--api-key-file\), and never as"):
                    Inputs(stdin, [key, NamedInput("-f", other)])
            with pytest.raises(UsageError, match="never as the prompt"):
                Inputs(stdin, [key]).read_text(UNNAMED)


def test_a_key_file_is_known_by_its_links_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(TEXT)
    (tmp_path / "hard").hardlink_to(tmp_path / "key")
    (tmp_path / "soft").symlink_to("hard")
    (tmp_path / "copy").write_bytes(TEXT)
    key = NamedInput("--api-key-file", str(tmp_path / "key"), is_secret=True)
    for name in ("key", "hard", "soft"):
        with pytest.raises(UsageError, match="never as FILE"):
            Inputs(Input(-1), [NamedInput("FILE", str(tmp_path / name)), key])
    assert TEXT == Inputs(Input(-1), [NamedInput("FILE", str(tmp_path / "copy")), key]).read(key, 99)


@pytest.mark.parametrize("kind", KINDS)
def test_no_stdin_refuses_all_names_but_that_of_a_file(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as descriptor:
        for name in list_names(descriptor, tmp_path):
            if kind == "file" and name not in SPELLINGS:
                assert TEXT.decode() == Inputs(Input(descriptor), rules=StdinRules(never=True)).read_text(
                    NamedInput("-f", name)
                )
            else:
                with pytest.raises(UsageError, match=r"-f.* reads standard input, which --no-stdin forbids"):
                    Inputs(Input(descriptor), [NamedInput("-f", name)], StdinRules(never=True))


def test_only_a_pipe_without_a_byte_is_an_empty_pipe(tmp_path: Path) -> None:
    (tmp_path / "named").write_bytes(b"")
    reading, writing = os.pipe()
    os.close(writing)
    with (
        pipe(tmp_path) as full,
        (tmp_path / "named").open("rb") as empty,
        Path("/dev/null").open("rb") as null,
    ):
        found = []
        for descriptor in (reading, full, empty.fileno(), null.fileno()):
            inputs = Inputs(Input(descriptor))
            inputs.read_text(UNNAMED)
            found.append(inputs.was_empty_pipe)
        assert [True, False, False, False] == found
    os.close(reading)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_was_cut_is_ever_returned(kind: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(TEXT)
    for limit in (len(TEXT) - 1, len(TEXT)):
        (tmp_path / "named").unlink(missing_ok=True)
        with KINDS[kind](tmp_path) as descriptor:
            for path in ("-", str(tmp_path / "other")):
                inputs, named = Inputs(Input(descriptor)), NamedInput("-f", path)
                if limit == len(TEXT):
                    assert TEXT == inputs.read(named, limit)
                else:
                    with pytest.raises(TooLong) as caught:
                        inputs.read(named, limit)
                    assert f"it is longer than {limit} bytes" == caught.value.strerror


def test_a_descriptor_that_is_closed_is_no_input() -> None:
    with pytest.raises(InputError, match="cannot read standard input"):
        Inputs(Input(1_000_000)).read_text(UNNAMED)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_more_than_once_is_no_standard_input(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as descriptor:
        for name in list_names(descriptor, tmp_path):
            inputs = Inputs(Input(descriptor))
            if kind == "file" and name not in SPELLINGS:
                inputs.require_file(NamedInput("--ca-file", name))
                assert inputs.taken_by is not None
            else:
                with pytest.raises(UsageError, match=r"--ca-file.*: standard input can be read only once"):
                    inputs.require_file(NamedInput("--ca-file", name))


def test_what_is_read_more_than_once_is_no_pipe(tmp_path: Path) -> None:
    message = r"^--merge /dev/fd/[0-9]+: a pipe can be read only once"
    with pipe(tmp_path) as descriptor, pytest.raises(UsageError, match=message):
        Inputs(Input(-1)).require_file(NamedInput("--merge", f"/dev/fd/{descriptor}"))

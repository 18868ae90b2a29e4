"""Output goes to every place to which any program can write, or the run ends before anything is sent."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.harness import (
    MMPIPE,
    eventually,
    finished,
    mmpipe,
    names,
    parsed,
    prompts,
    run,
    service,
    shell,
    started,
)
from support.run_stages import allowed

pytestmark = pytest.mark.outputs

OLD = "what was there before"
LONG = f"sim:echo {'x' * 9000}"


@pytest.fixture
def folder(here: Path) -> Path:
    made = here / "folder"
    made.mkdir()
    (made / "old").write_text(OLD)
    return made


def test_a_link_that_leads_to_nothing_gets_the_file_that_it_names(folder: Path) -> None:
    (folder / "link").symlink_to("new")
    with service() as server:
        done = mmpipe("chat", "-n", "-o", "folder/link", "sim:echo new", server=server)
    assert (0, "new\n", True) == (done.status, (folder / "new").read_text(), (folder / "link").is_symlink())
    assert ["link", "new", "old"] == names(folder)


@pytest.mark.parametrize("leads_to", ["link", "nowhere/answer", "old/answer"])
def test_a_link_that_leads_nowhere_is_found_out_before_anything_is_asked(folder: Path, leads_to: str) -> None:
    (folder / "link").symlink_to(leads_to)
    with service() as server:
        done = mmpipe("stream", "-n", "-o", "folder/link", "hi", server=server)
        assert (13, b"", []) == (done.status, done.stdout, server.requests)
    assert (1, ["link", "old"]) == (done.stderr_text.count("\n"), names(folder))


def test_another_name_of_the_file_keeps_what_was_there(folder: Path) -> None:
    (folder / "other").hardlink_to(folder / "old")
    with service() as server:
        done = mmpipe("chat", "-n", "-o", "folder/old", "sim:echo new", server=server)
    assert (0, "new\n", OLD) == (done.status, (folder / "old").read_text(), (folder / "other").read_text())


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_keeps_its_mode_under_any_umask(folder: Path, mode: int) -> None:
    (folder / "old").chmod(mode)
    with service() as server:
        done = shell("umask 077; mmpipe chat -n -o folder/old 'sim:echo new'", server)
    assert (0, "new\n", mode) == (
        done.status,
        (folder / "old").read_text(),
        stat.S_IMODE((folder / "old").stat().st_mode),
    )


def test_a_file_of_another_keeps_its_owner_without_set_id_bits(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(folder / "old", 65534, 65534)
    (folder / "old").chmod(0o6750)
    with service() as server:
        done = mmpipe("chat", "-n", "-o", "folder/old", "sim:echo new", server=server)
    found = (folder / "old").stat()
    assert (0, "new\n") == (done.status, (folder / "old").read_text())
    assert (65534, 65534, 0o750) == (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))


@pytest.mark.parametrize("path", ["folder/", "folder/new/", "folder/old/"])
def test_a_folder_is_no_file(folder: Path, path: str) -> None:
    with service() as server:
        done = mmpipe("chat", "-n", "-o", path, "hi", server=server)
        assert (13, b"", []) == (done.status, done.stdout, server.requests)
    assert ["old"] == names(folder)


@contextmanager
def reader_of(path: Path) -> Iterator[int]:
    """Of a named pipe, which has it open before anybody writes."""
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    try:
        yield reading
    finally:
        os.close(reading)


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_named_pipe_is_written_and_stays(folder: Path, command: str) -> None:
    with service() as server, reader_of(folder / "pipe") as reading:
        done = mmpipe(command, "-n", "-o", "folder/pipe", "sim:echo new", server=server)
        assert (0, b"", b"new\n") == (done.status, done.stdout, os.read(reading, 99))
    assert ((folder / "pipe").is_fifo(), ["old", "pipe"]) == (True, names(folder))


def test_a_named_pipe_whose_reader_leaves_has_not_had_the_answer(folder: Path) -> None:
    # The pipe is there before mmpipe looks at its output.
    with service() as server, ExitStack() as reader:
        reading = reader.enter_context(reader_of(folder / "pipe"))
        with started((*MMPIPE, "stream", "-n", "-o", "folder/pipe", "sim:length 300000"), server) as process:
            eventually(lambda: os.read(reading, 1) == b"T", "a beginning")
            reader.close()
            done = finished(process)
    assert (13, "mmpipe: output: cannot write to folder/pipe: Broken pipe\n") == (
        done.status,
        done.stderr_text,
    )


# Not -o: were there a mistake, root would lose the device.
@pytest.mark.parametrize("option", ["--meta", "--thinking-file"])
def test_nowhere_is_a_place_too(option: str) -> None:
    with service() as server:
        done = mmpipe("chat", "-n", option, "/dev/null", "sim:think a|||b", server=server)
    assert (0, b"b\n", b"") == (done.status, done.stdout, done.stderr)


def test_a_terminal_by_its_name_is_written_and_stays() -> None:
    ours, theirs = os.openpty()
    name = os.ttyname(theirs)
    with service() as server:
        done = mmpipe("chat", "-n", "-o", name, "sim:echo new", server=server)
        assert (0, b"", b"new\r\n") == (done.status, done.stdout, os.read(ours, 99))
    assert stat.S_ISCHR(Path(name).stat().st_mode)
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("mmpipe chat -n -f file -o file", "hello\n"),
        ("mmpipe chat -o file < file", "hello\n"),
        ("mmpipe stream -n -f file >> file", "sim:echo hello\nhello\n"),
        ("mmpipe stream 1<> file < file", "hello\nho hello\n"),
        (
            "mmpipe stream -n 'sim:echo one' >> file; mmpipe chat -n 'sim:echo two' >> file",
            "sim:echo hello\none\ntwo\n",
        ),
    ],
)
def test_the_file_that_is_read_may_be_the_one_that_is_written(script: str, left: str) -> None:
    Path("file").write_text("sim:echo hello\n")
    with service() as server:
        done = shell(script, server)
    assert (0, b"", left) == (done.status, done.stderr, Path("file").read_text())


@pytest.mark.parametrize(
    "script",
    [
        "batch in -o in",
        "batch -o in --resume < in",
        "batch in >> in",
        "batch -j 2 < in 1<> in",
        "batch - < in >> in",
        "batch more in >> in",
        "batch more --system-file in >> in",
        "batch --dry-run in >> in",
        "batch --merge more in >> in",
        "batch in --meta in -o out",
        "batch more --schema in --meta in",
        "chat -n -f in --thinking-file in",
        "chat -n -f more -f in --meta in",
        "chat --meta in < in",
        "chat -n --system-file in --meta in hi",
        "stream -n --messages in --meta in hi",
        "stream -n --messages more --tool-result 1=@in --meta in",
        "chat -n --schema in --meta in hi",
        "chat -n --tools in --thinking-file in hi",
    ],
)
def test_an_input_is_not_an_output(script: str) -> None:
    for name in ("in", "more"):
        Path(name).write_text("sim:echo hello\n")
    with service() as server:
        done = shell(f"mmpipe {script}", server)
        assert (2, []) == (done.status, server.requests)
    assert "is both input and output" in done.stderr_text
    assert "sim:echo hello\n" == Path("in").read_text() == Path("more").read_text()
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "script",
    [
        "chat -n --meta out hi > out",
        "stream -n --thinking-file out hi >> out",
        "chat -n --thinking-file ./out -o out hi",
        "batch in --meta out > out",
    ],
)
def test_two_outputs_are_not_one_file(script: str) -> None:
    Path("in").write_text("sim:echo hello\n")
    with service() as server:
        done = shell(f"mmpipe {script}", server)
        assert (2, []) == (done.status, server.requests)
    assert "two outputs go to the same file" in done.stderr_text


def test_a_socket_may_bring_the_records_and_take_the_answers() -> None:
    ours, theirs = socket.socketpair()
    with ours, service() as server:
        with started((*MMPIPE, "batch"), server, stdin=theirs.fileno(), stdout=theirs.fileno()) as process:
            theirs.close()
            ours.sendall(b"sim:echo hello\n")
            ours.shutdown(socket.SHUT_WR)
            assert 0 == finished(process).status
        assert "hello" == parsed(ours.recv(9999))["content"]


@pytest.mark.parametrize("script", ["batch in", "batch < in", "batch - in < /dev/null"])
def test_answers_that_are_added_to_the_records_are_not_asked(script: str) -> None:
    """There is more than is read ahead, so that the first answers are there before the end is read."""
    records = [f"sim:echo {number} {'x' * 8000}" for number in range(100)]
    Path("in").write_text("\n".join(records) + "\n")
    with service() as server:
        done = shell(f"mmpipe {script} -j 4 --limit 110 | tee -a in", server)
        assert sorted(records) == sorted(map(str, prompts(server)))
    assert (0, 100) == (done.status, len(done.records))


WRITING = {
    "answer": "chat -n -o folder/old hi",
    "new answer": "stream -n -o folder/new hi",
    "conversation": "chat -n -c folder/talk hi",
    "line about it": "stream -n --meta folder/meta hi",
    "thinking": "chat -n --thinking-file folder/thoughts hi",
    "journal": "batch -q -o folder/out.jsonl",
    "recordings": "chat -n --record folder/answers hi",
}


@pytest.mark.parametrize("what", WRITING)
def test_a_folder_that_may_not_be_written_to_is_found_out_before_anything_is_asked(
    needs: Callable[[str], None], folder: Path, what: str
) -> None:
    needs("setpriv")
    folder.chmod(0o555)
    # Without its capabilities root is kept out as everybody is.
    plain = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    with service() as server:
        done = run((*plain, *MMPIPE, *WRITING[what].split()), server, stdin=b"hi\n")
        assert (13, b"", []) == (done.status, done.stdout, server.requests), done.stderr_text
    folder.chmod(0o755)
    assert (1, True, ["old"]) == (
        done.stderr_text.count("\n"),
        "Permission denied" in done.stderr_text,
        names(folder),
    )


def mounted(before: str, *commands: str, after: str) -> str:
    """A script with a small file system in `folder`, which nobody else sees; it tells the status of each command."""
    lines = (f"mount -t tmpfs -o size=64k tmpfs {Path.cwd()}/folder", "echo before > folder/old", before)
    return "\n".join((*lines, *(f"mmpipe {command}; echo $?" for command in commands), after))


@pytest.fixture
def own_mounts(needs: Callable[[str], None]) -> tuple[str, ...]:
    needs("unshare")
    return allowed(("unshare", "--mount", "sh", "-c"), "mount -t tmpfs tmpfs .")


@pytest.mark.usefixtures("folder")
def test_a_file_system_that_is_read_only_is_found_out_before_anything_is_asked(
    own_mounts: tuple[str, ...],
) -> None:
    script = mounted("mount -o remount,ro folder", *WRITING.values(), after="cat folder/*")
    with service() as server:
        done = run((*own_mounts, script), server)
        assert [] == server.requests
    assert "13\n" * len(WRITING) + "before\n" == done.stdout.decode()
    assert len(WRITING) == done.stderr_text.count("Read-only file system\n") == done.stderr_text.count("\n")


REPLACING = {
    "chat -n -o folder/old hi": "write into it with `> FILE`, or choose another file",
    "stream -n -o folder/link hi": "write into it with `> FILE`, or choose another file",
    "batch --merge folder/out.jsonl -o folder/old --overwrite": "write into it",
    "batch -q -k -o folder/old --overwrite": "write into it",
}


@pytest.mark.parametrize("command", REPLACING)
@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("mount --bind folder/old folder/old", "it is a mount point"),
        ("touch folder/other; mount --bind folder/other folder/old", "it is a mount point"),
        (
            "mount --bind /dev/shm folder/old 2> /dev/null; mount --bind folder/old folder/old",
            "it is a mount point",
        ),
        ("chattr +i folder/old || exit 77", "it is protected"),
        ("chattr +a folder/old || exit 77", "it is protected"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_file_whose_name_cannot_be_taken_is_found_out_before_anything_is_asked(
    own_mounts: tuple[str, ...], command: str, before: str, reason: str
) -> None:
    setup = "ln -s old folder/link; : > folder/out.jsonl; : > folder/old; "
    with service() as server:
        done = run(
            (*own_mounts, mounted(setup + before, command, after="ls -A folder")), server, stdin=b"hi\n"
        )
        assert [] == server.requests
    if done.status == 77:
        pytest.skip("the file system has no such protection")
    assert done.stdout.decode().startswith("13\n"), done.stderr_text
    if "+i" not in before:
        assert reason in done.stderr_text
        assert REPLACING[command] in done.stderr_text or "+a" in before


def test_a_folder_that_is_mounted_holds_files_that_can_be_replaced(
    own_mounts: tuple[str, ...], folder: Path
) -> None:
    assert folder.is_dir()
    script = mounted(
        "mount --bind folder folder", "chat -n -o folder/old 'sim:echo new'", after="cat folder/old"
    )
    with service() as server:
        done = run((*own_mounts, script), server)
    assert ("0\nnew\n", "") == (done.stdout.decode(), done.stderr_text)


@pytest.mark.parametrize("pages", [0, 1])
@pytest.mark.usefixtures("folder")
def test_a_disk_that_fills_up_leaves_the_old_files_and_no_remains(
    own_mounts: tuple[str, ...], pages: int
) -> None:
    """At the first byte, or after some."""
    fill = ("head -c 4096 /dev/zero > folder/room", "cat /dev/zero > folder/full 2> /dev/null")
    script = mounted(
        "; ".join((*fill, f"truncate -s {4096 * (1 - pages)} folder/room")),
        f"chat -n -o folder/old '{LONG}'",
        f"stream -n -o folder/new '{LONG}'",
        f"chat -n -c folder/talk '{LONG}' > /dev/null",
        f"stream -n '{LONG}' > folder/out",
        after="ls -A folder; cat folder/old",
    )
    with service() as server:
        done = run((*own_mounts, script), server)
    assert "13\n13\n13\n13\nfull\nold\nout\nroom\nbefore\n" == done.stdout.decode()
    assert 4 == done.stderr_text.count("No space left on device\n") == done.stderr_text.count("\n")

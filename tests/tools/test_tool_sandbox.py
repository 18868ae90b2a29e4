"""In the sandbox a tool reaches no network, no home folder, no other process, and no file to write to."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mmpipe.errors import ToolError, UsageError
from mmpipe.tools.environment import select_environment
from mmpipe.tools.process import Containment, Execution, run_contained
from mmpipe.tools.sandbox import Sandbox

pytestmark = pytest.mark.tools

SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(autouse=True)
def works(needs: Callable[[str], None]) -> None:
    needs("bwrap")
    try:
        Sandbox.find({"PATH": SYSTEM})
    except ToolError as error:
        # As in most containers.
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Home folder of the user, with a secret in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "secret").write_text("do not tell")
    return folder


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in the home folder; it is the current folder."""
    folder = home / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Inside:
    """Runs commands in a sandbox."""

    def __init__(
        self,
        home: Path,
        *,
        writable: Path | None = None,
        hidden: tuple[str, ...] = (),
        path: str = SYSTEM,
        runtime: Path | None = None,
    ) -> None:
        self._environment = select_environment({"PATH": path, "HOME": str(home)}, [])
        place = None if writable is None else str(writable)
        services = {} if runtime is None else {"XDG_RUNTIME_DIR": str(runtime)}
        self._sandbox = Sandbox.find({**self._environment, **services}, writable=place, hidden=hidden)
        self._folder = place

    def run(self, *argv: str, timeout: float = 60.0, arguments: bytes = b"") -> Execution:
        containment = Containment(self._environment, self._folder, timeout, self._sandbox)
        return run_contained(argv, arguments, containment, threading.Event())

    def printed(self, script: str) -> str:
        done = self.run("sh", "-c", script)
        return (done.output + done.errors).decode()


@pytest.fixture
def inside(home: Path, project: Path) -> Inside:
    assert project.is_dir()
    return Inside(home)


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_arguments_output_and_status_pass_the_sandbox(inside: Inside) -> None:
    done = inside.run("sh", "-c", "cat; echo oops >&2; exit 7", arguments=b"\xff{}")
    assert (7, b"\xff{}", b"oops\n") == (done.status, done.output, done.errors)


@pytest.mark.parametrize("word", ["$(id)", "; id", "--help", "--", "--bind", "two\nlines", ""])
def test_no_word_of_the_command_is_taken_for_an_option_of_the_sandbox(word: str, inside: Inside) -> None:
    assert word.encode() == inside.run("printf", "%s", word).output


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_there_is_no_network_not_even_the_one_of_this_machine(
    home: Path, project: Path, listener: int
) -> None:
    script = project / "call.py"
    script.write_text(
        f"import socket; socket.create_connection(('127.0.0.1', {listener}), 5); print('through')"
    )
    done = Inside(home, path=SYSTEM).run(sys.executable, "call.py")
    assert (1, b"") == (done.status, done.output)
    assert b"refused" in done.errors or b"unreachable" in done.errors


def test_nothing_can_be_written_to(inside: Inside, home: Path, project: Path) -> None:
    for folder in (home, project, Path("/"), Path("/etc"), Path("/run"), Path("/home")):
        assert "Read-only" in inside.printed(f"touch '{folder}/new'")
        assert not (folder / "new").exists()


def test_the_settings_of_the_kernel_cannot_be_changed_even_by_root(inside: Inside) -> None:
    # Opened only: nothing would be written.
    done = inside.printed("(: >>/proc/sys/kernel/core_pattern) && echo open")
    assert "open" not in done.split("\n")
    assert "Read-only" in done or "denied" in done


def test_the_folder_of_the_tool_is_where_it_runs_and_the_only_place_that_keeps_what_it_writes(
    home: Path, project: Path
) -> None:
    work = project / "work"
    work.mkdir()
    inside = Inside(home, writable=work)
    assert f"{work}\n" == inside.printed("pwd; echo kept >file; touch ../other 2>/dev/null")
    assert ("kept\n", ["work"]) == ((work / "file").read_text(), [path.name for path in project.iterdir()])


def test_its_temporary_files_are_its_own(inside: Inside) -> None:
    mark = f"mmpipe-test-{os.getpid()}"
    assert "/tmp /tmp\n" == inside.printed(f'echo "$HOME $TMPDIR"; touch /tmp/{mark} /var/tmp/{mark}')  # noqa: S108
    assert not Path("/tmp", mark).exists()  # noqa: S108
    assert "" == inside.printed("find /tmp /var/tmp -name 'mmpipe-test-*'")


def test_nothing_of_the_home_is_seen_but_the_current_folder(
    inside: Inside, home: Path, project: Path
) -> None:
    (project / "data").write_text("mine")
    assert "mine" == inside.printed("cat data")
    assert "No such file" in inside.printed(f"cat '{home}/secret'")
    assert "project\n" == inside.printed(f"ls -A '{home}'")


def test_the_home_itself_stays_hidden_where_it_is_the_current_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert "" == Inside(home).printed("ls -A")


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_folder_that_has_the_home_in_it_is_not_given_to_write_to(
    place: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    with pytest.raises(UsageError, match="--tool-dir"):
        Inside(home, writable=Path(place))


@pytest.mark.parametrize("how", ["shown", "written to", "linked", "named"])
def test_a_hidden_file_is_empty(how: str, home: Path, project: Path) -> None:
    key = project / "key"
    key.write_text("the key")
    (project / "link").symlink_to(key)
    hidden = (str(project / "link") if how == "linked" else str(key), str(home / "missing"))
    inside = Inside(home, writable=project if how == "written to" else None, hidden=hidden)
    assert (0, b"") == (
        (done := inside.run("cat", str(key) if how == "named" else "link")).status,
        done.output,
    )
    assert "the key" == key.read_text()


@pytest.mark.parametrize("name", ["key", "link"])
def test_a_file_that_has_another_name_too_cannot_be_hidden(name: str, home: Path, project: Path) -> None:
    (project / "key").write_text("the key")
    (project / "link").symlink_to("key")
    (home / "other").hardlink_to(project / "key")
    shown = "link (a link to .*/key)".replace("(", r"\(").replace(")", r"\)") if name == "link" else "key"
    with pytest.raises(ToolError, match=rf"cannot hide .*/{shown}, which has 2 names \(hard links\): remove"):
        Inside(home, hidden=(str(project / name),))


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Path]:
    """Folder of the services of a user, with a socket in it."""
    folder = tmp_path / "runtime"
    (folder / "bus.d").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "bus"))
        yield folder


@pytest.mark.parametrize("place", [".", "bus.d", "bus.d/.."])
def test_the_services_of_the_user_stay_hidden_where_their_folder_is_the_current_one(
    place: str, home: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runtime / place)
    inside = Inside(home, runtime=runtime)
    assert f"{(runtime / place).resolve()}\n" == inside.printed(
        f"pwd; ls -A; ls -A {runtime} | grep -v bus.d"
    )


@pytest.mark.parametrize("above", ["/run", "/run/user", "/home"])
def test_a_folder_of_services_or_a_home_is_hidden_as_the_current_folder(
    above: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make such a folder")
    Path(above).mkdir(exist_ok=True)
    with TemporaryDirectory(dir=above) as folder:
        Path(folder, "secret").touch()
        monkeypatch.chdir(folder)
        assert f"{folder}\n" == Inside(home).printed("pwd; ls -A")
        monkeypatch.chdir("/")


@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_of_services_is_not_given_to_write_to(place: str, home: Path, runtime: Path) -> None:
    with pytest.raises(UsageError, match=r"--tool-dir .* not a home folder or one of services"):
        Inside(home, writable=runtime / place, runtime=runtime)


def test_a_folder_of_its_own_among_services_may_be_given(home: Path, runtime: Path) -> None:
    inside = Inside(home, writable=runtime / "bus.d", runtime=runtime)
    assert "" == inside.printed(f"touch made; ls -A {runtime} | grep -v bus.d")
    assert (runtime / "bus.d" / "made").exists()


# Looks for a secret in the session keyring of the kernel.
FIND = """
import ctypes
call, found = ctypes.CDLL(None).syscall, ctypes.create_string_buffer(99)
number = call(250, 10, -3, b"user", b"mmpipe-test", 0)
call(250, 11, number, found, 99)
print(number > 0, found.value)
"""
# Keeps one in a session keyring of its own, and runs that as a tool: without and with a sandbox.
KEEP = """
import ctypes, sys, threading
from mmpipe.tools.environment import select_environment
from mmpipe.tools.process import Containment, run_contained
from mmpipe.tools.sandbox import Sandbox
call = ctypes.CDLL(None).syscall
call(250, 1, None)
assert call(248, b"user", b"mmpipe-test", b"sk-secret", 9, -3) > 0
environment = select_environment({"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere"}, [])
for sandbox in (None, Sandbox.find(environment)):
    argv = (sys.executable, "-I", "-S", "-c", sys.argv[1])
    done = run_contained(argv, b"", Containment(environment, None, 60.0, sandbox), threading.Event())
    print(done.output.decode().strip(), done.errors.decode())
"""


@pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the numbers of the system calls are of this machine"
)
def test_the_session_keyring_of_the_kernel_is_not_that_of_the_user(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEEP, FIND],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    if "AssertionError" in done.stderr:
        pytest.skip("keys cannot be kept in the kernel here")
    assert ("True b'sk-secret' \nFalse b'' \n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("machine", "bits", "number"),
    [
        ("x86_64", 64, 250),
        ("x86_64", 32, 288),
        *((f"i{generation}86", 32, 288) for generation in (4, 5, 6)),
        ("i686", 64, 250),  # setarch i686
        *((name, 64, 219) for name in ("aarch64", "aarch64_be", "armv8l", "riscv64", "loongarch64")),
        *((name, 32, 311) for name in ("armv6l", "armv7l", "armv7hl", "armv8l", "armv5tel", "aarch64")),
        *((name, bits, 271) for name in ("ppc", "ppc64", "ppc64le") for bits in (32, 64)),
        *((name, 64, 280) for name in ("s390x", "s390")),
        ("mips64", 64, 5241),
        ("mips", 32, 4282),
    ],
)
def test_the_keyring_is_left_on_every_machine_of_a_family(
    machine: str, bits: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_to_be(machine, bits, monkeypatch)
    sandbox = Sandbox("bwrap", {})
    assert [f"KEYRING={number}"] == sandbox.preparations
    assert sandbox.weakness is None


@pytest.mark.parametrize(
    ("machine", "bits"), [("alpha", 64), ("mips64", 32), ("sparc64", 64), ("parisc", 32), ("", 64)]
)
def test_a_machine_that_is_not_known_has_a_sandbox_and_a_warning(
    machine: str, bits: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_to_be(machine, bits, monkeypatch)
    assert "ran" == Inside(home).printed("printf ran")
    sentence = Sandbox("bwrap", {}).weakness
    assert sentence is not None
    assert f"on {machine} tools share your session keyring" in sentence


def pretend_to_be(machine: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    system, node, release, version, _ = os.uname()
    named = os.uname_result((system, node, release, version, machine))
    monkeypatch.setattr(os, "uname", lambda: named)
    monkeypatch.setattr(sys, "maxsize", 2 ** (bits - 1) - 1)


def test_a_bubblewrap_of_the_current_folder_is_never_run(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bwrap", "prlimit", "true"):
        executable(project / name, f"#!/bin/sh\ntouch {project}/pwned\n")
    for path in (".", "", ":", "./", "../project", f".:{SYSTEM}", f":{SYSTEM}", f"bin:{SYSTEM}:"):
        monkeypatch.setenv("PATH", path)
        if SYSTEM in path:
            assert "ran" == Inside(home, path=path).printed("printf ran")
        else:
            with pytest.raises(ToolError, match="no bwrap is on the PATH"):
                Inside(home, path=path)
    assert not (project / "pwned").exists()


def test_no_other_process_is_seen(inside: Inside) -> None:
    # Those of the tool are bwrap, the shell, ls and wc; the tests alone are more than that.
    assert int(inside.printed("ls -d /proc/[0-9]* | wc -l")) <= 5


def test_it_holds_no_descriptor_and_no_capability_of_ours(inside: Inside) -> None:
    assert "0\n1\n2\n3\n" == inside.printed("ls /proc/self/fd")  # 3 is what ls reads
    assert "CapEff:\t0000000000000000\n" == inside.printed("grep CapEff /proc/self/status")


def test_the_background_processes_of_a_sandboxed_tool_end_with_it(home: Path, project: Path) -> None:
    mark = f"98765.{os.getpid()}"
    done = Inside(home, writable=project).run("sh", "-c", f"setsid sleep {mark} & echo done")
    assert (0, b"done\n", None) == (done.status, done.output, done.killed)
    assert 0 == running(mark)


def test_a_tool_that_runs_too_long_is_killed_with_all_its_processes(inside: Inside) -> None:
    mark = f"98764.{os.getpid()}"
    done = inside.run("sh", "-c", f"setsid sleep {mark} & trap '' TERM; sleep {mark}", timeout=1.0)
    assert "ran longer than 1 s" == done.killed
    assert 0 == running(mark)


def test_a_fork_bomb_is_killed_with_all_its_processes(inside: Inside, project: Path) -> None:
    bomb = project / f"bomb{os.getpid()}.py"
    bomb.write_text(
        "import os, time\nfor _ in range(400):\n"
        "    if os.fork() == 0:\n        os.setsid()\n        break\ntime.sleep(20)\n"
    )
    done = inside.run(sys.executable, "-I", "-S", bomb.name)
    assert "started more than 256 processes" == done.killed
    assert 0 == running(bomb.name)


def running(word: str) -> int:
    """Return the number of processes with the word in their command, after those that are ending have ended."""
    deadline = time.monotonic() + 60
    while (count := sum(word.encode() in command for command in commands())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return count


def commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


def test_a_script_of_the_current_folder_runs(inside: Inside, project: Path) -> None:
    executable(project / "tool.sh", "#!/bin/sh\necho ran\n")
    assert b"ran\n" == inside.run("./tool.sh").output


def test_a_script_in_the_home_runs_and_sees_no_more_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(home / "tool.sh", "#!/bin/sh\nls -A\n")
    monkeypatch.chdir(home)
    assert b"tool.sh\n" == Inside(home).run("./tool.sh").output


def test_a_program_of_the_user_runs_with_its_libraries_and_without_what_lies_beside_them(
    home: Path, project: Path
) -> None:
    assert project.is_dir()
    local = home / ".local"
    executable(local / "bin" / "tool", f"#!/bin/sh\ncat '{local}/lib/words'; ls -A '{local}'\n")
    for name in ("lib/words", "share/keyrings"):
        (local / name).parent.mkdir()
        (local / name).write_text(f"{name}\n")
    done = Inside(home, path=f"{local / 'bin'}:{SYSTEM}").run("tool")
    assert b"lib/words\nbin\nlib\n" == done.output.replace(b"words\n\n", b"words\n")


def test_a_program_that_is_a_link_into_an_installation_runs_by_the_interpreter_of_that(
    home: Path, project: Path
) -> None:
    assert project.is_dir()
    venv = home / ".local" / "share" / "pipx" / "venvs" / "tool"
    python = executable(
        venv / "bin" / "python", '#!/bin/sh\necho "by $0 with $(cat "${0%/*}/../lib/words")"\n'
    )
    (venv / "lib").mkdir()
    (venv / "lib" / "words").write_text("words")
    executable(venv / "bin" / "tool", f"#!{python}\n")
    (home / ".local" / "bin").mkdir()
    (home / ".local" / "bin" / "tool").symlink_to(venv / "bin" / "tool")
    done = Inside(home, path=f"{home / '.local' / 'bin'}:{SYSTEM}").run("tool")
    assert (f"by {python} with words\n".encode(), b"") == (done.output, done.errors)


def test_a_script_runs_by_an_interpreter_of_the_home(home: Path, project: Path) -> None:
    assert project.is_dir()
    executable(home / "lang" / "bin" / "lang", '#!/bin/sh\necho "by lang"\n')
    executable(home / "project" / "direct", f"#!{home}/lang/bin/lang\n")
    executable(home / "project" / "found", "#!/usr/bin/env -S lang -x\n")
    inside = Inside(home, path=f"{home}/lang/bin:{SYSTEM}")
    assert b"by lang\n" == inside.run("./direct").output == inside.run("./found").output


def test_a_python_of_a_virtual_environment_in_the_home_finds_its_packages(home: Path, project: Path) -> None:
    import venv

    venv.create(home / "env", symlinks=True)
    (site,) = (home / "env").glob("lib/python*/site-packages")
    (site / "mine.py").write_text("word = 'found'")
    (project / "tool.py").write_text("import mine, sys; print(mine.word, sys.prefix)")
    done = Inside(home, path=f"{home / 'env' / 'bin'}:{SYSTEM}").run("python", "tool.py")
    assert (f"found {home / 'env'}\n".encode(), b"") == (done.output, done.errors)


def test_a_script_that_the_command_names_is_seen_wherever_it_lies(home: Path, project: Path) -> None:
    assert project.is_dir()
    (home / "tools").mkdir()
    (home / "tools" / "tool.sh").write_text("echo ran\nls -A ..\n")
    (home / "tools" / "other").touch()
    inside = Inside(home)
    assert b"ran\nproject\ntools\n" == inside.run("sh", "../tools/tool.sh").output
    assert b"tool.sh\n" == inside.run("sh", "-c", "ls -A ../tools", str(home / "tools" / "tool.sh")).output


def test_without_bubblewrap_there_is_no_sandbox(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no bwrap is on the PATH"):
        Sandbox.find({"PATH": str(tmp_path)})


def test_the_error_of_a_broken_bubblewrap_is_reported(tmp_path: Path) -> None:
    executable(
        tmp_path / "bwrap", "#!/bin/sh\necho 'bwrap: No permissions\nto create a namespace' >&2; exit 1\n"
    )
    with pytest.raises(ToolError, match=r"does not work here: bwrap: No permissions to create a namespace$"):
        Sandbox.find({"PATH": f"{tmp_path}:{SYSTEM}"})


def test_a_sandbox_that_can_no_longer_be_made_runs_nothing(home: Path, project: Path) -> None:
    work = project / "work"
    work.mkdir()
    inside = Inside(home, writable=work)
    shutil.rmtree(work)
    done = inside.run("sh", "-c", "echo ran")
    assert (1, b"") == (done.status, done.output)
    assert b"bwrap: " in done.errors

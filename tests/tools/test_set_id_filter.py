"""In the sandbox no program can give a file the set-user-ID or set-group-ID bit, whatever system call it tries."""

import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.errors import ToolError
from mmpipe.tools.environment import select_environment
from mmpipe.tools.process import Containment, run_contained
from mmpipe.tools.sandbox import Sandbox

pytestmark = [pytest.mark.tools, pytest.mark.slow]

# Makes system calls with a mode, and prints the number of the error, 0 for none.
CALL = """
import ctypes, os, platform, sys
libc = ctypes.CDLL(None, use_errno=True)
os.umask(0)
def call(*words):
    done = libc.syscall(*(ctypes.c_long(word) if isinstance(word, int) else word for word in words))
    print(ctypes.get_errno() if done == -1 else 0)
open("file", "w").close()
file = os.open("file", os.O_RDONLY)
"""
CREATE = os.O_CREAT | os.O_WRONLY
TMPFILE = getattr(os, "O_TMPFILE", 0) | os.O_WRONLY
REFUSED, MISSING = 1, 38  # EPERM, ENOSYS
# By the numbers of x86_64.
CALLS = {
    "chmod": "90, b'file', {mode}",
    "fchmod": "91, file, {mode}",
    "fchmodat": "268, -100, b'file', {mode}, 0",
    "fchmodat2": "452, -100, b'file', {mode}, 0",
    "creat": "85, b'made', {mode}",
    "open": f"2, b'made', {CREATE}, {{mode}}",
    "open a file without a name": f"2, b'.', {TMPFILE}, {{mode}}",
    "openat": f"257, -100, b'made', {CREATE}, {{mode}}",
    "openat a file without a name": f"257, -100, b'.', {TMPFILE}, {{mode}}",
    "mknod": "133, b'made', {mode} | 0o100000, 0",
    "mknodat": "259, -100, b'made', {mode} | 0o100000, 0",
}
ONLY_X86_64 = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the numbers of the system calls are of this machine"
)


@pytest.fixture
def work(needs: Callable[[str], None], tmp_path: Path) -> Path:
    needs("bwrap")
    try:
        Sandbox.find({"PATH": "/usr/bin:/bin"})
    except ToolError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def printed(work: Path, *argv: str) -> list[str]:
    environment = select_environment({"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere"}, [])
    sandbox = Sandbox.find(environment, writable=str(work))
    done = run_contained(argv, b"", Containment(environment, str(work), 60.0, sandbox), threading.Event())
    return (done.output + done.errors).decode().splitlines()


def called(work: Path, *calls: str) -> list[int]:
    script = CALL + "".join(f"call({call})\n" for call in calls)
    return [int(line) for line in printed(work, sys.executable, "-I", "-S", "-c", script)]


def has_set_id(work: Path) -> bool:
    return any(path.lstat().st_mode & 0o6000 for path in work.rglob("*"))


@ONLY_X86_64
@pytest.mark.parametrize("name", CALLS)
def test_no_call_gives_a_set_id_bit_and_other_modes_are_free(name: str, work: Path) -> None:
    modes = ["0o4755", "0o2755", "0o6777", "0o5000", "0o104711", "(1 << 40) | 0o4755"]
    results = called(work, *(CALLS[name].format(mode=mode) for mode in [*modes, "0o1777"]))
    free = results.pop()
    assert 0 == free or (name == "fchmodat2" and MISSING == free)
    assert {REFUSED} == set(results)
    assert not has_set_id(work)


@ONLY_X86_64
def test_calls_whose_mode_cannot_be_seen_are_missing(work: Path) -> None:
    how = "b'\\x41\\0\\0\\0\\0\\0\\0\\0\\xed\\x09\\0\\0\\0\\0\\0\\0' + bytes(8), 24"
    x32 = 0x40000000
    calls = [f"437, -100, b'made', {how}", "425, 8, bytes(120)", f"{x32 | 90}, b'file', 0o4755"]
    assert [MISSING] * 3 == called(work, *calls)
    assert not has_set_id(work)


@ONLY_X86_64
def test_the_calls_of_32_bits_are_watched_too(work: Path) -> None:
    # The code of a 32-bit chmod("file", 0o4755) and of fchmod; memory below 4 GiB holds the name.
    script = """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
open("file", "w").close()
place = libc.mmap(None, 4096, 7, 0x62, -1, 0)
ctypes.memmove(place + 512, b"file\\0", 5)
for number, mode in ((15, 0o4755), (15, 0o700)):
    code = b"\\x53\\xb8" + number.to_bytes(4, "little") + b"\\xbb" + (place + 512).to_bytes(4, "little")
    code += b"\\xb9" + mode.to_bytes(4, "little") + b"\\xcd\\x80\\x5b\\xc3"
    ctypes.memmove(place, code, len(code))
    print(ctypes.CFUNCTYPE(ctypes.c_int)(place)())
"""
    first, second = printed(work, sys.executable, "-I", "-S", "-c", script)
    if second != "0":
        pytest.skip("this kernel has no calls of 32 bits")
    assert str(-REFUSED) == first
    assert 0o700 == stat.S_IMODE((work / "file").stat().st_mode)


@pytest.mark.parametrize("name", ["file", "a/b/c/file", " ", "new\nline"])
def test_a_refused_chmod_says_so_and_changes_nothing(name: str, work: Path) -> None:
    path = work / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o640)
    assert "Operation not permitted" in printed(work, "chmod", "u+s", name)[-1]
    assert [] == printed(work, "chmod", "755", name)
    assert 0o755 == stat.S_IMODE(path.stat().st_mode)


def test_folders_and_files_of_the_user_keep_their_modes(work: Path) -> None:
    closed = work / "closed"
    closed.mkdir(0)
    kept = work / "kept"
    kept.touch()
    kept.chmod(0o4755)
    assert [] == printed(work, "mkdir", "-m", "0", "own")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (closed, kept, work / "own")]
    closed.chmod(0o700)
    assert [0, 0o4755, 0] == modes


def test_a_file_is_opened_whatever_stands_in_the_place_of_an_unused_mode(work: Path) -> None:
    if os.uname().machine == "x86_64":
        assert [0, 0] == called(work, "2, b'file', 0, 0o6777", "257, -100, b'file', 0, 0o6777")


def test_the_programs_of_the_system_work(work: Path) -> None:
    script = "umask 22; mkdir -p a/b; cp -a /bin/true a/b; tar cf t a; rm -r a; tar xf t; mv a c; install -m 750 c/b/true d; ln d e"
    assert [] == printed(work, "sh", "-c", script)
    assert 0o750 == stat.S_IMODE((work / "e").stat().st_mode)


def test_only_a_sandbox_that_keeps_files_has_a_filter(work: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin"}
    words = [Sandbox.find(environment, writable=place).preparations for place in (None, str(work))]
    assert [False, True] == [any(word.startswith("FILTER=") for word in found) for found in words]

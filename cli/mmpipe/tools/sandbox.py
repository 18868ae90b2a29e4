"""Puts a command into a sandbox of bubblewrap: no network, no other processes, nothing of the user's home, nothing to write to.

What a tool sees: the system's own files, the current folder, its program with what that is installed with, and the files that
its command names, all of them read-only. /tmp is its own and empty, and is its HOME; /run and every home folder are
empty but for those. Only the folder of --tool-dir can be written to. Its processes end with it.
What it still can do: read whatever else outside of the home folders its user can read (for root, that is all of /etc), talk to a
server that listens on a socket in a folder that it sees, and use memory and processors until its time is over.
"""

import os
import pwd
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmpipe.errors import ToolError, UsageError
from mmpipe.text.visible import one_line
from mmpipe.tools.programs import PARTS, located, named_files, needed_by

_WALLS = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
_SCRATCH = ("/tmp", "/var/tmp")  # noqa: S108  the tool's own, and nobody else's
_SERVICES = "/run"  # sockets of everything that runs, and the folders of who is logged in
_HOMES = "/home"
_ROOT_HOME = "/root"
_TRIAL = 20.0  # seconds
_MOST_PROCESSES = 300  # a little more than what the watch allows, which tells why
_COUNTED_APART = (
    5,
    14,
)  # the first Linux that counts the processes of a sandbox apart from all others of its user


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The walls around a tool: `writable` is the one folder that it can write to, `hidden` are files that it finds empty.

    `path` is where its programs are looked for, `home` the folder of its user; `prlimit` is the program that limits how many
    processes there can be, where that can be limited.
    """

    bwrap: str
    path: str | None = None
    home: str | None = None
    writable: str | None = None
    hidden: tuple[str, ...] = ()
    prlimit: str | None = None

    @classmethod
    def find(
        cls, environment: Mapping[str, str], *, writable: str | None = None, hidden: tuple[str, ...] = ()
    ) -> "Sandbox":
        """A sandbox that was seen to work; raises ToolError where there is none, and UsageError for a folder that is too much."""
        path = environment.get("PATH")
        bwrap = located("bwrap", Path("/"), path)
        if bwrap is None:
            raise ToolError("--sandbox needs bubblewrap, and there is no bwrap on the PATH")
        sandbox = cls(str(bwrap), path, environment.get("HOME"), writable, hidden, _prlimit(path))
        if writable is not None and sandbox._is_too_much(Path(writable).resolve()):
            raise UsageError(
                f"--tool-dir {one_line(writable, 60)}: a tool in a sandbox is given a folder of its own, and no home"
            )
        sandbox._try(environment)
        return sandbox

    def argv(self, argv: Sequence[str], folder: str | None = None) -> list[str]:
        """The command that runs `argv` in the sandbox, in the writable folder, or else in `folder`, or else in the current one.

        Relative paths in `argv` are looked for in the current folder.
        """
        try:
            here = Path.cwd()
        except OSError as error:
            raise ToolError(f"cannot make a sandbox in the current folder: {error.strerror}") from error
        work = Path(self.writable or folder or here).resolve()
        program = located(argv[0], here, self.path)
        shown = self._shown(here, work, program, argv[1:])
        return [
            *(self.bwrap, *_WALLS, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *_option("--tmpfs", self._concealed()),
            *(word for path in shown for word in ("--ro-bind", str(path), str(path))),
            *(() if self.writable is None else ("--bind", str(work), str(work))),
            *(word for path in self._masked(shown) for word in ("--dev-bind", "/dev/null", str(path))),
            # To the owner of /proc/sys, which is root without any capability, it would be writable.
            *("--remount-ro", "/proc"),
            *_option("--remount-ro", self._concealed()[len(_scratch()) :]),
            *("--setenv", "HOME", _SCRATCH[0], "--setenv", "TMPDIR", _SCRATCH[0], "--chdir", str(work)),
            *("--", *(() if self.prlimit is None else (self.prlimit, f"--nproc={_MOST_PROCESSES}", "--"))),
            *(argv[0] if program is None else str(program), *argv[1:]),
        ]

    def _shown(self, here: Path, work: Path, program: Path | None, words: Sequence[str]) -> list[Path]:
        """What is shown of the folders that are otherwise concealed; nothing that comes with a folder shown already."""
        needed = [] if program is None else needed_by(program, self.path)
        parts = (path for path in needed if not self._is_part_of_home(path))
        shown: list[Path] = []
        for path in sorted({here, work, *parts, *named_files(words, here)}):
            if self._is_concealed(path) and not self._is_too_much(path) and not _lies_in(path, shown):
                shown.append(path)
        return shown

    def _masked(self, shown: Sequence[Path]) -> Iterator[Path]:
        """The hidden files that would be seen otherwise."""
        open_again = [*shown, *([] if self.writable is None else [Path(self.writable).resolve()])]
        for name in self.hidden:
            path = Path(name).resolve()
            if path.is_file() and (not self._is_concealed(path) or _lies_in(path, open_again)):
                yield path

    def _concealed(self) -> list[Path]:
        return [*_scratch(), *_outermost((_SERVICES, *self._homes()))]

    def _homes(self) -> tuple[str, ...]:
        # Under cron there may be no HOME, and the home folder is there all the same.
        homes = (self.home or "", _own_home())
        return (_HOMES, _ROOT_HOME, *(home for home in homes if home.startswith("/") and home.strip("/")))

    def _is_concealed(self, path: Path) -> bool:
        return _lies_in(path, self._concealed())

    def _is_too_much(self, path: Path) -> bool:
        """Whether it is somebody's home folder, or has one in it, or is one of those that are concealed."""
        homes = [Path(home).resolve() for home in self._homes()]
        return (
            path in self._concealed()
            or any(home.is_relative_to(path) for home in homes)
            or path.parent == Path(_HOMES)
        )

    def _is_part_of_home(self, path: Path) -> bool:
        """Whether it is a folder such as `~/share`: of the home folder no more is shown than the program in `~/bin`."""
        return path.name in PARTS and path.is_dir() and self._is_too_much(path.parent)

    def _try(self, environment: Mapping[str, str]) -> None:
        try:
            done = subprocess.run(
                self.argv(["true"]),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=environment,
                timeout=_TRIAL,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"--sandbox: cannot run bwrap: {one_line(str(error), 200)}") from error
        if done.returncode != 0:
            words = one_line(done.stderr.decode(errors="replace"), 200)
            raise ToolError(f"--sandbox: bwrap does not work here: {words or f'status {done.returncode}'}")


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(map(path.is_relative_to, folders))


def _option(name: str, paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield from (name, str(path))


def _scratch() -> list[Path]:
    return _outermost(_SCRATCH)


def _outermost(names: Iterable[str]) -> list[Path]:
    """Those that are there, without those that lie in another."""
    folders = sorted({path for name in names if (path := Path(name).resolve()).is_dir()})
    return [
        path for path in folders if not any(path != outer and path.is_relative_to(outer) for outer in folders)
    ]


def _own_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _prlimit(path: str | None) -> str | None:
    """The program that limits the processes in the sandbox; nothing limits those of root, and older systems count all of a user's."""
    release = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
    found = located("prlimit", Path("/"), path)
    return None if found is None or release < _COUNTED_APART or os.geteuid() == 0 else str(found)

"""Runs a command in a bubblewrap sandbox: no network, no other processes, no home folder, and no writing.

A tool sees, read-only: the files of the system, the current folder, its program with its installation, and the files that
its command names. /tmp is private and empty, and is its HOME. /run, $XDG_RUNTIME_DIR and every home folder are otherwise
empty, even as the current folder. Only the folder of --tool-dir is writable, and no file there can get a set-ID bit from
it. All its processes end with it.
A tool can still read files outside the home folders that its user can read (for root, all of /etc). It can connect to
a socket in a folder that it sees, and use memory and processors until its timeout.
"""

import os
import pwd
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from mmpipe.dataclass import dataclass
from mmpipe.errors import ToolError, UsageError
from mmpipe.text.visible import one_line
from mmpipe.tools.keyring import find_keyctl
from mmpipe.tools.launch import build_launch
from mmpipe.tools.programs import (
    PARTS,
    find_dependencies,
    find_named_files,
    find_own_program,
    locate_program,
)
from mmpipe.tools.set_id_filter import build_filter

_ISOLATION = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
_SCRATCH = ("/tmp", "/var/tmp")  # noqa: S108  private to the tool
_SERVICES = "/run"  # sockets of services, and folders of the users who are logged in
_USERS = "/run/user"
_MEDIA = "/run/media"  # disks and sticks, with the files of users
_HOMES = "/home"
_ROOT_HOME = "/root"
_TRIAL_TIMEOUT = 20.0  # seconds
# Far more than tools/process.py permits: that limit must strike first, since it gives the reason.
_MAX_PROCESSES = 1024
_OWN_COUNT_SINCE = (5, 14)  # since this Linux the processes of a user namespace are counted apart


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Sandbox for a tool: `writable` is the only folder that it can write to, `hidden` are files that appear empty.

    PATH of `environment` finds its programs, HOME and XDG_RUNTIME_DIR are concealed. `prlimit` is the program that limits
    the number of processes; None where the system cannot.
    """

    bwrap: str
    environment: Mapping[str, str] = field(repr=False)
    writable: str | None = None
    hidden: tuple[str, ...] = ()
    prlimit: str | None = None

    @classmethod
    def find(
        cls, environment: Mapping[str, str], *, writable: str | None = None, hidden: tuple[str, ...] = ()
    ) -> "Sandbox":
        """Return a sandbox after a trial run.

        Raises ToolError if it does not work or cannot hide a file, UsageError for a writable folder with the files of others.
        """
        path = environment.get("PATH")
        bwrap = find_own_program("bwrap", path)
        if bwrap is None:
            raise ToolError(
                "--sandbox needs bubblewrap, and no bwrap is on the PATH (its relative folders do not count)"
            )
        sandbox = cls(bwrap, environment, writable, hidden, _find_prlimit(path))
        if writable is not None and sandbox._is_shared(Path(writable).resolve()):
            raise UsageError(
                f"--tool-dir {one_line(writable, 60)}: in a sandbox this must be a folder of its own, "
                "not a home folder or one of services"
            )
        _check_names(hidden)
        sandbox._run_trial()
        return sandbox

    def wrap(self, argv: Sequence[str], folder: str | None = None) -> list[str]:
        """Return the command that runs `argv` in the sandbox: in the writable folder, else in `folder`, else in the current one.

        Relative paths in `argv` start at the current folder. Raises ToolError if that is gone.
        """
        try:
            here = Path.cwd()
        except OSError as error:
            raise ToolError(f"cannot make a sandbox in the current folder: {error.strerror}") from error
        work = Path(self.writable or folder or here).resolve()
        program = locate_program(argv[0], here, self.environment.get("PATH"))
        is_chosen = bool(self.writable or folder)
        folders = [
            path for path in (here, work) if (is_chosen and path == work) or not self._is_of_services(path)
        ]
        shown = self._select_shown(here, folders, program, argv[1:])
        return [
            *(self.bwrap, *_ISOLATION, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *_repeat_option("--tmpfs", self._list_concealed()),
            # The current folder may be concealed: then it is an empty one.
            *(("--dir", str(work)) if self._is_concealed(work) else ()),
            *(word for path in shown for word in ("--ro-bind", str(path), str(path))),
            *(() if self.writable is None else ("--bind", str(work), str(work))),
            *(word for path in self._select_masked(shown) for word in ("--dev-bind", "/dev/null", str(path))),
            # Root, the owner of /proc/sys, could write there even without capabilities.
            *("--remount-ro", "/proc"),
            *_repeat_option("--remount-ro", self._list_concealed()[len(_list_scratch()) :]),
            *("--setenv", "HOME", _SCRATCH[0], "--setenv", "TMPDIR", _SCRATCH[0], "--chdir", str(work)),
            *("--", *(() if self.prlimit is None else (self.prlimit, f"--nproc={_MAX_PROCESSES}", "--"))),
            *(argv[0] if program is None else str(program), *argv[1:]),
        ]

    @property
    def preparations(self) -> list[str]:
        """Words for the launcher: a session keyring of its own where possible, a filter where the tool can leave files behind."""
        keyctl = find_keyctl()
        return [
            *([] if keyctl is None else [f"KEYRING={keyctl}"]),
            *([] if self.writable is None else [f"FILTER={build_filter().hex()}"]),
        ]

    @property
    def weakness(self) -> str | None:
        """A sentence about what a tool can reach because this machine is not known; None if there is nothing."""
        if find_keyctl() is not None:
            return None
        machine = one_line(os.uname().machine, 60)
        return f"--sandbox: on {machine} tools share your session keyring of the kernel; keep no key in it"

    def _select_shown(
        self, here: Path, folders: Sequence[Path], program: Path | None, words: Sequence[str]
    ) -> list[Path]:
        """Return the paths to show inside concealed folders, without those inside a path already shown."""
        needed = [] if program is None else find_dependencies(program, self.environment.get("PATH"))
        parts = (path for path in needed if not self._is_home_part(path))
        shown: list[Path] = []
        for path in sorted({*folders, *parts, *find_named_files(words, here)}):
            if self._is_concealed(path) and not self._is_shared(path) and not _is_inside(path, shown):
                shown.append(path)
        return shown

    def _select_masked(self, shown: Sequence[Path]) -> Iterator[Path]:
        """Yield the hidden files that the tool would see otherwise."""
        open_again = [*shown, *([] if self.writable is None else [Path(self.writable).resolve()])]
        for name in self.hidden:
            path = Path(name).resolve()
            if path.is_file() and (not self._is_concealed(path) or _is_inside(path, open_again)):
                yield path

    def _list_concealed(self) -> list[Path]:
        return [*_list_scratch(), *_select_outermost((*self._list_services(), *self._list_homes()))]

    def _list_services(self) -> tuple[str, ...]:
        own = self.environment.get("XDG_RUNTIME_DIR", "")
        return (_SERVICES, own) if own.startswith("/") and own.strip("/") else (_SERVICES,)

    def _list_homes(self) -> tuple[str, ...]:
        # Under cron HOME may be unset, while the home folder exists.
        homes = (self.environment.get("HOME", ""), _find_own_home())
        return (_HOMES, _ROOT_HOME, *(home for home in homes if home.startswith("/") and home.strip("/")))

    def _is_concealed(self, path: Path) -> bool:
        return _is_inside(path, self._list_concealed())

    def _is_shared(self, path: Path) -> bool:
        """Return True if the path is a home folder or one of services, contains one, or is a concealed folder."""
        others = [Path(name).resolve() for name in (*self._list_homes(), *self._list_services())]
        return (
            path in self._list_concealed()
            or any(other.is_relative_to(path) for other in others)
            or path.parent in (Path(_HOMES), Path(_USERS))
        )

    def _is_of_services(self, path: Path) -> bool:
        """Return True for a folder of services, which is shown only if the user names it."""
        inside = _is_inside(path, (Path(name).resolve() for name in self._list_services()))
        return inside and not path.is_relative_to(_MEDIA)

    def _is_home_part(self, path: Path) -> bool:
        """Return True for a folder such as `~/share`: of a home folder only the program in `~/bin` is shown."""
        return path.name in PARTS and path.is_dir() and self._is_shared(path.parent)

    def _run_trial(self) -> None:
        program = find_own_program("true", self.environment.get("PATH")) or "true"
        try:
            done = subprocess.run(
                build_launch(self.preparations, self.wrap([program])),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=self.environment,
                timeout=_TRIAL_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"--sandbox: cannot run bwrap: {one_line(str(error), 200)}") from error
        if done.returncode != 0:
            words = one_line(done.stderr.decode(errors="replace"), 200)
            raise ToolError(f"--sandbox does not work here: {words or f'bwrap: status {done.returncode}'}")


def _check_names(hidden: Iterable[str]) -> None:
    """Raise ToolError for a file that has several names: only one of them could be hidden."""
    for name in hidden:
        with suppress(OSError):
            path = Path(name)
            if (links := path.stat().st_nlink) > 1:
                # A symbolic link has one name; it is its target that has several.
                target = f" (a link to {one_line(str(path.resolve()), 100)})" if path.is_symlink() else ""
                raise ToolError(
                    f"--sandbox cannot hide {one_line(name, 100)}{target}, which has {links} names (hard links): "
                    "remove the others, or use a copy"
                )


def _is_inside(path: Path, folders: Iterable[Path]) -> bool:
    return any(map(path.is_relative_to, folders))


def _repeat_option(name: str, paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield from (name, str(path))


def _list_scratch() -> list[Path]:
    return _select_outermost(_SCRATCH)


def _select_outermost(names: Iterable[str]) -> list[Path]:
    """Return the folders that exist, resolved, without those inside another."""
    folders = sorted({path for name in names if (path := Path(name).resolve()).is_dir()})
    return [
        path for path in folders if not any(path != outer and path.is_relative_to(outer) for outer in folders)
    ]


def _find_own_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _find_prlimit(path: str | None) -> str | None:
    """Return the program that limits processes; None for root, which has no limit, and where a sandbox is not counted apart."""
    release = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
    found = find_own_program("prlimit", path)
    return None if release < _OWN_COUNT_SINCE or os.geteuid() == 0 else found

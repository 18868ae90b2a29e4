"""Finds the files that a command needs, so that it can run in a sandbox that hides all others; reads only."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

_BIN = ("bin", "sbin")
# The parts of an installation: a virtual environment, a Node, a program with its libraries. Not its whole folder, where
# some programs keep credentials too (~/.cargo).
PARTS = (*_BIN, "lib", "lib32", "lib64", "libexec", "share", "include", "pyvenv.cfg")
_SHIMS = "shims"  # of pyenv and the like: scripts that look for the real program in the folders beside them
_DATA = ".local"  # its share/ holds key rings and other data of the user
_MAX_DEPTH = 8  # links, or interpreters of interpreters
_MAX_LINE = 4096  # bytes


def find_own_program(name: str, path: str | None) -> str | None:
    """Return the program that mmpipe itself needs, found on `path`; never in the current folder, whose files are not trusted."""
    folders = (os.defpath if path is None else path).split(os.pathsep)
    return shutil.which(name, path=os.pathsep.join(folder for folder in folders if folder.startswith("/")))


def locate_program(word: str, folder: Path, path: str | None) -> Path | None:
    """Return the program that a shell in `folder` would run for `word`, its folder without links; None if there is none."""
    found = str(folder / word) if "/" in word else shutil.which(word, path=path)
    return None if found is None or not os.access(found, os.X_OK) else _resolve_folder(folder / found)


def find_named_files(words: Sequence[str], folder: Path) -> Iterator[Path]:
    """Yield the files that the arguments of a command name, such as the script of an interpreter."""
    for word in words:
        try:
            if (path := folder / word).is_file():
                yield path.resolve()
        except (OSError, ValueError):
            # The word is not a possible name of a file.
            continue


def find_dependencies(program: Path, path: str | None, depth: int = 0) -> Iterator[Path]:
    """Yield the files and folders that a program needs to start: itself, targets of its links, its installation, its interpreter."""
    for file in _follow_links(program):
        yield file
        yield from _find_installation(file)
    interpreter = _find_interpreter(program, path)
    if interpreter is not None and depth < _MAX_DEPTH:
        yield from find_dependencies(interpreter, path, depth + 1)


def _resolve_folder(path: Path) -> Path:
    """Return the path with its folder resolved; the last name stays, since programs look at their own name."""
    return path.parent.resolve() / path.name


def _follow_links(path: Path) -> Iterator[Path]:
    for _ in range(_MAX_DEPTH):
        yield path
        if not path.is_symlink():
            return
        path = _resolve_folder(path.parent / path.readlink())


def _find_installation(file: Path) -> Iterator[Path]:
    prefix = file.parent.parent
    if file.parent.name == _SHIMS:
        yield prefix
    elif file.parent.name in _BIN:
        for name in PARTS:
            part = prefix / name
            if part.exists() and not (name == "share" and prefix.name == _DATA):
                yield part


def _find_interpreter(program: Path, path: str | None) -> Path | None:
    """Return the interpreter of a script, from its `#!` line, looking through `env`; None if the program is not a script."""
    try:
        with program.open("rb") as file:
            line = file.readline(_MAX_LINE)
    except OSError:
        return None
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return locate_program(words[0], Path("/"), path) if words else None

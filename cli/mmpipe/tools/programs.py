"""Finds what a command needs to see of the files around it, so that it can run where everything else is hidden; reads only."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

_BIN = ("bin", "sbin")
# What installations consist of: a Python of a virtual environment, a node, a program with its libraries. Not the whole of
# their folder, where others keep credentials beside them (~/.cargo).
PARTS = (*_BIN, "lib", "lib32", "lib64", "libexec", "share", "include", "pyvenv.cfg")
_SHIMS = "shims"  # of pyenv and the like: small scripts, which look for the real program in the folders beside them
_DATA = ".local"  # its share/ holds key rings, and what else programs remember of their user
_DEEPEST = 8  # links, or interpreters of interpreters
_LONGEST_LINE = 4096  # bytes


def located(word: str, folder: Path, path: str | None) -> Path | None:
    """The program that a shell in `folder` means by `word`, without links in the way to it; None if there is none."""
    found = str(folder / word) if "/" in word else shutil.which(word, path=path)
    return None if found is None or not os.access(found, os.X_OK) else _physical(folder / found)


def named_files(words: Sequence[str], folder: Path) -> Iterator[Path]:
    """The files among the arguments of a command, such as the script of an interpreter: the user has named them."""
    for word in words:
        try:
            if (path := folder / word).is_file():
                yield path.resolve()
        except (OSError, ValueError):
            # No file can have such a name.
            continue


def needed_by(program: Path, path: str | None, depth: int = 0) -> Iterator[Path]:
    """The files and folders that a program is started from: itself, what it links to, what it is installed with, its interpreter."""
    for file in _links(program):
        yield file
        yield from _installation(file)
    interpreter = _interpreter(program, path)
    if interpreter is not None and depth < _DEEPEST:
        yield from needed_by(interpreter, path, depth + 1)


def _physical(path: Path) -> Path:
    """The same file, reached through no linked folder; its own name stays, since programs look at it."""
    return path.parent.resolve() / path.name


def _links(path: Path) -> Iterator[Path]:
    for _ in range(_DEEPEST):
        yield path
        if not path.is_symlink():
            return
        path = _physical(path.parent / path.readlink())


def _installation(file: Path) -> Iterator[Path]:
    prefix = file.parent.parent
    if file.parent.name == _SHIMS:
        yield prefix
    elif file.parent.name in _BIN:
        for name in PARTS:
            part = prefix / name
            if part.exists() and not (name == "share" and prefix.name == _DATA):
                yield part


def _interpreter(program: Path, path: str | None) -> Path | None:
    """What the first line of a script names; `env` is only asked for another."""
    try:
        with program.open("rb") as file:
            line = file.readline(_LONGEST_LINE)
    except OSError:
        return None
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return located(words[0], Path("/"), path) if words else None

"""The states of a disk after a power cut that the standard allows, made from the system calls of a run in its strace.

What was written to a file and not synced may be there in part, and where the rest should be there may be NULs; a name
that was made or moved is sure only once the folder was synced. Real disks keep more, and differ in what.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

CALLS: Final = "openat,write,ftruncate,fdatasync,fsync,rename,unlink"
OPTIONS: Final = ("-y", "-s", "1000000", "-e", f"trace={CALLS}")
_CALL: Final = re.compile(r"(\w+)\((.*)\) = (\d+)(?:<(.*)>)?")
_TEXT: Final = r'"((?:[^"\\]|\\.)*)"'

Names = dict[str, int]  # of a folder: which file each name means


@dataclass(frozen=True)
class Condition:
    """A write at the end of a file, or if there is nothing to write its new length."""

    data: bytes | None = None
    length: int = 0

    def on(self, content: bytes) -> bytes:
        return content[: self.length] if self.data is None else content + self.data

    def torn(self, content: bytes) -> Iterator[bytes]:
        """Return the states that half of it may have left."""
        if self.data is not None:
            for kept in sorted({1, len(self.data) // 2, len(self.data) - 1}):
                yield content + self.data[:kept]
                yield content + self.data[:kept] + bytes(len(self.data) - kept)
            yield content + bytes(len(self.data))


@dataclass
class _File:
    """Its content on the disk, and what is under way there."""

    synced: bytes = b""
    pending: list[Condition] = field(default_factory=list)

    def contents(self) -> Iterator[bytes]:
        """All that may be left of it; the last is all that was written."""
        content = self.synced
        for change in self.pending:
            yield content
            yield from change.torn(content)
            content = change.on(content)
        yield content

    def sync(self) -> None:
        *_, self.synced = self.contents()
        self.pending.clear()


class Disk:
    """One folder and its files, as they are and as they may be left."""

    def __init__(self, folder: Path, files: Mapping[str, bytes]) -> None:
        self._folder = folder
        self._files = [_File(content) for content in files.values()]
        self._names: Names = {name: number for number, name in enumerate(files)}
        self._synced_names: list[Names] = [dict(self._names)]  # the last of them is how it is

    def call(self, line: str) -> bool:
        """Take the next call of the trace; returns whether it changes anything here, or syncs it."""
        found = _CALL.match(line)
        if found is None:
            return False
        name, arguments, _, opened = found.groups()
        if name == "openat":
            return "O_CREAT" in arguments and opened is not None and self._create(Path(opened))
        if name in ("rename", "unlink"):
            paths = [self._folder / _text(text).decode() for text in re.findall(_TEXT, arguments)]
            return self._move(paths)
        path = Path(re.sub(r" \(deleted\)$", "", arguments.partition("<")[2].partition(">")[0]))
        if path == self._folder:
            self._synced_names = [dict(self._names)]
            return True
        if path.parent != self._folder or path.name not in self._names:
            return False
        self._change(self._files[self._names[path.name]], name, arguments)
        return True

    def leftovers(self) -> Iterator[frozenset[tuple[str, bytes]]]:
        """The files of every folder that a loss of power may leave at this moment."""
        for names in self._synced_names:
            for contents in product(*(self._files[number].contents() for number in names.values())):
                yield frozenset(zip(names, contents, strict=True))

    def now(self) -> frozenset[tuple[str, bytes]]:
        """The files as programs see them."""
        *_, files = self.leftovers()
        return files

    def _create(self, path: Path) -> bool:
        if path.parent != self._folder or path.name in self._names:
            return False
        self._files.append(_File())
        self._rename({**self._names, path.name: len(self._files) - 1})
        return True

    def _move(self, paths: Sequence[Path]) -> bool:
        if paths[0].parent != self._folder:
            return False
        names = dict(self._names)
        number = names.pop(paths[0].name)
        self._rename({**names, **{path.name: number for path in paths[1:]}})
        return True

    def _rename(self, names: Names) -> None:
        self._names = names
        self._synced_names.append(dict(names))

    def _change(self, file: _File, name: str, arguments: str) -> None:
        if name in ("fsync", "fdatasync"):
            file.sync()
        elif name == "ftruncate":
            file.pending.append(Condition(length=int(arguments.rpartition(", ")[2])))
        else:
            text = re.search(_TEXT, arguments)
            assert text is not None
            file.pending.append(Condition(_text(text[0][1:-1])))


def _text(escaped: str) -> bytes:
    """As strace writes it, which is as C does."""
    value = ast.literal_eval(f'b"{escaped}"')
    assert isinstance(value, bytes)
    return value

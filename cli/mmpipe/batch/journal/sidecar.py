"""The sidecar: a file beside a journal that describes its input, so that a later run can report changes.

It has the rights of the journal. Hashes of input and settings, which may be private, are keyed with a salt that stands in it.
"""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.errors import OutputError
from mmpipe.text.strict_json import loads
from mmpipe.unix.access_rights import copy_access
from mmpipe.unix.replacement import open_replacement
from mmpipe.unix.streams import Output
from mmpipe.unix.trusted_file import read_trusted

_HEAD: Final = 64 << 10
_LIMIT: Final = 64 << 20  # bytes; more files than a command line can name
_NAME: Final = 240  # bytes; with what is put around it less than the 255 of a file name
_SALT: Final = 16  # bytes


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The size, times, inode and beginning of an input file; `head` is a salted hash."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    head: str

    def matches(self, status: os.stat_result) -> bool:
        """True if a file with this status has not been written to since."""
        found = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        return found == (self.size, self.mtime_ns, self.ctime_ns, self.inode)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The inputs and settings of a run, the process, and when it started (seconds since 1970).

    `settings` has a hash with this `salt` for each setting, in hexadecimal like all. `records` is the number in the whole
    input, if it was read to its end, and `content` a hash of their ids and requests; `shard` is like "2/8", and `taken` the
    number of its records.
    """

    salt: str
    inputs: tuple[Fingerprint, ...]
    settings: Mapping[str, str]
    pid: int
    started: float
    records: int | None = None
    shard: str | None = None
    taken: int | None = None
    content: str | None = None


def new_salt(journal: str) -> str:
    """The salt of a new journal; its later sidecars keep it, or their hashes could not be compared.

    Journals that begin in one folder have one salt, also if they begin at once, so that `--merge` can compare shards. The
    salt comes from the place of the folder: it says nothing about input and settings, and other folders have others. It is
    random where the folder cannot be looked at, as a current folder that was removed.
    """
    try:
        folder = os.path.dirname(os.path.realpath(journal))  # noqa: PTH120  as realpath
        place = folder, Path(folder).stat().st_ino, os.statvfs(folder).f_fsid
    except OSError:
        return os.urandom(_SALT).hex()
    return blake2b(repr(place).encode("utf-8", "surrogateescape"), digest_size=_SALT).hexdigest()


def fingerprint(path: str, status: os.stat_result, head: bytes, salt: str) -> Fingerprint:
    """The fingerprint of a file with this status that begins with `head`."""
    times = status.st_mtime_ns, status.st_ctime_ns
    return Fingerprint(path, status.st_size, *times, status.st_ino, _hash(head[:_HEAD], salt))


def read_fingerprint(path: str, salt: str) -> Fingerprint | None:
    """The present fingerprint of the file; None for a pipe or a terminal, and if it cannot be read."""
    with suppress(OSError):
        if stat.S_ISREG(Path(path).stat().st_mode):
            with Path(path).open("rb") as file:
                return fingerprint(os.path.realpath(path), os.fstat(file.fileno()), file.read(_HEAD), salt)
    return None


def hash_settings(settings: Mapping[str, object], salt: str) -> Mapping[str, str]:
    """A hash of each setting; that of an object does not depend on its order."""
    return {name: _hash(json.dumps(value, sort_keys=True).encode(), salt) for name, value in settings.items()}


def hash_content(content: int, salt: str) -> str:
    """A hash of the content of an input, which is the sum of its records."""
    return _hash(str(content).encode(), salt)


def changed_settings(then: Sidecar | None, now: Sidecar) -> list[str]:
    """The names of the settings that have changed since `then`, in alphabetical order; none if that is unknown."""
    if then is None:
        return []
    names = then.settings.keys() | now.settings.keys()
    return sorted(name for name in names if then.settings.get(name) != now.settings.get(name))


def changes(then: Sidecar | None, now: Sidecar) -> list[str]:
    """Sentences about what has changed since `then`; none if that is unknown."""
    if then is None:
        return []
    before = {known.path: known for known in then.inputs}
    sentences = [
        sentence
        for file in now.inputs
        if (sentence := _change(before.get(file.path), file, anything=bool(before)))
    ]
    if then.shard != now.shard:
        earlier, later = (f"--shard {shard}" if shard else "no --shard" for shard in (then.shard, now.shard))
        sentences.append(
            f"the previous run had {earlier}, this one has {later}: the journal may get records that other shards ask, too"
        )
    if names := changed_settings(then, now):
        sentences.append(f"settings have changed since the previous run: {', '.join(names)}")
    return sentences


def _change(then: Fingerprint | None, now: Fingerprint, *, anything: bool) -> str | None:
    if then is None:
        return f"{now.path} was not an input of the previous run" if anything else None
    if (then.size, then.head) != (now.size, now.head):
        return f"{now.path} has changed since the previous run"
    if then.mtime_ns != now.mtime_ns:
        return f"{now.path} was written to since the previous run"
    return None


def sidecar_path(journal: str) -> str:
    """The path of the sidecar: `.out.jsonl.mmpipe` beside `out.jsonl`, with links resolved."""
    real = Path(journal).resolve()
    name = os.fsencode(real.name)
    if len(name) > _NAME:
        name = name[: _NAME - 64] + sha256(name).hexdigest().encode()
    return str(real.with_name(f".{os.fsdecode(name)}.mmpipe"))


def write_sidecar(journal: str, sidecar: Sidecar) -> None:
    """Write the sidecar atomically; if the folder permits no file, only a later warning is lost.

    A link under its name is replaced, and never followed.
    """
    with (
        suppress(OSError, OutputError),
        open_replacement(sidecar_path(journal), 0o600) as descriptor,
    ):
        Output(descriptor, "the sidecar").write(json.dumps(asdict(sidecar)).encode() + b"\n")
        copy_access(descriptor, journal, Path(journal).stat())


def remove_sidecar(journal: str) -> None:
    """Remove the sidecar of a journal that was removed."""
    with suppress(OSError):
        Path(sidecar_path(journal)).unlink()


def read_sidecar(journal: str) -> Sidecar | None:
    """Read the sidecar; None if it is missing, invalid or not ours, or of a version that had no salt."""
    try:
        match loads(read_trusted(sidecar_path(journal), _LIMIT).decode()):
            case {
                "salt": str(salt),
                "inputs": [*inputs],
                "settings": {**settings},
                "pid": int(pid),
                "started": float(started),
                **rest,
            } if len(bytes.fromhex(salt)) == _SALT:
                shard, content = rest.get("shard"), rest.get("content")
                return Sidecar(
                    salt,
                    _fingerprints(inputs),
                    {str(name): str(value) for name, value in settings.items()},
                    pid,
                    started,
                    records=_count(rest.get("records")),
                    shard=shard if isinstance(shard, str) else None,
                    taken=_count(rest.get("taken")),
                    content=content if isinstance(content, str) else None,
                )
    except (OSError, ValueError):
        pass
    return None


def _fingerprints(values: Sequence[object]) -> tuple[Fingerprint, ...]:
    found = []
    for value in values:
        match value:
            case {
                "path": str(path),
                "size": int(size),
                "mtime_ns": int(mtime_ns),
                "ctime_ns": int(ctime_ns),
                "inode": int(inode),
                "head": str(head),
            }:
                found.append(Fingerprint(path, size, mtime_ns, ctime_ns, inode, head))
            case _:
                raise ValueError("not a fingerprint")
    return tuple(found)


def _hash(content: bytes, salt: str) -> str:
    return blake2b(content, key=bytes.fromhex(salt), digest_size=32).hexdigest()


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None

"""The sidecar: a file beside a journal that describes its input, so that a later run can report changes."""

import json
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from mmpipe.errors import OutputError
from mmpipe.text.strict_json import loads
from mmpipe.unix.files import replace_output

_HEAD: Final = 64 << 10
_NAME: Final = 240  # bytes; with what is put around it less than the 255 of a file name


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The size, time and beginning of an input file."""

    path: str
    size: int
    mtime_ns: int
    head_sha256: str


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The inputs and settings of a run, the process, and when it started (seconds since 1970).

    `records` is the number in the whole input, if it was read to its end; `shard` is like "2/8".
    """

    inputs: tuple[Fingerprint, ...]
    settings_sha256: str
    pid: int
    started: float
    records: int | None = None
    shard: str | None = None


def fingerprint(path: str, status: os.stat_result, head: bytes) -> Fingerprint:
    """The fingerprint of a file with this status that begins with `head`."""
    return Fingerprint(path, status.st_size, status.st_mtime_ns, sha256(head[:_HEAD]).hexdigest())


def read_fingerprint(path: str) -> Fingerprint | None:
    """The present fingerprint of the file; None for a pipe or a terminal, and if it cannot be read."""
    with suppress(OSError):
        if stat.S_ISREG(Path(path).stat().st_mode):
            with Path(path).open("rb") as file:
                return fingerprint(os.path.realpath(path), os.fstat(file.fileno()), file.read(_HEAD))
    return None


def settings_sha256(settings: Mapping[str, object]) -> str:
    """The SHA-256 of the settings, which does not depend on their order."""
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


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
    if then.settings_sha256 != now.settings_sha256:
        sentences.append("the settings differ from those of the previous run")
    return sentences


def _change(then: Fingerprint | None, now: Fingerprint, *, anything: bool) -> str | None:
    if then is None:
        return f"{now.path} was not an input of the previous run" if anything else None
    if (then.size, then.head_sha256) != (now.size, now.head_sha256):
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
    """Write the sidecar atomically; if the folder permits no file, only a later warning is lost."""
    with suppress(OutputError), replace_output(sidecar_path(journal)) as output:
        output.write(json.dumps(asdict(sidecar)).encode() + b"\n")


def remove_sidecar(journal: str) -> None:
    """Remove the sidecar of a journal that was removed."""
    with suppress(OSError):
        Path(sidecar_path(journal)).unlink()


def read_sidecar(journal: str) -> Sidecar | None:
    """Read the sidecar; None if it is missing or invalid."""
    try:
        match loads(Path(sidecar_path(journal)).read_text("utf-8")):
            case {
                "inputs": [*inputs],
                "settings_sha256": str(settings),
                "pid": int(pid),
                "started": float(started),
                **rest,
            }:
                records, shard = _count(rest.get("records")), rest.get("shard")
                known_shard = shard if isinstance(shard, str) else None
                return Sidecar(_fingerprints(inputs), settings, pid, started, records, known_shard)
    except (OSError, ValueError):
        pass
    return None


def _fingerprints(values: Sequence[object]) -> tuple[Fingerprint, ...]:
    found = []
    for value in values:
        match value:
            case {"path": str(path), "size": int(size), "mtime_ns": int(mtime_ns), "head_sha256": str(head)}:
                found.append(Fingerprint(path, size, mtime_ns, head))
            case _:
                raise ValueError("not a fingerprint")
    return tuple(found)


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None

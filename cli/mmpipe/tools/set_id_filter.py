"""Builds the seccomp filter of the sandbox: no program in it can give a file the set-user-ID or set-group-ID bit.

Outside the sandbox such a file would give the rights of its user away. The filter is a program in classic BPF, as
`bwrap --seccomp` reads it. The numbers are those of arch/*/syscall*.tbl in the Linux source.
"""

import errno
import stat
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mmpipe.dataclass import dataclass

_INSTRUCTION: Final = struct.Struct("=HBBI")  # struct sock_filter of linux/filter.h
# The operations of linux/bpf_common.h.
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
# The results of linux/seccomp.h.
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000
# The offsets in struct seccomp_data of linux/seccomp.h.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16  # of 8 bytes each

_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
# Without one of O_CREAT and O_TMPFILE, the mode of open() is not used, and may be anything.
_CREATES: Final = 0o100 | 0o20000000
# The calls of the ABI x32 begin here; they would pass for others.
_FIRST_OF_X32: Final = 0x40000000
# The same on every machine. openat2() has its mode in memory, and io_uring opens files unseen: programs do without both.
_FCHMODAT2: Final = 452
_UNKNOWABLE: Final = (437, 425)  # openat2, io_uring_setup


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers of the system calls of one architecture, by the place of their mode; the first argument has place 0."""

    open: tuple[int, ...]  # flags in 1, mode in 2
    openat: int  # flags in 2, mode in 3
    mode_in_1: tuple[int, ...]  # chmod, fchmod, creat, mknod
    mode_in_2: tuple[int, ...]  # fchmodat, mknodat


_GENERIC: Final = _Numbers((), 56, (52,), (53, 33))
# By AUDIT_ARCH_* of linux/audit.h. A call of another architecture fails, and so does the trial of the sandbox there.
_ARCHITECTURES: Final = {
    0xC000003E: _Numbers((2,), 257, (90, 91, 85, 133), (268, 259)),  # x86_64
    0x40000003: _Numbers((5,), 295, (15, 94, 8, 14), (306, 297)),  # i386
    0xC00000B7: _GENERIC,  # aarch64
    0x40000028: _Numbers((5,), 322, (15, 94, 8, 14), (333, 324)),  # arm
    0xC00000F3: _GENERIC,  # riscv64
    0xC0000102: _GENERIC,  # loongarch64
    0xC0000015: _Numbers((5,), 286, (15, 94, 8, 14), (297, 288)),  # ppc64le
    0x80000015: _Numbers((5,), 286, (15, 94, 8, 14), (297, 288)),  # ppc64
    0x80000016: _Numbers((5,), 288, (15, 94, 8, 14), (299, 290)),  # s390x
}


@dataclass(frozen=True, slots=True)
class _Step:
    """Instruction of the filter with the names of the steps to go to; an empty name is the next one."""

    operation: int
    operand: int
    if_true: str = ""
    if_false: str = ""
    name: str = ""


def build_filter() -> bytes:
    """Return the filter for all architectures that are known."""
    return _assemble([*_dispatch(), *_judge()])


def _dispatch() -> Iterator[_Step]:
    """Yield the steps that find the kind of the call."""
    yield _Step(_LOAD, _ARCHITECTURE)
    for architecture, numbers in _ARCHITECTURES.items():
        other = f"not {architecture}"
        yield _Step(_IF_EQUAL, architecture, "", other)
        yield _Step(_LOAD, _NUMBER)
        yield _Step(_IF_AT_LEAST, _FIRST_OF_X32, "missing")
        yield from _compare(numbers.open, "open")
        yield from _compare((numbers.openat,), "openat")
        yield from _compare(numbers.mode_in_1, "mode in 1")
        yield from _compare((*numbers.mode_in_2, _FCHMODAT2), "mode in 2")
        yield from _compare(_UNKNOWABLE, "missing")
        yield _Step(_RETURN, _ALLOW)
        yield _Step(_LOAD, _ARCHITECTURE, name=other)
    yield _Step(_RETURN, _FAIL | errno.ENOSYS, name="missing")


def _judge() -> Iterator[_Step]:
    """Yield the steps that look at the mode; of an argument its lower half is enough."""
    yield _Step(_LOAD, _locate_argument(1), name="open")
    yield _Step(_IF_ANY_BIT, _CREATES, "mode in 2", "allow")
    yield _Step(_LOAD, _locate_argument(2), name="openat")
    yield _Step(_IF_ANY_BIT, _CREATES, "", "allow")
    yield from _refuse_bits(3)
    yield from _refuse_bits(2)
    yield from _refuse_bits(1)
    yield _Step(_RETURN, _ALLOW, name="allow")
    yield _Step(_RETURN, _FAIL | errno.EPERM, name="refuse")


def _compare(numbers: Iterable[int], target: str) -> Iterator[_Step]:
    return (_Step(_IF_EQUAL, number, target) for number in numbers)


def _refuse_bits(place: int) -> Iterator[_Step]:
    yield _Step(_LOAD, _locate_argument(place), name=f"mode in {place}")
    yield _Step(_IF_ANY_BIT, _SET_ID, "refuse", "allow")


def _locate_argument(place: int) -> int:
    """Return the offset of the lower four bytes of an argument."""
    return _ARGUMENTS + 8 * place + (0 if sys.byteorder == "little" else 4)


def _assemble(steps: Sequence[_Step]) -> bytes:
    """Return the instructions, in the byte order of this machine; a jump is a number of instructions to skip, below 256."""
    places = {step.name: place for place, step in enumerate(steps) if step.name}

    def skip(name: str, place: int) -> int:
        return places[name] - place - 1 if name else 0

    return b"".join(
        _INSTRUCTION.pack(step.operation, skip(step.if_true, at), skip(step.if_false, at), step.operand)
        for at, step in enumerate(steps)
    )

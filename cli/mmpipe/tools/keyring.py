"""Finds the number of the system call keyctl, which gives a tool an empty session keyring."""

import os
import re
import sys
from typing import Final

# By the name of the machine, and the bits of this program, which may be less than those of the kernel: the numbers of
# arch/*/syscall*.tbl in the Linux source.
_NUMBERS: Final = (
    (r"x86_64|i.86", {64: 250, 32: 288}),
    (r"aarch64|arm", {64: 219, 32: 311}),
    (r"riscv|loongarch", {64: 219, 32: 219}),
    (r"ppc", {64: 271, 32: 271}),
    (r"s390", {64: 280, 32: 280}),
    (r"mips64", {64: 5241}),
    (r"mips", {32: 4282}),
)


def find_keyctl() -> int | None:
    """Return the number on this machine, None if it is not known."""
    machine, bits = os.uname().machine, 64 if sys.maxsize > 2**32 else 32
    return next((numbers.get(bits) for names, numbers in _NUMBERS if re.match(names, machine)), None)

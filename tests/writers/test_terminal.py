"""A width is a number of columns that a terminal can have, whatever the environment says."""

import os

import pytest

from mmpipe.unix.streams import Output
from mmpipe.writers.terminal import read_terminal_width


@pytest.mark.parametrize(
    ("typed", "width"),
    [
        *(("1", 1), ("080", 80), ("200", 200), ("99999", 99999)),
        *(
            (odd, 80)
            for odd in (
                "",
                "0",
                "00",
                "-1",
                "+9",
                "1e3",
                " 80",
                "80 ",
                "0x10",
                "x",
                "\u0663",
                "\xb2",
                "\udcff",
            )
        ),
        *((odd, 80) for odd in ("100000", "9" * 5000, "1\n", "1_0")),
    ],
)
def test_only_a_possible_number_of_columns_is_believed(typed: str, width: int) -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        assert width == read_terminal_width(Output(descriptor, "terminal"), {"COLUMNS": typed})
    finally:
        os.close(descriptor)

"""The growth of the time that each reader takes with the size of its input: `python tests/bench/doubling.py [PART OF A NAME]`.

Each case is read at 1, 2, 4 and 8 MB; of several readings the one with the least time of the processor counts. The exponent is
that of the line through the four times, both in logarithms: 1 for linear work, 2 for quadratic work. Above 1.1 the program fails.
A time below 50 ms says nothing, and has no exponent. A dict of 75,000 fields outgrows the caches of the processor: bare parsers of
JSON then have an exponent of 1.2 to 1.4. Where such a parser is most of the work, it reads the same input in the same run, and the
exponent is that of the times as multiples of its times, plus 1.
"""

import argparse
import gc
import math
import sys
import time
from collections.abc import Callable, Sequence
from operator import truediv
from statistics import median

from growth.answers import TEXTS, THINKING
from growth.calls import CALLS
from growth.case import Case
from growth.files import FILES
from growth.framing import FRAMING
from growth.markdown import MARKDOWN

SIZES = (1, 2, 4, 8)  # MB
READINGS = 3
MOST = 1.1
TOO_SHORT = 0.05  # seconds at the largest size
TOO_LONG = 60.0  # seconds of one reading; a larger size would tell nothing more

ALL: Sequence[Case[object]] = (*TEXTS, *THINKING, *CALLS, *FRAMING, *FILES, *MARKDOWN)  # type: ignore[arg-type]


def seconds(reads: Sequence[Callable[[], object]], readings: int) -> list[list[float]]:
    """The times of the processor of each function, in seconds. They take turns, so that a busy machine meets both."""
    times: list[list[float]] = [[] for _ in reads]
    for _ in range(readings):
        for read, taken in zip(reads, times, strict=True):
            gc.collect()
            began = time.process_time()
            read()
            taken.append(time.process_time() - began)
    return times


def slope(times: Sequence[float]) -> float:
    """The exponent of the growth: the slope of the line of least squares through the logarithms."""
    points = [(math.log(size), math.log(taken)) for size, taken in zip(SIZES, times, strict=False)]
    middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    over = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return over / sum((x - middle[0]) ** 2 for x, _ in points)


def measure(case: Case[object], scale: float, readings: int) -> tuple[list[float], float | None]:
    """The times by size, and the exponent, if it can be told."""
    times: list[float] = []
    multiples: list[float] = []
    for size in SIZES:
        read, parse = case.readings(int(size * scale * 2**20))
        taken, *parsed = seconds([read, parse] if parse else [read], readings)
        times.append(min(taken))
        # By turns: the least times of two functions may come from moments with caches of different sizes.
        multiples.append(size * median(map(truediv, taken, parsed[0])) if parsed else times[-1])
        if times[-1] > TOO_LONG:
            break
    # Where one reading is disturbed, the next is not.
    exponent = slope(multiples) if len(times) > 1 and times[-1] > TOO_SHORT else None
    return times, math.inf if len(times) == 1 else exponent


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="", help="only cases whose name holds this")
    parser.add_argument("--scale", type=float, default=1.0, help="MB of the smallest input")
    parser.add_argument("--readings", type=int, default=READINGS)
    typed = parser.parse_args()
    # Its passes over all objects are no work of a reader.
    gc.disable()
    failed = 0
    for case in ALL:
        if typed.part not in case.name:
            continue
        times, exponent = measure(case, typed.scale, typed.readings)
        if exponent is not None and exponent > MOST:
            # The machine may have been busy.
            times, exponent = measure(case, typed.scale, 5 * typed.readings)
        is_bad = exponent is not None and exponent > MOST
        failed += is_bad
        shown = "    -" if exponent is None else f"{exponent:5.2f}"
        print(
            f"{'FAILED' if is_bad else '':6} {shown}  {' '.join(f'{taken:7.3f}' for taken in times)}  {case.name}",
            flush=True,
        )
    print(f"{failed} of {len(ALL)} grow faster than {MOST}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run())

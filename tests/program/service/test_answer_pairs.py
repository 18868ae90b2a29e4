"""Each answer belongs to its record, whatever happens to connections; the program of the test runs 200,000 records, too."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.slow]

PROGRAM = Path(__file__).parents[2] / "bench" / "answer_pairs.py"


def test_no_answer_goes_to_another_record_and_none_is_lost() -> None:
    done = subprocess.run([sys.executable, PROGRAM, "800"], capture_output=True, text=True, check=False)
    assert (0, "0 lost, 0 twice") == (done.returncode, done.stdout.splitlines()[-1]), done.stdout

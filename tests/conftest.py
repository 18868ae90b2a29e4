"""What every test may need."""

import os
import shutil
from collections.abc import Callable

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: most of what a test does is wait."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.fixture(scope="session")
def needs() -> Callable[[str], None]:
    """Says that a test is about a program; on a user's machine it may be missing, but never where CI promises it."""

    def look_for(program: str) -> None:
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    return look_for

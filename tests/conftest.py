"""What every test may need."""

import os
import shutil
from collections.abc import Callable

import pytest
from hypothesis import settings

# `pytest --hypothesis-profile=long` is for an hour by hand.
settings.register_profile("long", max_examples=5000, deadline=None)


@pytest.fixture(scope="session")
def needs() -> Callable[[str], None]:
    """Says that a test is about a program; on a user's machine it may be missing, but never where CI promises it."""

    def look_for(program: str) -> None:
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    return look_for

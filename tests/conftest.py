"""Checks that the tests test this tree, and holds the fixtures that any test may need."""

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# An example may be slow on a busy machine. Each run tries others; `--hypothesis-profile thorough` tries many.
settings.register_profile("suite", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("suite")

TREE = Path(__file__).resolve().parents[1] / "cli" / "mmpipe"
_MANY_DESCRIPTORS = 256
INSTALL = "python3 -m pip install -e '.[test]'"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, for which all workers would wait in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Collect tests without garbage collections, which find none and take a fifth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave the collected tests, hundreds of megabytes, out of later garbage collections: these then come soon, and are cheap.

    Fake streams in reference cycles would otherwise keep their descriptors for thousands of tests.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_runtest_logfinish() -> None:
    """Close the descriptors of fake streams in reference cycles before there are too many of them."""
    if len(os.listdir("/dev/fd")) > _MANY_DESCRIPTORS:  # noqa: PTH208  names only
        gc.collect()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Return a short id for bytes that are no text: some hold the time, and each worker must collect the same ids."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return f"{len(val)} bytes"
    return None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop if child processes would run another mmpipe than this tree's; xdist's workers need no second look.

    The mutation program keeps the code elsewhere, and tests it inside the process only.
    """
    if TREE.is_dir() and not hasattr(session.config, "workerinput"):
        for place in (_imported(), _started()):
            if place != str(TREE):
                raise pytest.UsageError(
                    f"child processes would run mmpipe of {place} and not {TREE}; run {INSTALL} in a virtual environment"
                )


def _imported() -> str:
    """The folder of the package that a child process imports; as in the tests, without PYTHON* and user site."""
    code = "import mmpipe, os; print(*map(os.path.realpath, mmpipe.__path__))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    return done.stdout.strip() or "nowhere"


def _started() -> str:
    """The same of the script `mmpipe` beside this Python, which is this tree's if it runs this Python."""
    folder = Path(sys.executable).parent
    script = folder / "mmpipe"
    try:
        head = script.read_text("utf-8").splitlines()[:2]
    except OSError:
        return f"nowhere (there is no {script})"
    return str(TREE) if any(f"{folder}/python" in line for line in head) else str(script)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for each core: most of what a test does is wait."""
    return 3 * len(os.sched_getaffinity(0))


@pytest.fixture(scope="session", autouse=True)
def _no_signal_is_ignored_by_children() -> None:
    """Catch the signals that the tests ignore (under nohup, in the background): only an ignored signal is inherited."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session")
def needs() -> Callable[[str], None]:
    """Says that a test is about a program; on a user's machine it may be missing, but never where CI promises it."""

    def look_for(program: str) -> None:
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    return look_for

"""The rules of the house hold: lint, types, layers, start-up, and no address or path of a machine in any file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("openai", "httpx2", "pydantic", "rich", "asyncio", "aiohttp", "tomllib", "ssl")


def run(*command: str) -> str:
    """What a command of this interpreter's environment says, if it fails."""
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_finds_nothing(command: list[str]) -> None:
    assert not run("-m", "ruff", *command, "--no-cache", ".")


def test_mypy_finds_nothing() -> None:
    assert not run("-m", "mypy")


def test_imports_run_downward_only() -> None:
    assert not run(
        "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"
    )


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--version"], []),
        (["--help"], []),
        (["chat", "--help"], []),
        (["sim", "--help"], []),
        # The catalogue is kept in TOML.
        (["models"], ["tomllib"]),
        (["models", "--json"], ["tomllib"]),
    ],
)
def test_what_only_tells_about_mmpipe_imports_nothing_heavy(arguments: list[str], needed: list[str]) -> None:
    code = f"""
import atexit, os, sys
from mmpipe import main
from mmpipe.unix.streams import Streams
status = main.main({arguments!r}, Streams.fake())
print([name for name in {HEAVY!r} if name in sys.modules], status, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "cli"
    )
    assert f"{needed} 0\n" == done.stderr


def test_importing_any_module_does_no_work() -> None:
    names = sorted(
        str(path.relative_to(ROOT / "cli").with_suffix("")).replace("/", ".")
        for path in (ROOT / "cli").rglob("*.py")
        if path.name not in ("__main__.py", "__init__.py")
    )
    code = "import importlib, sys, threading\n" + "".join(
        f"importlib.import_module({name!r})\n" for name in names
    )
    code += "print(threading.active_count(), 'openai' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "cli"
    )
    assert ("1 False\n", "") == (done.stdout, done.stderr)


def test_no_file_names_a_registry_or_a_path_of_a_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    # Put together here, so that this file does not name them either.
    pattern = re.compile(
        "/" + r"(?:work|farm|root)/\w|pypi" + r"\.org|python" + r"hosted|npm" + r"js\.|deb\." + "debian"
    )
    found = [
        name
        for name in tracked.stdout.split("\0")
        if name and (ROOT / name).is_file() and pattern.search((ROOT / name).read_text("utf-8", "replace"))
    ]
    assert [] == found

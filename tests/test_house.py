"""Rules of the house: layers, start-up, and no address or path of a machine in any file. Lint and types: `.ci/lint`."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.modules import list_modules

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("typer", "msgspec", "openai", "httpx2", "pydantic", "rich", "asyncio", "aiohttp", "tomllib", "ssl")


# import-linter, as `.ci/lint` runs it.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "imported", "expected"),
    [
        ("api", "errors", " kept, 0 broken"),
        # A sibling, and upward.
        ("api", "writers", "mmpipe.api is not allowed to import mmpipe.writers"),
        ("core", "chat", "mmpipe.core is not allowed to import mmpipe.chat"),
    ],
)
@pytest.mark.timeout(0)
def test_an_import_that_is_not_downward_breaks_the_layers(
    room: str, imported: str, expected: str, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "cli", tmp_path / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "cli" / "mmpipe" / room / "__init__.py").open("a") as code:
        code.write(f"\nimport mmpipe.{imported}\n")
    done = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "cli"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_tests_that_would_run_another_mmpipe_are_not_begun(tmp_path: Path) -> None:
    (tmp_path / "cli" / "mmpipe").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_it.py").write_text("def test_it() -> None: ...\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert 4 == done.returncode
    assert f"would run mmpipe of {ROOT / 'cli' / 'mmpipe'} and not {tmp_path / 'cli' / 'mmpipe'}" in line


def test_what_asks_for_its_user_runs_as_an_ordinary_one_too() -> None:
    rooms = (ROOT / ".ci" / "run").read_text("utf-8").partition("\nrooms=(")[2].partition("\n)")[0].split()
    tests = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if path != Path(__file__)]
    asking = [str(path.relative_to(ROOT)) for path in tests if "os.geteuid(" in path.read_text("utf-8")]
    assert asking
    assert [] == [path for path in asking if not any(path.startswith(room) for room in rooms)]
    assert [] == [room for room in rooms if not (ROOT / room).exists()]


SOURCES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sorted((ROOT / "cli").rglob("*.py"))
}
QUESTIONS = ("What", "Who", "Whoever", "Whatever", "Whether", "Where", "Wherever", "How", "However")


@cache
def trees() -> dict[str, ast.Module]:
    """Parsed when they are first looked at; each worker collects this file."""
    return {name: ast.parse(text) for name, text in SOURCES.items()}


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each function and method, with its place."""
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.lineno} {node.name}", node


def test_no_file_is_above_300_lines() -> None:
    assert [] == [name for name, text in SOURCES.items() if text.count("\n") > 300]


def test_no_function_is_above_40_lines() -> None:
    assert [] == [place for place, node in functions() if (node.end_lineno or 0) - node.lineno >= 40]


def test_no_function_takes_more_than_five_arguments() -> None:
    # An error is complete where it is raised; what it may say are keywords with defaults.
    found = {
        place: [
            each
            for each in node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            if each.arg not in ("self", "cls")
        ]
        for place, node in functions()
        if "mmpipe/errors.py" not in place
    }
    assert [] == [place for place, arguments in found.items() if len(arguments) > 5]


def test_frozen_classes_are_defined_in_the_quick_way() -> None:
    frozen = {
        name
        for name, text in SOURCES.items()
        if re.search(r"^ *@dataclass\(frozen=True, slots", text, re.MULTILINE)
    }
    quick = {name for name, text in SOURCES.items() if "from mmpipe.dataclass import dataclass" in text}
    assert len(frozen) > 100
    assert frozen == quick


def test_no_class_name_stands_twice() -> None:
    names = Counter(
        node.name
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [] == [name for name, count in names.items() if count > 1]


def test_docstrings_do_not_begin_like_questions() -> None:
    begins = [
        words[0]
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (words := (ast.get_docstring(node) or "").split())
    ]
    assert len(begins) > 500
    assert sum(word in QUESTIONS for word in begins) < 20


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
def test_a_command_without_a_request_imports_nothing_heavy(arguments: list[str], needed: list[str]) -> None:
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


def test_a_command_that_is_typed_imports_the_options_of_no_other_command() -> None:
    code = """
import sys
from mmpipe import main
from mmpipe.unix.streams import Streams
main.main(["completion", "nosuchshell"], Streams.fake())
print([name for name in sys.modules if name.startswith("mmpipe.") and name.endswith(".options")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "cli"
    )
    assert done.stdout == "['mmpipe.reference.options']\n"


def test_importing_any_module_does_no_work() -> None:
    code = "import importlib, sys, threading\n" + "".join(
        f"importlib.import_module({name!r})\n" for name in list_modules()
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


def test_no_module_is_named_after_nothing() -> None:
    nothing = {"base", "common", "helpers", "manager", "misc", "utils"}
    assert [] == [name for name in list_modules() if name.rpartition(".")[2] in nothing]

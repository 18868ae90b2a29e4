"""A release can be installed with the newest and the lowest dependencies, and works there."""

import email
import fcntl
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mmpipe import __version__
from support.readme import read_blocks

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SHARED = {
    "mmpipe.bash": "share/bash-completion/completions/mmpipe",
    "_mmpipe": "share/zsh/site-functions/_mmpipe",
    "mmpipe.fish": "share/fish/vendor_completions.d/mmpipe.fish",
    "mmpipe.1": "share/man/man1/mmpipe.1",
}
pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


def succeeds(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr}"[-2000:]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The sdist, and the wheel that is made from it, once for all workers.

    Off CI there may be no package registry to build with.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "release.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "release").exists():
            build(folder / "try")
            (folder / "try").rename(folder / "release")
    return {path.suffix: path for path in (folder / "release").iterdir()}


def build(folder: Path) -> None:
    reachable = (
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "-d",
        folder.with_name("downloaded"),
        "hatchling",
    )
    if (
        not os.environ.get("CI")
        and subprocess.run(reachable, capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("no package registry can be reached")
    succeeds(sys.executable, "-m", "build", "-q", "--outdir", folder, ROOT)


def test_the_sdist_holds_what_the_project_is_made_of(release: Mapping[str, Path]) -> None:
    with tarfile.open(release[".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        ".ci/run",
        "cli/mmpipe/api/FACTS.md",
        "cli/mmpipe/core/catalogue.toml",
        "completions/mmpipe.1",
        "tests/conftest.py",
    } <= names


def test_the_wheel_holds_the_program_and_nothing_of_the_tests(release: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(release[".whl"]) as wheel:
        names = set(wheel.namelist())
    assert {"mmpipe/main.py", "mmpipe/core/catalogue.toml", "mmpipe/reference/guides/journal.txt"} <= names
    assert not [name for name in names if name.endswith(".md")]
    data = f"mmpipe-{__version__}.data/data"
    assert {f"{data}/{path}" for path in SHARED.values()} == {name for name in names if "/data/" in name}
    assert not [name for name in names if name.startswith(("tests", "cli"))]


def test_the_metadata_names_licence_and_authors(release: Mapping[str, Path]) -> None:
    folder = f"mmpipe-{__version__}.dist-info"
    with zipfile.ZipFile(release[".whl"]) as wheel:
        metadata = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
        licence = wheel.read(f"{folder}/licenses/LICENSE").decode()
    assert ("MIT", ["LICENSE"], "The mmpipe developers") == (
        metadata["License-Expression"],
        metadata.get_all("License-File"),
        metadata["Author"],
    )
    assert licence.startswith("MIT License\n\nCopyright (c) 2026 The mmpipe developers\n")
    # A classifier would contradict the expression some day.
    assert not [each for each in metadata.get_all("Classifier", []) if each.startswith("License")]


def lowest() -> list[str]:
    """Each dependency at the lowest version that is allowed."""
    bounds = [requirement.partition(",")[0] for requirement in PROJECT["project"]["dependencies"]]
    assert all(">=" in bound for bound in bounds)
    return [bound.replace(">=", "==") for bound in bounds]


def install_as_readme_says(release: Mapping[str, Path], folder: Path) -> Path:
    """Run the first block of README in a checkout, compare its output, and return the environment that it makes."""
    with tarfile.open(release[".gz"]) as sdist:
        sdist.extractall(folder, filter="data")
    (checkout,) = folder.iterdir()
    block = read_blocks()[0]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        env={**os.environ, "PATH": path},
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (0, block.output) == (done.returncode, done.stdout), done.stderr
    return checkout / ".venv"


def install_lowest(release: Mapping[str, Path], folder: Path) -> Path:
    """Install the wheel with the lowest dependencies, and return the environment."""
    # To put a pip into it, and to compile all that is installed, would take as long as the rest.
    succeeds(sys.executable, "-m", "venv", "--without-pip", folder)
    install = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "-q")
    succeeds(*install, "--no-compile", "--only-binary=:all:", release[".whl"], *lowest())
    return folder


@pytest.mark.parametrize("install", [install_as_readme_says, install_lowest])
def test_it_works_in_an_empty_environment(
    install: Callable[[Mapping[str, Path], Path], Path], release: Mapping[str, Path], tmp_path: Path
) -> None:
    environment = install(release, tmp_path / "environment")

    def output_of(command: str, status: int = 0) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            env={"PATH": f"{environment / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (status, status > 0) == (done.returncode, bool(done.stderr))
        return done.stdout + done.stderr

    assert "simulated answer" in output_of("mmpipe sim -- mmpipe chat hi")
    # With a connection that must not be used again.
    batch = "seq 3 | mmpipe sim --fail 'cut:#1' -- mmpipe batch -q --max-time 30"
    assert 3 == output_of(batch).count('"finish_reason":"stop"')
    assert (
        f"mmpipe {__version__}\n" == output_of("mmpipe --version") == output_of("python -m mmpipe --version")
    )
    assert f"{__version__}\n" == output_of(
        "python -c 'import importlib.metadata as m; print(m.version(\"mmpipe\"))'"
    )
    # Where Typer of that version and mmpipe meet.
    assert "did you mean json?" in output_of("mmpipe chat -F jsn", 2)
    assert "did you mean --temperature?" in output_of("mmpipe chat --temprature 1", 2)
    assert output_of("mmpipe models | head -1").startswith("MiniMax-M")
    assert output_of("mmpipe completion bash") == (ROOT / "completions" / "mmpipe.bash").read_text("utf-8")
    for name, place in SHARED.items():
        assert (ROOT / "completions" / name).read_bytes() == (environment / place).read_bytes()

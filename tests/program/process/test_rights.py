"""Missing rights, folders and user names matter only if the run needs them; then they are reported."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import MMPIPE, Finished, run, service

pytestmark = pytest.mark.processes

NOBODY = 65534
NAMELESS = 12345
# An ordinary user keeps out of a file by its mode; root has to lay down what makes it more than its owner.
WITHOUT_RIGHTS = (
    ("setpriv", "--bounding-set=-all", "--inh-caps=-all", *MMPIPE) if os.geteuid() == 0 else MMPIPE
)
# May enter the folders of the tests' Python, which may belong to root alone.
WITHOUT_NAME = (
    *("setpriv", "--reuid", str(NAMELESS), "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
)


@pytest.fixture(autouse=True)
def _setpriv(needs: Callable[[str], None]) -> None:
    needs("setpriv")


def forbidden(path: Path) -> Path:
    """A file or folder that may not even be looked at."""
    path.chmod(0)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path


def without_rights(*arguments: str, server: RunningSimulator | None = None) -> Finished:
    return run((*WITHOUT_RIGHTS, *arguments), server)


def inside(folder: str, command: Sequence[str], server: RunningSimulator | None) -> Finished:
    """The command in a folder that is removed when it has been entered, or may not be entered again."""
    enter = 'cd "$1" && { [ "$1" != gone ] || rmdir ../gone; } && shift && exec "$@"'
    Path(folder).mkdir()
    return run(("sh", "-c", enter, "sh", folder, *command), server, stdin=b"sim:echo x\n")


TELLING = ("chat --help", "models", "--version")
WORKING = ("chat -n hi", "stream -n hi", "batch")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("chat -n -f secret", ExitStatus.INPUT),
        ("chat -n --system-file secret hi", ExitStatus.INPUT),
        ("stream -n --messages secret", ExitStatus.INPUT),
        ("chat -n --schema secret hi", ExitStatus.INPUT),
        ("chat -n --tools secret hi", ExitStatus.INPUT),
        ("chat -n -c kept --tool-result a=@secret", ExitStatus.INPUT),
        ("chat -n --base-url intl --api-key-file secret hi", ExitStatus.AUTH),
        ("batch secret", ExitStatus.INPUT),
        ("batch --system-file secret", ExitStatus.INPUT),
        ("batch --merge secret", ExitStatus.INPUT),
    ],
)
def test_a_file_without_read_permission_has_its_own_status(arguments: str, status: ExitStatus) -> None:
    Path("secret").write_text("sim:echo secret")
    forbidden(Path("secret"))
    with service() as server:
        done = without_rights(*arguments.split(), server=server)
        assert (status, b"", []) == (done.status, done.stdout, server.requests)
    (line,) = done.stderr_text.splitlines()
    assert "Permission denied" in line


@pytest.mark.parametrize("command", ["chat -n hi", "batch"])
def test_a_configuration_that_may_not_be_read_is_named(command: str, here: Path) -> None:
    config = here / ".config/mmpipe/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('model = "x"')
    forbidden(config)
    with service() as server:
        done = without_rights(*command.split(), server=server)
        assert (ExitStatus.USAGE, b"", []) == (done.status, done.stdout, server.requests)
    assert f"cannot read {config}: Permission denied" in done.stderr_text


@pytest.mark.parametrize(
    "arguments",
    [
        "chat -n -f locked/it",
        "chat -n -o locked/it hi",
        "chat -c locked/it",
        "batch locked/it",
        "batch -o locked/it",
        "batch --resume -o locked/it",
    ],
)
def test_a_file_behind_a_locked_folder_is_one_that_cannot_be_had(arguments: str, here: Path) -> None:
    Path("locked").mkdir()
    locked = forbidden(Path("locked"))
    with service() as server:
        done = without_rights(*arguments.split(), server=server)
        status = (
            ExitStatus.INPUT
            if arguments in ("chat -n -f locked/it", "batch locked/it")
            else ExitStatus.OUTPUT
        )
        assert (status, b"", []) == (done.status, done.stdout, server.requests)
    locked.chmod(0o700)
    assert "locked/it: Permission denied" in done.stderr_text
    assert {"bin", "locked"} == {path.name for path in here.iterdir()}


@pytest.mark.parametrize("command", ["chat -n -o answer hi", "chat -n -c talk hi", "batch -o out"])
def test_an_output_that_cannot_be_created_is_an_error_before_any_request(command: str) -> None:
    with service() as server:
        done = inside("gone", (*MMPIPE, *command.split()), server)
        assert (ExitStatus.OUTPUT, b"", []) == (done.status, done.stdout, server.requests)
    assert f"cannot write to {command.split()[-2 if 'hi' in command else -1]}: " in done.stderr_text


@pytest.mark.parametrize("command", [*TELLING, *WORKING])
def test_a_folder_that_is_gone_or_locked_is_no_hindrance(command: str) -> None:
    for folder, words in (("gone", MMPIPE), ("shut", WITHOUT_RIGHTS)):
        with service() as server:
            shut = ("sh", "-c", 'chmod 0 . && exec "$@"', "sh") if folder == "shut" else ()
            done = inside(folder, (*shut, *words, *command.split()), server)
            assert ExitStatus.OK == done.status, done.stderr_text
            assert (command not in TELLING) == bool(server.requests)
    Path("shut").chmod(0o700)


@pytest.mark.parametrize("command", [*TELLING, *WORKING, "chat -n -c talk hi", "batch --rpm 600 -o out"])
def test_a_user_without_a_name_is_served(command: str, here: Path) -> None:
    can_be_nameless_in(here)
    with service() as server:
        done = run((*WITHOUT_NAME, *MMPIPE, *command.split()), server, stdin=b"sim:echo x\n")
        assert ExitStatus.OK == done.status, done.stderr_text
        assert (command not in TELLING) == bool(server.requests)
    assert "mmpipe: warning" not in done.stderr_text


@pytest.mark.parametrize(("mode", "left"), [(0o660, 0o600), (0o664, 0o644)])
def test_a_group_that_a_new_answer_cannot_be_given_leaves_no_right_to_another_one(
    mode: int, left: int, here: Path
) -> None:
    can_be_nameless_in(here)
    answer = Path("answer")
    answer.write_text("old")
    os.chown(answer, NAMELESS, NOBODY)
    answer.chmod(mode)
    with service() as server:
        done = run((*WITHOUT_NAME, *MMPIPE, "chat", "-n", "-o", "answer", "sim:echo new"), server)
        assert ExitStatus.OK == done.status, done.stderr_text
    assert ("new\n", 0) == (answer.read_text(), answer.stat().st_gid)
    assert oct(left) == oct(answer.stat().st_mode & 0o777)


def can_be_nameless_in(folder: Path) -> None:
    """Give the folder to the user without a name; the test is skipped where nobody can be that user."""
    can_be_one = os.geteuid() == 0 and may_be_nameless()
    if not can_be_one:
        pytest.skip("to become another user takes the rights of root")
    shutil.chown(folder, NAMELESS)


@cache
def may_be_nameless() -> bool:
    tried = subprocess.run((*WITHOUT_NAME, sys.executable, "-c", ""), capture_output=True, check=False)
    return tried.returncode == 0

"""The shared file is used only if no other user can change it; otherwise each run counts alone."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import LocalLimiter
from mmpipe.batch.pace.shared_limiter import open_limiter
from mmpipe.core.endpoint import Endpoint, Key

ENDPOINT = Endpoint("u", Key("k", "a test"))


def counts_alone(environment: dict[str, str]) -> bool:
    """Return whether two runs do not share a limit, while each still keeps its own."""

    def opened() -> AbstractContextManager[LocalLimiter]:
        return open_limiter(
            Rates(requests=1),
            ENDPOINT,
            environment,
            clock=lambda: 1000.0,
            folders=(),
        )

    with opened() as one, opened() as other:
        return [0, 60, 0, 60] == [one.reserve(0), one.reserve(0), other.reserve(0), other.reserve(0)]


@pytest.mark.parametrize("environment", [{}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": "run"}])
def test_without_a_runtime_folder_a_run_counts_alone(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    assert counts_alone(environment)
    assert [] == [*(tmp_path / "run").iterdir()]


def test_a_cron_job_finds_the_folder_without_the_variable(tmp_path: Path) -> None:
    (tmp_path / f"{os.geteuid()}").mkdir()
    for _ in range(2):
        with open_limiter(Rates(), ENDPOINT, {}, folders=(f"{tmp_path}/{{}}/mmpipe",)) as limiter:
            limiter.reserve(0)
    assert 1 == len([*(tmp_path / f"{os.geteuid()}" / "mmpipe").iterdir()])


@pytest.mark.parametrize("environment", [{}, {"XDG_RUNTIME_DIR": "/nonexistent"}, {"XDG_RUNTIME_DIR": "run"}])
def test_without_a_session_runs_share_a_folder_for_temporary_files(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folders = ("/nonexistent/{}/mmpipe", f"{tmp_path}/mmpipe-{{}}")
    with (
        open_limiter(Rates(requests=1), ENDPOINT, environment, folders=folders) as one,
        open_limiter(Rates(requests=1), ENDPOINT, environment, folders=folders) as other,
    ):
        assert 0 == one.reserve(0)
        assert 59 < other.reserve(0) <= 60
    assert [f"mmpipe-{os.geteuid()}"] == [path.name for path in tmp_path.iterdir()]


def missing(runtime: Path) -> None:
    runtime.rmdir()


def a_file_instead(runtime: Path) -> None:
    (runtime / "mmpipe").write_bytes(b"")


def a_link_to_a_folder(runtime: Path) -> None:
    (runtime / "elsewhere").mkdir(mode=0o700)
    (runtime / "mmpipe").symlink_to("elsewhere")


def open_to_others(runtime: Path) -> None:
    (runtime / "mmpipe").mkdir()
    (runtime / "mmpipe").chmod(0o777)


@pytest.mark.parametrize("arrange", [missing, a_file_instead, a_link_to_a_folder, open_to_others])
def test_a_folder_that_is_not_ours_alone_is_not_used(tmp_path: Path, arrange: Callable[[Path], None]) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    arrange(runtime)
    assert counts_alone({"XDG_RUNTIME_DIR": str(runtime)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "mmpipe").mkdir(mode=0o700)
    os.chown(tmp_path / "mmpipe", 65534, 65534)
    assert counts_alone({"XDG_RUNTIME_DIR": str(tmp_path)})


def a_link(file: Path) -> None:
    file.rename(file.parent / "target")
    file.symlink_to("target")


def a_second_name(file: Path) -> None:
    file.rename(file.parent / "target")
    file.hardlink_to(file.parent / "target")


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def readable_to_others(file: Path) -> None:
    file.chmod(0o644)


@pytest.mark.parametrize("arrange", [a_link, a_second_name, a_pipe, readable_to_others])
def test_a_file_that_is_not_ours_alone_is_not_used(tmp_path: Path, arrange: Callable[[Path], None]) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert not counts_alone(environment)
    (file,) = (tmp_path / "mmpipe").iterdir()
    file.write_bytes(b"")
    arrange(file)
    assert counts_alone(environment)

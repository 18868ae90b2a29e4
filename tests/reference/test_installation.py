"""`completion --install` writes the files of this user, and `--uninstall` takes exactly these away."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.reference.installation import seal
from support.harness import Finished, mmpipe
from support.in_process import run_in_process

PLACES = {
    "bash": ".local/share/bash-completion/completions/mmpipe",
    "zsh": ".local/share/zsh/site-functions/_mmpipe",
    "fish": ".config/fish/completions/mmpipe.fish",
    "man": ".local/share/man/man1/mmpipe.1",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home, and a folder of programs in which all three shells seem to be."""
    for name in ("bash", "zsh", "fish"):
        program = tmp_path / ".local" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(0o755)
    return tmp_path


def completion(home: Path, *arguments: str, **variables: str) -> Finished:
    env = {"HOME": str(home), "PATH": f"{home}/.local/bin", **variables}
    return run_in_process("completion", *arguments, env=env)


def written(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*mmpipe*")}


def test_all_files_are_written_and_named_and_taken_away_again(home: Path) -> None:
    for _ in range(2):
        done = completion(home, "--install")
        lines = "".join(f"{name}: {home}/{place}\n" for name, place in PLACES.items())
        assert (0, lines) == (done.status, done.stdout.decode())
        assert set(PLACES.values()) == written(home)
    for name, place in PLACES.items():
        printed = completion(home, name).stdout
        assert printed == (home / place).read_bytes()[: len(printed)]
        assert 0o644 == (home / place).stat().st_mode & 0o777 | 0o044
    done = completion(home, "--uninstall")
    assert (0, "".join(f"removed {home}/{place}\n" for place in PLACES.values())) == (
        done.status,
        done.stdout.decode(),
    )
    assert set() == written(home)
    assert Finished(0, b"", b"") == completion(home, "--uninstall")


def test_only_shells_on_the_path_get_a_file_unless_they_are_named(home: Path) -> None:
    (home / ".local/bin/fish").unlink()
    assert 0 == completion(home, "--install").status
    assert set(PLACES.values()) - {PLACES["fish"]} == written(home)
    installed = "".join(f"{name}: {home}/{PLACES[name]}\n" for name in ("fish", "man"))
    assert installed == completion(home, "--install", "fish").stdout.decode()
    assert f"removed {home}/{PLACES['zsh']}\n" == completion(home, "--uninstall", "zsh").stdout.decode()
    assert set(PLACES.values()) - {PLACES["zsh"]} == written(home)


@pytest.mark.parametrize(
    ("login", "file", "names"),
    [("/bin/zsh", "", "zsh"), ("/bin/sh", ".bashrc", "bash"), ("/bin/fish", ".zshrc", "zsh fish")],
)
def test_only_the_shells_of_the_user_get_a_file(login: str, file: str, names: str, home: Path) -> None:
    if file:
        (home / file).touch()
    assert 0 == completion(home, "--install", SHELL=login).status
    assert {PLACES[name] for name in (*names.split(), "man")} == written(home)


def test_the_folders_of_the_environment_are_used_if_they_are_absolute(home: Path) -> None:
    done = completion(home, "--install", XDG_DATA_HOME=f"{home}/data", XDG_CONFIG_HOME="relative")
    assert f"bash: {home}/data/bash-completion/completions/mmpipe" in done.stdout.decode()
    # man does not read the variable.
    assert {PLACES["fish"], PLACES["man"]} < written(home)


def test_what_is_left_to_do_is_said_until_it_is_done(home: Path) -> None:
    zsh = f"fpath=({home}/.local/share/zsh/site-functions $fpath)  # before compinit"
    printed = completion(home, "--install", "zsh").stderr.decode()
    assert f"mmpipe: add to {home}/.zshrc: {zsh}\n" == printed
    (home / ".zshrc").write_text("fpath=(~/.local/share/zsh/site-functions $fpath)\n")
    assert b"" == completion(home, "--install", "zsh").stderr
    assert b"" == completion(home, "--install", "man").stderr
    for variables in ({"PATH": "/usr/bin"}, {"MANPATH": "/usr/share/man"}):
        assert b".local/bin is on PATH" in completion(home, "--install", "man", **variables).stderr


def foreign(path: Path) -> None:
    path.write_text("# my own\n")


def edited(path: Path) -> None:
    completion(path.parents[4], "--install", "bash")
    path.write_text("# changed\n" + path.read_text())


def linked(path: Path) -> None:
    path.symlink_to("/dev/null")


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (foreign, "mmpipe did not install it"),
        (edited, "it was edited"),
        (linked, "it is a symbolic link"),
        (folder, "it is not a regular file"),
        (fifo, "it is not a regular file"),
    ],
)
def test_a_file_that_is_not_ours_stays_and_is_named(
    put: Callable[[Path], None], reason: str, home: Path
) -> None:
    path = home / PLACES["bash"]
    path.parent.mkdir(parents=True)
    put(path)
    (home / PLACES["man"]).unlink(missing_ok=True)
    before = path.lstat()
    done = completion(home, "--install")
    assert (13, b"") == (done.status, done.stdout)
    assert f"nothing is installed: {path} is in the way: {reason}" in done.stderr.decode()
    assert {PLACES["bash"]} == written(home)
    completion(home, "--install", "zsh")
    done = completion(home, "--uninstall")
    is_of_others = put in (foreign, linked)
    removed = "".join(f"removed {home}/{PLACES[name]}\n" for name in ("zsh", "man"))
    assert (0 if is_of_others else 13, removed) == (
        done.status,
        done.stdout.decode(),
    )
    said = f"{path} stays: {reason}" if is_of_others else f"not removed: {path} ({reason})"
    assert said in done.stderr.decode()
    assert (before.st_ino, before.st_size) == (path.lstat().st_ino, path.lstat().st_size)


def test_a_page_that_pipx_has_linked_is_left_alone(home: Path) -> None:
    page = home / "venv.1"
    page.write_bytes(completion(home, "man").stdout)
    path = home / PLACES["man"]
    path.parent.mkdir(parents=True)
    path.symlink_to(page)
    assert 0 == completion(home, "--install").status
    assert path.is_symlink()


def test_the_files_that_pip_has_put_there_are_up_to_date_and_stay(home: Path) -> None:
    # `pip install --user` puts the files of the package into the same folders.
    packaged = {home / PLACES[name]: completion(home, name).stdout for name in ("bash", "zsh", "man")}
    for path, content in packaged.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert 0 == completion(home, "--install").status
    assert packaged == {path: path.read_bytes() for path in packaged}
    done = completion(home, "--uninstall")
    assert (0, f"removed {home}/{PLACES['fish']}\n") == (done.status, done.stdout.decode())
    assert [f"mmpipe: {path} stays: mmpipe did not install it" for path in packaged] == (
        done.stderr.decode().splitlines()
    )
    assert packaged == {path: path.read_bytes() for path in packaged}


def test_a_file_of_an_earlier_version_is_replaced(home: Path) -> None:
    completion(home, "--install", "bash")
    path = home / PLACES["bash"]
    now = path.read_bytes()

    older = seal("bash", "# an older script\n")
    path.write_bytes(older)
    assert 0 == completion(home, "--install", "bash").status
    assert now == path.read_bytes()


def test_no_file_gets_its_name_if_one_cannot_be_written(home: Path) -> None:
    (home / ".config").write_text("no folder")
    done = completion(home, "--install")
    assert (13, b"") == (done.status, done.stdout)
    assert "cannot write" in done.stderr.decode()
    assert set() == written(home)
    assert [] == list(home.rglob(".*mmpipe*"))


_APPEARS = """
import os, sys
path = sys.argv.pop()
def put(event, arguments):
    if event == "open" and str(arguments[0]).startswith(f"{os.path.dirname(path)}/.") and not os.path.exists(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
sys.addaudithook(put)
from mmpipe.main import run
run()
"""


@pytest.mark.slow
def test_a_file_that_appears_while_the_others_are_written_stays(home: Path) -> None:
    path = home / PLACES["man"]
    command = (sys.executable, "-c", _APPEARS, "completion", "--install", path)
    env = {"HOME": str(home), "PATH": f"{home}/.local/bin"}
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    assert (13, b"") == (done.returncode, done.stdout)
    assert f"{path} is in the way: mmpipe did not install it" in done.stderr.decode()
    assert b"" == path.read_bytes()
    assert {PLACES["man"]} == written(home)


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (("--install",), {"HOME": ""}, "HOME is not set"),
        (("--uninstall",), {"HOME": "relative"}, "HOME is not set"),
        (("--install", "--uninstall"), {}, "exclude each other"),
        ((), {}, "SHELL is missing: bash, zsh, fish, man"),
    ],
)
def test_a_wrong_call_is_a_usage_error(
    arguments: tuple[str, ...], variables: dict[str, str], sentence: str, home: Path
) -> None:
    done = completion(home, *arguments, **variables)
    assert (2, b"") == (done.status, done.stdout)
    assert sentence in done.stderr.decode()


@pytest.mark.slow
def test_the_shells_and_man_find_what_was_installed(tmp_path: Path, needs: Callable[[str], None]) -> None:
    for program in ("bash", "zsh", "fish", "man"):
        needs(program)
    programs = tmp_path / ".local" / "bin"
    programs.mkdir(parents=True)
    # fish completes only what it could run.
    (programs / "mmpipe").touch(0o755)
    env = {"HOME": str(tmp_path), "PATH": f"{programs}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    assert 0 == mmpipe("completion", "--install", env=env).status

    def output_of(*command: str) -> str:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=True, timeout=120, cwd="/"
        ).stdout

    assert f"{tmp_path}/{PLACES['man']}\n" == output_of("man", "-w", "mmpipe")
    assert "chat\t" in output_of("fish", "-c", "complete -C 'mmpipe ch'")
    load = "fpath=(~/.local/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D"
    assert "_mmpipe\n" == output_of("zsh", "-fc", f"{load}; print $_comps[mmpipe]")
    bash = '. "$HOME/.local/share/bash-completion/completions/mmpipe"; complete -p mmpipe'
    assert "complete -F _mmpipe mmpipe\n" == output_of("bash", "--norc", "-c", bash)

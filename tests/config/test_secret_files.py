"""Every file that leads to a key is known, of all profiles, so that a sandbox can hide it."""

from pathlib import Path

import pytest

from mmpipe.config.secret_files import find_secret_files
from mmpipe.errors import UsageError

pytestmark = pytest.mark.keys


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Home folder with files that may be named, and the current folder."""
    for name in ("key", "other", "third key", "program"):
        (tmp_path / name).write_text("x")
    (tmp_path / "program").chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KEYS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(home: Path, config: str, typed: str | None = None) -> list[str]:
    """Return the names of the files that are found, without the configuration file itself."""
    path = home / "config.toml"
    path.write_text(config)
    names = [Path(name).relative_to(home).as_posix() for name in find_secret_files(path, typed)]
    assert "config.toml" in names
    return sorted(set(names) - {"config.toml"})


@pytest.mark.parametrize("name", ["~/key", "key", "./key", "{home}/key", "~/../{folder}/key"])
def test_a_key_file_is_found_however_it_is_written(name: str, home: Path) -> None:
    written = name.format(home=home, folder=home.name)
    for config, typed in ((f'api_key_file = "{written}"', None), ("", written)):
        (path,) = found(home, config, typed)
        assert (home / path).samefile(home / "key")


def test_the_key_files_of_all_profiles_are_found(home: Path) -> None:
    config = 'api_key_file = "~/key"\n[profile.a]\napi_key_file = "other"\n[profile.b]\nmodel = "m"\n'
    assert ["key", "other", "third key"] == found(home, config, "third key")


@pytest.mark.parametrize(
    "command",
    [
        '"cat key"',
        '["cat", "key"]',
        "\"cat '$KEYS/key'\"",
        '["sh", "-c", "cat ~/key"]',
        '["sh", "-c", "cat <key"]',
        '["sh", "-c", "x=$(cat ~/key); echo $x"]',
        '["gpg", "--decrypt", "./key"]',
        '["age", "-d", "--identity=~/key"]',
        '"cat key \'"',
    ],
)
def test_the_files_in_a_command_for_the_key_are_found(command: str, home: Path) -> None:
    for config in (f"api_key_command = {command}", f"[profile.a]\napi_key_command = {command}"):
        (path,) = found(home, config)
        assert (home / path).samefile(home / "key")


@pytest.mark.parametrize(
    "config",
    [
        "",
        'api_key_file = "missing"',
        'api_key_file = "~nobody-of-this-name/key"',
        'api_key_file = "a\\u0000b"',
        f'api_key_file = "{"x" * 5000}"',
        "api_key_file = 1",
        "api_key_command = [1, []]",
        "api_key_command = []",
        'api_key_command = "./program"',
        'api_key_command = "pass show minimax"',
        "profile = 1",
        "profile.a = 1",
    ],
)
def test_what_is_no_file_of_a_key_is_left_out(config: str, home: Path) -> None:
    assert [] == found(home, config)


def test_without_a_configuration_file_only_the_typed_file_is_found(home: Path) -> None:
    assert () == find_secret_files(None, None)
    assert (str(home / "key"),) == find_secret_files(None, "~/key")
    assert (str(home / "key"),) == find_secret_files(home / "no config", "key")


def test_a_configuration_that_is_not_toml_is_an_error(home: Path) -> None:
    with pytest.raises(UsageError, match="not TOML"):
        found(home, "a = ")

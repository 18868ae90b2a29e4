"""A key stands alone where it is given; anything around it is named, and the key is not shown."""

import os
from pathlib import Path

import pytest

from mmpipe.config.keys import find_exposed_file, parse_key
from mmpipe.errors import AuthError
from mmpipe.unix.inputs import Inputs, NamedInput
from mmpipe.unix.streams import Input

KEY = "sk-cp-4711-nowhere-to-be-seen-0815"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"MINIMAX_API_KEY={KEY}", "is written as an assignment"),
        (f"export MINIMAX_API_KEY='{KEY}'", "is written as an assignment"),
        (f'export MINIMAX_API_KEY="{KEY}"', "is written as an assignment"),
        (f"set -x MINIMAX_API_KEY {KEY}", "is written as an assignment"),
        (f"setenv MINIMAX_API_KEY {KEY}", "is written as an assignment"),
        (f"MINIMAX_API_KEY = {KEY}", "is written as an assignment"),
        (f"minimax.api-key={KEY}", "is written as an assignment"),
        (f"api_key: {KEY}", "is written as an assignment"),
        (f"TOKEN={KEY}", "is written as an assignment"),
        (f"MODEL=x\nMINIMAX_API_KEY={KEY}", "is written as an assignment"),
        ("MINIMAX_API_KEY=", "is written as an assignment"),
        ("token=", "is written as an assignment"),
        (f"key:{KEY}", "is written as an assignment"),
        (f"client.Secret\t=\t{KEY}", "is written as an assignment"),
        (f'$env:MINIMAX_API_KEY="{KEY}"', "is written as an assignment"),
        (f"$MiniMaxKey = '{KEY}'", "is written as an assignment"),
        (f"MODEL=x\r\n  MINIMAX_API_KEY={KEY}", "is written as an assignment"),
        (f"Bearer {KEY}", "is written as a header of HTTP"),
        (f"bearer\t{KEY}", "is written as a header of HTTP"),
        (f"Authorization: Bearer {KEY}", "is written as a header of HTTP"),
        (f'{{"api_key": "{KEY}"}}', "is inside JSON"),
        (f'["{KEY}"]', "is inside JSON"),
        (f"# my key\n{KEY}", "is below a comment, or is one"),
        (f"'{KEY}'", "is in quotes"),
        (f"{KEY} # mine", "contains invalid characters, such as a space or a line end"),
    ],
)
def test_what_stands_around_a_key_is_named(text: str, says: str) -> None:
    for content in (text, f"{text}\n", f"\ufeff {text}\r\n"):
        with pytest.raises(AuthError) as caught:
            parse_key(content, "option")
        assert says in caught.value.message
        assert KEY not in caught.value.message


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "my-key",
        "eyJhbGciOi.J9.x-y_z",
        "a2V5==",
        "x=y",
        "export",
        "sk-cp-keyAAA=bbbb",
        "sk-monkey=abc",
        "eyJhbGciOi.key=.x",
        "keyring=x",
        f"{'Zm9v' * 15}key=",
        # Looking for a name of a variable in them takes no longer than reading them.
        "key" * 5461,
        "-token." * 2300,
    ],
    ids=lambda key: key[:20],
)
def test_a_key_may_have_such_characters(key: str) -> None:
    assert key == parse_key(f"{key}\n", "option").value


def exposed(path: str) -> str | None:
    with Path("/dev/null").open("rb") as null:
        return find_exposed_file(
            NamedInput("--api-key-file", path, is_secret=True), Inputs(Input(null.fileno()))
        )


def test_only_an_own_file_that_all_others_can_read_is_exposed(tmp_path: Path) -> None:
    path, pipe = tmp_path / "key", tmp_path / "pipe"
    path.write_text(KEY)
    os.mkfifo(pipe)
    pipe.chmod(0o644)
    for mode, is_exposed in (
        (0o600, False),
        (0o400, False),
        (0o640, False),
        (0o644, True),
        (0o604, True),
        (0o444, True),
    ):
        path.chmod(mode)
        assert is_exposed is (exposed(str(path)) is not None)
    descriptor = os.open(path, os.O_RDONLY)
    others = (
        str(pipe),
        f"/dev/fd/{descriptor}",
        "-",
        "/dev/stdin",
        "/dev/null",
        str(tmp_path / "none"),
    )
    assert [None] * len(others) == [exposed(each) for each in others]
    os.close(descriptor)

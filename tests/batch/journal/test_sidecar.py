"""A later run can report changes of input and settings, and runs as well without a sidecar."""

import hashlib
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmpipe.batch.journal.sidecar import (
    Fingerprint,
    Sidecar,
    changed_settings,
    changes,
    fingerprint,
    hash_settings,
    new_salt,
    read_fingerprint,
    read_sidecar,
    remove_sidecar,
    sidecar_path,
    write_sidecar,
)

SALT = "0123456789abcdef" * 2


def sidecar(*inputs: Fingerprint | None, salt: str = SALT, **chosen: object) -> Sidecar:
    return Sidecar(salt, tuple(file for file in inputs if file), hash_settings(chosen, salt), 4711, 1.5)


def looked_at(path: Path | str) -> Fingerprint | None:
    return read_fingerprint(str(path), SALT)


def made(journal: Path) -> str:
    journal.touch()
    return str(journal)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    (tmp_path / "prompts").write_bytes(b"one\ntwo\n")
    return tmp_path / "prompts"


def test_a_written_sidecar_is_read_back_and_reports_no_change(tmp_path: Path, prompts: Path) -> None:
    journal = made(tmp_path / "out")
    write_sidecar(journal, sidecar(looked_at(prompts), model="m", top_p=0.5))
    assert sidecar(looked_at(prompts), top_p=0.5, model="m") == read_sidecar(journal)
    assert [] == changes(read_sidecar(journal), sidecar(looked_at(prompts), model="m", top_p=0.5))
    assert [".out.mmpipe", "out", "prompts"] == sorted(file.name for file in tmp_path.iterdir())


def test_the_size_of_the_input_and_the_part_of_it_are_kept_and_need_not_be_known(tmp_path: Path) -> None:
    journal, known = made(tmp_path / "out"), replace(sidecar(), records=5, shard="2/8")
    write_sidecar(journal, known)
    assert known == read_sidecar(journal)
    path = tmp_path / ".out.mmpipe"
    whole = path.read_text()
    for changed in ('"records": -1, "shard": 2', '"records": true, "shard": null', '"another": 1'):
        path.write_text(whole.replace('"records": 5, "shard": "2/8"', changed))
        assert sidecar() == read_sidecar(journal)


def test_other_content_another_time_and_another_file_are_different_changes(prompts: Path) -> None:
    then = sidecar(looked_at(prompts))
    os.utime(prompts, (1, 1))
    assert [f"{prompts} was written to since the previous run"] == changes(then, sidecar(looked_at(prompts)))
    prompts.write_bytes(b"one\nTWO\n")
    assert [f"{prompts} has changed since the previous run"] == changes(then, sidecar(looked_at(prompts)))
    other = fingerprint("/other", prompts.stat(), b"", SALT)
    assert ["/other was not an input of the previous run"] == changes(then, sidecar(other))
    assert [] == changes(sidecar(), sidecar(other))


def test_other_settings_are_reported() -> None:
    then = sidecar(model="a", top_p=0.5, system=None, parameters={"a": 1, "b": 2})
    now = sidecar(model="b", temperature=1, system=None, parameters={"b": 2, "a": 1})
    assert ["settings have changed since the previous run: model, temperature, top_p"] == changes(then, now)
    assert [] == changed_settings(None, now)


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ("1/4", "2/4", "had --shard 1/4, this one has --shard 2/4"),
        ("1/4", None, "had --shard 1/4, this one has no --shard"),
        (None, "1/8", "had no --shard, this one has --shard 1/8"),
        ("1/4", "1/4", ""),
        (None, None, ""),
    ],
)
def test_another_shard_is_reported(then: str | None, now: str | None, words: str) -> None:
    found = changes(replace(sidecar(), shard=then), replace(sidecar(), shard=now))
    after = "the journal may get records that other shards ask, too"
    assert ([f"the previous run {words}: {after}"] if words else []) == found


def test_only_the_head_of_a_file_is_looked_at(prompts: Path) -> None:
    status = prompts.stat()
    head = b"x" * (64 << 10)
    assert fingerprint("p", status, head, SALT) == fingerprint("p", status, head + b"more", SALT)
    assert fingerprint("p", status, head, SALT) != fingerprint("p", status, head[1:], SALT)


def test_a_pipe_and_a_missing_file_have_no_fingerprint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [None, None] == [looked_at(tmp_path / name) for name in ("pipe", "missing")]


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        f'{{"salt":"{SALT}","inputs":[1],"settings":{{}},"pid":1,"started":1.0}}'.encode(),
        b'{"salt":"","inputs":[],"settings":{},"pid":1,"started":1.0}',
        b'{"salt":"ab","inputs":[],"settings":{},"pid":1,"started":1.0}',
        b'{"salt":"no hexadecimal number at all....","inputs":[],"settings":{},"pid":1,"started":1.0}',
        b'{"inputs":[],"settings_sha256":"","pid":1,"started":1.0}',
        b'{"inputs":[],"pid":1}',
    ],
)
def test_a_missing_or_broken_sidecar_is_as_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / ".out.mmpipe").write_bytes(content)
    assert read_sidecar(str(tmp_path / "out")) is None
    assert [] == changes(None, sidecar())


def test_it_stands_beside_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/out")
    assert str(tmp_path / "real" / ".out.mmpipe") == sidecar_path(str(tmp_path / "link"))


def test_a_long_name_is_no_hindrance_and_stays_its_own(tmp_path: Path) -> None:
    first, second = (made(tmp_path / ("ü" * 126 + last)) for last in "ab")
    write_sidecar(first, sidecar(model="a"))
    write_sidecar(second, sidecar(model="b"))
    assert sidecar(model="a") == read_sidecar(first)


def test_a_folder_that_takes_no_file_costs_only_the_warning() -> None:
    write_sidecar("/proc/out", sidecar())
    assert replace(sidecar(), pid=1) != read_sidecar("/proc/out")


def test_no_change_of_a_file_escapes_a_fingerprint(prompts: Path) -> None:
    known = looked_at(prompts)
    assert known is not None
    assert known.matches(prompts.stat())
    then = prompts.stat()
    prompts.chmod(0o600)
    os.utime(prompts, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert not known.matches(prompts.stat())
    known = looked_at(prompts)
    prompts.rename(prompts.with_name("old"))
    prompts.write_bytes(b"one\ntwo\n")
    os.utime(prompts, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert known is not None
    assert not known.matches(prompts.stat())
    assert known != looked_at(prompts)


def test_private_input_and_settings_cannot_be_guessed_from_their_hashes(
    prompts: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    salt, other_salt = (new_salt(str(tmp_path / name)) for name in ("out", "other/out"))
    first, second = (read_fingerprint(str(prompts), each) for each in (salt, other_salt))
    assert first is not None
    assert second is not None
    assert first.head != second.head
    assert hash_settings({"a": 1}, salt) != hash_settings({"a": 1}, other_salt)
    write_sidecar(made(tmp_path / "out"), sidecar(first, system="a secret"))
    found = (tmp_path / ".out.mmpipe").read_text()
    for name in hashlib.algorithms_available - {"shake_128", "shake_256"}:
        for private in (b"one\ntwo\n", b'"a secret"', b'{"system": "a secret"}'):
            assert hashlib.new(name, private, usedforsecurity=False).hexdigest() not in found


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666])
def test_it_has_the_mode_of_the_journal(tmp_path: Path, umask: int, mode: int) -> None:
    journal = tmp_path / "out"
    journal.touch()
    journal.chmod(mode)
    before = os.umask(umask)
    try:
        write_sidecar(str(journal), sidecar())
    finally:
        os.umask(before)
    assert mode == stat.S_IMODE((tmp_path / ".out.mmpipe").stat().st_mode)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    (tmp_path / "out").touch()
    return tmp_path / "out"


def test_a_link_in_its_place_is_neither_read_nor_written_through(journal: Path) -> None:
    write_sidecar(str(journal), sidecar())
    victim, place = journal.with_name("victim"), journal.with_name(".out.mmpipe")
    place.rename(victim)
    content = victim.read_bytes()
    for target in ("victim", str(victim), "nowhere", ".out.mmpipe"):
        place.unlink(missing_ok=True)
        place.symlink_to(target)
        assert read_sidecar(str(journal)) is None
        write_sidecar(str(journal), replace(sidecar(), pid=7))
        assert (content, False) == (victim.read_bytes(), place.is_symlink())
        assert replace(sidecar(), pid=7) == read_sidecar(str(journal))
        assert not journal.with_name("nowhere").exists()


def test_a_hard_link_in_its_place_is_not_written_to(journal: Path) -> None:
    victim = journal.with_name("victim")
    victim.write_text("precious")
    journal.with_name(".out.mmpipe").hardlink_to(victim)
    assert read_sidecar(str(journal)) is None
    write_sidecar(str(journal), sidecar())
    assert "precious" == victim.read_text()


def _is_a_pipe(place: Path) -> None:
    os.mkfifo(place)


def _is_a_folder(place: Path) -> None:
    place.mkdir()
    (place / "full").touch()


def _is_a_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(place))


def _leads_to_a_device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def _is_endless(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize("put", [_is_a_pipe, _is_a_folder, _is_a_socket, _leads_to_a_device, _is_endless])
@pytest.mark.timeout(20)
def test_anything_else_in_its_place_counts_as_missing(journal: Path, put: Callable[[Path], None]) -> None:
    put(journal.with_name(".out.mmpipe"))
    assert read_sidecar(str(journal)) is None
    write_sidecar(str(journal), sidecar())
    assert read_sidecar(str(journal)) in ((None,) if put is _is_a_folder else (sidecar(),))
    remove_sidecar(str(journal))
    assert journal.exists()


def test_a_sidecar_of_another_user_counts_as_missing(journal: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    write_sidecar(str(journal), sidecar())
    os.chown(journal.with_name(".out.mmpipe"), 12345, 12345)
    assert read_sidecar(str(journal)) is None

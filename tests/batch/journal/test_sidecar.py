"""A later run can report changes of input and settings, and runs as well without a sidecar."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mmpipe.batch.journal.sidecar import (
    Fingerprint,
    Sidecar,
    changes,
    fingerprint,
    read_fingerprint,
    read_sidecar,
    settings_sha256,
    sidecar_path,
    write_sidecar,
)


def sidecar(*inputs: Fingerprint | None, **chosen: object) -> Sidecar:
    return Sidecar(tuple(file for file in inputs if file), settings_sha256(chosen), 4711, 1.5)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    (tmp_path / "prompts").write_bytes(b"one\ntwo\n")
    return tmp_path / "prompts"


def test_a_written_sidecar_is_read_back_and_reports_no_change(tmp_path: Path, prompts: Path) -> None:
    journal = str(tmp_path / "out")
    write_sidecar(journal, sidecar(read_fingerprint(str(prompts)), model="m", top_p=0.5))
    assert sidecar(read_fingerprint(str(prompts)), top_p=0.5, model="m") == read_sidecar(journal)
    assert [] == changes(read_sidecar(journal), sidecar(read_fingerprint(str(prompts)), model="m", top_p=0.5))
    assert [".out.mmpipe", "prompts"] == sorted(file.name for file in tmp_path.iterdir())


def test_the_size_of_the_input_and_the_part_of_it_are_kept_and_need_not_be_known(tmp_path: Path) -> None:
    journal, known = str(tmp_path / "out"), replace(sidecar(), records=5, shard="2/8")
    write_sidecar(journal, known)
    assert known == read_sidecar(journal)
    path = tmp_path / ".out.mmpipe"
    whole = path.read_text()
    for changed in ('"records": -1, "shard": 2', '"records": true, "shard": null', '"another": 1'):
        path.write_text(whole.replace('"records": 5, "shard": "2/8"', changed))
        assert sidecar() == read_sidecar(journal)


def test_other_content_another_time_and_another_file_are_different_changes(prompts: Path) -> None:
    then = sidecar(read_fingerprint(str(prompts)))
    os.utime(prompts, (1, 1))
    assert [f"{prompts} was written to since the previous run"] == changes(
        then, sidecar(read_fingerprint(str(prompts)))
    )
    prompts.write_bytes(b"one\nTWO\n")
    assert [f"{prompts} has changed since the previous run"] == changes(
        then, sidecar(read_fingerprint(str(prompts)))
    )
    other = fingerprint("/other", prompts.stat(), b"")
    assert ["/other was not an input of the previous run"] == changes(then, sidecar(other))
    assert [] == changes(sidecar(), sidecar(other))


def test_other_settings_are_reported() -> None:
    assert ["the settings differ from those of the previous run"] == changes(
        sidecar(model="a"), sidecar(model="b")
    )


def test_only_the_head_of_a_file_is_looked_at(prompts: Path) -> None:
    status = prompts.stat()
    head = b"x" * (64 << 10)
    assert fingerprint("p", status, head) == fingerprint("p", status, head + b"more")
    assert fingerprint("p", status, head) != fingerprint("p", status, head[1:])


def test_a_pipe_and_a_missing_file_have_no_fingerprint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [None, None] == [read_fingerprint(str(tmp_path / name)) for name in ("pipe", "missing")]


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"inputs":[1],"settings_sha256":"","pid":1,"started":1.0}',
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
    first, second = (str(tmp_path / ("ü" * 126 + last)) for last in "ab")
    write_sidecar(first, sidecar(model="a"))
    write_sidecar(second, sidecar(model="b"))
    assert sidecar(model="a") == read_sidecar(first)


def test_a_folder_that_takes_no_file_costs_only_the_warning() -> None:
    write_sidecar("/proc/out", sidecar())
    assert replace(sidecar(), pid=1) != read_sidecar("/proc/out")

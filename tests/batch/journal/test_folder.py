"""A folder stands for the journals in it, and for nothing else."""

import os
from pathlib import Path

import pytest

from mmpipe.batch.journal.folder import find_journals
from mmpipe.batch.journal.sidecar import Sidecar, write_sidecar
from mmpipe.errors import InputError, UsageError
from support.journals import batch_api_line, record

JOURNALS = {
    "a.jsonl": record("a") + record("b"),
    "b": batch_api_line("c"),
    "torn after a line.out": record("d") + b'{"id":',
    "without a newline.jsonl": record("e")[:-1],
}
EMPTY_OR_HIDDEN = {".hidden.jsonl": record("f"), ".a.jsonl.mmpipe": b"{}", "a.jsonl.lock": b""}
OTHERS = {
    "records.jsonl": b'{"id":"a","prompt":"tea"}\n',
    "requests.jsonl": b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{}}\n',
    "slurm-1_1.out": b"mmpipe: 3 records\n",
    "topics.txt": b"tea\n",
    "a.jsonl.gz": b"\x1f\x8b",
    "list.json": b'{"a":\n1}',
    "damaged.jsonl": b'{"id":"a"' + record("b") + record("c"),
    "lost block.jsonl": bytes(4096) + record("b"),
}


def found(*paths: Path, output: Path | None = None) -> list[str]:
    return [Path(name).name for name in find_journals([*map(str, paths)], str(output or "new"))]


def test_journals_are_known_by_their_content_whatever_they_are_called(tmp_path: Path) -> None:
    for name, content in (JOURNALS | EMPTY_OR_HIDDEN | OTHERS).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "z.jsonl").write_bytes(record("z"))
    (tmp_path / "nowhere").symlink_to("missing")
    os.mkfifo(tmp_path / "pipe")
    others = list[str]()
    journals = find_journals([str(tmp_path)], "new", others.append)
    assert [*JOURNALS] == [Path(name).name for name in journals]
    assert sorted(OTHERS) == [Path(name).name for name in others]


@pytest.mark.parametrize("content", [b"", b'{"id":', b"damaged\n"])
def test_a_file_with_a_sidecar_is_a_journal_whatever_is_in_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "part").write_bytes(content)
    with pytest.raises(InputError, match="is a folder without journals"):
        found(tmp_path)
    write_sidecar(str(tmp_path / "part"), Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0))
    assert ["part"] == found(tmp_path)


def test_what_is_named_already_is_not_taken_from_a_folder(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).write_bytes(record(name))
    (tmp_path / "3").symlink_to("1")
    (tmp_path / "4").hardlink_to(tmp_path / "2")
    assert ["1", "2"] == found(tmp_path)
    assert ["2", "1"] == found(tmp_path / "2", tmp_path, tmp_path)


def test_a_journal_in_a_folder_is_not_the_output_by_whatever_name(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).write_bytes(record(name))
    (tmp_path / "link").symlink_to("2")
    with (tmp_path / "2").open() as file:
        for output in (str(tmp_path / "2"), str(tmp_path / "link"), file.fileno()):
            with pytest.raises(UsageError, match=r"both input and output.*; write what is joined outside of"):
                find_journals([str(tmp_path)], output)


def test_a_file_in_the_folder_is_not_the_output_since_the_next_merge_would_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (parts := tmp_path / "parts").mkdir()
    (parts / "1").write_bytes(record("1"))
    (parts / "empty").write_bytes(b"")
    (parts / "notes").write_bytes(b"tea")
    (tmp_path / "link").symlink_to("parts/new")
    (tmp_path / "folder").symlink_to("parts")
    monkeypatch.chdir(parts)
    with (parts / "empty").open() as redirected:
        for output in (
            "new",
            "../parts/new",
            "../link",
            "../folder/new",
            "empty",
            "notes",
            redirected.fileno(),
        ):
            for folder in (parts, tmp_path / "folder", Path()):
                with pytest.raises(UsageError, match=r"both input and output of the next --merge of "):
                    find_journals([str(folder)], output)
    outside = (
        parts / "below" / "new",
        parts / ".hidden",
        tmp_path / "new",
        parts / "missing" / ".." / "x" / "y",
    )
    for path in outside:
        assert ["1"] == found(parts, output=path)
    assert ["1"] == found(parts / "1", output=parts / "new")


def test_paths_that_are_not_folders_stay_as_they_are() -> None:
    assert ["a", "./a", "a"] == find_journals(["a", "./a", "a"], "out")


def test_a_folder_or_a_file_in_it_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "1").write_bytes(record("1"))
    (tmp_path / "1").chmod(0)
    (tmp_path / "2").write_bytes(record("2"))
    if os.access(tmp_path / "1", os.R_OK):
        assert ["1", "2"] == found(tmp_path)
        return
    with pytest.raises(InputError, match=f"^cannot read {tmp_path}/1: Permission denied$"):
        found(tmp_path)

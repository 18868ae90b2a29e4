"""Shards are parts of one input, asked with the same settings; where they are not, `--merge` reports it."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from mmpipe.batch.journal.sidecar import Sidecar, hash_settings, read_fingerprint, write_sidecar
from mmpipe.batch.shard import Shard
from mmpipe.errors import InputError
from support.batch_in_process import run
from support.harness import service
from support.merging import joined, numbered


def described(
    path: Path,
    number: str | None,
    records: int | None = 3,
    salt: str = "00" * 16,
    settings: Mapping[str, object] = MappingProxyType({}),
    content: str | None = None,
    **inputs: bytes,
) -> Path:
    """A journal of three records with a sidecar of these inputs; the first number of a shard is the index of its first."""
    first = int((number or "0").partition("/")[0]) % 3
    path.write_bytes(b"".join(numbered(first)))
    files = []
    for name, written in inputs.items():
        (path.parent / name).write_bytes(written)
        files.append(read_fingerprint(str(path.parent / name), salt))
    found = tuple(file for file in files if file)
    hashes = hash_settings(settings, salt)
    write_sidecar(str(path), Sidecar(salt, found, hashes, 1, 1.0, records, number, content=content))
    return path


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("2/3", {"a": b"tea\nCOFFEE\nmilk"}),  # of the same size
        ("2/3", {"a": b"tea\ncoffee\nmilk", "records": 2}),
        ("2/3", {"a": b"tea\ncoffee\nmilk", "records": 2, "salt": "11" * 16}),
        ("2/3", {"a": b"tea\nchocolate\nmilk", "content": "other"}),
        ("2/3", {"a": b"tea\ncoffee\nmilk", "content": "other", "settings": {"null": True}}),
        ("2/4", {"a": b"tea\nCOFFEE\nmilk"}),
    ],
)
def test_shards_of_different_inputs_are_not_joined(
    tmp_path: Path, number: str, other: dict[str, Any]
) -> None:
    one = described(tmp_path / "1", "1/3", content="one", a=b"tea\ncoffee\nmilk")
    odd = described(tmp_path / "2", number, **other)
    last = described(tmp_path / "3", "3/3", content="one", a=b"tea\ncoffee\nmilk")
    with pytest.raises(InputError) as refused:
        joined(one, odd, last, output=tmp_path / "all")
    found = f"1 shard is of another input than {one}, or of another version of it: {odd}"
    assert refused.value.sentence.endswith(found)
    advice = "merge the shards of each input apart, or run the others again with the right one and --resume"
    assert refused.value.hint.endswith(advice)
    assert not (tmp_path / "all").exists()


@pytest.mark.parametrize(
    ("number", "other"),
    [
        (None, {"a": b"of a whole input"}),  # may be joined by ids
        ("2/3", {"records": None}),
        ("2/3", {"a": b"tea\nCOFFEE\nmilk", "salt": "11" * 16}),  # it is not known
        ("2/3", {"b": b"tea\ncoffee\nmilk"}),  # a copy
        ("2/3", {"a.gz": b"packed", "content": "one"}),
        ("2/3", {"a": b"milk\ncoffee\ntea", "content": "one", "settings": {"input_format": "lines"}}),
    ],
)
def test_journals_that_may_belong_together_are_joined(
    tmp_path: Path, number: str | None, other: dict[str, Any]
) -> None:
    one = described(tmp_path / "1", "1/3", content="one", a=b"tea\ncoffee\nmilk")
    odd = described(tmp_path / "2", number, **other)
    last = described(tmp_path / "3", "3/3" if number else "2/3", a=b"tea\ncoffee\nmilk")
    ids, messages = joined(one, odd, last)
    assert (["0", "1", "2"], False) == (sorted(ids), "warning" in messages)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": b"tea\ncoffee\nmilk"}, {"a.gz": b"packed"}),
        ({"a": b"tea\ncoffee\nmilk"}, {"b": b"tea\ncoffee\nmilk\n", "salt": "11" * 16}),
        ({"a": b"tea\ncoffee\nmilk"}, {"b": b"tea\n", "c": b"coffee\nmilk", "records": None}),
        ({"a.gz": b"packed"}, {"b.GZ": b"PACKED"}),
        (
            {"a": b"tea", "content": "one"},
            {"b": b"tea\n", "content": "two", "settings": {"system": "Be rude"}},
        ),
    ],
)
def test_shards_of_files_that_may_hold_the_same_records_are_joined_with_a_warning(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    first = described(tmp_path / "1", "1/3", **one)
    odd = described(tmp_path / "2", "2/3", **other)
    last = described(tmp_path / "3", "3/3", **one)
    ids, messages = joined(first, odd, last)
    assert ["0", "1", "2"] == sorted(ids)
    than = f"other files than {first}, and it is not known if they hold the same records"
    assert f"warning: 1 shard is of {than}: {odd}\n" in messages


def test_settings_of_reading_are_reported_where_it_is_not_known_that_they_read_the_same(
    tmp_path: Path,
) -> None:
    one = described(tmp_path / "1", "1/3", a=b"tea\ncoffee\nmilk")
    odd = described(tmp_path / "2", "2/3", a=b"tea\ncoffee\nmilk", settings={"encoding": "gbk"})
    last = described(tmp_path / "3", "3/3", a=b"tea\ncoffee\nmilk")
    assert f"other settings than {one} (encoding): {odd}\n" in joined(one, odd, last)[1]


def test_shards_of_different_settings_are_joined_with_a_warning(tmp_path: Path) -> None:
    one = described(tmp_path / "1", "1/3", settings={"model": "m", "system": None})
    two = described(tmp_path / "2", "2/3", settings={"model": "m", "system": "Be rude", "top_p": 1})
    last = described(tmp_path / "3", "3/3", settings={"model": "m", "system": None})
    ids, messages = joined(one, two, last)
    assert (["1", "2", "0"], True) == (
        ids,
        f"warning: 1 shard has other settings than {one} (system, top_p): {two}\n" in messages,
    )
    two = described(tmp_path / "2", "2/3", settings={"model": "m", "system": "Be rude"}, salt="11" * 16)
    assert "settings" not in joined(one, two, last)[1]


@pytest.mark.slow
def test_runs_of_one_folder_are_compared_whatever_hosts_they_run_on(tmp_path: Path) -> None:
    """Their hashes have one salt without anything that they share but the folder."""
    inputs = {name: tmp_path / name for name in ("topics", "copy", "other", "packed.gz")}
    for name, path in inputs.items():
        path.write_text("".join(f"{'OTHER' if name == 'other' else 'topic'} {n}\n" for n in range(4)))
    inputs["packed.gz"].write_bytes(gzip.compress(inputs["topics"].read_bytes()))
    inputs |= {"half": tmp_path / "half", "rest": tmp_path / "rest", "blank": tmp_path / "blank"}
    inputs["half"].write_text("topic 0\n\ntopic 1")
    inputs["rest"].write_text("topic 2\ntopic 3\n")
    inputs["blank"].write_bytes(inputs["topics"].read_bytes() + b"\n")
    (tmp_path / "parts").mkdir()

    def ask(
        names: str, number: int, system: str | None = None, *, resume: bool = False, **typed: str
    ) -> None:
        output = str(tmp_path / "parts" / str(number))
        shard, files = Shard.parse(f"{number}/2"), tuple(str(inputs[name]) for name in names.split())
        run(
            server,
            output=output,
            files=files,
            shard=shard,
            overwrite=not resume,
            resume=resume,
            system=system,
            **typed,
        )

    with service() as server:
        ask("topics", 1)
        for names in ("packed.gz", "half rest", "blank", "copy"):
            ask(names, 2, input_format="lines")
            assert "warning" not in joined(tmp_path / "parts")[1]
        ask("copy", 2, system="Be rude")
        assert "parts/1 (system)" in joined(tmp_path / "parts")[1]
        with inputs["copy"].open("a") as grown:
            grown.write("topic 4\n")
        ask("copy", 2)
        with pytest.raises(InputError, match=r"1 shard is of another input"):
            joined(tmp_path / "parts")
        ask("copy", 1, resume=True)
        assert "warning" not in joined(tmp_path / "parts")[1]
        ask("other", 2)
    with pytest.raises(InputError, match=r"1 shard is of another input than .*parts/1, "):
        joined(tmp_path / "parts")

"""A run asks what it has checked, whatever happens to its input meanwhile; answers stay, and the rest can be resumed."""

import gzip
import json
import mmap
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from mmpipe.batch.pace.error_limit import ErrorLimit
from mmpipe.batch.run import run_batch
from mmpipe.batch.shard import Shard
from mmpipe.errors import ExitStatus, MmpipeError
from mmpipe.unix.streams import Streams
from support.batch_in_process import batch_options
from support.batch_model import ENVIRONMENT, Place, ScriptedService, Verbosity, lines, parse_line, run

PROMPTS = ["x" * (1 + number % 3) + str(number) for number in range(40)]
# So long that the run still reads when its first request is under way.
RECORDS = [json.dumps({"id": prompt, "prompt": prompt, "note": "n" * 50_000}) + "\n" for prompt in PROMPTS]
CONTENT = "".join(RECORDS)
# Is read to its end before the first request.
SHORT = "".join(json.dumps({"id": prompt, "prompt": prompt}) + "\n" for prompt in PROMPTS)

Change = Callable[[Path], object]


def is_extended(path: Path) -> None:
    # To write the whole anew would cut the file for a moment.
    with path.open("a") as file:
        file.write(RECORDS[0])


def is_replaced(path: Path, content: str) -> None:
    path.with_name("new").write_text(content)
    path.with_name("new").rename(path)


def is_edited(path: Path) -> None:
    """As most editors save."""
    path.rename(path.with_name("in.jsonl~"))
    path.write_text(path.with_name("in.jsonl~").read_text().replace("x39", "y39"))


def is_mapped(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[8:9] = b"?"


CHANGES: dict[str, tuple[Change, ExitStatus]] = {
    "appended": (is_extended, ExitStatus.OK),
    "touched": (lambda path: os.utime(path, (1, 1)), ExitStatus.OK),
    "cut": (lambda path: os.truncate(path, path.stat().st_size // 2), ExitStatus.INPUT),
    "cut after a line": (lambda path: path.write_text("".join(lines_of(path)[:20])), ExitStatus.INPUT),
    "emptied": (lambda path: path.write_text(""), ExitStatus.INPUT),
    "turned round": (lambda path: path.write_text("".join(lines_of(path)[::-1])), ExitStatus.INPUT),
    "one letter": (lambda path: path.write_text(path.read_text().replace("x39", "y39")), ExitStatus.INPUT),
    "other records": (lambda path: path.write_text(path.read_text().replace("x", "z")), ExitStatus.INPUT),
    "mapped": (is_mapped, ExitStatus.INPUT),
    # The file that was opened is read to its end, but its name has other records now.
    "replaced": (lambda path: is_replaced(path, path.read_text().replace("x", "z")), ExitStatus.INPUT),
    "replaced by the same": (lambda path: is_replaced(path, path.read_text()), ExitStatus.OK),
    "edited": (is_edited, ExitStatus.INPUT),
    "removed": (Path.unlink, ExitStatus.OK),
}


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def asked_right(place: Place) -> int:
    """The number of answers, each of which is to the record at its place."""
    answers = [parse_line(line) for line in lines(place.journal)]
    assert PROMPTS[: len(answers)] == [answer.id for answer in answers]
    assert [f"about {answer.id}" for answer in answers] == [answer.answer for answer in answers]
    return len(answers)


@pytest.mark.parametrize("name", CHANGES)
def test_only_records_that_were_checked_are_asked(name: str, tmp_path: Path) -> None:
    change, expected = CHANGES[name]
    place, how = Place(tmp_path / "out.jsonl", tmp_path / "in.jsonl"), Verbosity(concurrency=1)
    place.source.write_text(CONTENT)
    service = ScriptedService(tmp_path / "log", meanwhile=lambda: change(place.source))
    assert expected == run(place, how, service)
    assert asked_right(place)
    place.source.write_text(CONTENT)
    assert ExitStatus.OK == run(place, how, ScriptedService(tmp_path / "log"))
    assert PROMPTS == [parse_line(line).id for line in lines(place.journal)]
    assert PROMPTS == (tmp_path / "log").read_text().split()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_after_the_last_record_was_read_ends_the_run_too_and_all_answers_stay(
    name: str, tmp_path: Path
) -> None:
    change, expected = CHANGES[name]
    place, how = Place(tmp_path / "out.jsonl", tmp_path / "in.jsonl"), Verbosity(concurrency=1)
    place.source.write_text(SHORT)
    service = ScriptedService(tmp_path / "log", meanwhile=lambda: change(place.source))
    assert expected == run(place, how, service)
    assert len(PROMPTS) == asked_right(place)


def asked(files: Sequence[str], service: ScriptedService, **typed: object) -> tuple[str, str]:
    """Run a batch; return its standard output, and what it reported with the error at the end."""
    streams = Streams.fake(ABC)
    if service.meanwhile is None:
        service.meanwhile = lambda: os.pwrite(streams.stdin.descriptor, b"?", 0)
    options = batch_options(files=tuple(files), concurrency=1, retries=0, **typed)
    ended = ""
    try:
        run_batch(options, streams, ENVIRONMENT, lambda *_: service)
    except MmpipeError as error:
        ended = f"{error.status.name.lower()}: {error.message}"
    stdout, stderr = (text.decode() for text in streams.captured())
    return stdout, stderr + ended


ABC = b"a\nb\nc\n"
CHANGED = "was cut or rewritten during the run: only what was read before that is asked"
WAYS: dict[str, tuple[dict[str, object], int]] = {
    "all": ({}, 6),
    "in order": ({"keep_order": True}, 6),
    "limited": ({"limit": 4}, 4),
    "a shard": ({"shard": Shard.parse("0/1")}, 6),
}


@pytest.mark.parametrize("name", WAYS)
def test_each_of_several_files_is_compared_as_far_as_it_was_read(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.gz", tmp_path / "second"
    typed, answers = WAYS[name]
    for changed in (first, second):
        first.write_bytes(gzip.compress(ABC))
        second.write_bytes(ABC.upper())
        service = ScriptedService(tmp_path / "log", meanwhile=partial(changed.write_bytes, b"other\n"))
        stdout, ended = asked((str(first), str(second)), service, **typed)
        assert ended.endswith(f"input: {changed} {CHANGED}")
        # The second file may not have been opened when it changes.
        assert stdout.count("\n") in ({answers} if changed == first else {3, answers})


def test_redirected_input_is_compared_too(tmp_path: Path) -> None:
    stdout, ended = asked((), ScriptedService(tmp_path / "log"))
    assert (3, True) == (stdout.count("\n"), ended.endswith(f"input: standard input {CHANGED}"))


def test_a_run_that_goes_on_with_a_known_input_compares_it(tmp_path: Path) -> None:
    source, journal = tmp_path / "in", tmp_path / "out"
    source.write_bytes(ABC)
    service = ScriptedService(tmp_path / "log", meanwhile=int)
    typed = {"output": str(journal), "resume": True}
    asked((str(source),), service, **typed, limit=1)
    service.meanwhile = partial(source.write_bytes, ABC.upper())
    _, ended = asked((str(source),), service, **typed)
    assert (3, True) == (len(lines(journal)), ended.endswith(f"input: {source} {CHANGED}"))


def test_after_another_early_end_a_change_is_a_warning(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(ABC)
    service = ScriptedService(
        tmp_path / "log", frozenset("ab"), meanwhile=partial(source.write_bytes, ABC.upper())
    )
    _, ended = asked((str(source),), service, max_errors=ErrorLimit(count=0))
    assert f"warning: {source} {CHANGED}" in ended
    assert "partial: 1 record failed, and --max-errors allows 0" in ended

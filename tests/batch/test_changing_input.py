"""A run asks what it has checked, whatever happens to its input meanwhile; answers stay, and the rest can be resumed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from support.batch_model import Place, ScriptedService, Verbosity, lines, parse_line, run

PROMPTS = ["x" * (1 + number % 3) + str(number) for number in range(40)]
# So long that the run still reads when its first request is under way.
RECORDS = [json.dumps({"id": prompt, "prompt": prompt, "note": "n" * 50_000}) + "\n" for prompt in PROMPTS]
CONTENT = "".join(RECORDS)

Change = Callable[[Path], object]


def is_replaced(path: Path, content: str) -> None:
    path.with_name("new").write_text(content)
    path.with_name("new").rename(path)


CHANGES: dict[str, tuple[Change, ExitStatus]] = {
    "appended": (lambda path: path.write_text(CONTENT + RECORDS[0]), ExitStatus.OK),
    "cut": (lambda path: os.truncate(path, len(CONTENT) // 2), ExitStatus.INPUT),
    "cut after a line": (lambda path: path.write_text("".join(RECORDS[:20])), ExitStatus.INPUT),
    "emptied": (lambda path: path.write_text(""), ExitStatus.INPUT),
    "turned round": (lambda path: path.write_text("".join(RECORDS[::-1])), ExitStatus.INPUT),
    "one letter": (lambda path: path.write_text(CONTENT.replace("x39", "y39")), ExitStatus.INPUT),
    "other records": (lambda path: path.write_text(CONTENT.replace("x", "z")), ExitStatus.INPUT),
    # The file that was opened is read to its end.
    "replaced": (lambda path: is_replaced(path, CONTENT.replace("x", "z")), ExitStatus.OK),
    "replaced by the same": (lambda path: is_replaced(path, CONTENT), ExitStatus.OK),
}


@pytest.mark.parametrize("name", CHANGES)
def test_only_records_that_were_checked_are_asked(name: str, tmp_path: Path) -> None:
    change, expected = CHANGES[name]
    place, how = Place(tmp_path / "out.jsonl", tmp_path / "in.jsonl"), Verbosity(concurrency=1)
    place.source.write_text(CONTENT)
    service = ScriptedService(tmp_path / "log", meanwhile=lambda: change(place.source))
    assert expected == run(place, how, service)
    answers = [parse_line(line) for line in lines(place.journal)]
    assert PROMPTS[: len(answers)] == [answer.id for answer in answers]
    assert [f"about {answer.id}" for answer in answers] == [answer.answer for answer in answers]
    assert answers
    place.source.write_text(CONTENT)
    assert ExitStatus.OK == run(place, how, ScriptedService(tmp_path / "log"))
    assert PROMPTS == [parse_line(line).id for line in lines(place.journal)]
    assert PROMPTS == (tmp_path / "log").read_text().split()

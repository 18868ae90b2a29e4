"""--resume takes only answers of the host that it would ask, and names the host that changed."""

import json
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import State, open_journal
from mmpipe.batch.run import run_batch
from mmpipe.errors import InputError
from mmpipe.unix.streams import Streams
from support.batch_in_process import Counts, batch_options, run
from support.harness import environment, prompts, service
from support.journals import asked, batch_api_line, record

HERE, OTHER = "https://api.example/v1", "mmpipe sim"


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (record("a", host=HERE), "good"),
        (record("a", host=OTHER), "other host"),
        (record("a", host=f"{HERE}/"), "other host"),
        (record("a", host=OTHER, attempt=0), "other host"),
        (record("a", host=OTHER, request="another"), "changed"),
        (record("a", host=OTHER, good=False), "failed"),
        (record("a", host=HERE, good=False), "failed"),
        (record("a"), "good"),
        (record("a", host=None), "other host"),
        (record("a", host=7), "other host"),
        (batch_api_line("a"), "good"),
        (record("a", host=HERE, good=False) + record("a", host=OTHER), "other host"),
        (record("a", host=OTHER) + record("a", host=HERE), "good"),
        (record("a", host=OTHER)[:-1], "other host"),
    ],
)
def test_a_good_answer_of_another_host_is_told_from_a_changed_request(
    line: bytes, state: State, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(line)
    with open_journal(str(path), resume=True, overwrite=False, host=HERE) as journal:
        assert state == journal.state("a", asked())
        assert "new" == journal.state("b", asked())
    # Without a host, as in a replay, all answers count.
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ("good" if state == "other host" else state) == journal.state("a", asked())


@pytest.mark.parametrize("from_file", [False, True])
@pytest.mark.parametrize("format_", ["jsonl", "openai"])
def test_another_host_is_refused_by_name_and_the_journal_stays(
    tmp_path: Path, format_: str, *, from_file: bool
) -> None:
    out, source = tmp_path / "out.jsonl", tmp_path / "in.txt"
    source.write_text("sim:echo one\n")
    given = {"files": (str(source),)} if from_file else {"stdin": source.read_text()}
    with service() as first:
        run(first, output=str(out), format=format_, **given)
    before = out.read_bytes()
    with service() as second:
        expected = (
            rf"line 1: '0' has an answer of {first.base_url} in .*out\.jsonl, and the host is now {second.base_url} "
            r"\(base_url has changed\)"
        )
        for dry_run in (True, False):
            with pytest.raises(InputError, match=expected):
                run(second, output=str(out), format=format_, resume=True, dry_run=dry_run, **given)
        assert [] == prompts(second)
    assert before == out.read_bytes()


def test_the_fast_way_over_an_unchanged_input_sees_the_host_too(tmp_path: Path) -> None:
    out, source = tmp_path / "out.jsonl", tmp_path / "in.txt"
    source.write_text("".join(f"sim:echo {number}\n" for number in range(20)))
    with service() as server:
        run(server, files=(str(source),), output=str(out))
        # One in the middle is another host's; one in so many is compared in any case.
        lines = out.read_bytes().splitlines(keepends=True)
        lines[10] = lines[10].replace(server.base_url.encode(), b"mmpipe sim")
        out.write_bytes(b"".join(lines))
        with pytest.raises(InputError, match="has an answer of mmpipe sim"):
            run(server, files=(str(source),), output=str(out), resume=True)


def test_failed_records_and_new_ones_may_be_asked_of_another_host(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with service("2013") as server:
        assert Counts(failed=2) == run(server, "one\ntwo\n", output=str(out), retries=0)[0]
    with service() as server:
        counts, _ = run(server, "one\ntwo\nthree\n", output=str(out), resume=True)
        assert Counts(good=3) == counts
        hosts = [json.loads(line)["host"] for line in out.read_bytes().splitlines()]
        assert [server.base_url] * 3 == hosts[2:]


def test_an_older_journal_is_resumed_with_one_warning(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    asked = "".join(f"sim:echo {number}\n" for number in range(5))
    with service() as server:
        run(server, asked, output=str(out))
        values = map(json.loads, out.read_bytes().splitlines())
        old = [{name: value[name] for name in value if name != "host"} for value in values]
        out.write_text("".join(f"{json.dumps(value)}\n" for value in old))
        streams = Streams.fake(asked.encode())
        run_batch(batch_options(output=str(out), resume=True), streams, environment(server))
        assert 5 == len(prompts(server))
    _, stderr = (text.decode() for text in streams.captured())
    assert 1 == stderr.count("warning")
    assert f"answers without a host, of an older mmpipe, are taken for those of {server.base_url}" in stderr


def test_every_line_names_the_host_also_of_copies_and_bad_records() -> None:
    with service() as server:
        _, lines = run(server, "sim:echo a\nsim:echo a\n{\n", input_format="jsonl", keep_order=True)
        assert {server.base_url} == {line["host"] for line in lines}


def kept(out: Path) -> list[object]:
    return [json.loads(line)["host"] for line in out.read_bytes().splitlines()]


@pytest.mark.parametrize("format_", ["jsonl", "openai"])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_replayed_answer_stays_that_of_the_host_that_gave_it(
    tmp_path: Path, format_: str, *, is_named: bool
) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "kept"
    asked = "sim:echo one\nsim:echo one\nsim:echo two\n"
    with service() as first:
        run(first, asked, record=str(folder))
    for path in folder.iterdir():
        value = json.loads(path.read_text())
        path.write_text(json.dumps({**value, "host": OTHER if is_named else None}))
    replayed = {"replay": str(folder), "output": str(out), "format": format_}
    assert Counts(good=3) == run(None, asked, **replayed)[0]
    assert [OTHER if is_named else None] * 3 == kept(out)
    assert Counts(skipped=3) == run(None, asked, **replayed, resume=True)[0]
    name = OTHER if is_named else "an unknown host"
    with service() as real, pytest.raises(InputError, match=f"has an answer of {name} in"):
        run(real, asked, output=str(out), format=format_, resume=True)


def test_an_answer_of_a_cache_is_that_of_the_host_that_is_asked(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with service() as server:
        run(server, "sim:echo one\n", cache=str(tmp_path / "kept"))
        run(server, "sim:echo one\nsim:echo two\n", cache=str(tmp_path / "kept"), output=str(out))
        assert [server.base_url] * 2 == kept(out)
        assert (
            Counts(skipped=2) == run(server, "sim:echo one\nsim:echo two\n", output=str(out), resume=True)[0]
        )

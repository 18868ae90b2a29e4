"""Options choose the records that a run asks, the limits at which it ends, and what it reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.error_limit import ErrorLimit
from mmpipe.batch.run import run_batch
from mmpipe.batch.shard import Shard
from mmpipe.errors import InputError, Partial, QuotaError, TimedOut, UsageError
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Streams
from mmpipe.writers.options import Verbosity
from support.batch_in_process import Counts, Line, run, run_with
from support.harness import AS_SIM, bodies, environment, prompts, service

ECHO = "sim:echo {}"


def numbers(count: int) -> str:
    return "".join(f"{number}\n" for number in range(count))


def contents(lines: list[Line]) -> list[object]:
    return [line["content"] for line in lines]


def test_identical_requests_are_asked_once_and_each_has_its_line() -> None:
    with service() as server:
        counts, found = run(server, "a\nb\na\na\nb\n", template=ECHO)
        assert {"sim:echo a", "sim:echo b"} == set(prompts(server))
        assert 2 == len(server.requests)
    assert Counts(good=5) == counts
    assert {(0, "a"), (1, "b"), (2, "a"), (3, "a"), (4, "b")} == {
        (line["index"], line["content"]) for line in found
    }
    assert {None: 2, "0": 2, "1": 1} == {
        name: sum(line.get("same_as") == name for line in found) for name in (None, "0", "1")
    }


def test_without_dedupe_identical_requests_are_each_asked() -> None:
    with service() as server:
        run(server, "a\na\na\n", template=ECHO, no_dedupe=True)
        assert 3 == len(server.requests)


@pytest.mark.slow
def test_with_a_journal_a_late_duplicate_gets_its_answer_from_there(tmp_path: Path) -> None:
    out = str(tmp_path / "out.jsonl")
    with service() as server:
        counts, _ = run(
            server,
            "duplicate\n" + numbers(300) + "duplicate\n",
            template=ECHO,
            output=out,
            format="openai",
            concurrency=2,
        )
        assert 301 == len(server.requests)
    assert Counts(good=302) == counts
    last = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    duplicate = next(line for line in last if line["index"] == 301)
    assert ("301", "0", "duplicate") == (
        duplicate["custom_id"],
        duplicate["same_as"],
        duplicate["response"]["body"]["choices"][0]["message"]["content"],
    )


def test_a_limit_of_records_is_kept_and_the_next_run_asks_the_others(tmp_path: Path) -> None:
    path = str(tmp_path / "out.jsonl")
    with service() as server:
        first, _ = run(server, numbers(5), template=ECHO, limit=3, output=path)
        second, _ = run(server, numbers(5), template=ECHO, limit=3, output=path, resume=True)
        assert 5 == len(server.requests)
    assert (Counts(good=3), Counts(good=2, skipped=3)) == (first, second)


@pytest.mark.parametrize("keep_order", [False, True])
def test_shards_ask_every_record_once_together(keep_order: bool) -> None:
    found = []
    with service() as server:
        for number in range(3):
            shard = Shard.parse(f"{number}/3")
            found += run(server, numbers(10), template=ECHO, shard=shard, keep_order=keep_order)[1]
    assert [str(number) for number in range(10)] == sorted(map(str, contents(found)))


def test_too_many_failed_records_end_the_run_and_are_counted() -> None:
    with (
        service("2013") as server,
        pytest.raises(Partial, match="4 records failed, and --max-errors allows 3"),
    ):
        run(server, numbers(500), template=ECHO, max_errors=ErrorLimit(count=3), concurrency=1)
    assert 4 == len(server.requests)


def test_bad_records_count_as_failed() -> None:
    with service() as server, pytest.raises(Partial, match="--max-errors"):
        run(server, '{"prompt": 1}\n' * 5, max_errors=ErrorLimit(count=3))


def test_no_more_is_spent_than_max_cost(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with service() as server, pytest.raises(QuotaError, match="--max-cost"):
        run_with(
            environment(server, AS_SIM),
            numbers(500),
            template=ECHO,
            max_cost=0.01,
            output=str(path),
            concurrency=4,
        )
    spent = sum(json.loads(line)["cost"] for line in path.read_bytes().splitlines())
    assert 0.005 < spent <= 0.01


def test_max_cost_is_refused_for_a_model_without_a_price() -> None:
    with (
        service() as server,
        pytest.raises(UsageError, match="price of other-model is not known; leave it out: --limit"),
    ):
        run_with(environment(server, AS_SIM), '{"model": "other-model", "prompt": "hi"}\n', max_cost=1)


def test_a_run_ends_at_its_deadline_and_says_so() -> None:
    with service("hang:#9") as server, pytest.raises(TimedOut, match="--deadline 1"):
        run(server, numbers(20), template=ECHO, deadline=1, grace=0.1)


def test_a_stopped_run_waits_for_answers_as_long_as_grace_says(tmp_path: Path) -> None:
    """The answers come after this `--grace`, and before the end of the default one."""
    path = tmp_path / "out.jsonl"
    with RunningSimulator(SimulatorProfile(latency=3.0)) as server, pytest.raises(TimedOut):
        run(server, "a\n", template=ECHO, deadline=0.5, grace=0.1, output=str(path))
    assert "" == path.read_text()


def test_a_longer_retry_after_than_max_wait_ends_the_run() -> None:
    """The default of `--max-wait` would let the run wait, and succeed."""
    with service("retry-after=2:#1") as server, pytest.raises(QuotaError) as error:
        run(server, numbers(1), template=ECHO, max_wait=1)
    assert (2, 1) == (error.value.retry_after, len(server.requests))


def test_a_record_larger_than_tpm_is_asked_and_the_next_one_waits_no_longer_than_max_wait() -> None:
    with service() as server:
        assert (Counts(1), 1) == (run(server, numbers(1), template=ECHO, tpm=1)[0], len(server.requests))
    with (
        service() as server,
        pytest.raises(QuotaError, match="longer than --max-wait 60: --rpm and --tpm") as error,
    ):
        run(server, numbers(4), template=ECHO, tpm=1, max_wait=60)
    assert error.value.retry_after == pytest.approx(600, abs=60)
    assert 1 == len(server.requests)


def test_a_deadline_ends_the_wait_for_a_permit() -> None:
    with service() as server, pytest.raises(TimedOut, match="--deadline 1"):
        run(server, numbers(4), template=ECHO, tpm=1, deadline=1)
    assert 1 == len(server.requests)


def test_a_shard_waits_for_its_part_of_a_low_rate() -> None:
    with service() as server, pytest.raises(TimedOut, match="--deadline 1"):
        run(server, numbers(12), template=ECHO, rpm=1, shard=Shard(1, 4), max_wait=10, deadline=1)
    assert 1 == len(server.requests)


def test_a_long_closed_plan_window_ends_the_run_and_names_its_end() -> None:
    with service("2056:#5") as server, pytest.raises(QuotaError) as error:
        run(server, numbers(100), template=ECHO, concurrency=1, max_wait=60)
    assert error.value.retry_after is not None
    assert error.value.retry_after > 60
    assert 5 == len(server.requests)


def test_a_dry_run_asks_nothing_and_prints_an_estimate(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"prompt": "four"}\n' * 10)
    _, (summary,) = run(None, files=(str(path),), no_dedupe=True, dry_run=True)
    assert (10, 0, 10, 10, 10240) == tuple(
        summary[name] for name in ("records", "bad", "requests", "prompt_tokens", "completion_tokens")
    )
    assert summary["cost"] == pytest.approx((10 * 0.3 + 10240 * 1.2) / 1e6, rel=1e-3)


def test_a_dry_run_needs_neither_key_nor_sdk() -> None:
    code = """
import sys
from mmpipe import main
from mmpipe.unix.streams import Streams
status = main.main(["batch", "--dry-run"], Streams.fake(b"hello\\n"))
print(status, "openai" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert "0 False\n" == done.stdout


def test_verbose_names_the_reason_of_each_retry() -> None:
    streams = Streams.fake(b"sim:echo a\n")
    with service("500:#1") as server:
        run_batch(BatchOptions(verbosity=Verbosity(verbose=True)), streams, environment(server))
    assert "0: HTTP 500: unknown error" in streams.captured()[1].decode()


def test_a_dry_run_counts_what_a_run_would_ask_and_its_pace() -> None:
    _, (summary,) = run(None, "a\n" * 50 + numbers(50), dry_run=True, limit=60)
    assert 11 == summary["requests"]
    _, (summary,) = run(None, numbers(100), dry_run=True, shard=Shard.parse("1/2"), rpm=10)
    assert (50, 600) == (summary["requests"], summary["seconds"])


def test_a_dry_run_refuses_what_a_run_would_refuse() -> None:
    with pytest.raises(InputError, match="line 1"):
        run(None, '{"prompt": 1}\n', dry_run=True)


def test_a_dry_run_leaves_the_journal_as_it_is_and_counts_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with service() as server:
        run(server, numbers(3), template=ECHO, output=str(path))
    torn = path.read_bytes() + b'{"id": "3", "ind'
    path.write_bytes(torn)
    _, (summary,) = run(None, numbers(5), template=ECHO, output=str(path), resume=True, dry_run=True)
    assert (3, 2) == (summary["answered"], summary["requests"])
    assert torn == path.read_bytes()


def test_meta_has_the_totals_of_the_run(tmp_path: Path) -> None:
    meta = tmp_path / "meta.jsonl"
    with service("2013:#2") as server:
        run_with(environment(server, AS_SIM), "a\nb\nc\na\n", template=ECHO, meta=str(meta), concurrency=1)
    (summary,) = [json.loads(line) for line in meta.read_bytes().splitlines()]
    assert (3, 1, 0, 1, 3, 0, 14) == tuple(
        summary[name]
        for name in ("good", "failed", "skipped", "copied", "requests", "retries", "exit_status")
    )
    assert "partial" == summary["error"]["name"]
    assert summary["usage"]["total_tokens"] > 0
    assert summary["cost"] > 0


@pytest.mark.slow
def test_a_journal_is_sorted_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with service("slow:0.3") as server:
        run(server, numbers(40), template=ECHO, output=str(path), keep_order=True)
    assert list(range(40)) == [json.loads(line)["index"] for line in path.read_bytes().splitlines()]


def test_a_changed_input_is_reported_and_an_unchanged_one_is_not_read_again(tmp_path: Path) -> None:
    source, out = tmp_path / "in.txt", str(tmp_path / "out.jsonl")
    source.write_text(numbers(5))
    files = (str(source),)
    with service() as server:
        run(server, template=ECHO, files=files, output=out)
        assert Counts(skipped=5) == run(server, template=ECHO, files=files, output=out, resume=True)[0]
        source.write_text(numbers(6))
        assert (
            Counts(good=1, skipped=5) == run(server, template=ECHO, files=files, output=out, resume=True)[0]
        )
        assert 6 == len(server.requests)


def test_the_system_message_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("Be brief.")
    with service() as server:
        run(server, "a\n", system_file=str(tmp_path / "system.txt"))
        messages = bodies(server)[0]["messages"]
    assert [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a"}] == messages


def test_corrected_bad_records_are_asked_by_the_next_run(tmp_path: Path) -> None:
    out = str(tmp_path / "out.jsonl")
    with service() as server:
        first, _ = run(server, '{"prompt": "a"}\n{"prompt": 1}\n', output=out)
        second, _ = run(server, '{"prompt": "a"}\n{"prompt": "b"}\n', output=out, resume=True)
    assert (Counts(good=1, failed=1), Counts(good=1, skipped=1)) == (first, second)


def test_a_truncated_answer_can_be_accepted() -> None:
    with service("length") as server:
        assert Counts(failed=1) == run(server, "a\n", template=ECHO)[0]
        accepted, (line,) = run(server, "a\n", template=ECHO, allow_truncated=True)
    assert (Counts(good=1), "length", None) == (accepted, line["finish_reason"], line["error"])


@pytest.mark.parametrize(("fault", "reason"), [("length:#1", "length"), ("filter:#1", "content_filter")])
def test_a_cut_answer_is_in_the_journal_of_either_form_and_is_asked_by_a_resumed_run(
    fault: str, reason: str, tmp_path: Path
) -> None:
    for form in ("jsonl", "openai"):
        path = str(tmp_path / form)
        with service(fault) as server:
            first, _ = run(server, "a\n", template=ECHO, format=form, output=path)
            (line,) = Path(path).read_text().splitlines()
            second, _ = run(server, "a\n", template=ECHO, format=form, output=path, resume=True)
        assert reason in line
        assert (Counts(failed=1), Counts(good=1)) == (first, second)


def test_a_schema_and_the_place_of_thinking_shape_the_lines_of_the_batch_api(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')
    prompt = '{"prompt": "sim:think hm|||```json\\n{\\"a\\": 1}\\n```"}\n'
    with service() as server:
        for chosen, content, thinking in (
            ({"schema": str(schema)}, '{"a":1}', "hm"),
            ({"schema": str(schema), "thinking": "hide"}, '{"a":1}', None),
            ({"schema": str(schema), "native_thinking": True}, '{"a":1}', "hm"),
        ):
            _, (line,) = run(server, prompt, format="openai", **chosen)
            response = line["response"]
            assert isinstance(response, dict)
            message = response["body"]["choices"][0]["message"]
            assert (content, thinking) == (message["content"], message.get("reasoning_content"))


def test_the_lines_of_the_batch_api_are_read_by_the_types_of_the_sdk() -> None:
    # Not by each worker that only collects the tests.
    from openai.types.chat import ChatCompletion

    with service() as server:
        _, (line,) = run(server, "a\n", template=ECHO, format="openai")
    response = line["response"]
    assert isinstance(response, dict)
    completion = ChatCompletion.model_validate(response["body"])
    assert "a" == completion.choices[0].message.content
    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None


def test_a_bad_record_is_written_to_a_journal_once(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with service() as server:
        for resume in (False, True, True):
            run(server, '{"prompt": "sim:echo a"}\n{"prompt": 1}\n', output=str(path), resume=resume)
    assert 2 == path.read_bytes().count(b"\n")


def test_a_broken_record_at_the_top_of_a_pipe_is_no_prompt() -> None:
    with service() as server:
        counts, _ = run(server, '{"prompt": "sim:echo a",}\n{"prompt": "sim:echo b"}\n')
        assert ["sim:echo b"] == prompts(server)
    assert Counts(good=1, failed=1) == counts


def test_a_repeated_id_fails_alone_on_a_pipe_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    records = '{"id":"a","prompt":"sim:echo 1"}\n{"id":"a","prompt":"sim:echo 2"}\n{"id":"c","prompt":"sim:echo 3"}\n'
    path = tmp_path / "out.jsonl"
    with service() as server:
        first, _ = run(server, records, output=str(path))
        again, _ = run(server, records, output=str(path), resume=True)
        assert 2 == len(server.requests)
    assert (Counts(good=2, failed=1), Counts(failed=1, skipped=2)) == (first, again)
    summary = [json.loads(line)["error"] for line in path.read_bytes().splitlines()]
    assert ["the id 'a' is in standard input, line 1, and in standard input, line 2"] == [
        error["message"].partition(": ")[2] for error in summary if error
    ]


def test_a_file_cannot_be_input_and_output(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("a\n")
    with service() as server:
        for resume in (True, False):
            with pytest.raises(UsageError, match="both input and output"):
                run(server, files=(str(path),), output=str(path), resume=resume, overwrite=not resume)
    assert "a\n" == path.read_text()

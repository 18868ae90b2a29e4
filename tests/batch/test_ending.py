"""The end of a run says what failed, how to look at it with jq, and by which command the run continues."""

import errno
import json
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mmpipe.batch.ending import Ending, ResultPlace, TypedCommand
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.summary import Failure, RunSummary
from mmpipe.errors import InputError, Interrupted, MmpipeError, OutputError, Partial, QuotaError
from mmpipe.unix.streams import Streams
from mmpipe.writers.details import Detail, format_details
from mmpipe.writers.terminal import Painter, Role
from support.batch_in_process import Counts, batch_options, run
from support.harness import service
from support.in_process import run_in_process

JOURNAL = ResultPlace(journal="out.jsonl")
COMMAND = TypedCommand(("batch", "in.txt", "-o", "out.jsonl"), batch_options(files=("in.txt",)))


def summary(good: int = 0, **causes: int) -> RunSummary:
    found = RunSummary()
    for _ in range(good):
        found.settle(None)
    for number, (cause, count) in enumerate(causes.items()):
        for each in range(count):
            found.settle(cause.replace("_", " "), Failure(f"{number}.{each}", f"why {cause}"))
    return found


def ending(
    counts: RunSummary,
    error: BaseException | None = None,
    results: ResultPlace = JOURNAL,
    command: TypedCommand = COMMAND,
) -> Ending:
    return Ending(counts, 40, error, results, command)


def lines(end: Ending) -> list[tuple[str, str]]:
    return [(each.label, each.text) for each in end.details()]


def test_a_good_end_is_one_line() -> None:
    end = ending(summary(40))
    assert ([], None, True) == (lines(end), end.continuation, end.headline.startswith("40 good, 0 tokens, "))


def test_failures_are_listed_by_kind_with_the_first_of_each() -> None:
    end = ending(summary(36, server=1, cut_short=3), Partial("4 of 40 records failed"))
    assert [
        ("3 cut short", "such as 1.0: why cut_short"),
        ("1 server", "0.0: why server"),
        (
            "to see them",
            r"""jq -r 'select(.error) | "\(.custom_id // .id): \(.error.message)" | gsub("\\p{C}"; "?")' out.jsonl""",
        ),
        ("to continue", "mmpipe batch in.txt -o out.jsonl --resume"),
        ("exit status 14", "some records have no good answer"),
    ] == lines(end)
    assert end.headline.startswith("36 good, 4 failed, 0 tokens, ")
    assert "to continue: mmpipe batch in.txt -o out.jsonl --resume" == end.continuation


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_freed_before_the_run_goes_on_and_lost_answers_are_not_good(number: int) -> None:
    counts, error = summary(20), OutputError("cannot write")
    error.__cause__ = OSError(number, "no space")
    counts.lose(8)
    end = ending(counts, error)
    assert end.headline.startswith("12 good, 20 left, 8 answered but not written, ")
    assert [
        ("first", "free some space"),
        ("to continue", "mmpipe batch in.txt -o out.jsonl --resume"),
    ] == lines(end)
    command = "mmpipe batch in.txt -o out.jsonl --resume"
    assert f"to continue, first free some space, then: {command}" == end.continuation


def test_an_end_without_a_good_answer_says_none() -> None:
    end = ending(summary(0, server=3), Partial("3 of 3 records failed"))
    assert ("exit status 14", "none of the records has a good answer") == lines(end)[-1]


def test_a_run_of_which_all_failed_names_the_way_to_keep_answers(tmp_path: Path) -> None:
    kept = "with -o FILE answers are kept, and --resume asks only what is left"
    table = f"{tmp_path}/Moods.CSV"
    merged = f"mmpipe batch --merge {table} -F csv"
    lines = f"{table} gets JSON lines, not a table; afterwards `{merged}` prints the table"
    with service("500") as server:
        for words in ((), ("-o", table)):
            done = run_in_process("batch", "--retries", "0", *words, server=server, stdin=b"hi\n")
            assert 14 == done.status
            assert "1 of 1 record failed, none has a good answer; each is in the output" in done.stderr_text
            assert [not words, bool(words)] == [part in done.stderr_text for part in (kept, lines)]


@pytest.mark.parametrize("error", [Interrupted(signal.SIGINT), QuotaError("no balance"), Partial("too many")])
def test_an_early_end_counts_what_is_left_and_can_be_continued(error: BaseException) -> None:
    end = ending(summary(12), error)
    assert ("to continue", "mmpipe batch in.txt -o out.jsonl --resume") in lines(end)
    begin = "ended by SIGINT: " if isinstance(error, Interrupted) else ""
    assert end.headline.startswith(f"{begin}12 good, 28 left, ")


@pytest.mark.parametrize("error", [InputError("changed"), MmpipeError("not begun")])
def test_a_run_that_cannot_be_continued_names_no_command(error: MmpipeError) -> None:
    counts = summary(1) if isinstance(error, InputError) else summary()
    assert (None, []) == (ending(counts, error).continuation, lines(ending(counts, error)))


def test_without_a_journal_there_is_nothing_to_continue_and_text_has_named_its_failures() -> None:
    end = ending(summary(1, server=2), Partial("2 of 3"), ResultPlace("text"))
    assert [
        ("2 server", ""),
        ("next time", "with -o FILE answers are kept, and --resume asks only what is left"),
    ] == (lines(end)[:-1])
    assert None is end.continuation


@pytest.mark.parametrize(
    ("expected", "typed"),
    [
        ("a -o b --resume", "a -o b"),
        ("a --resume -o b", "a --resume -o b"),
        ("a -o b --resume", "a --overwrite -o b"),
        ("-o b --resume -- -a", "-o b -- -a"),
        ("-o b --resume -- --overwrite --resume", "-o b --overwrite -- --overwrite --resume"),
        ("-o b a -s --resume --resume", "-o b a -s --resume"),
        ("-o b a -s --overwrite --resume", "-o b a -s --overwrite"),
        ("-ks --overwrite a -ob --resume", "-ks --overwrite a -ob --overwrite"),
        ("-s -- a -o b --resume", "-s -- a -o b --overwrite"),
        ("--system=s -sk -o b a --resume", "--system=s -sk --overwrite -o b a"),
        ("a -o - --resume", "a -o - --overwrite"),
        ("a -o b --template 'It'\"'\"'s {}.' --resume", 'a -o b --template "It\'s {}."'),
    ],
)
def test_the_command_that_continues_is_the_one_that_was_typed(expected: str, typed: str) -> None:
    for before in ([], ["--"]):
        words = [*before, "batch", *shlex.split(typed)]
        is_resuming = "a --resume" in typed
        options = batch_options(resume=is_resuming, overwrite="--overwrite" in typed)
        assert f"mmpipe batch {expected}" == TypedCommand(words, options).resuming


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        ([], {}),
        (["batch", "x" * 500], {}),
        (["batch", "/dev/fd/63"], {"files": ("/dev/fd/63",)}),
        (["batch", "-", "/proc/self/fd/11"], {"files": ("-", "/proc/self/fd/11")}),
        (["batch", "a", "--system-file", "/dev/fd/63"], {"files": ("a",), "system_file": "/dev/fd/63"}),
        (["batch", "a", "--schema", "/dev/fd/63"], {"files": ("a",), "schema": "/dev/fd/63"}),
        (["batch", "a", "--api-key-file", "/dev/fd/63"], {"files": ("a",), "api_key_file": "/dev/fd/63"}),
        (["batch", "a", "--meta", "/dev/fd/3"], {"files": ("a",), "meta": "/dev/fd/3"}),
    ],
)
def test_a_command_that_cannot_be_copied_is_described_instead(
    words: Sequence[str], typed: Mapping[str, object]
) -> None:
    words, options = [*words, "--overwrite"] if words else [], batch_options(**typed, overwrite=True)
    end = ending(summary(1), Partial("x"), command=TypedCommand(words, options))
    described = "run the same command with --resume in place of --overwrite"
    reads_stdin = options.records.files[:1] in ((), ("-",))
    stdin = ", with the same standard input" if reads_stdin else ""
    assert f"to continue{stdin}: {described}" == end.continuation
    assert ("to continue", described) == lines(end)[0]
    assert reads_stdin == (("", "(with the same standard input)") in lines(end))


@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_a_name_of_standard_input_can_be_copied(name: str) -> None:
    command = TypedCommand(["batch", name, "-o", "b"], batch_options(files=(name,)))
    assert (True, f"mmpipe batch {name} -o b --resume") == (command.reads_stdin, command.resuming)


def test_in_a_log_the_longest_command_is_whole() -> None:
    words = ["batch", "-o", "/long" * 90, "-"]
    streams = Streams.fake()
    command = TypedCommand(words, batch_options(files=("-",)))
    continuation = ending(summary(1), Partial("x"), ResultPlace(journal=words[2]), command).continuation
    assert continuation is not None
    streams.report(continuation)
    assert f"mmpipe {shlex.join(words)} --resume\n" in streams.captured()[1].decode()


@pytest.mark.parametrize("width", [1, 40, 80])
def test_long_texts_are_broken_beside_their_labels_and_commands_are_not(width: int) -> None:
    command = "jq " + "x" * 200
    details = [
        Detail("3 cut short", "多字节 words " * 20, Role.ERROR),
        Detail("to see", command, Role.HEADING, is_command=True),
    ]
    plain = list(format_details(details, width, Painter(enabled=False)))
    assert f"  to see       {command}" == plain[-1]
    texts = [line[15:] for line in plain[:-1]]
    assert "多字节 words" in texts[0]
    assert all(len(line.encode("gb18030")) <= max(20, width - 16) for line in texts)
    assert "\x1b[1;31m3 cut short\x1b[0m" in next(iter(format_details(details, width, Painter(enabled=True))))


@pytest.mark.parametrize("form", ["jsonl", "openai"])
@pytest.mark.parametrize(
    "names", [("id",), ("custom_id",), ("id", "custom_id"), ("custom_id", "id")], ids="+".join
)
def test_jq_prints_the_failed_records_of_the_journal(
    form: JournalFormat, names: Sequence[str], tmp_path: Path, needs: Callable[[str], None]
) -> None:
    needs("jq")
    rows = [
        {names[number % len(names)]: f"r{number}\x1b\u202e\n", "prompt": f"sim:echo {number}"}
        for number in range(6)
    ]
    stdin = "".join(json.dumps(row) + "\n" for row in rows)

    out = str(tmp_path / "my out.jsonl")

    def failures(*, again: bool) -> list[str]:
        end = ending(summary(0, server=1), Partial("x"), ResultPlace(form, out, again))
        query = dict(lines(end))["to see them"]
        done = subprocess.run(["sh", "-c", query], capture_output=True, check=True, text=True)
        assert done.stdout.replace("\n", "").isprintable()
        return [line.partition(": ")[0] for line in done.stdout.splitlines()]

    typed = {"output": out, "format": form, "concurrency": 1, "retries": 0}
    with service("2013:#2", "length:#4", "length:#7") as server:
        assert (4, 2) == counted(run(server, stdin, **typed))
        assert ["r1???", "r3???"] == failures(again=False) == failures(again=True)
        assert (1, 1) == counted(run(server, stdin, resume=True, **typed))
        # One of them was good the second time.
        assert ["r1???"] == failures(again=True)


def counted(found: tuple[Counts, object]) -> tuple[int, int]:
    return found[0].good, found[0].failed

"""Changes the code of a room in every small way, and lists the changes that its tests do not notice; run by hand.

    pip install mutmut
    nice python tests/mutation/rooms.py /tmp/mutants thinking wire

The folder gets a copy of the project for each room, with the code under `src`, where mutmut wants it. What survives
the quick tests of its room meets the wider ones; `cd /tmp/mutants/wire; mutmut show NAME` shows what is left.
Only tests that run `mmpipe` inside their own process see a change. What stands outside of functions is not changed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# As mutmut counts: the exit status of the tests, or what it made of it.
SURVIVED = (0, 5, 33)
TIMEOUTS = (36, 24, -24, 152, 255)
# All but the last take most of the time and find no more than the others; the last looks for the code under `cli`.
LEFT_OUT = (
    "batch/journal/test_journal_end.py::test_wherever_a_crash_cuts_it_the_journal_and_the_rest_make_the_whole",
    "batch/test_ledger.py::test_many_rows_are_found_again_and_take_little_more_than_themselves",
    "api/answer/test_call_assembler.py::test_a_name_of_many_pieces_or_of_great_length_is_cut_off_or_refused",
    "writers/test_progress.py::test_no_progress_loads_rich_which_takes_seconds_on_a_slow_machine",
)


class Room(NamedTuple):
    """The modules that are changed, the tests that are quick, and those that what survives is run against."""

    code: tuple[str, ...]
    quick: tuple[str, ...]
    wider: tuple[str, ...]


ROOMS = {
    "errors": Room(
        (
            "api/refusals/codes", "api/refusals/error_words", "api/refusals/service_errors", "api/refusals/reasons", "api/refusals/advice", "api/server_times",
            "text/html_page",
        ),
        (
            "api/refusals/test_codes.py", "api/refusals/test_service_errors.py", "api/refusals/test_reasons.py", "api/refusals/test_advice.py",
            "api/test_server_times.py", "text/test_html_page.py",
        ),
        ("api/answer/test_response.py", "program/service/test_server_shapes.py"),
    ),
    "calls": Room(
        ("api/answer/call_arguments", "api/answer/call_assembler", "api/answer/call_parts", "core/calls"),
        (
            "api/answer/test_call_arguments.py", "api/answer/test_call_assembler.py", "api/answer/test_calls_in_pieces.py",
            "core/test_calls.py",
        ),
        (
            "api/answer/test_call_laws.py", "api/answer/test_wire.py", "core/test_messages.py", "tools/test_tool_rounds.py",
            "program/service/test_calls_of_servers.py",
        ),
    ),
    "ends": Room(
        ("api/answer/answer_end", "api/answer/usage", "core/finish_reasons", "core/reply", "batch/summary"),
        (
            "api/answer/test_answer_end.py", "api/answer/test_usage.py", "core/test_finish_reasons.py", "core/test_reply.py",
            "batch/test_summary.py",
        ),
        ("api/answer/test_wire.py", "api/answer/test_end_laws.py", "chat/test_answer.py", "batch/test_results.py", "batch/test_run.py"),
    ),
    "wire": Room(
        (
            "api/answer/sse", "api/answer/wire", "api/answer/chunks", "api/answer/message", "api/answer/cumulative",
            "api/answer/repetition", "api/answer/response",
            "api/answer/content_coding",
            "core/events", "core/reply",
        ),
        (
            "api/answer/test_sse.py", "api/answer/test_wire.py", "api/answer/test_framings.py",
            "api/answer/test_content_coding.py", "api/answer/test_fields.py", "api/answer/test_calls_in_pieces.py",
            "api/answer/test_cumulative.py", "api/answer/test_pieces.py", "api/answer/test_rest_of_stream.py",
            "api/answer/test_refused_answers.py", "api/answer/test_repeated_chunks.py", "api/answer/test_response.py",
            "core/test_reply.py",
        ),
        ("chat/test_answer.py", "batch/test_results.py", "api/test_client.py", "program/service/test_faults.py"),
    ),
    "parser": Room(
        ("api/http/http_parser", "api/http/tunnels", "api/http/routes"),
        ("api/http/test_http_parser.py", "api/http/test_routes.py", "api/http/test_tunnels.py"),
        ("api/http/test_proxies.py", "api/test_client.py", "api/test_pool_on_sockets.py"),
    ),
    "thinking": Room(
        ("core/thinking", "core/thinking_tags"), ("core/test_thinking.py",), ("chat/test_answer.py",)
    ),
    "journal": Room(
        ("batch/journal/journal", "batch/journal/scan", "batch/ledger", "batch/records/split"),
        (
            "batch/journal/test_journal.py", "batch/journal/test_journal_end.py",
            "batch/test_ledger.py", "batch/records/test_lines.py",
        ),
        (
            "batch/journal/test_journal_crashes.py", "batch/test_dedupe.py", "batch/journal/test_merge.py",
            "batch/test_run_options.py",
        ),
    ),
    "retry": Room(
        ("api/retry", "api/attempt", "chat/stats"),
        ("api/test_retry.py", "api/test_attempt.py", "chat/test_stats.py"),
        ("chat/test_answer.py", "api/test_client.py", "program/service/test_faults.py"),
    ),
    "limits": Room(
        ("batch/pace/gcra", "batch/pace/limiter", "batch/pace/shared_limiter"),
        (
            "batch/pace/test_limiter.py", "batch/pace/test_shared_limiter.py",
            "batch/pace/test_shared_limiter_trust.py",
        ),
        ("batch/test_engine.py", "batch/test_run_options.py"),
    ),
    "terminal": Room(
        ("text/visible", "writers/console", "writers/text_forms", "writers/text_sink"),
        ("text/test_visible.py", "writers/test_console.py", "writers/test_text.py"),
        ("writers/test_progress.py", "chat/test_answer.py", "program/service/test_faults.py"),
    ),
}  # fmt: skip


def prepare(folder: Path, room: Room, tests: Iterable[str]) -> None:
    """Copy the project, and configure what to change and what to run."""
    for name, source in (("src", ROOT / "cli"), ("tests", ROOT / "tests")):
        shutil.copytree(source, folder / name, dirs_exist_ok=True)
    settings = (ROOT / "pyproject.toml").read_text("utf-8").replace('["cli", "tests"]', '["src", "tests"]', 1)
    arguments = [
        "-p",
        "no:cacheprovider",
        *(part for test in LEFT_OUT for part in ("--deselect", f"tests/{test}")),
    ]
    chosen = {
        "source_paths": ["src"],
        "only_mutate": [f"src/mmpipe/{module}.py" for module in room.code],
        "pytest_add_cli_args": arguments,
        "pytest_add_cli_args_test_selection": [f"tests/{test}" for test in tests],
        "timeout_constant": 8.0,
        "timeout_multiplier": 3.0,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
    lines += ["use_git_change_detection = false", "track_dependencies = false"]
    (folder / "pyproject.toml").write_text("\n".join((settings, "[tool.mutmut]", *lines, "")), "utf-8")
    # Which test runs which function is found out anew.
    (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)


def mutmut(folder: Path, *names: str) -> dict[str, int | None]:
    """Make the named changes, or all that were not made yet; return the exit status of the tests for each."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    # There Hypothesis tries the same examples each time, and a slow one is no failure.
    environment = {**os.environ, "CI": "true"}
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr, env=environment)
    found: dict[str, int | None] = {}
    for kept in (folder / "mutants").rglob("*.meta"):
        found |= json.loads(kept.read_text("utf-8"))["exit_code_by_key"]
    return found


def summary(found: dict[str, int | None]) -> str:
    """Return the counts of the changes in one line."""
    ends = Counter(
        "survived" if status in SURVIVED else "timeouts" if status in TIMEOUTS else "killed"
        for status in found.values()
    )
    share = 1 - ends["survived"] / len(found)
    counts = ", ".join(f"{ends[name]} {name}" for name in ("killed", "timeouts", "survived"))
    return f"{len(found)} changes, {counts}: {share:.1%}"


def visit(folder: Path, name: str) -> None:
    room = ROOMS[name]
    prepare(folder, room, room.quick)
    found = mutmut(folder)
    sys.stdout.write(f"{name}: by its quick tests {summary(found)}\n")
    if left := [change for change, status in found.items() if status in SURVIVED]:
        prepare(folder, room, room.wider)
        found = mutmut(folder, *left)
        sys.stdout.write(f"{name}: by the wider ones too {summary(found)}\n")
    sys.stdout.writelines(f"  {change}\n" for change, status in found.items() if status in SURVIVED)


if __name__ == "__main__":
    for name in sys.argv[2:] or ROOMS:
        visit(Path(sys.argv[1], name), name)

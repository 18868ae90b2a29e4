"""What every test may need."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest

# What tries to break a promise, by where it goes at it; pyproject.toml says what each group is about.
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "faults": ("test_faults", "test_failures"),
    "inputs": ("test_input_bytes", "test_input_kinds", "test_large_input", "test_argument_bytes"),
    "outputs": (
        "test_output_full", "test_output_places", "test_output_file", "test_closed_streams", "test_readers",
        "test_terminal", "test_batch_disk",
    ),
    "processes": (
        "test_signals", "test_surroundings", "test_environment", "test_rights", "test_clock", "test_batch_ends",
    ),
    "crashes": (
        "test_crash_sweeps", "test_power_cut", "test_power_loss", "test_crashes", "test_batch_model", "test_batch",
    ),
    "keys": ("test_keys", "test_key_texts", "test_key_nowhere", "test_terms"),
    "tools": (
        "test_tools", "test_tool_confirmation", "test_tool_definitions", "test_tool_environment", "test_tool_process",
        "test_tool_rounds", "test_tool_sandbox",
    ),
    "laws": (
        "test_sse", "test_wire_laws", "test_thinking_laws", "test_settings_laws", "test_records_laws", "test_visible",
        "test_journal_damage", "test_transcript_damage", "test_lines", "test_retry",
    ),
}  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: most of what a test does is wait."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for group, modules in GROUPS.items():
            if item.path.stem in modules:
                item.add_marker(group)


@pytest.fixture(scope="session")
def needs() -> Callable[[str], None]:
    """Says that a test is about a program; on a user's machine it may be missing, but never where CI promises it."""

    def look_for(program: str) -> None:
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    return look_for

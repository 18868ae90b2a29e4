"""Options of recordings: `--record`, `--replay` and `--cache`."""

from dataclasses import dataclass
from typing import Literal

# `record` asks and writes; `replay` answers from the folder only; `cache` answers from the folder if it can.
RecordingMode = Literal["record", "replay", "cache"]


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """The folder of recordings, as a path, and its use."""

    folder: str
    mode: RecordingMode

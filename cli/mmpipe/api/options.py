"""Options of recordings: `--record`, `--replay` and `--cache`."""

from dataclasses import dataclass
from typing import Literal

# What is done with a request: asked and kept; answered from a folder only; or from there if it can be.
RecordingMode = Literal["record", "replay", "cache"]


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """Where answers are kept; `folder` is a path."""

    folder: str
    mode: RecordingMode

"""The modes of `--thinking`; apart from the code that arranges thinking, so that `--help` stays fast."""

from typing import Literal

# Thinking before the answer in one text; apart from the answer; or dropped.
ThinkingMode = Literal["show", "split", "hide"]

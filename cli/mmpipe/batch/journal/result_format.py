"""The formats of result lines; a journal has one of them."""

from typing import Literal

ResultFormat = Literal["jsonl", "openai"]

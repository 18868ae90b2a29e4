"""Markdown as a form of text on a terminal."""

from collections.abc import Mapping

from mmpipe.unix.streams import Output
from mmpipe.writers.markdown.page import Page
from mmpipe.writers.markdown.reader import BlockReader
from mmpipe.writers.terminal import read_terminal_width, wants_style
from mmpipe.writers.text_forms import TextForm


class MarkdownForm(TextForm):
    """Markdown as a page: each block once it is whole, with a newline at its end; lines of code one by one."""

    def __init__(self, output: Output, environment: Mapping[str, str]) -> None:
        self._reader = BlockReader()
        self._page = Page(
            lambda: read_terminal_width(output, environment), has_styles=wants_style(environment)
        )

    def feed(self, text: str) -> str:
        return self._page.draw(self._reader.feed(text))

    def close(self) -> str:
        return self._page.draw(self._reader.close())

"""The terminal as a place for Markdown."""

from collections.abc import Mapping

from mmpipe.text.visible import visible
from mmpipe.unix.streams import Output
from mmpipe.writers.markdown.blocks import Block
from mmpipe.writers.markdown.page import Page
from mmpipe.writers.markdown.reader import BlockReader
from mmpipe.writers.terminal import ERASE_LINE, read_terminal_width, wants_style


class MarkdownText:
    """Writes Markdown to a terminal, each block once it is whole; lines of code one by one."""

    def __init__(self, output: Output, environment: Mapping[str, str]) -> None:
        self._output = output
        self._reader = BlockReader()
        self._page = Page(
            lambda: read_terminal_width(output, environment), has_styles=wants_style(environment)
        )

    def write(self, text: str) -> None:
        """Write the blocks that end in `text`."""
        self._draw(self._reader.feed(text))

    def write_line(self, line: str) -> None:
        """Write a line that is no Markdown, after all blocks."""
        self.begin_line()
        self._output.draw(f"{visible(line)}\n")

    def end_line(self) -> None:
        """Write what has not ended yet; every block ends with a newline."""
        self._draw(self._reader.close())

    def begin_line(self) -> None:
        """Write what has not ended yet."""
        self.end_line()

    def pause(self) -> None:
        """Write what has not ended yet, before thinking is written to the same terminal."""
        self.end_line()

    def interrupt(self) -> None:
        """Write what came of an incomplete text, in place of the `^C` that the terminal has echoed in the first column."""
        blocks = self._reader.close()
        if blocks:
            self._output.draw(f"{ERASE_LINE}{self._page.draw(blocks)}")

    def break_off(self) -> None:
        """Write what came of an incomplete text."""
        self.end_line()

    def _draw(self, blocks: list[Block]) -> None:
        if blocks:
            self._output.draw(self._page.draw(blocks))

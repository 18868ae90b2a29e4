"""Reads the text of a block into spans. markdown-it finds emphasis, code, links and HTML; formulas stay as they are."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, emphasis
from markdown_it.token import Token

from mmpipe.text.visible import visible
from mmpipe.writers.markdown.spans import (
    BOLD,
    CYAN,
    DIM,
    ITALIC,
    MAGENTA,
    STRUCK,
    UNDERLINED,
    Span,
    add_style,
)
from mmpipe.writers.markdown.wrapping import WIDE

# In a formula, underscores and backslashes are no Markdown. A dollar before a digit, after another, may be a price.
_FORMULA: Final = re.compile(
    r"\$\$[^$]{1,2000}\$\$"
    r"|\$(?![\s$])(?:[^$\\\n]|\\[^\n]){1,1000}(?<!\s)\$(?!\d)"
    r"|\\\((?:[^\\]|\\[^()]){1,1000}\\\)"
    r"|\\\[(?:[^\\]|\\[^\[\]]){1,2000}\\\]"
)
_LINE_BREAK: Final = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
_IS_WIDE: Final = re.compile(WIDE)
_ONE_LINE: Final = str.maketrans({"\n": " ", "\t": " "})
_EMPHASIS: Final = {"em": ITALIC, "strong": BOLD, "s": STRUCK}


class InlineReader:
    """Reader of text with inline Markdown; with `keeps_marks`, for terminals without styles, its marks stay."""

    def __init__(self, *, keeps_marks: bool) -> None:
        self._keeps_marks = keeps_marks
        self._parser = _create_parser()

    def read(self, text: str, style: str = "") -> list[Span]:
        """Return the text as spans, all of them in `style` as well; a newline is a line break."""
        return [
            span
            for token in self._parser.parseInline(text)
            for span in self._read_tokens(token.children or (), style)
        ]

    def _read_tokens(self, tokens: Sequence[Token], style: str) -> Iterator[Span]:
        styles, links = [style], list[tuple[str, list[str]]]()
        for token in tokens:
            kind = token.type.removesuffix("_open").removesuffix("_close")
            if token.nesting > 0:
                styles.append(add_style(styles[-1], _EMPHASIS.get(kind, UNDERLINED)))
            if kind == "link":
                if token.nesting > 0:
                    links.append((str(token.attrGet("href") or ""), []))
                else:
                    yield from _describe_target(*links.pop(), styles[-2])
            elif token.nesting:
                yield from self._mark(token.markup, styles[-1])
            else:
                for span in self._read_token(token, styles[-1]):
                    for _, texts in links[-1:]:
                        texts.append(span.text)
                    yield span
            if token.nesting < 0:
                styles.pop()

    def _read_token(self, token: Token, style: str) -> Iterator[Span]:
        # A character reference may stand for a control character.
        text = visible(token.content).translate(_ONE_LINE)
        match token.type:
            case "softbreak" | "hardbreak":
                # Models write a paragraph as one long line, and end a line where it is to end: in verses, or after a label.
                yield Span("\n")
            case "code_inline":
                yield from self._mark(token.markup, style)
                yield Span(text, add_style(style, CYAN))
                yield from self._mark(token.markup, style)
            case "formula":
                yield Span(text, add_style(style, MAGENTA))
            case "html_inline":
                yield Span("\n") if _LINE_BREAK.fullmatch(text) else Span(text, add_style(style, DIM))
            case "image":
                yield Span(f"[image: {text}]", style)
                yield from _describe_target(str(token.attrGet("src") or ""), [], style)
            case _:
                yield Span(text, style)

    def _mark(self, mark: str, style: str) -> Iterator[Span]:
        if self._keeps_marks:
            yield Span(mark, style)


def _describe_target(target: str, texts: Sequence[str], style: str) -> Iterator[Span]:
    """Yield the target of a link, as text: a reader sees where it leads. A link whose text is its target has it already."""
    shown = visible(target).translate(_ONE_LINE)
    if shown.removeprefix("mailto:") != "".join(texts):
        yield Span(" ", style)
        yield Span(f"({shown})", add_style(style, DIM))


class _Parser(MarkdownIt):
    """Parser that leaves the targets of links as they are written."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802  the name of markdown-it
        return url


def _create_parser() -> MarkdownIt:
    parser = _Parser("commonmark").enable("strikethrough")
    parser.inline.ruler.before("escape", "formula", _read_formula)
    parser.inline.ruler.at("emphasis", _read_emphasis)
    return parser


def _read_emphasis(state: StateInline, silent: bool) -> bool:
    """Read the marks of emphasis; beside Chinese and Japanese, which have no spaces, stars also count next to punctuation."""
    start, known = state.pos, len(state.delimiters)
    if not emphasis.tokenize(state, silent):
        return False
    before, after = state.src[max(start - 1, 0) : start], state.src[state.pos : state.pos + 1]
    is_inside = before.strip() and after.strip() and state.src[start] == "*"
    if is_inside and (_IS_WIDE.match(before) or _IS_WIDE.match(after)):
        for mark in state.delimiters[known:]:
            mark.open = mark.close = True
    return True


def _read_formula(state: StateInline, silent: bool) -> bool:
    found = _FORMULA.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("formula", "", 0).content = found[0]
    state.pos = found.end()
    return True

"""Outlines of Markdown, as our reader and as markdown-it read it: the two must be equal."""

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mmpipe.writers.markdown import blocks
from mmpipe.writers.markdown.reader import BlockReader

# The text left of the first line of a block, its kind, and its content.
Outline = list[tuple[str, str, str]]


def read_blocks(*pieces: str) -> list[blocks.Block]:
    """The blocks of a text that comes in these pieces."""
    reader = BlockReader()
    read = [block for piece in pieces for block in reader.feed(piece)]
    return [*read, *reader.close()]


def outline(text: str) -> Outline:
    """The outline by our reader."""
    found: Outline = []
    for block in read_blocks(text):
        match block:
            case blocks.Paragraph(margin, content):
                found.append((margin.first, "text", content))
            case blocks.Heading(margin, level, content):
                found.append((margin.first, f"h{level}", content))
            case blocks.Rule(margin):
                found.append((margin.first, "rule", ""))
            case blocks.VerbatimStart(margin, kind):
                found.append((margin.first, kind, ""))
            case blocks.VerbatimLine(line):
                found[-1] = (*found[-1][:2], f"{found[-1][2]}{line}\n")
            case blocks.TableStart(margin, cells):
                found.append((margin.first, "table", "|".join(cells)))
            case blocks.TableRow(cells):
                found[-1] = (*found[-1][:2], f"{found[-1][2]}\n{_join(cells)}")
            case _:
                pass
    return [(margin, kind, _plain(content)) for margin, kind, content in found]


def outline_of_markdown_it(text: str) -> Outline:
    """The outline by markdown-it, with the marks that our reader shows."""
    # A definition of a link may come after its use, so that a reader of a stream shows it as text.
    parser = MarkdownIt("commonmark", {"maxNesting": 99}).enable("table").disable("reference")
    return [(margin, kind, _plain(content)) for margin, kind, content in _Walk().outline(parser.parse(text))]


def _join(cells: Sequence[str]) -> str:
    """The row; its last cells may be left out if they are empty."""
    return "|".join(cells).rstrip("|")


def _inline(kind: str, content: str) -> str:
    """The content of the token behind a leaf that has none of its own."""
    return content if kind == "text" else "" if kind in ("rule", "code") else content.replace("\n", " ")


def _plain(content: str) -> str:
    return "\n".join(" ".join(line.split()) for line in content.split("\n")).strip("\n")


# The kind of each leaf token; that of a heading is its tag.
_LEAVES = {
    "heading_open": "",
    "paragraph_open": "text",
    "hr": "rule",
    "fence": "code",
    "code_block": "code",
    "html_block": "html",
}


class _Walk:
    """The containers around a token, outermost first: each with the text of its first line, and whether that was shown."""

    def __init__(self) -> None:
        self.around: list[list[str]] = []
        self.lists: list[int | None] = []
        self.rows: list[list[str]] = []

    def margin(self) -> str:
        text = "".join(first for first, _ in self.around)
        for container in self.around:
            container[0] = container[1]
        return text

    def outline(self, tokens: list[Token]) -> Iterator[tuple[str, str, str]]:
        for token, content in zip(tokens, [*(token.content for token in tokens[1:]), ""], strict=False):
            if token.type in _LEAVES:
                kind = _LEAVES[token.type] or token.tag
                yield self.margin(), kind, token.content or _inline(kind, content)
            elif token.type == "table_close":
                yield self.margin(), "table", "\n".join(map(_join, self.rows))
            elif token.type in ("list_item_close", "blockquote_close"):
                if self.around[-1][0] != self.around[-1][1]:
                    yield self.margin(), "text", ""
                self.around.pop()
            else:
                self.step(token, content)

    def step(self, token: Token, content: str) -> None:
        match token.type:
            case "blockquote_open":
                self.around.append(["│ ", "│ "])
            case "ordered_list_open":
                self.lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_open":
                self.lists.append(None)
            case "ordered_list_close" | "bullet_list_close":
                self.lists.pop()
            case "list_item_open":
                self.open_item(token)
            case "table_open":
                self.rows = []
            case "tr_open":
                self.rows.append([])
            case "th_open" | "td_open":
                self.rows[-1].append(content)
            case _:
                pass

    def open_item(self, token: Token) -> None:
        number = self.lists[-1]
        items = len(self.lists) - 1
        first = f"{'•◦▪'[items % 3]} " if number is None else f"{number}{token.markup} "
        if number is not None:
            self.lists[-1] = number + 1
        self.around.append([first, " " * len(first)])

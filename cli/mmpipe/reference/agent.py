"""Generate the page for programs and language models that run mmpipe: Markdown, from the tables of the other documents."""

import json
from collections.abc import Iterable, Iterator
from typing import assert_never

from mmpipe import __version__
from mmpipe.grammar import Tree
from mmpipe.reference.guide_text import Block, Code, Prose, Terms, read_guide
from mmpipe.reference.schemas import OUTPUTS, schema_document
from mmpipe.reference.tables import EXIT_STATUSES, SIGNALS


def agent_page(tree: Tree) -> str:
    """Return the page of the tree."""
    name = tree.program.name
    lines = [
        f"# {name} {__version__}, for programs that run it",
        "",
        tree.program.summary,
        "",
        "## Commands",
        "",
        *_items((f"{name} {command.synopsis}", command.summary) for command in tree.commands),
        "",
        f"`{name} COMMAND --help` has the options, `man {name}` all details.",
        "",
        "## Use",
        "",
        # The first paragraph is about this page.
        *(line for block in read_guide("programs").blocks[1:] for line in _markdown(block)),
        "## Exit status",
        "",
        *_items((f"{int(status)} {status.label}", when) for status, when in EXIT_STATUSES),
        *_items([SIGNALS]),
        "",
        "## JSON",
        "",
        "Each object is one line. Fields keep their names; new ones may be added.",
        "",
        *_items((output, _named(names)) for output, names in OUTPUTS.items()),
        "",
        "```json",
        *_schema_lines(),
        "```",
    ]
    return "\n".join((*lines, ""))


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Prose(text):
            yield text
        case Terms(rows):
            yield from (f"- {term}: {meaning}" for term, meaning in rows)
        case Code(lines):
            yield from ("```sh", *lines, "```")
        case _:
            assert_never(block)
    yield ""


def _items(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f"- `{label}`: {meaning}" for label, meaning in rows)


def _named(objects: Iterable[str]) -> str:
    return " or ".join(f"`{name}`" for name in objects)


def _schema_lines() -> Iterator[str]:
    """Yield the JSON of all schemas, an object on each line."""
    document = schema_document()
    definitions = document.pop("$defs")
    assert isinstance(definitions, dict)  # noqa: S101  made above
    yield f'{json.dumps(document)[:-1]}, "$defs": {{'
    rows = [
        f"{json.dumps(name)}: {json.dumps(schema, separators=(',', ':'))}"
        for name, schema in definitions.items()
    ]
    yield ",\n".join(rows)
    yield "}}"

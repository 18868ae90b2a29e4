"""The facts about the API can be found where code and tests refer to them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FACTS = (ROOT / "cli" / "mmpipe" / "api" / "FACTS.md").read_text("utf-8")
SECTIONS = set(re.findall(r"^## (.+)$", FACTS, re.MULTILINE))
# `FACTS.md, "Streams", "Chunks"`, also over the end of a line.
_REFERENCE = re.compile(r'FACTS\.md((?:[,:\s#]+(?:and\s+)?"[^"\n]+")*)')
SOURCES = [
    path
    for folder in ("cli", "tests")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".toml") and path != Path(__file__)
]


def references(text: str) -> list[str]:
    return [title for found in _REFERENCE.findall(text) for title in re.findall(r'"([^"]+)"', found)]


def test_a_reference_to_the_facts_names_a_section() -> None:
    named = {title: path.name for path in SOURCES for title in references(path.read_text("utf-8"))}
    assert "Streams" in named
    assert {} == {title: name for title, name in named.items() if title not in SECTIONS}


def test_the_facts_refer_to_their_own_sections() -> None:
    named = re.findall(r'see "([^"]+)"', FACTS)
    assert "Refused requests" in named
    assert set(named) <= SECTIONS

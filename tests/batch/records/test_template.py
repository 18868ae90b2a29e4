"""A template puts fields into a prompt, and can reach nothing but fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.template import Template
from mmpipe.errors import InputError, UsageError


def render(template: str, whole: str = "", **fields: object) -> str:
    return Template.parse(template).render(whole, fields)


def test_fields_stand_where_their_names_stood() -> None:
    assert "Summarise: Emma, by Austen" == render("Summarise: {title}, by {by}", title="Emma", by="Austen")


def test_empty_braces_are_the_whole_line() -> None:
    assert "Severity of: disk full" == render("Severity of: {}", "disk full")


def test_dots_lead_into_objects() -> None:
    assert "Austen" == render("{book.author.name}", book={"author": {"name": "Austen"}})


def test_a_value_that_is_not_a_string_is_written_as_compact_json() -> None:
    expected = '7 0.5 true null ["ü",{"a":1}]'
    assert expected == render("{a} {b} {c} {d} {e}", a=7, b=0.5, c=True, d=None, e=["ü", {"a": 1}])


def test_doubled_braces_are_braces() -> None:
    assert '{"t": "Emma"} {{}} {Emma}' == render('{{"t": "{title}"}} {{{{}}}} {{{title}}}', title="Emma")


def test_names_may_have_spaces_hyphens_and_any_letters() -> None:
    fields: dict[str, object] = {"first name": "Jane", "größe-2": "x"}
    assert "Jane x" == Template.parse("{first name} {größe-2}").render("", fields)


@given(st.text())
def test_the_value_of_a_field_is_never_read_as_a_template(text: str) -> None:
    assert f"<{text}>" == render("<{a}>", a=text)
    assert f"<{text}>" == render("<{}>", text)


@given(st.text())
def test_any_text_can_be_written_with_its_braces_doubled(text: str) -> None:
    assert text == render(text.replace("{", "{{").replace("}", "}}"))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Summarise: {title", "character 12 has no partner"),
        ("title}", "character 6 has no partner"),
        ("{a{b}}", "character 1 has no partner"),
        ('{"answer": 1}', "names no field"),
        ("{ }", "names no field"),
        ("{a!r}", "names no field"),
        ("{a:>9}", "names no field"),
        ("{a[0]}", "names no field"),
        ("{a.}", "names no field"),
        ("{.a}", "names no field"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_before_anything_is_asked(
    template: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        Template.parse(template)


@pytest.mark.parametrize("name", ["title", "a.b.c", "a.x", "text.upper", "a.__class__", "list.0"])
def test_a_field_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"a field {name}, "):
        render(f"{{{name}}}", a={"b": 1}, text="x", list=[1])

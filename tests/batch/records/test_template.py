"""A template puts fields into a prompt, and can reach nothing but fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.record_format import Content
from mmpipe.batch.records.template import Template
from mmpipe.errors import InputError, UsageError


def render(template: str, whole: str = "", **fields: object) -> str:
    return Template.parse(template).render(Content(fields) if fields else Content(whole, whole))


def escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def test_fields_stand_where_their_names_stood() -> None:
    assert "Summarise: Emma, by Austen" == render("Summarise: {title}, by {by}", title="Emma", by="Austen")


def test_empty_braces_are_the_whole_line() -> None:
    assert "Severity of: disk full" == render("Severity of: {}", "disk full")


def test_a_value_that_is_not_a_string_is_written_as_compact_json() -> None:
    expected = '7 0.5 true null ["ü",{"a":1}]'
    assert expected == render("{a} {b} {c} {d} {e}", a=7, b=0.5, c=True, d=None, e=["ü", {"a": 1}])


def test_doubled_braces_are_braces() -> None:
    assert '{"t": "Emma"} {{}} {Emma}' == render('{{"t": "{title}"}} {{{{}}}} {{{title}}}', title="Emma")


@pytest.mark.parametrize(
    ("template", "record", "expected"),
    [
        ("{first name}", {"first name": "Jane"}, "Jane"),
        ("{größe-2}", {"größe-2": "x"}, "x"),
        ("{标题}", {"标题": "红楼梦"}, "红楼梦"),
        ("{Beak Length (mm)}", {"Beak Length (mm)": 39.1}, "39.1"),
        ("{ padded }", {" padded ": "x"}, "x"),
        ("{$.a}", {"$.a": "x"}, "x"),
        ("{dc:title}", {"dc:title": "x"}, "x"),
        ("{a[0]}", {"a[0]": "x"}, "x"),
        ("{a!r}", {"a!r": "x"}, "x"),
        ("{a:>9}", {"a:>9": "x"}, "x"),
        ("{100%}", {"100%": "x"}, "x"),
        ('{say "hi"}', {'say "hi"': "x"}, "x"),
        ("{it's}", {"it's": "x"}, "x"),
        ("{two\nlines}", {"two\nlines": "x"}, "x"),
        ("{a{{b}", {"a{b": "x"}, "x"),
        ("{a}}b}", {"a}b": "x"}, "x"),
        ("{a{{0}}}}b}!", {"a{0}}b": "x"}, "x!"),
        ("{a}}{{b}", {"a}{b": "x"}, "x"),
        # Dots: a key as it stands comes before a path.
        ("{question.text}", {"question.text": "key", "question": {"text": "path"}}, "key"),
        ("{question.text}", {"question": {"text": "path"}}, "path"),
        ("{a.b.c}", {"a": {"b": {"c": "x"}}}, "x"),
        ("{a.b.c}", {"a.b": {"c": "x"}}, "x"),
        ("{a.b.c}", {"a": {"b.c": "x"}}, "x"),
        ("{a.b.c}", {"a.b": {"c": "longer"}, "a": {"b": {"c": "shorter"}}}, "longer"),
        ("{a.b.c}", {"a.b": "text", "a": {"b": {"c": "x"}}}, "x"),
        ("{a.}", {"a.": "x"}, "x"),
        ("{a.}", {"a": {"": "x"}}, "x"),
        ("{.a}", {"": {"a": "x"}}, "x"),
        ("{v1.0 score}", {"v1.0 score": 3}, "3"),
        # Arrays.
        ("{turns.0}", {"turns": ["one", "two"]}, "one"),
        ("{turns.1}", {"turns": ["one", "two"]}, "two"),
        ("{turns.-1}", {"turns": ["one", "two"]}, "two"),
        ("{messages.0.content}", {"messages": [{"role": "user", "content": "x"}]}, "x"),
        ("{rows.1.0}", {"rows": [[1], [2]]}, "2"),
        ("{turns.0}", {"turns": {"0": "key"}}, "key"),
        ("{turns.0}", {"turns.0": "key", "turns": ["one"]}, "key"),
        ("{a.b.0}", {"a.b": ["x"]}, "x"),
        ("{0}", {"0": "x"}, "x"),
        # Braces beside fields.
        ("{{{a}}}", {"a": 1}, "{1}"),
        ('{{"q": "{a}", "n": {{"x": {b}}}}}', {"a": "y", "b": 1}, '{"q": "y", "n": {"x": 1}}'),
        ("{a}{b}", {"a": 1, "b": 2}, "12"),
        ("{a}}}", {"a": 1}, "1}"),
    ],
)
def test_any_key_is_named_as_it_stands_and_what_is_inside_by_a_path(
    template: str, record: dict[str, object], expected: str
) -> None:
    assert expected == Template.parse(template).render(Content(record))


@given(st.text())
def test_the_value_of_a_field_is_never_read_as_a_template(text: str) -> None:
    assert f"<{text}>" == render("<{a}>", a=text)
    assert f"<{text}>" == render("<{}>", text)


@given(st.text())
def test_any_text_can_be_written_with_its_braces_doubled(text: str) -> None:
    assert f"{text}<me>{text}" == render(f"{escape(text)}{{}}{escape(text)}", "<me>")


KEYS = (
    st.text(min_size=1)
    | st.text(alphabet='.{}[]0-a"', min_size=1)
    | st.lists(st.sampled_from(["a", "b", "0", ".", "{", "}"]), min_size=1).map("".join)
).filter(lambda key: key.strip() and key[0] not in "{\"'" and key[-1] != "}" and key.lstrip()[0] not in "\"'")


@given(KEYS, st.text(), st.dictionaries(KEYS, st.text()))
def test_a_key_of_any_characters_can_be_named(key: str, text: str, others: dict[str, str]) -> None:
    record = {**others, key: "value"}
    assert f"{text}value{text}" == Template.parse(f"{escape(text)}{{{escape(key)}}}{escape(text)}").render(
        Content(record)
    )


@given(st.lists(KEYS, min_size=1, max_size=4), st.integers(0, 2))
def test_a_path_of_any_keys_leads_inside(keys: list[str], place: int) -> None:
    record: object = ["no", "no", "no"]
    assert isinstance(record, list)
    record[place] = "value"
    for key in reversed(keys):
        record = {key: record}
    path = ".".join((*keys, str(place)))
    assert "value" == Template.parse(f"{{{escape(path)}}}").render(Content(record))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Summarise: {title", "character 12 has no partner"),
        ("title}", "character 6 has no partner"),
        ("{a{b}}", "character 1 has no partner"),
        ("{a}}", "character 4 has no partner"),
        ("{a}} {b}", "character 4 has no partner"),
        ('{"a": {"b": {x}}}', "character 1 has no partner"),
        ('{"answer": 1}', "names no field"),
        ('{\n  "answer": 1\n}', "names no field"),
        ("{'answer': 1}", "names no field"),
        ('Answer as {"label": "positive"}: {}', "names no field"),
        ("{ }", "names no field"),
        ("Summarise the text.", "uses nothing of a record"),
        ("", "uses nothing of a record"),
        ("{{title}}", "uses nothing of a record"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_before_anything_is_asked(
    template: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        Template.parse(template)


@pytest.mark.parametrize(
    "name",
    ["title", "a.b.c", "a.x", "text.upper", "a.__class__", "list.1", "list.-2", "list.x", "list.0.0", "list.99999999999"],
)  # fmt: skip
def test_a_field_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"a field {name}, "):
        render(f"{{{name}}}", a={"b": 1}, text="x", list=[1])


@pytest.mark.parametrize(
    ("name", "record", "words"),
    [
        ("titel", {"id": 1, "title": "x"}, "the record has none: it has id, title; did you mean title?"),
        ("Title", {"title": "x"}, "it has title; did you mean title?"),
        ("book.auther", {"book": {"author": 1}}, "it has book; did you mean book.author?"),
        ("turns[0]", {"turns": ["x"]}, "it has turns; did you mean turns.0?"),
        ("m[0].content", {"m": [{"content": 1}]}, "did you mean m.0.content?"),
        ("zzz", {"a": 1}, "it has a"),
        ("zzz", {}, "it has no fields"),
        ("zzz", {f"k{n}": n for n in range(20)}, "it has k0, k1, k2, k3, k4, k5, k6, k7 and 12 more"),
        ("zzz", {"a\x1b[31m\n": 1}, "it has a"),
        ("zzz", "a line", "it is a text, which has no fields; a table needs --input-format csv, or tsv"),
        ("zzz", "id\tzzz", "it has tabs: --input-format tsv reads a table"),
        ("zzz", "id,zzz", "--input-format csv reads a table"),
        (" zzz ", {"zzz": "x"}, "it has zzz; write {zzz}, without spaces"),
        (
            "zzz",
            {"id|zzz": "1|x"},
            "it has id|zzz; its columns are separated by |: put the line sep=| before its first one",
        ),
        ("zzz", {"id ; zzz": "1;x"}, "separated by ;: put the line sep=; before"),
        ("zz", {"id|zzz": "1|x"}, "it has id|zzz"),
    ],
)
def test_an_error_for_a_missing_field_names_those_that_are_there(
    name: str, record: object, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        Template.parse(f"{{{name}}}").render(Content(record))
    assert words in caught.value.message
    assert caught.value.message.isprintable()


def test_an_error_for_a_missing_field_is_short_however_large_the_record_is() -> None:
    record = {f"{n}{'x' * 10_000}": {str(m): m for m in range(50)} for n in range(1000)}
    with pytest.raises(InputError) as caught:
        Template.parse(f"{{{'y' * 10_000}}}").render(Content(record))
    assert len(caught.value.message) < 1000


WIDE = "\uff5breview\uff5d"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{id}: {{review}}", ["{{review}} is the text {review}: a field is {review}, in single braces"]),
        ("{id}: {{ review }}", ["{{review}} is the text {review}"]),
        (f"{{id}}: {WIDE}", ["full-width braces stay as they are: a field is {review}"]),
        ("${review}", ["${review} leaves a $ in the prompt: a field is {review}"]),
        ("a ${review} and {{review}}", ["leaves a $", "in single braces"]),
        # Prices, JSON and names of nothing are meant.
        ("${price}", []),
        ("{review} $", []),
        ('{review} {{"mood": "good"}} {{mood}} \uff5bmood\uff5d', []),
        ("$ {review}", []),
    ],
)
def test_what_other_programs_take_for_a_field_is_doubted_if_there_is_one_of_that_name(
    template: str, says: list[str]
) -> None:
    found = [*Template.parse(template).find_doubts({"id": "1", "review": "Good.", "price": "12.5"})]
    assert len(says) == len(found)
    for words, sentence in zip(says, found, strict=True):
        assert words in sentence


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{review}}", "a field is {review}, in single braces"),
        (WIDE, "a field is {review}"),
        ("plain", "of that name"),
    ],
)
def test_a_template_without_a_field_is_refused_with_what_was_meant(template: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Template.parse(template)
    assert caught.value.message.endswith(says)

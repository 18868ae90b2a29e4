"""Laws of reading records: each line that is not blank is a record in its place, with the values that were written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.lines import LineSplitter
from mmpipe.batch.records.formats.record_format import NUL, FormatOptions, Unreadable
from mmpipe.batch.records.records import BadRecord, Record, read_records
from support.record_reading import JSONL, LINES, MODEL, Defaults, read, user, whole

pytestmark = pytest.mark.laws

SCRAPS = st.sampled_from(
    [
        b"\n",
        b"\n",
        b"\r\n",
        b"\0",
        b" ",
        b"{",
        b"}",
        b'"a"',
        b'{"id": "x", "prompt": "p"}',
        b'{"id": 7, "messages": []}',
        b'{"prompt": "a", "temperature": 0.5}',
        b"[[",
        b"\xff",
        b"\xef\xbb\xbf",
        b"x" * 300,
        b"\\ud800",
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9).filter(str.strip)
IDS = st.none() | TEXT | st.integers()


@given(
    st.lists(SCRAPS | st.binary(max_size=5)).map(b"".join),
    st.sampled_from([LINES, JSONL]),
    st.sampled_from([b"\n", NUL]),
)
def test_each_line_that_is_not_blank_is_one_record_in_its_place(
    content: bytes, defaults: Defaults, separator: bytes
) -> None:
    splitter = LineSplitter("in", separator, 200)
    lines = [*splitter.feed(content), *splitter.close()]
    numbers = [line.number for line in lines if isinstance(line, Unreadable) or line.content.strip()]
    found = list(read_records(whole(content), defaults, FormatOptions(defaults.format, separator, 200)))
    assert [*enumerate(numbers)] == [(record.index, record.number) for record in found]
    for record in found:
        assert isinstance(record, Record | BadRecord)
        if isinstance(record, Record):
            # What will be asked can be sent.
            json.dumps(record.request.body(), ensure_ascii=False).encode()
            assert record.id
        else:
            assert record.message


@given(st.lists(st.tuples(TEXT, IDS, st.sampled_from(["string", "prompt", "messages", "body"])), max_size=6))
def test_a_record_is_asked_as_it_is_written(
    written: list[tuple[str, str | int | None, str]],
) -> None:
    rows: list[object] = []
    names: list[str] = []
    for place, (prompt, name, form) in enumerate(written):
        forms: dict[str, object] = {
            "string": prompt,
            "prompt": {"prompt": prompt},
            "messages": {"messages": [user(prompt)]},
            "body": {"body": {"model": MODEL, "messages": [user(prompt)]}},
        }
        row = forms[form]
        has_id = isinstance(row, dict) and name is not None
        rows.append({**row, "id": name} if isinstance(row, dict) and has_id else row)
        names.append(str(name) if has_id else str(place))
    found = read("".join(f"{json.dumps(row)}\n" for row in rows).encode(), JSONL)
    prompts = [user(prompt) for prompt, *_ in written]
    assert [*zip(names, prompts, strict=True)] == [
        (record.id, dict(record.request.messages[-1])) for record in found if isinstance(record, Record)
    ]

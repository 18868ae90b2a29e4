"""Input files, journals, recordings and transcripts; and what is done with the text of an answer."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from growth.case import Case, cut, exhaust
from mmpipe.api.recording_file import format_recording, parse_recording
from mmpipe.api.refusals.reasons import find_reason
from mmpipe.api.refusals.service_errors import explain_status, read_explanation
from mmpipe.api.response_head import RequestFacts, ResponseHead, ResponseInfo
from mmpipe.batch.journal.journal_file import ReopenedJournal
from mmpipe.batch.journal.sort import find_places, lines_by_index, mark_lines, taken_lines
from mmpipe.batch.ledger import Ledger, make_key
from mmpipe.batch.records.formats.names import FormatChoice
from mmpipe.batch.records.formats.record_format import Content, FormatOptions
from mmpipe.batch.records.records import Record
from mmpipe.batch.records.repeated_ids import RepeatedIds
from mmpipe.batch.records.sources import Piece
from mmpipe.batch.records.split import split_sources
from mmpipe.batch.records.template import Template
from mmpipe.chat.message_file import parse_messages
from mmpipe.chat.message_lines import format_line
from mmpipe.core.endpoint import Key
from mmpipe.core.request import Request
from mmpipe.structured.extraction import extract_code, extract_json, extract_valid_json
from mmpipe.structured.schema import Schema
from mmpipe.text.html_page import describe_page
from mmpipe.text.visible import one_line, visible, visible_json

_KEY = "sk-api-0123456789abcdef"
_FOLDER = tempfile.TemporaryDirectory()
_SCHEMA = Schema.parse('{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}', "schema")


def _records(name: FormatChoice, length: int) -> Callable[[bytes], None]:
    def read(content: bytes) -> None:
        pieces = [Piece("input", piece) for piece in (*cut(content, length), b"")]
        for split in split_sources(pieces, FormatOptions(name)):
            if split is None:
                continue
            record_format, raws = split
            for raw in raws:
                content_of = getattr(raw, "content", b"")
                if content_of.strip():
                    exhaust([record_format.parse(raw)])  # type: ignore[arg-type]

    return read


def _input(name: str, unit: bytes, form: FormatChoice = "auto", length: int = 2**16) -> Case[bytes]:
    return Case(f"input: {name}", lambda size: unit * (size // len(unit)), _records(form, length))


_INPUT = (
    _input("lines", b"tell me of the sky\n"),
    _input("blank lines", b"\n"),
    _input("lines of spaces", b"   \r\n"),
    _input("CSV", b'a,"b ""c""\n",d\n', "csv"),
    _input("CSV of open quotes", b'"a\n', "csv"),
    _input("CSV of quotes in tiny pieces", b'""', "csv", 3),
    _input("TSV", b"a\tb\tc\n", "tsv"),
    _input("a header without an end", b'",\n', "csv", 7),
    _input("a JSON array", b'["a",{"b":"c"},', "json"),
    _input("brackets of a JSON array", b"[", "json"),
    _input("backslashes in a JSON array", b'["\\', "json", 3),
    _input("JSONL", b'{"id":"a","prompt":"tell me of the sky"}\n', "jsonl"),
    _input("JSONL that msgspec refuses", b'{"id":"a","prompt":"\\ud83d"}\n', "jsonl"),
    _input("NULs", b"\0"),
    Case("input: one long line in small pieces", lambda size: b"x" * size, _records("auto", 100)),
    Case("input: a record of many fields", lambda size: json.dumps({f"f{n}": "x" * 100 for n in range(size // 112)}).encode(), _records("jsonl", 2**16), msgspec.json.decode),
    Case("input: a record of many brackets", lambda size: b"[" + b"[]," * (size // 3) + b"1]\n", _records("jsonl", 2**16)),
)  # fmt: skip


def _record(index: int, name: str) -> Record:
    return Record(index, name, "input", index + 1, Request("m", ()), "0" * 64, {})


def _repeated(names: Sequence[tuple[int, str]]) -> None:
    seen = RepeatedIds()
    for index, name in names:
        seen.first_place(_record(index, name))


def _put(keys: Sequence[bytes]) -> None:
    ledger = Ledger(8)
    for key in keys:
        ledger.put(key, bytes(8))
        ledger.get(key)


_IDS = (
    Case("ids of their own", lambda size: [(n, f"name{n}") for n in range(size // 100)], _repeated),
    Case("ids that repeat", lambda size: [(n, "name") for n in range(size // 100)], _repeated),
    Case("ids that are other indexes", lambda size: [(n, str(n ^ 1)) for n in range(size // 100)], _repeated),
    Case("a ledger", lambda size: [make_key(str(n)) for n in range(size // 100)], _put),
)


def _journal(name: Callable[[int], str], text: str = "x") -> Callable[[int], str]:
    """Write a journal; each line has the name for its number."""

    def make(size: int) -> str:
        fields = {
            "content": text,
            "message": {"content": text},
            "error": None,
            "request_sha256": "0" * 64,
            "attempt": 1,
        }
        length = len(json.dumps(fields)) + 40
        with tempfile.NamedTemporaryFile("w", dir=_FOLDER.name, delete=False) as file:
            for number in range(size // length):
                file.write(json.dumps({"id": name(number), "index": number, **fields}) + "\n")
        return file.name

    return make


def _scanned(path: str) -> None:
    source = ReopenedJournal(path)
    marks = mark_lines([source.entries()])
    exhaust(lines_by_index([source], find_places(taken_lines([source], marks))))


def _torn(size: int) -> str:
    path = _journal(str)(size // 2)
    with Path(path).open("ab") as file:
        file.write(b'{"id":' + bytes(size // 2))
    return path


_JOURNALS = (
    Case("journal: short lines", _journal(str), _scanned),
    Case("journal: one id", _journal(lambda _: "a"), _scanned),
    Case("journal: long lines", _journal(str, "word " * 10_000), _scanned),
    Case("journal: a torn end of NULs", _torn, _scanned),
)


def _recorded(pieces: list[tuple[int, bytes]]) -> None:
    head = ResponseHead(ResponseInfo(200, "trace"), "text/event-stream")
    parse_recording(format_recording({"model": "m"}, None, (head, pieces), _KEY))


def _pieces(unit: bytes, length: int) -> Callable[[int], list[tuple[int, bytes]]]:
    return lambda size: [(0, piece) for piece in cut(unit * (size // len(unit)), length)]


_RECORDINGS = (
    Case("recording: pieces", _pieces(b'data: {"choices":[]}\n\n', 100), _recorded),
    Case("recording: pieces of a byte", lambda size: _pieces(b"ab", 1)(size // 10), _recorded),
    Case(
        "recording: characters in pieces", lambda size: _pieces("\u597d".encode(), 1)(size // 10), _recorded
    ),
    Case("recording: bytes that are no text", _pieces(b"\xff\xfe\x80", 100), _recorded),
    Case("recording: the key again and again", _pieces(_KEY.encode(), 10), _recorded),
    Case("recording: beginnings of the key", _pieces(_KEY[:-1].encode(), 100), _recorded),
    Case("recording: backslashes", _pieces(b"\\", 100), _recorded),
    Case("recording: ampersands", _pieces(b"&#0000", 100), _recorded),
    Case(
        "masking: beginnings of a key", lambda size: _KEY[:-1] * (size // len(_KEY)), Key(_KEY, "test").mask
    ),
    Case("masking: a short key", lambda size: "tes" * (size // 3), Key("testing", "test").mask),
)


def _template(text: str) -> str:
    whole = json.dumps({"a": "b", "c": {"d": 1.10}})
    return Template.parse(text).render(Content(json.loads(whole), whole))


def _texts(name: str, units: dict[str, str], read: Callable[[str], object]) -> tuple[Case[str], ...]:
    return tuple(
        Case(f"{name}: {kind}", lambda size, unit=unit: unit * (size // len(unit)), read)  # type: ignore[misc]
        for kind, unit in units.items()
    )


_TEMPLATES = (
    *_texts("template", {"fields": "{a}{c.d}", "braces": "{{}}", "text": "word ", "whole records": "{} "}, _template),
    *_texts("template", {"open braces": "{", "closing braces": "}", "long names": "a a-"}, lambda text: _template("{" + text)),
    *_texts("template", {"a long name": "a a-a.a "}, lambda text: _template("{" + text + "a}")),
    *_texts("template", {"a name that ends badly": "a "}, lambda text: _template("{" + text + "!}")),
    Case("template: a record of many fields", lambda size: json.dumps({f"f{n}": "x" * 100 for n in range(size // 112)}),
         lambda text: Template.parse("{f1} {f2}").render(Content(json.loads(text), text)), json.loads),
)  # fmt: skip

_ANSWERS = {
    "prose": "the quick brown fox ",
    "brackets": "[",
    "braces": "{",
    "closing brackets": "]",
    "pairs of brackets": "[] ",
    "task lists": "- [ ] do it\n",
    "broken objects": '{"a": x} ',
    "objects": '{"a":"b"} ',
    "numbers": '{"b":1}, ',
    "open objects": '{"a":',
    "quotes": '"',
    "escaped quotes": '\\"',
    "backslashes": "\\",
    "open strings": '["',
    "broken arrays": "[1,2,]",
    "fences": "```json\n{\n```\n",
    "open fences": "````\n```\n",
    "tildes": "~",
    "backticks": "`",
    "lines of backticks": "```a`\n",
    "spaces": " ",
    "line ends": "\n",
    "indented fences": "   ```json\n   {}\n   ```\n",
}

_EXTRACTION = (
    *_texts("JSON by schema", _ANSWERS, lambda text: extract_valid_json(text, _SCHEMA)),
    *_texts("JSON in an answer", _ANSWERS, extract_json),
    *_texts("code in an answer", _ANSWERS, extract_code),
    Case("JSON by schema: a long array", lambda size: json.dumps([{"a": "x"}] * (size // 12)), lambda text: extract_valid_json(text, _SCHEMA)),
    Case("JSON by schema: a long value", lambda size: json.dumps({"a": "x" * size}), lambda text: extract_valid_json(text, _SCHEMA)),
    Case("JSON by schema: equal keys", lambda size: "{" + '"a":"x",' * (size // 8) + '"b":1}', lambda text: extract_valid_json(text, _SCHEMA)),
)  # fmt: skip

_SHOWN = {
    "words": "the sky ",
    "escapes": "\x1b[31m",
    "bidi": "\u202e\u2066",
    "line ends": "\r\n",
    "surrogates": "\ud83d",
}

_TEXT = (
    *_texts("visible", _SHOWN, visible),
    *_texts("one line", _SHOWN, one_line),
    *_texts("visible JSON", _SHOWN, visible_json),
)


def _explained(text: str) -> None:
    raise explain_status(
        ResponseInfo(404, request=RequestFacts("MiniMax-M3")),
        read_explanation(text.encode(errors="surrogatepass")),
    )


_PAGES = {
    "tags": "<p>a</p>",
    "open tags": "<",
    "tags without an end": "<p ",
    "comments": "<!-- a -->",
    "scripts": "<script>a</script>",
    "entities": "&amp;&#x41;",
    "titles": "<title>a",
    "spaces": " ",
    "words": "word ",
    "closing tags": "</",
    "tags with text": "<a>x",
    "open comments": "<!--",
    "open scripts": "<script>",
    "open entities": "&#x",
}
_MESSAGES = {
    "models": "model ",
    "fields": "reasoning_split ",
    "waits": "try again in ",
    "parentheses": "(",
}

_REFUSALS = (
    *_texts("page", _PAGES, lambda text: describe_page("<html>" + text)),
    *_texts("refusal", {**_PAGES, **_ANSWERS, "pages": "<html><a ", "lines": "data: x\n"}, _explained),
    *_texts("refusal: a message of", _MESSAGES, lambda text: _explained(json.dumps({"message": text}))),
    Case("reason: texts", lambda size: ["x" * 1000] * (size // 1000), find_reason),
    Case("reason: lists", lambda size: [{"detail": [{"msg": "x", "loc": ["y"] * 100}] * 100}] * (size // 50_000), find_reason),
    Case("reason: fields", lambda size: {f"{n}": ["x" * 100] for n in range(size // 116)}, find_reason),
    Case("refusal: a list of errors", lambda size: json.dumps({"errors": [{"msg": ""}] * (size // 13)}), _explained),
    Case("refusal: many fields", lambda size: json.dumps({"error": {f"f{n}": "x" * 100 for n in range(size // 112)}}), _explained),
)  # fmt: skip

_MESSAGE = json.dumps({"role": "user", "content": "tell me of the sky"})


def _transcript(text: str) -> None:
    for message in parse_messages(text, "talk", print):
        format_line(message)


_TRANSCRIPTS = (
    Case("transcript: lines", lambda size: (_MESSAGE + "\n") * (size // len(_MESSAGE)), _transcript),
    Case("transcript: an array", lambda size: "[" + ",".join([_MESSAGE] * (size // len(_MESSAGE))) + "]", _transcript),
    Case("transcript: one message", lambda size: json.dumps({"role": "assistant", "content": "x" * size}), _transcript),
    Case("transcript: surrogates", lambda size: json.dumps({"role": "assistant", "content": "\ud83d" * (size // 6)}), _transcript),
)  # fmt: skip

FILES = (
    *_INPUT,
    *_IDS,
    *_JOURNALS,
    *_RECORDINGS,
    *_TEMPLATES,
    *_EXTRACTION,
    *_TEXT,
    *_REFUSALS,
    *_TRANSCRIPTS,
)

"""A recording is a file that a person can read and edit, it holds an answer to the byte, and the key is not in it."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.recording_file import Timed, format_recording, mask_secret, parse_recording
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.errors import AuthError, ExitStatus, Forbidden, QuotaError

KEY = "sk-api-4f2c-not-a-real-one-91ab"
HEAD = ResponseHead(ResponseInfo(request_id="0640"), "text/event-stream")
BODY = {"model": "M", "messages": [{"role": "user", "content": "hi ü"}]}
# Whatever a body may hold, and the key in it, cut anywhere.
BODIES = st.lists(st.binary(max_size=4) | st.text(max_size=4).map(str.encode) | st.just(KEY.encode()))


def cut(body: bytes, cuts: list[int]) -> list[Timed]:
    places = [0, *sorted(min(place, len(body)) for place in cuts), len(body)]
    return [(ms, body[begin:end]) for ms, (begin, end) in enumerate(pairwise(places))]


def body(content: bytes) -> bytes:
    """The body in the answer of a recording."""
    answer = parse_recording(content).answer
    assert answer is not None
    return b"".join(piece for piece in answer.arrivals if isinstance(piece, bytes))


def test_it_is_laid_out_for_people() -> None:
    pieces = [(812, b"data: \xc3"), (840, b'\xbc "\x1b'), (841, b"\xff\n"), (900, b"\xe2\x82")]
    expected = """{
  "request": {
    "model": "M",
    "messages": [
      {
        "role": "user",
        "content": "hi ü"
      }
    ]
  },
  "answer": {
    "status": 200,
    "content_type": "text/event-stream",
    "request_id": "0640",
    "pieces": [
      [812, "data: "],
      [840, "ü \\"\\u001b"],
      [841, {"base64": "/wo="}],
      [900, {"base64": "4oI="}]
    ]
  }
}
"""
    assert expected == format_recording(BODY, None, (HEAD, pieces)).decode()


def test_the_host_comes_first_and_is_read_again() -> None:
    content = format_recording(BODY, None, (HEAD, [(0, b"a")]), host="https://api.example/v1")
    assert ["host", "request", "answer"] == [*json.loads(content)]
    assert "https://api.example/v1" == parse_recording(content).host


def test_a_refusal_is_its_error() -> None:
    error = QuotaError("wait", http=429, api_code=1002, request_id="9", retryable=True, retry_after=7)
    content = format_recording(BODY, error, None)
    assert {"request": BODY, "error": error.as_json()} == json.loads(content)
    kept = parse_recording(content).error
    assert kept is not None
    again = kept.error()
    assert isinstance(again, QuotaError)
    assert {**error.as_json(), "retryable": False, "retry_after": None} == again.as_json()


def test_a_refusal_of_one_request_stays_one() -> None:
    content = format_recording(BODY, Forbidden("no", http=403), None)
    assert "forbidden" == json.loads(content)["error"]["kind"]
    kept = parse_recording(content).error
    assert kept is not None
    assert Forbidden is type(kept.error())
    for kind, code, expected in (
        ("of tomorrow", 3, AuthError),
        (None, 3, AuthError),
        ("forbidden", 4, QuotaError),
    ):
        error = {"code": code, "message": "no", "kind": kind}
        kept = parse_recording(json.dumps({"request": BODY, "error": error}).encode()).error
        assert kept is not None
        assert expected is type(kept.error())


@given(BODIES, st.lists(st.integers(0, 100)))
def test_the_body_comes_back_to_the_byte(parts: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(parts)
    assert whole == body(format_recording(BODY, None, (HEAD, cut(whole, cuts))))


@given(BODIES, st.lists(st.integers(0, 100)))
def test_the_key_is_masked_wherever_it_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(parts)
    pieces = cut(whole, cuts)
    content = format_recording(BODY, None, (HEAD, pieces), KEY)
    assert KEY.encode() not in content
    assert whole.replace(KEY.encode(), b"***") == body(content)
    assert [ms for ms, _ in pieces] == [ms for ms, _ in mask_secret(pieces, KEY)]


def test_the_key_is_masked_in_the_request_and_in_an_error() -> None:
    awkward = 'sk-"\\-' + KEY
    content = format_recording(
        {"prompt": f"is {awkward} good?"}, AuthError(f"no {awkward}", http=401), None, awkward
    )
    value = json.loads(content)
    assert ("is *** good?", "no ***") == (value["request"]["prompt"], value["error"]["message"])
    assert KEY.encode() not in content


def escaped(form: str) -> str:
    """The key with each of its characters in this form, which gets the number of the character."""
    return "".join(form % ord(character) for character in KEY)


FORMS = {
    "JSON": escaped(r"\u%04x"),
    "JSON, upper case": escaped(r"\u%04X"),
    "JSON, only the hyphens": KEY.replace("-", r"\u002d"),
    "JSON in JSON": escaped(r"\\u%04x"),
    "JSON in JSON in JSON": escaped(r"\\\\u%04x"),
    "Python or C": escaped(r"\x%02x"),
    "JavaScript": escaped(r"\u{%x}"),
    "URL": escaped("%%%02x"),
    "URL, only the hyphens": KEY.replace("-", "%2D"),
    "HTML": escaped("&#%d;"),
    "HTML, hexadecimal": escaped("&#x%X;"),
    "upper case": KEY.upper(),
    "one character": "\\u0073" + KEY[1:],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_the_key_is_masked_in_every_escaped_form(form: str, size: int) -> None:
    sent = f'data: {{"content":"is {form} good?"}}\n\n'.encode()
    pieces = [(at, sent[at : at + size]) for at in range(0, len(sent), size)]
    content = format_recording({"prompt": form}, AuthError(form, http=401), (HEAD, pieces), KEY)
    value = json.loads(content)
    assert ("***", "***") == (value["request"]["prompt"], value["error"]["message"])
    assert b'data: {"content":"is *** good?"}\n\n' == body(content)


@pytest.mark.parametrize("key", ["sk/with/slashes+and=ends", 'sk-"quoted"-\\-back', "sk-ümlaut-\u4e2d-wide"])
def test_a_key_with_characters_that_json_escapes_is_masked(key: str) -> None:
    forms = (key, json.dumps(key)[1:-1], json.dumps(json.dumps(key)[1:-1])[1:-1], key.replace("/", "\\/"))
    for form in forms:
        content = format_recording({"prompt": form}, None, (HEAD, [(0, form.encode())]), key)
        assert ("***", b"***") == (json.loads(content)["request"]["prompt"], body(content))


def test_a_long_run_of_backslashes_takes_no_time_and_stays() -> None:
    text = b"\\" * 200_000
    assert text == body(format_recording(BODY, None, (HEAD, [(0, text)]), KEY))


def test_a_placeholder_for_a_key_takes_no_words_apart() -> None:
    pieces = [(0, b"data: latest")]
    assert format_recording(BODY, None, (HEAD, pieces)) == format_recording(
        BODY, None, (HEAD, pieces), "test"
    )


def test_no_character_of_the_file_can_steer_a_terminal() -> None:
    text = "\x1b[2J\x9b2J\u202e\x7f\U000e0041"
    content = format_recording({"prompt": text}, None, (HEAD, [(0, text.encode())])).decode()
    assert content.replace("\n", "").isprintable()
    assert text.encode() == body(content.encode())


def test_half_a_character_in_the_request_does_no_harm() -> None:
    assert {"stop": "\ud83d"} == parse_recording(
        format_recording({"stop": "\ud83d"}, None, (HEAD, []))
    ).request


def test_an_editor_may_put_its_mark_before_it() -> None:
    assert b"data" == body(b"\xef\xbb\xbf" + format_recording(BODY, None, (HEAD, [(0, b"data")])))


GOOD = {"status": 200, "content_type": "text/plain", "pieces": [[0, "a"]]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "Expected `object`, got `array`"),
        ({"answer": GOOD}, "missing required field `request`"),
        ({"request": {}}, "neither an answer nor an error"),
        ({"request": {}, "answer": {**GOOD, "status": "200"}}, r"got `str` - at `\$.answer.status`"),
        ({"request": {}, "answer": {**GOOD, "status": 401}}, "no status 401; write an error instead"),
        ({"request": {}, "answer": {**GOOD, "pieces": ["a"]}}, r"at `\$.answer.pieces\[0\]`"),
        ({"request": {}, "answer": {**GOOD, "pieces": [[0, 7]]}}, r"at `\$.answer.pieces\[0\]\[1\]`"),
        ({"request": {}, "answer": {**GOOD, "pieces": [[0, {"base64": "!"}]]}}, "base64"),
        ({"request": {}, "error": {"code": 3}}, "missing required field `message`"),
        ({"request": {}, "error": {"code": 0, "message": ""}}, "no error of an answer has the code 0"),
        ({"request": {}, "error": {"code": 13, "message": ""}}, "has the code 13"),
    ],
)
def test_the_error_of_an_invalid_recording_names_the_field(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_recording(json.dumps(value).encode())


@pytest.mark.parametrize("content", [b"", b"\xff", b'{"request": {', b'{"request": NaN}', b"[" * 100_000])
def test_a_file_that_is_not_json_is_not_a_recording(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the words are those of the JSON reader
        parse_recording(content)


@pytest.mark.parametrize("code", range(3, 11))
def test_every_failure_to_answer_can_be_written_by_hand(code: int) -> None:
    kept = parse_recording(
        json.dumps({"request": {}, "error": {"code": code, "message": "by hand"}}).encode()
    ).error
    assert kept is not None
    error = kept.error()
    assert (ExitStatus(code), "by hand", False) == (error.status, error.message, error.retryable)

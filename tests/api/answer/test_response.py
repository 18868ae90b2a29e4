"""A body is judged as a whole, in whatever pieces it comes and whatever the service calls it."""

import gzip
import json

import pytest

from mmpipe.api.answer.model_list import ModelList
from mmpipe.api.answer.response import WholeBodyDecoder, read_answer, read_model_list
from mmpipe.api.answer.wire import MAX_EXPLANATION
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.events import Event, Start, Stop, Text
from mmpipe.errors import AuthError, BadResponse, MmpipeError, NetworkError, ServerError
from support.sse_streams import chunk, stream

MESSAGE = {"role": "assistant", "content": "a  b \n c"}
WHOLE = json.dumps(
    {"id": "1", "model": "M", "choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}]}
).encode()
EVENTS = [Start("1", "M", "trace"), Text("a  b \n c"), Stop("stop", MESSAGE)]


def head(kind: str = "application/json") -> ResponseHead:
    return ResponseHead(ResponseInfo(request_id="trace"), kind)


def received(body: bytes, kind: str = "application/json", size: int = 10**6) -> list[Event]:
    reader = read_answer(head(kind))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with reader.traced():
        return [*(event for piece in pieces for event in reader.feed(piece)), *reader.close()]


def refused(body: bytes, kind: str = "application/json") -> MmpipeError:
    with pytest.raises(MmpipeError) as caught:
        received(body, kind)
    return caught.value


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("kind", ["application/json", ""])
def test_a_whole_answer_is_read_out_of_any_pieces(kind: str, size: int) -> None:
    for body in (WHOLE, b"\xef\xbb\xbf" + WHOLE):
        assert EVENTS == received(body, kind, size)


def test_spaces_that_keep_a_connection_alive_are_no_progress() -> None:
    reader = read_answer(head())
    before = reader.standing
    for piece in (b"  ", b"\r\n \n"):
        assert [] == list(reader.feed(piece))
    assert before == reader.standing
    assert [] == list(reader.feed(b"\n" + WHOLE[:6]))
    assert before != reader.standing
    assert not reader.finished
    assert EVENTS == [*reader.feed(WHOLE[6:]), *reader.close()]


def test_an_answer_may_be_as_long_as_the_limit_and_no_longer() -> None:
    decoder = WholeBodyDecoder(head(), lambda body, _: [body], 5)
    assert [b"[345]"] == [*decoder.feed(b"[345]"), *decoder.close()]
    with pytest.raises(BadResponse, match="longer than 5 bytes"):
        list(decoder.feed(b"6"))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_body_is_collected_with_all_its_spaces_but_those_before_it(size: int) -> None:
    sent = b' \r\n {"a":  " b  c" } '
    decoder = WholeBodyDecoder(head(), lambda body, _: [body], 100)
    for at in range(0, len(sent), size):
        assert [] == [*decoder.feed(sent[at : at + size])]
    assert [sent.lstrip()] == [*decoder.close()]


def test_spaces_between_a_byte_order_mark_and_the_body_are_no_part_of_it() -> None:
    decoder = WholeBodyDecoder(head(), lambda body, _: [body], 100)
    assert [b"[1]"] == [*decoder.feed(b"\xef\xbb\xbf \n[1]"), *decoder.close()]


@pytest.mark.parametrize(
    ("status", "coding", "sent", "error", "words"),
    [
        (200, "br", b"\x1b\x03", BadResponse, "compressed its answer with br"),
        (503, "br", b"\x1b\x03", ServerError, "HTTP 503"),
        (200, "deflate", b"Bad", BadResponse, "compressed bytes are cut off"),
        (
            200,
            "gzip",
            b"\x1f\x8b\x07" + bytes(9),
            BadResponse,
            r"are corrupt: Error -3 while decompressing data",
        ),
        (
            200,
            "gzip",
            gzip.compress(WHOLE)[:40],
            BadResponse,
            "^the answer is truncated: its compressed bytes are cut off$",
        ),
        (503, "gzip", b"\x1f\x8b\x07" + bytes(9), ServerError, "HTTP 503"),
    ],
)
def test_a_body_whose_compression_cannot_be_undone_is_what_its_head_says(
    status: int, coding: str, sent: bytes, error: type[MmpipeError], words: str
) -> None:
    reader = read_answer(ResponseHead(ResponseInfo(status, "trace"), "text/plain", coding))
    with pytest.raises(error, match=words) as caught, reader.traced():
        _ = [list(reader.feed(content)) for content in reader.unpack(sent)], list(reader.close())
    assert "trace" == caught.value.request_id


def test_a_page_in_place_of_a_list_of_models_is_quoted() -> None:
    reader = read_model_list(head("text/html"))
    list(reader.feed(b"<b>Welcome</b>"))
    with pytest.raises(
        BadResponse, match=r"^the service sent text/html instead of an answer: <b>Welcome</b>$"
    ):
        list(reader.close())


@pytest.mark.parametrize("body", [b"", b" \n\r\n "])
def test_an_empty_answer_is_called_so(body: bytes) -> None:
    assert "the service sent an empty answer" == refused(body).message


def test_a_body_that_is_not_json_is_named_and_quoted_in_one_short_line() -> None:
    page = "<html>\nfünf\x1b[31m ".encode() + b"\xff" + b"x" * 10_000
    error = refused(page, "text/html" + "l" * 10_000)
    assert "the service sent text/htmll" in error.message
    assert "instead of an answer: <html> fünf␛[31m \ufffdxx" in error.message
    assert len(error.message) < 160


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"data: x\n\n", "text/event-stream"),
        (b": nothing\n\n", "text/event-stream"),
    ],
)
def test_an_error_carries_the_trace_id_of_its_response(body: bytes, kind: str) -> None:
    assert "trace" == refused(body, kind).request_id


def test_a_trace_id_in_the_body_is_nearer_than_that_of_the_response() -> None:
    body = json.dumps({"error": {"message": "down"}, "request_id": "0640"}).encode()
    for sent, kind in ((body, "application/json"), (b"data: " + body + b"\n\n", "text/event-stream")):
        assert "0640" == refused(sent, kind).request_id


def test_a_stream_flows_and_a_connection_that_fails_after_its_end_harms_nothing() -> None:
    reader = read_answer(head("text/event-stream"))
    assert [Start("0700", "MiniMax-M2.7", "trace"), Text("5")] == list(
        reader.feed(stream(chunk({"content": "5"})))
    )
    assert (False, True) == (reader.finished, reader.is_answer)
    assert [Text("6")] == list(reader.feed(stream(chunk({"content": "6"}, finish_reason="stop"))))
    assert reader.finished
    assert [Stop("stop", {"content": "56", "role": "assistant"})] == list(reader.close(NetworkError("reset")))


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_connection_that_fails_before_the_end_is_what_went_wrong(kind: str) -> None:
    reader = read_answer(head(kind))
    list(reader.feed(stream(chunk({"content": "5"})) if "stream" in kind else WHOLE))
    with pytest.raises(NetworkError, match="reset") as caught, reader.traced():
        list(reader.close(NetworkError("reset")))
    assert "trace" == caught.value.request_id


REFUSED = b'{"error": {"message": "login fail (1004)"}}'
UNAVAILABLE = ResponseHead(ResponseInfo(503, "trace", 7.0), "text/html", content_encoding="gzip")


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/html", ""])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_body_of_an_error_explains_it_in_any_pieces_and_of_any_type(kind: str, size: int) -> None:
    reader = read_answer(ResponseHead(ResponseInfo(401, "trace"), kind))
    before = reader.standing
    for at in range(0, len(REFUSED), size):
        assert [] == list(reader.feed(REFUSED[at : at + size]))
    assert (before, True, False) == (reader.standing, reader.finished, reader.is_answer)
    with pytest.raises(AuthError, match="login fail") as caught, reader.traced():
        list(reader.close())
    assert (401, 1004, "trace") == (caught.value.http, caught.value.api_code, caught.value.request_id)


@pytest.mark.parametrize("body", [b"", b"\x1f\x8b\x08 squeezed", b"<html>", b"[1]", b'{"error": {"mess'])
@pytest.mark.parametrize("failure", [None, NetworkError("reset")])
def test_an_error_without_an_explanation_is_still_what_its_head_says(
    body: bytes, failure: NetworkError | None
) -> None:
    reader = read_answer(UNAVAILABLE)
    assert [] == list(reader.feed(body))
    with pytest.raises(ServerError, match=r"^HTTP 503: no reason given") as caught, reader.traced():
        list(reader.close(failure))
    assert (503, 7.0, "trace") == (caught.value.http, caught.value.retry_after, caught.value.request_id)


def test_an_explanation_without_end_is_not_waited_for() -> None:
    reader = read_answer(UNAVAILABLE)
    assert [] == list(reader.feed(b"x" * MAX_EXPLANATION))
    with pytest.raises(ServerError, match=r"^HTTP 503: no reason given") as caught, reader.traced():
        list(reader.feed(b"x"))
    assert (7.0, "trace") == (caught.value.retry_after, caught.value.request_id)


def test_a_list_of_models_is_judged_by_the_same_rules() -> None:
    body = b'{"object": "list", "data": [{"id": "M-1", "object": "model"}]}'
    reader = read_model_list(head())
    assert [ModelList(("M-1",))] == [*reader.feed(body), *reader.close()]
    failed = read_model_list(head())
    list(failed.feed(b'{"error": {"message": "down (1000)"}}'))
    with pytest.raises(ServerError, match="down") as caught, failed.traced():
        list(failed.close())
    assert "trace" == caught.value.request_id

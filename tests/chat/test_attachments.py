"""Images and videos go with the prompt: from files, standard input and URLs, and they stay in the conversation."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.api.attempt import Observer
from mmpipe.chat.answer import answer
from mmpipe.chat.options import ChatOptions, ConversationOptions, OutputOptions, PromptOptions, StdinOptions
from mmpipe.config.options import RequestOptions, ServiceOptions, SystemMessageOptions
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event, Start, Stop, Text
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import InputError, MmpipeError, UsageError
from mmpipe.text.sizes import MEBIBYTE
from mmpipe.unix.streams import Streams
from support.media import HEIC, JPEG, MP4, PNG

KEY = {"MINIMAX_API_KEY": "sk-test-key", "TERM": "xterm"}
URL = "https://x.org/a.png"
LOOK = {"type": "text", "text": "look"}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("a.jpg", PNG), ("b", JPEG), ("c.avi", MP4), ("d.png", HEIC), ("key", b"sk-key\n")):
        Path(name).write_bytes(content)


def part(content: bytes, media_type: str) -> dict[str, object]:
    field = f"{media_type.partition('/')[0]}_url"
    url = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
    return {"type": field, field: {"url": url}}


PICTURE = part(PNG, "image/png")


def sent(
    *words: str, attach: tuple[str, ...], piped: bytes = b"", terminals: str = "", **typed: object
) -> tuple[object, str]:
    """The content of the last message that is sent, and standard output."""
    seen: list[Request] = []

    def ask(request: Request, _: Endpoint, __: Limits, ___: Observer) -> Iterator[Event]:
        seen.append(request)
        yield from (
            Start("1", request.model, "trace"),
            Text("a cat"),
            Stop("stop", {"role": "assistant", "content": "a cat"}),
        )

    streams = Streams.fake(piped, terminals=terminals)
    options = ChatOptions(prompt=PromptOptions(words, attach=attach), **typed)  # type: ignore[arg-type]
    try:
        answer(options, streams, KEY, ask=ask)
    except MmpipeError:
        assert [] == seen
        raise
    [request] = seen
    return request.messages[-1]["content"], streams.captured()[0].decode()


def test_the_text_comes_first_and_then_what_is_attached_by_its_bytes() -> None:
    content, _ = sent("look", attach=("a.jpg", URL, "c.avi", "b", "mm_file://1"))
    assert [
        LOOK,
        PICTURE,
        {"type": "image_url", "image_url": {"url": URL}},
        part(MP4, "video/mp4"),
        part(JPEG, "image/jpeg"),
        {"type": "video_url", "video_url": {"url": "mm_file://1"}},
    ] == content


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_can_be_an_image_and_is_then_no_text(name: str) -> None:
    assert [LOOK, PICTURE] == sent("look", attach=(name,), piped=PNG)[0]


def test_a_pipe_can_be_attached_and_text_can_be_piped_beside_a_file() -> None:
    reader, writer = os.pipe()
    os.write(writer, PNG)
    os.close(writer)
    try:
        assert [LOOK, PICTURE] == sent("look", attach=(f"/dev/fd/{reader}",))[0]
    finally:
        os.close(reader)
    assert [LOOK, PICTURE] == sent(attach=("a.jpg",), piped=b"look")[0]


@pytest.mark.parametrize(
    ("words", "attach", "error", "message"),
    [
        ((), ("a.jpg",), InputError, "say what to do with what is attached"),
        (("look",), ("d.png",), InputError, "d.png is a HEIC image: .* convert it"),
        (("look",), ("key",), InputError, "key is text, and no image: -f adds it to the prompt"),
        (("look",), ("none.png",), InputError, "cannot read none.png: No such file"),
        (("look",), (".",), InputError, "cannot read .: Is a directory"),
        (("look",), ("-",), InputError, "standard input is empty"),
        (("look",), ("ftp://x.org/a.png",), InputError, "opens http://"),
        (("look",), ("https://x.org/\udcff",), InputError, "UTF-8"),
        (("look", "-"), ("-",), UsageError, "once only"),
        (("look",), ("-", "/dev/stdin"), UsageError, "once only"),
    ],
)
def test_what_cannot_be_attached_is_refused_before_any_request(
    words: tuple[str, ...], attach: tuple[str, ...], error: type[MmpipeError], message: str
) -> None:
    with pytest.raises(error, match=message):
        sent(*words, attach=attach)


def test_a_video_that_no_request_can_hold_is_refused_with_what_to_do() -> None:
    os.truncate("c.avi", 65 * MEBIBYTE)
    with pytest.raises(
        InputError, match=r"c\.avi is larger than a request may be \(64 MiB\); .*mm_file://ID"
    ):
        sent("look", attach=("c.avi",))


def test_a_person_who_attaches_without_a_word_is_asked_for_a_task() -> None:
    with pytest.raises(UsageError, match=r"-a photo\.png"):
        sent(attach=("a.jpg",), terminals="stdin")
    with pytest.raises(InputError, match="say what to do"):
        sent(attach=("a.jpg",), stdin=StdinOptions(no_stdin=True))


def test_a_system_message_is_task_enough() -> None:
    system = SystemMessageOptions(system="Describe what you see.")
    assert [PICTURE] == sent(attach=("a.jpg",), terminals="stdin", system=system)[0]


def test_the_file_of_the_key_is_never_attached() -> None:
    with pytest.raises(UsageError, match="key"):
        sent("look", attach=("key",), service=ServiceOptions(api_key_file="key"))


def test_a_model_without_images_gets_none_and_an_unknown_model_gets_all() -> None:
    for model, taken in (("MiniMax-M2.7", False), ("MiniMax-M3.1-Flash", True), ("other/model", True)):
        request = RequestOptions(model=model)
        if taken:
            assert [LOOK, PICTURE] == sent("look", attach=("a.jpg",), request=request)[0]
            continue
        with pytest.raises(InputError, match=r"MiniMax-M2\.7 does not accept image_url; MiniMax-M3 does"):
            sent("look", attach=("a.jpg",), request=request)


def test_the_message_with_its_parts_stays_in_the_conversation() -> None:
    talk = ConversationOptions(conversation="talk")
    _, printed = sent("look", attach=("a.jpg",), conversation=talk, output=OutputOptions(format="messages"))
    kept = [json.loads(line) for line in Path("talk").read_bytes().splitlines()]
    assert {"role": "user", "content": [LOOK, PICTURE]} == kept[0]
    assert kept == [json.loads(line) for line in printed.splitlines()]
    Path("a.jpg").unlink()
    assert "and now?" == sent("and now?", attach=(), conversation=talk)[0]
    with pytest.raises(InputError, match="does not accept image_url"):
        sent("hm", attach=(), conversation=talk, request=RequestOptions(model="MiniMax-M2.5"))

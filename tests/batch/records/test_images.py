"""The images of a record are files and URLs; their content is part of the request, and nothing but images is sent."""

import base64
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from mmpipe.batch.records.records import Record
from mmpipe.text.sizes import MEBIBYTE
from support.media import JPEG, MP4, PNG
from support.record_reading import ENVELOPE, MODEL, Defaults, bad, good, read, templated

URL = "https://x.org/a.png"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(PNG)
    Path("b").write_bytes(JPEG)
    Path("key").write_text("sk-api-0123456789")


def png(content: bytes = PNG) -> dict[str, object]:
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{base64.b64encode(content).decode()}"},
    }


def parts(record: object, **further: object) -> list[object]:
    """Those after the text."""
    [message] = good(record, **further).request.messages  # type: ignore[arg-type]
    content = message["content"]
    assert isinstance(content, list)
    assert {"type": "text", "text": "look"} == content[0]
    return content[1:]


@pytest.mark.parametrize("images", ["a.png", ["a.png"], '["a.png"]', ' ["a.png"]', "./a.png"])
def test_one_path_a_list_and_a_list_in_a_cell_are_the_same(images: object) -> None:
    assert [png()] == parts({"prompt": "look", "images": images})


def test_files_and_urls_keep_their_order_and_go_by_their_bytes() -> None:
    Path("c.txt").write_bytes(MP4)
    found = parts({"prompt": "look", "images": [URL, "b", "c.txt", "mm_file://1"]})
    assert ["image_url", "image_url", "video_url", "video_url"] == [part["type"] for part in found]  # type: ignore[index]
    assert {"type": "image_url", "image_url": {"url": URL}} == found[0]


@pytest.mark.parametrize("images", [None, [], "", " ", "[]"])
def test_no_image_leaves_the_prompt_a_text(images: object) -> None:
    [message] = good({"prompt": "look", "images": images}).request.messages
    assert "look" == message["content"]


def test_the_content_of_a_file_is_part_of_the_request_and_its_name_is_not() -> None:
    first = good({"prompt": "look", "images": "a.png"})
    Path("a.png").rename("c.png")
    assert first.sha256 == good({"prompt": "look", "images": "c.png"}).sha256
    Path("c.png").write_bytes(PNG + b"x")
    assert first.sha256 != good({"prompt": "look", "images": "c.png"}).sha256
    assert (True, False) == (first.reads_files, good({"prompt": "look", "images": URL}).reads_files)
    assert {} == first.fields
    assert first.size > len(PNG)


def test_with_a_template_images_stand_among_the_parameters() -> None:
    defaults = templated("look{x}")
    assert [png()] == parts({"x": "", "parameters": {"images": ["a.png"]}}, defaults=defaults)
    record = good({"x": "", "images": "no such file"}, defaults)
    assert ("look", {"x": "", "images": "no such file"}) == (
        record.request.messages[0]["content"],
        record.fields,
    )


def test_a_cell_of_a_table_is_one_path_or_a_list() -> None:
    Path("1").write_bytes(PNG)
    table = b'prompt,images\nlook,1\nlook,"[""a.png"",""b""]"\nlook,\n'
    contents = [
        record.request.messages[0]["content"]
        for record in read(table, Defaults(MODEL, format="csv"))
        if isinstance(record, Record)
    ]
    assert [2, 3, len("look")] == [len(content) for content in contents if isinstance(content, list | str)]


def test_parts_in_messages_pass_as_they_are() -> None:
    content = [{"type": "text", "text": "look"}, png()]
    messages = [{"role": "user", "content": content}]
    assert tuple(messages) == good({"messages": messages}).request.messages


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"images": "none.png"}, "cannot read none.png: No such file"),
        ({"images": "."}, "cannot read .: it is not a regular file"),
        ({"images": "pipe"}, "cannot read pipe: it is not a regular file"),
        ({"images": "/dev/zero"}, "cannot read /dev/zero: it is not a regular file"),
        ({"images": "a\0b"}, "cannot read 'a\\x00b'"),
        ({"images": "key"}, "key is text, and no image"),
        ({"images": "/proc/self/environ"}, "/proc/self/environ is of an unknown kind"),
        ({"images": ["a.png", 7]}, "not a list of paths and URLs"),
        ({"images": {"url": URL}}, "not a list of paths and URLs"),
        ({"images": ["a.png", ""]}, "not a list of paths and URLs"),
        ({"images": "file:///etc/passwd"}, "give the path"),
        ({"images": "a.png", "model": "MiniMax-M2.7"}, "does not accept image_url"),
        ({"parameters": {"images": "a.png"}}, "images is not a parameter"),
    ],
)
def test_what_is_no_image_makes_a_bad_record(record: dict[str, object], words: str) -> None:
    os.mkfifo("pipe")
    message = bad({"prompt": "look", **record})
    assert words in message
    assert "sk-api" not in message


def test_images_beside_messages_and_beside_a_body_are_refused() -> None:
    messages = [{"role": "user", "content": "look"}]
    assert "images go with a prompt" in bad({"messages": messages, "images": "a.png"})
    assert tuple(messages) == good({"messages": messages, "images": []}).request.messages
    assert "images stands beside body" in bad({**ENVELOPE, "body": {"messages": messages}, "images": "a"})


def test_the_sizes_of_images_have_limits() -> None:
    for name, size in (("large.png", 30 * MEBIBYTE + 1), ("huge.png", 64 * MEBIBYTE + 1)):
        Path(name).write_bytes(PNG)
        os.truncate(name, size)
    assert "image 1 has 30.1 MiB" in bad({"prompt": "look", "images": "large.png"})
    assert "the record with huge.png is larger than a request may be (64 MiB)" in bad(
        {"prompt": "look", "images": "huge.png"}
    )
    cell = json.dumps(["a.png"] * 3)
    assert 3 == len(parts({"prompt": "look", "images": cell}))


def test_a_cell_of_brackets_without_end_is_a_bad_record() -> None:
    for cell in ("[" * 100_000, "[" * 600 + "]" * 600):
        reason = bad({"prompt": "look", "images": cell})
        assert reason.startswith("cannot read [[")
        assert len(reason) < 400


def test_no_more_images_are_read_than_a_request_may_hold() -> None:
    large = Path("large.png")
    large.write_bytes(PNG)
    os.truncate(large, 20 * 2**20)
    tracemalloc.start()
    reason = bad({"prompt": "look", "images": ["large.png"] * 60, "model": "mine"})
    assert "the record with large.png is larger than a request may be (64 MiB)" in reason
    assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    tracemalloc.stop()

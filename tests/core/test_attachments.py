"""Files and URLs become parts of a message by what they are; what the service would refuse is refused before."""

import base64

import pytest

from mmpipe.core.attachments import (
    build_content,
    build_file_part,
    build_url_part,
    is_url,
    measure_data,
)
from mmpipe.core.events import Message
from mmpipe.core.messages import check_parts
from mmpipe.errors import InputError
from mmpipe.text.sizes import MEBIBYTE
from support.media import AVI, GIF, HEIC, JPEG, MKV, MOV, MP3, MP4, PDF, PNG, WEBM, WEBP


def message(*parts: object) -> Message:
    return {"role": "user", "content": list(parts)}


def data_part(medium: str, size: int) -> dict[str, object]:
    """A part with so many bytes of data, which nobody decodes."""
    url = f"data:{medium}/x;base64,{'A' * (size * 4 // 3)}"
    return {"type": f"{medium}_url", f"{medium}_url": {"url": url}}


@pytest.mark.parametrize(
    ("content", "medium", "media_type"),
    [
        (PNG, "image", "image/png"),
        (JPEG, "image", "image/jpeg"),
        (GIF, "image", "image/gif"),
        (WEBP, "image", "image/webp"),
        (MP4, "video", "video/mp4"),
        (MOV, "video", "video/mov"),
        (AVI, "video", "video/avi"),
        (MKV, "video", "video/x-matroska"),
    ],
)
def test_a_file_is_attached_as_what_its_first_bytes_say(content: bytes, medium: str, media_type: str) -> None:
    field = f"{medium}_url"
    url = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
    assert {"type": field, field: {"url": url}} == build_file_part(content, "wrong.name")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEIC, ("a HEIC image", "magick")),
        (b"BM\x36\0\0\0\0\0\0\0", ("a BMP image", "convert")),
        (b"II*\0\x08\0\0\0", ("a TIFF image", "convert")),
        (WEBM, ("a WebM video", "ffmpeg")),
        (MP3, ("an MP3 sound", "only images and videos")),
        (PDF, ("a PDF", "`pdftotext a.png -`")),
        (b"PK\x03\x04" + bytes(30), ("a zip archive", "`unzip -p a.png`")),
        (b"", ("a.png is empty",)),
        (b"sk-api-0123456789\n", ("is text", "belongs in the prompt")),
        ("日本".encode() * 200, ("is text",)),
        (b"\xff\xfea\0", ("is text",)),
        (b"\x00\x01\x02\x03", ("of an unknown kind",)),
        (b"\xe9t\xe9" * 200, ("of an unknown kind",)),
    ],
)
def test_another_kind_of_file_is_refused_by_name_with_what_to_do(
    content: bytes, words: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as refused:
        build_file_part(content, "a.png")
    assert all(word in refused.value.message for word in words), refused.value.message


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("-x.zip", "`unzip -p ./-x.zip`"),
        ("\x1b[1m.zip", "`unzip -p $'\\033[1m.zip'`"),
        ("it's.zip", """`unzip -p 'it'"'"'s.zip'`"""),
        ("x y" * 80, "`unzip -p FILE`"),
    ],
)
def test_a_command_for_a_file_can_be_copied_whatever_its_name_is(name: str, command: str) -> None:
    with pytest.raises(InputError) as refused:
        build_file_part(b"PK\x03\x04" + bytes(30), name)
    assert command in refused.value.message


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("https://x.org/a.png", "image_url"),
        ("HTTP://x.org/photo", "image_url"),
        ("https://x.org/a.MP4?size=1", "video_url"),
        ("https://x.org/a.mov#t=1", "video_url"),
        ("https://x.org/a?file=b.mp4", "image_url"),
        ("https://x.org/mp4", "image_url"),
        ("mm_file://123", "video_url"),
        ("data:image/png;base64,AAAA", "image_url"),
        ("data:video/mp4;base64,AAAA", "video_url"),
    ],
)
def test_a_url_passes_as_it_is(url: str, field: str) -> None:
    assert is_url(url)
    assert {"type": field, field: {"url": url}} == build_url_part(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///home/a.png", "give the path"),
        ("ftp://x.org/a.png", "opens http://"),
        ("s3://bucket/a.png", "opens http://"),
        ("data:text/plain;base64,AAAA", "must be data:image"),
        ("data:image/png,AAAA", "must be data:image"),
    ],
)
def test_a_url_that_the_service_cannot_open_is_refused(url: str, words: str) -> None:
    assert is_url(url)
    with pytest.raises(InputError, match=words):
        build_url_part(url)


@pytest.mark.parametrize("path", ["a.png", "/home/a.png", "./data:a.png", "a:b.png", "-", "C:\\a.png"])
def test_anything_else_is_a_path(path: str) -> None:
    assert not is_url(path)


def test_the_text_comes_first_and_alone_it_is_a_string() -> None:
    part = build_url_part("https://x.org/a.png")
    assert "a" == build_content("a", ())
    assert [{"type": "text", "text": "a"}, part] == build_content("a", [part])
    assert [part] == build_content("", [part])


@pytest.mark.parametrize("size", [24, 25, 26, 27])
def test_the_size_of_data_is_told_without_decoding_it(size: int) -> None:
    part = build_file_part(PNG + bytes(size), "a")
    data = measure_data(part)
    assert data is not None
    assert ("image", len(PNG) + size) == (data.medium, data.size)
    assert measure_data(build_url_part("https://x.org/a.png")) is None
    assert measure_data({"type": "text", "text": "data:image/png;base64,A"}) is None


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (data_part("image", 30 * MEBIBYTE), None),
        (
            data_part("image", 30 * MEBIBYTE + 3),
            "image 1 has 30.1 MiB: MiniMax-M3 takes images of up to 30 MiB",
        ),
        (data_part("video", 48 * MEBIBYTE), None),
        (data_part("video", 51 * MEBIBYTE), "video 1 has 51 MiB.*up to 50 MiB; .*mm_file://ID"),
    ],
    ids=["image", "large image", "video", "large video"],
)
def test_a_size_over_the_limit_is_told_with_the_numbers(part: object, words: str | None) -> None:
    if words is None:
        check_parts([message(part)], "MiniMax-M3")
        return
    with pytest.raises(InputError, match=words):
        check_parts([message(part)], "minimax-m3")
    check_parts([message(part)], "somebody-elses")


def test_all_data_of_a_request_together_has_a_limit() -> None:
    image = message(data_part("image", 25 * MEBIBYTE))
    with pytest.raises(InputError, match=r"has 66.7 MiB.*64 MiB"):
        check_parts([image, image], "MiniMax-M3")
    text = "a" * 31 * MEBIBYTE
    check_parts([image], "MiniMax-M3")
    for further in ({"role": "user", "content": text}, message({"type": "text", "text": text})):
        with pytest.raises(InputError, match=r"has 64.4 MiB"):
            check_parts([image, further], "MiniMax-M3")


def test_a_model_without_images_is_refused_and_one_with_them_is_named() -> None:
    part = build_url_part("https://x.org/a.png")
    with pytest.raises(InputError, match=r"MiniMax-M2\.7 does not accept image_url; MiniMax-M3 does"):
        check_parts([message(part)], "MiniMax-M2.7")
    with pytest.raises(InputError, match=r"does not accept input_audio$"):
        check_parts([message({"type": "input_audio"})], "MiniMax-M3")
    check_parts([message(part), message(build_url_part("mm_file://1"))], "MiniMax-M3.1-Flash")

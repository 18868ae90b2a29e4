import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from mmpipe.text.file_kinds import kind_of


def zipped(name: str, content: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return file.getvalue()


def box(name: bytes, brand: bytes = b"") -> bytes:
    """The first box of a file such as MP4."""
    return (16 + len(brand)).to_bytes(4, "big") + name + brand + b"\0\0\0\0isom"


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"\xff\xd8\xff\xe1\0\x10Exif", "a JPEG image"),
        (b"GIF87a\x01\0", "a GIF image"),
        (b"GIF89a\x01\0", "a GIF image"),
        (b"RIFF\x0a\n\0\0WEBPVP8 ", "a WebP image"),
        (b"BM\x36\n\0\0\0\0\0\0", "a BMP image"),
        (b"II*\0\x08\0\0\0", "a TIFF image"),
        (box(b"ftyp", b"avif"), "an AVIF image"),
        (box(b"ftyp", b"heic"), "a HEIC image"),
        (box(b"ftyp", b"M4A "), "an M4A sound"),
        (box(b"ftyp", b"isom"), "an MP4 video"),
        (box(b"ftyp", b"mp42"), "an MP4 video"),
        (box(b"ftyp", b"qt  "), "a MOV video"),
        (box(b"moov"), "a MOV video"),
        (b"\0\0\0\x01mdat" + bytes(8), "a MOV video"),
        (b"RIFF\x0a\n\0\0AVI LIST", "an AVI video"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01\x42\x82\x84webm", "a WebM video"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01\x42\x82\x88matroska", "a Matroska video"),
        (b"RIFF\x0a\n\0\0WAVEfmt ", "a WAV sound"),
        (b"ID3\x04\0", "an MP3 sound"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%PDF-1.4 \r1 0 obj", "a PDF"),
        (b"%PDF-1.4 %\xe2\xe3\xcf\xd3\n", "a PDF"),
        (zipped("[Content_Types].xml"), "an Office document"),
        (zipped("mimetype", b"application/vnd.oasis.opendocument.text"), "an OpenDocument file"),
        (zipped("mimetype", b"application/epub+zip"), "an EPUB book"),
        (zipped("word.txt"), "a zip archive"),
        (b"PAR1\x15\x04\x15", "a Parquet file"),
        (tarred(), "a tar archive"),
        (gzip.compress(b"text"), "gzip data"),
        (bz2.compress(b"text"), "bzip2 data"),
        (bz2.compress(b""), "bzip2 data"),
        (lzma.compress(b"text"), "xz data"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd data"),
        (b"\x50\x2a\x4d\x18\x04", "zstd data"),
        ("\ufeffa".encode("utf-16-le"), "UTF-16 text"),
        ("\ufeffa".encode("utf-16-be"), "UTF-16 text"),
        ("\ufeffa".encode("utf-32-le"), "UTF-32 text"),
        ("\ufeffa".encode("utf-32-be"), "UTF-32 text"),
    ],
)
def test_a_file_has_the_kind_of_its_first_bytes(first: bytes, name: str) -> None:
    kind = kind_of(first)
    assert kind is not None
    assert name == kind.name
    # Nothing is known of less than the first two bytes.
    assert kind_of(first[:1]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "PK",
        "BM is short for",
        "ID3 tags",
        "OggS",
        "PAR10",
        "8-bit ftypmp42",
        "BZh is how",
        "PDF-1",
        "\ufeffwith a mark",
        "\u4f60\u597d",
        "0123mdat",
        "RIFF",
        "\0\0\0\0",
        "GIF89a is a format",
        "%PDF-1.7 is how a PDF begins\n",
        "%PDF- and a line\nof text with \u00fc",
        "RIFF is WEBP, among others",
        "BZh91AY&SY begins bzip2 data",
        "GIF89a" + "\u4f60" * 300,
    ],
)
def test_text_has_no_kind(text: str) -> None:
    assert kind_of(text.encode()) is None


def test_images_and_videos_have_a_media_type_and_unpacking_has_a_command() -> None:
    found = {
        name: kind_of(first) for name, first in (("png", b"\x89PNG\r\n\x1a\n"), ("zst", b"\x28\xb5\x2f\xfd"))
    }
    assert found["png"] is not None
    assert ("image", "image/png", None) == (
        found["png"].family,
        found["png"].media_type,
        found["png"].command,
    )
    assert found["zst"] is not None
    assert ("compressed", "zstd -dc FILE") == (found["zst"].family, found["zst"].command)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_the_codec_of_a_marked_text_drops_the_mark(encoding: str) -> None:
    content = "\ufeffgr\u00fc\u00df".encode(encoding)
    kind = kind_of(content)
    assert kind is not None
    assert kind.encoding is not None
    assert "gr\u00fc\u00df" == content.decode(kind.encoding)

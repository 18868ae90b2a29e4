"""Names the kind of a file by its first bytes: kinds that users attach, or take for text; pure."""

import codecs
import re
from typing import Final, Literal

from mmpipe.dataclass import dataclass

_TYPED: Final = re.compile(rb"[ -~]+")
_CONTROL: Final = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
LOOKED_AT: Final = 512  # bytes at the beginning of a file that `kind_of` looks at

Family = Literal["image", "video", "audio", "document", "archive", "compressed", "text"]


@dataclass(frozen=True, slots=True)
class FileKind:
    """Kind of file: `name` as in sentences, with its article. Images, videos and sounds have a media type.

    `command` prints the content; FILE stands for the name of the file. `encoding` is that of a text with a byte order
    mark: a codec of Python that drops the mark.
    """

    name: str
    family: Family
    media_type: str | None = None
    command: str | None = None
    encoding: str | None = None

    @property
    def is_exported(self) -> bool:
        """True for a document of an office program, which itself writes it as CSV or text."""
        return self.family == "document" and self.command is None


def _image(name: str, media_type: str) -> FileKind:
    return FileKind(name, "image", f"image/{media_type}")


def _video(name: str, media_type: str) -> FileKind:
    return FileKind(name, "video", f"video/{media_type}")


def _sound(name: str, media_type: str) -> FileKind:
    return FileKind(name, "audio", f"audio/{media_type}")


def _document(name: str, command: str | None = None) -> FileKind:
    return FileKind(name, "document", command=command)


def _archive(name: str, command: str) -> FileKind:
    return FileKind(name, "archive", command=command)


def _compressed(program: str) -> FileKind:
    return FileKind(f"{program} data", "compressed", command=f"{program} -dc FILE")


def _text(name: str, encoding: str) -> FileKind:
    return FileKind(name, "text", encoding=encoding)


# In this order: the first entry that matches counts. Entries are long enough that no sensible text begins like one, or else
# hold no control character: then bytes must follow that no text has.
_KINDS: Final = (
    (rb"\x89PNG\r\n\x1a\n", _image("a PNG image", "png")),
    (rb"\xff\xd8\xff", _image("a JPEG image", "jpeg")),
    (rb"GIF8[79]a", _image("a GIF image", "gif")),
    (rb"RIFF.{4}WEBP", _image("a WebP image", "webp")),
    (rb"BM.{4}\0{4}", _image("a BMP image", "bmp")),
    (rb"II\*\0|MM\0\*", _image("a TIFF image", "tiff")),
    (rb"\0.{3}ftypavi[fs]", _image("an AVIF image", "avif")),
    (rb"\0.{3}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", _image("a HEIC image", "heic")),
    (rb"\0.{3}ftypM4[AB] ", _sound("an M4A sound", "mp4")),
    (rb"\0.{3}ftypqt  ", _video("a MOV video", "quicktime")),
    (rb"\0.{3}ftyp", _video("an MP4 video", "mp4")),
    # Old QuickTime files begin with any box.
    (rb"\0.{3}(?:moov|mdat|wide|skip|pnot)", _video("a MOV video", "quicktime")),
    (rb"RIFF.{4}AVI ", _video("an AVI video", "x-msvideo")),
    (rb"\x1a\x45\xdf\xa3.{0,64}?webm", _video("a WebM video", "webm")),
    (rb"\x1a\x45\xdf\xa3", _video("a Matroska video", "x-matroska")),
    (rb"\0\0\x01[\xb3\xba]", _video("an MPEG video", "mpeg")),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _video("a WMV video", "x-ms-wmv")),
    (rb"FLV\x01", _video("an FLV video", "x-flv")),
    (rb"RIFF.{4}WAVE", _sound("a WAV sound", "wav")),
    (rb"OggS\0", _sound("an Ogg sound", "ogg")),
    (rb"fLaC\0", _sound("a FLAC sound", "flac")),
    (rb"ID3[\x02-\x04]|\xff[\xfb\xf3\xf2]", _sound("an MP3 sound", "mpeg")),
    # The first line of a PDF is no more than this; the rest of a small one may be text.
    (rb"%PDF-[0-9]\.[0-9][ \t]*[\r\n]|%PDF-", _document("a PDF", "pdftotext FILE -")),
    (
        rb"PK\x03\x04.{26}(?:\[Content_Types\]\.xml|_rels/|docProps/|word/|xl/|ppt/)",
        _document("an Office document"),
    ),
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.", _document("an OpenDocument file")),
    (
        rb"PK\x03\x04.{26}mimetypeapplication/epub",
        _document("an EPUB book", "pandoc -t plain FILE"),
    ),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _document("an old Office document")),
    (rb"PAR1\x15", _document("a Parquet file", "duckdb -json -c \"FROM 'FILE'\"")),
    (rb"SQLite format 3\0", _document("an SQLite database", "sqlite3 FILE .dump")),
    (rb"PK\x03\x04|PK\x05\x06", _archive("a zip archive", "unzip -p FILE")),
    (rb".{257}ustar(?:\0|  \0)", _archive("a tar archive", "tar -xOf FILE")),
    (rb"7z\xbc\xaf\x27\x1c", _archive("a 7z archive", "7z x -so FILE")),
    (rb"Rar!\x1a\x07", _archive("a RAR archive", "unrar p -inul FILE")),
    (rb"\x1f\x8b", _compressed("gzip")),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", _compressed("bzip2")),
    (rb"\xfd7zXZ\0", _compressed("xz")),
    # A skippable frame may come first.
    (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", _compressed("zstd")),
    (rb"\x04\x22\x4d\x18", _compressed("lz4")),
    # The mark of UTF-32 begins like that of UTF-16.
    (rb"\xff\xfe\0\0|\0\0\xfe\xff", _text("UTF-32 text", "utf-32")),
    (rb"\xff\xfe|\xfe\xff", _text("UTF-16 text", "utf-16")),
)


def kind_of(first: bytes) -> FileKind | None:
    """Return the kind of a file that begins with these bytes, up to `LOOKED_AT` of them; None for any other."""
    beginning = first[:LOOKED_AT]
    for pattern, kind in _KINDS:
        if found := re.match(pattern, beginning, re.DOTALL):
            is_typed = _TYPED.fullmatch(found[0]) is not None
            return None if is_typed and is_text(beginning, is_whole=len(first) <= LOOKED_AT) else kind
    return None


def is_text(beginning: bytes, *, is_whole: bool) -> bool:
    """Return True for UTF-8 without control characters; unless it `is_whole`, its last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, is_whole)
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(beginning) is None

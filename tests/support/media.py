"""Beginnings of files of many kinds, as `kind_of` tells them; nobody looks further."""

import struct
from typing import Final


def box(name: bytes, brand: bytes) -> bytes:
    return b"\0\0\0\x18" + name + brand + bytes(12)


PNG: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 2, 2) + bytes(8)
JPEG: Final = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(8)
GIF: Final = b"GIF89a\x01\0\x01\0" + bytes(8)
WEBP: Final = b"RIFF\x0a\0\0\0WEBPVP8 " + bytes(8)
MP4: Final = box(b"ftyp", b"isom")
MOV: Final = box(b"ftyp", b"qt  ")
AVI: Final = b"RIFF\x0a\0\0\0AVI LIST" + bytes(8)
MKV: Final = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01\x42\x82\x88matroska"
WEBM: Final = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01\x42\x82\x84webm"
HEIC: Final = box(b"ftyp", b"heic")
MP3: Final = b"ID3\x04\0\0" + bytes(8)
PDF: Final = b"%PDF-1.7\n"

"""Picture data in a file's bytes: trailing data removed, missing end mark added (pure).

Phones append a video to a picture, editors leave trailers, cheap cameras omit the end mark. None of that is damage: a
picture is truncated only if it does not decode to its end.
"""

from __future__ import annotations

import re
import zlib

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_EOI = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""Matches anything but data (``FF 00``) and the restart marks between its parts."""
_SOF_SEQUENTIAL = {0xC0, 0xC1}
_SOF_OTHER = {0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_BETWEEN_SCANS = {0xC4, 0xDA, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}
_MOST_UNPACKED = 1 << 30
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def picture_in(data: bytes) -> bytes:
    """Return the part of ``data`` that decodes to the first picture; formats other than JPEG and PNG unchanged."""
    if data.startswith(_JPEG):
        end, marked = _jpeg_end(data)
        return data[:end] if marked else data[:end] + _EOI
    return _whole_png(data) if data.startswith(_PNG) else data


def ends_early(data: bytes) -> bool:
    """Return whether the file is shorter than its header states, which explains a decoding failure."""
    if data.startswith(_JPEG):
        return not _jpeg_end(data)[1]
    if data.startswith(_PNG):
        return _png_parts(data)[1] is None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return data[:2] == b"BM" and len(data) < int.from_bytes(data[2:6], "little")


def foreign_format(data: bytes) -> str | None:
    """Return the name of a format that phones write and decoders need not read, or ``None``."""
    if data[4:8] != b"ftyp":
        return None
    if data[8:12] in _HEIF_BRANDS:
        return "HEIC"
    return "AVIF" if data[8:12] in _AVIF_BRANDS else None


def _jpeg_end(data: bytes) -> tuple[int, bool]:
    """Return the end of the first picture and whether an end mark is present.

    Segments are skipped by their length: a preview in the header has marks of its own.
    """
    at, scanned, in_one_scan, components, sequential = 2, False, False, 0, False
    while found := _MARKER.search(data, at):
        code, body = data[found.end() - 1], found.end()
        if code == _EOI[1]:
            return body, True
        if scanned and (in_one_scan or code not in _BETWEEN_SCANS):
            return found.start(), False
        end = body + int.from_bytes(data[body : body + 2])
        if end < body + 2 or end > len(data):
            return found.start(), False
        if code in _SOF_SEQUENTIAL | _SOF_OTHER and end >= body + 8:
            sequential, components = code in _SOF_SEQUENTIAL, data[body + 7]
        elif code == 0xDA and end >= body + 3:
            scanned, in_one_scan = True, sequential and data[body + 2] == components
        at = end
    return len(data), False


def _png_parts(data: bytes) -> tuple[int, int | None]:
    """Return the end of the last complete chunk, and the end of the picture if present."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            break
        if data[at + 4 : at + 8] == b"IEND":
            return end, end
        at = end
    return at, None


def _whole_png(data: bytes) -> bytes:
    """Return ``data`` up to its end; add the end chunk if only that is missing."""
    last, end = _png_parts(data)
    if end is not None:
        return data[:end]
    partial = data[last + 8 :] if data[last + 4 : last + 8] == b"IDAT" else b""
    if not _is_unpacked_whole([*_pixels(data, last), partial]):
        return data
    # decoders verify the checksum of each chunk, so the last one is rebuilt without the original's
    rest = _chunk(b"IDAT", partial) if partial else b""
    return data[:last] + rest + _chunk(b"IEND", b"")


def _pixels(data: bytes, last: int) -> list[bytes]:
    at, parts = len(_PNG), []
    while at < last:
        length = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            parts.append(data[at + 8 : at + 8 + length])
        at += 12 + length
    return parts


def _is_unpacked_whole(parts: list[bytes]) -> bool:
    unpacker, size = zlib.decompressobj(), 0
    try:
        for part in parts:
            rest = part
            while rest and not unpacker.eof and size < _MOST_UNPACKED:
                size += len(unpacker.decompress(rest, 1 << 20))
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

"""Container metadata of video files: truncation, and clocks that may jump.

Times and counts in headers are unreliable here: a last picture may be held for minutes, or accompany an hour of sound.
The size that a container states is exact.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_ISO_DATA = {b"moov", b"moof", b"mdat"}
_ISO_TYPES = _ISO_DATA | {b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"meta", b"udta", b"pnot", b"sidx"}
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MOST_HEADER = 1 << 20
_MOST_PARTS = 200_000
"""Limit for files crafted to be slow; a day-long film has fewer."""
_FLV_TAGS = {8, 9, 18}


def is_cut_off(path: Path) -> bool:
    """Return whether the container announces video or audio data beyond the end of the file.

    Containers that announce no size give False: transport and program streams, Ogg, recordings never finalized.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
            size = os.fstat(stream.fileno()).st_size
            stream.seek(0)
            return _is_cut(stream, head, size)
    except OSError:
        return False


def clock_may_leap(path: Path) -> bool:
    """Return whether this is an MPEG transport or program stream; joined recordings have unrelated clocks."""
    try:
        with path.open("rb") as stream:
            head = stream.read(400)
    except OSError:
        return False
    return head.startswith(b"\x00\x00\x01\xba") or any(
        head[first::step][:2] == b"\x47\x47" for first, step in ((0, 188), (4, 192))
    )


def counts_frames(path: Path) -> bool:
    """Return whether this is an MP4 or MOV, which lists its frames; other containers only give estimates."""
    try:
        with path.open("rb") as stream:
            return stream.read(8)[4:] in _ISO_TYPES
    except OSError:
        return False


def _is_cut(stream: BinaryIO, head: bytes, size: int) -> bool:
    if head[4:8] in _ISO_TYPES:
        return _is_iso_cut(stream, size)
    if head.startswith(b"RIFF"):
        return _is_riff_cut(stream, size)
    if int.from_bytes(head[:4]) == _EBML:
        return _is_matroska_cut(stream, size)
    if head.startswith(b"GIF8"):
        return _is_gif_cut(stream, size)
    if head.startswith(b"FLV"):
        return _is_flv_cut(stream, size)
    return head == _ASF and _is_asf_cut(stream, size)


def _is_iso_cut(stream: BinaryIO, size: int) -> bool:
    at = 0
    for _ in range(_MOST_PARTS):
        stream.seek(at)
        head = stream.read(16)
        kind, length = head[4:8], int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:16])
        if kind not in _ISO_TYPES or length < 8:
            return False  # the end, appended data, or a box that extends to the end of the file
        if at + length > size:
            return kind in _ISO_DATA
        at += length
    return False


def _is_riff_cut(stream: BinaryIO, size: int) -> bool:
    """Look for a list of frames (``movi``) beyond the end; large files have several RIFF chunks."""
    at = 0
    for _ in range(_MOST_PARTS):
        stream.seek(at)
        head = stream.read(12)
        kind, length, form = head[:4], int.from_bytes(head[4:8], "little"), head[8:12]
        if len(head) < 12 or not kind.isascii() or not length:
            return False
        if kind == b"RIFF":
            at += 12
            continue
        if kind == b"LIST" and form == b"movi" and at + 8 + length > size:
            return True
        at += 8 + length + length % 2
    return False


def _is_matroska_cut(stream: BinaryIO, size: int) -> bool:
    at, announced = 0, 0
    for _ in range(_MOST_PARTS):
        stream.seek(at)
        kind, length, header = _ebml_element(stream.read(12))
        if length is None:
            break  # the end, or unknown size: a live stream, or a recording that was never finalized
        if kind == _SEGMENT:
            announced = at + header + length
            at += header
            continue
        if at + header + length > size:
            return kind == _CLUSTER  # otherwise an index or similar: every frame is present
        at += header + length
    return announced > size


def _ebml_element(head: bytes) -> tuple[int, int | None, int]:
    """Return identity, size (``None``: unknown) and length of the header of the element that begins with ``head``."""
    if len(head) < 2 or not head[0]:
        return 0, None, 0
    wide = 9 - head[0].bit_length()
    rest = head[wide:]
    if wide > 4 or not rest or not rest[0]:
        return 0, None, 0
    long = 9 - rest[0].bit_length()
    unknown = (1 << 7 * long) - 1
    length = int.from_bytes(rest[:long]) & unknown
    return int.from_bytes(head[:wide]), None if length == unknown else length, wide + long


def _is_gif_cut(stream: BinaryIO, size: int) -> bool:
    """Return whether the file ends within a frame; a missing end mark alone does not count."""
    at = 13 + _gif_table(stream, 10)
    for _ in range(_MOST_PARTS):
        stream.seek(at)
        block = stream.read(10)
        if not block or block[0] not in b"\x21\x2c":
            return False  # the end mark, or none
        at += 2 if block[0] == 0x21 else 11 + _gif_table(stream, at + 9)
        length = 1
        while length:  # pieces of up to 255 bytes up to an empty one
            stream.seek(at)
            length = int.from_bytes(stream.read(1))
            at += 1 + length
            if at > size:
                return True
    return False


def _gif_table(stream: BinaryIO, flags_at: int) -> int:
    """Return the length in bytes of the color table announced by the byte at ``flags_at``."""
    stream.seek(flags_at)
    flags = int.from_bytes(stream.read(1))
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _is_flv_cut(stream: BinaryIO, size: int) -> bool:
    """Return whether the file does not end with a whole tag and that tag's size."""
    stream.seek(max(0, size - 4))
    length = int.from_bytes(stream.read(4))
    if not 11 <= length <= size - 13:
        return True
    stream.seek(size - 4 - length)
    tag = stream.read(4)
    return tag[0] & 0x1F not in _FLV_TAGS or int.from_bytes(tag[1:4]) != length - 11


def _is_asf_cut(stream: BinaryIO, size: int) -> bool:
    header = stream.read(_MOST_HEADER)
    at = header.find(_ASF_FILE)
    fields = header[at + 24 : at + 92] if at >= 0 else b""
    if len(fields) < 68 or fields[64] & 1:
        return False  # broadcast: the size is not known
    return int.from_bytes(fields[16:24], "little") > size

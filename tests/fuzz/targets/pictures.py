"""Pictures: uploads, ``analyze``, ``images:``, and frames of visitors' cameras."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from tests.fuzz import mutate
from tests.fuzz.target import FuzzTarget, expect, in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from random import Random

_PNG = b"\x89PNG\r\n\x1a\n"
_SIDES = (0, 1, 2, 255, 256, 5000, 10_900, 32_768, 65_535, 70_000, 2**31 - 1, 2**32 - 1)
_SOF = range(0xC0, 0xC4)
_BOMBS = 0.002
_BOMB_SIDE = 10_000
_COLOURS = 3


def files(folder: Path) -> FuzzTarget:
    """Test :func:`edge.sources.images.read_image` after the upload's check of the first bytes."""
    import cv2
    import numpy as np

    from edge.analysis.kinds import HEAD_BYTES, recognise
    from edge.sources.images import MAX_MEGAPIXELS, read_image

    cv2.setNumThreads(1)
    path = folder / "picture"

    def attempt(data: bytes) -> None:
        path.write_bytes(data)
        try:
            recognise(data[:HEAD_BYTES])
        except InputError as error:
            in_one_line(error)
        try:
            image = read_image(path)
        except InputError as error:
            in_one_line(error)
            return
        height, width, channels = image.shape
        expect(channels == _COLOURS and image.dtype == np.uint8, f"a picture of {image.shape} {image.dtype}")
        expect(0 < height * width <= MAX_MEGAPIXELS * 1_000_000, f"a picture of {width}x{height}")

    return FuzzTarget(tuple(_drawn()), attempt, _mutated)


def frames(folder: Path) -> FuzzTarget:
    """Test frames from visitors' browsers."""
    del folder
    from edge.kiosk.visitors.frame_analyzer import PIXELS_MAX, BadFrame, decode

    def attempt(data: bytes) -> None:
        try:
            image = decode(data)
        except BadFrame:
            return
        height, width = image.shape[:2]
        expect(0 < height * width <= PIXELS_MAX, f"a frame of {width}x{height}")

    return FuzzTarget(tuple(data for data in _drawn() if data.startswith(b"\xff\xd8")), attempt, _mutated)


def _drawn() -> Iterator[bytes]:
    """Return small pictures of every supported format and depth."""
    import cv2
    import numpy as np

    rows, columns = np.mgrid[0:37, 0:53]
    grey = ((rows * 5 + columns * 3) % 256).astype(np.uint8)
    colour = np.dstack([grey, grey[::-1], grey[:, ::-1]])
    transparent = np.dstack([colour, grey])
    bits, jpeg = [cv2.IMWRITE_PNG_BILEVEL, 1], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    for suffix, image, how in (
        (".jpg", colour, []), (".jpg", grey, []), (".jpg", colour, jpeg), (".png", colour, []), (".png", grey, []),
        (".png", transparent, []), (".png", grey.astype(np.uint16) * 257, []), (".png", grey // 128 * 255, bits),
        (".webp", colour, []), (".webp", transparent, [cv2.IMWRITE_WEBP_QUALITY, 101]), (".bmp", colour, []),
        (".bmp", grey, []),
    ):  # fmt: skip
        well, data = cv2.imencode(suffix, image, how)
        if well:
            yield data.tobytes()
            if suffix == ".jpg":
                yield _turned(data.tobytes())


def _turned(jpeg: bytes) -> bytes:
    """Add an EXIF block with orientation 6."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def _mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    way = random.random()
    if way < _BOMBS and any(data.startswith(_PNG) for data in corpus):
        return _bomb(random)
    if way < 0.5:
        return mutate.raw(random, corpus)
    data = random.choice(corpus)
    if way < 0.7:
        data = _resized(random, data)
    if data.startswith(_PNG):
        return _png_mutated(random, data)
    return mutate.raw(random, [data]) if random.random() < 0.5 else data


def _bomb(random: Random) -> bytes:
    """Return a compressed picture of a hundred megapixels, possibly truncated."""
    side = random.choice((_BOMB_SIDE, 3 * _BOMB_SIDE))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((side // 8 + 1) * _BOMB_SIDE), 9)
    return (
        _PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", body[: random.choice((None, -9, 99))]) + _chunk(b"IEND", b"")
    )


def _resized(random: Random, data: bytes) -> bytes:
    """Change the size in the header of a picture."""
    width, height = random.choice(_SIDES), random.choice(_SIDES)
    made = bytearray(data)
    if data.startswith(_PNG):
        made[16:24] = struct.pack(">II", width, height)
        made[29:33] = struct.pack(">I", zlib.crc32(made[12:29]))
    elif data.startswith(b"BM"):
        made[18:26] = struct.pack("<II", width, height)
    elif data.startswith(b"RIFF"):
        at = data.find(b"VP8")
        made[at + 12 : at + 16] = random.randbytes(4)
    else:
        for kind in _SOF:
            at = data.find(bytes([0xFF, kind, 0x00]))
            if at >= 0:
                made[at + 5 : at + 9] = struct.pack(">HH", height % 65536, width % 65536)
    return bytes(made)


def _png_mutated(random: Random, data: bytes) -> bytes:
    """Mutate chunks and correct their checksums, which a decoder checks first."""
    chunks = list(_chunks(data))
    index = random.randrange(len(chunks))
    kind, body = chunks[index]
    if kind == b"IDAT" and random.random() < 0.5:
        body = zlib.compress(mutate.raw(random, [_inflated(body)]))
    else:
        body = mutate.raw(random, [body])
    chunks[index] = kind, body
    if random.random() < 0.2:
        chunks.insert(random.randrange(len(chunks)), random.choice(chunks))
    return _PNG + b"".join(_chunk(*each) for each in chunks)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:
        return body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.errors import InputError, SourceError
from edge.sources.factory import create
from edge.sources.images import read_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def picture() -> np.ndarray:
    """Wide, its top left corner bright: turning shows."""
    image = np.full((60, 90, 3), 30, np.uint8)
    image[:30, :45] = 220
    return image


def exif_orientation(value: int) -> bytes:
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
    return b"Exif\0\0" + tiff


def with_exif(jpeg: bytes, value: int) -> bytes:
    payload = exif_orientation(value)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
def test_usual_formats_are_read(suffix: str, picture: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f"ä picture.{suffix}"
    path.write_bytes(cv2.imencode(f".{suffix}", picture)[1].tobytes())
    image = read_image(path)
    assert image.shape == picture.shape
    assert abs(int(image[10, 10, 0]) - 220) < 10


@pytest.mark.parametrize(
    ("orientation", "corner", "upright"),
    [(1, (0, 0), False), (3, (-1, -1), False), (6, (0, -1), True), (8, (-1, 0), True)],
)
def test_a_phones_picture_is_upright(
    orientation: int, corner: tuple[int, int], upright: bool, picture: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(with_exif(cv2.imencode(".jpg", picture)[1].tobytes(), orientation))
    image = read_image(path)
    assert image.shape[:2] == ((90, 60) if upright else (60, 90))
    assert image[corner][0] > 200


@pytest.mark.parametrize(
    "array",
    [
        np.full((20, 30), 9, np.uint8),
        np.full((20, 30), 9 * 257, np.uint16),
        np.full((20, 30, 4), 9, np.uint8),
        np.full((1, 1, 3), 9, np.uint8),
    ],
    ids=["grey", "16 bits", "transparent", "1x1"],
)
def test_other_kinds_of_pixel_become_bgr(array: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), array)
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image.shape == (*array.shape[:2], 3)
    assert (image == 9).all()


def bomb(path: Path, side: int) -> None:
    """A PNG of ``side`` x ``side`` black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 2)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def test_a_20000_pixel_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    bomb(path, 20_000)
    with pytest.raises(InputError, match="20000x20000 is 400 megapixels, the limit is 120"):
        read_image(path)


def test_bad_files_are_one_line_each(picture: np.ndarray, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    png = cv2.imencode(".png", picture)[1].tobytes()
    bad = {
        "empty.jpg": (b"", "is empty"),
        "cut.jpg": (jpeg[: len(jpeg) * 2 // 3], "is cut off"),
        "cut.png": (png[: len(png) * 2 // 3], "is cut off"),
        "cut.webp": (cv2.imencode(".webp", picture)[1].tobytes()[:-20], "is cut off"),
        "cut.bmp": (cv2.imencode(".bmp", picture)[1].tobytes()[:-20], "is cut off"),
        "text.jpg": (b"this is no picture", "no picture"),
        "header.png": (png[:20], "damaged|cut off"),
        "film.mp4": (b"\0\0\0\x20ftypisom" + bytes(100), "no picture"),
    }
    for name, (data, says) in bad.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError, match=says) as caught:
            read_image(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "missing.jpg")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)
    assert capfd.readouterr().err == ""


def test_a_folder_gives_its_pictures_by_name_and_a_bad_one_is_skipped_over(picture: np.ndarray, tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "aa.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a picture")
    source = create(SourceConfig(uri=f"images:{tmp_path}"))
    source.open()
    assert source.read().name == "a.jpg"
    with pytest.raises(SourceError, match="is empty"):
        source.read()
    assert source.read().name == "b.png"


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no picture"):
        create(SourceConfig(uri=f"images:{tmp_path}")).open()
    with pytest.raises(SourceError, match="no such file or folder"):
        create(SourceConfig(uri="images:/does/not/exist")).open()

"""Pictures with data behind their end or without an end mark are read; those that are cut off are not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.core.errors import InputError
from edge.sources.images import read_image
from edge.sources.picture_data import picture_in

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(5)
FILM = b"\0\0\0\x18ftypmp42" + bytes(8) + b"\0\1\0\0mdat" + RNG.bytes(60_000)
"""As phones append to a picture: its bytes look like any marker of a JPEG."""
TAILS = {
    "nothing": b"",
    "zeros": bytes(200),
    "film": FILM,
    "another picture": cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes(),
    "Samsung": b"SEFH" + RNG.bytes(300) + b"SEFT",
}


def photo() -> np.ndarray:
    """A picture with detail everywhere, so that every part of the file counts."""
    small = RNG.integers(0, 255, (40, 60, 3), np.uint8)
    return cv2.resize(small, (240, 160), interpolation=cv2.INTER_CUBIC)


JPEG_KINDS = {
    "baseline": [],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 2],
    "coarse": [cv2.IMWRITE_JPEG_QUALITY, 30],
}


def jpeg(kind: str) -> bytes:
    image = cv2.cvtColor(photo(), cv2.COLOR_BGR2GRAY) if kind == "grey" else photo()
    return cv2.imencode(".jpg", image, JPEG_KINDS.get(kind, []))[1].tobytes()


def with_preview(data: bytes) -> bytes:
    """As cameras do: a small JPEG, with an end mark of its own, in the header."""
    small = cv2.imencode(".jpg", np.full((16, 16, 3), 90, np.uint8))[1].tobytes()
    body = b"Exif\0\0" + small
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + data[2:]


def read(tmp_path: Path, name: str, data: bytes) -> np.ndarray:
    path = tmp_path / name
    path.write_bytes(data)
    return read_image(path)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", [*JPEG_KINDS, "grey"])
def test_a_jpeg_is_read_whatever_follows_it_and_without_its_end_mark(kind: str, tail: str, tmp_path: Path) -> None:
    whole = jpeg(kind)
    expected = np.asarray(cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR))
    for data in (whole, with_preview(whole)):
        assert np.array_equal(read(tmp_path, "a.jpg", data + TAILS[tail]), expected)
        if kind != "progressive" or tail != "film":  # noise goes on as another scan would
            assert np.array_equal(read(tmp_path, "a.jpg", data[:-2] + TAILS[tail]), expected)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("kind", [*JPEG_KINDS, "grey"])
def test_a_jpeg_that_does_not_decode_to_its_end_is_cut_off(kind: str, share: float, tmp_path: Path) -> None:
    whole = jpeg(kind)
    for data in (whole, with_preview(whole)):
        cut = data[: int(len(data) * share)]
        for end in (b"", b"\xff\xd9", bytes(100), FILM):
            with pytest.raises(InputError, match="is cut off"):
                read(tmp_path, "a.jpg", cut + end)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", ["8 bits", "16 bits", "transparent", "grey"])
def test_a_png_is_read_whatever_follows_it_and_without_its_end(kind: str, tail: str, tmp_path: Path) -> None:
    image: np.ndarray = photo()
    if kind == "16 bits":
        image = image.astype(np.uint16) * 257
    elif kind == "transparent":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    elif kind == "grey":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    whole = cv2.imencode(".png", image)[1].tobytes()
    expected = np.asarray(cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR))
    assert np.array_equal(read(tmp_path, "a.png", whole + TAILS[tail]), expected)
    for missing in (2, 12, 14, 16):  # of the end alone, and of the sum behind the last pixels
        assert np.array_equal(read(tmp_path, "a.png", whole[:-missing]), expected)
    for missing in (40, len(whole) // 2, len(whole) - 40):
        with pytest.raises(InputError, match="is cut off"):
            read(tmp_path, "a.png", whole[:-missing])


@pytest.mark.parametrize("suffix", ["webp", "bmp", "tiff", "ppm"])
def test_other_formats_are_read_with_a_tail_and_refused_when_cut_off(suffix: str, tmp_path: Path) -> None:
    whole = cv2.imencode(f".{suffix}", photo())[1].tobytes()
    for tail in TAILS.values():
        assert read(tmp_path, f"a.{suffix}", whole + tail).shape == (160, 240, 3)
    for share in (0.5, 0.95):
        with pytest.raises(InputError, match=r"is cut off|it may be damaged"):
            read(tmp_path, f"a.{suffix}", whole[: int(len(whole) * share)])


@pytest.mark.parametrize(("form", "suffix"), [("WEBP", "webp"), ("PNG", "png")])
def test_of_an_animation_the_first_picture_is_read_with_a_tail(form: str, suffix: str, tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow (comes with luma) writes animations")
    frames = [pillow.fromarray(np.full((30, 40, 3), level, np.uint8)) for level in (200, 40)]
    path = tmp_path / f"moving.{suffix}"
    frames[0].save(path, form, save_all=True, append_images=frames[1:], lossless=True)
    image = read(tmp_path, path.name, path.read_bytes() + FILM)
    assert abs(int(image[5, 5, 0]) - 200) < 3


def test_the_first_of_several_pictures_in_one_file_and_ink_colours(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow (comes with luma) writes these")
    bright, dark = (pillow.fromarray(np.full((30, 40, 3), level, np.uint8)) for level in (200, 40))
    bright.save(tmp_path / "several.jpg", "MPO", save_all=True, append_images=[dark])
    assert abs(int(read_image(tmp_path / "several.jpg")[5, 5, 0]) - 200) < 3
    bright.convert("CMYK").save(tmp_path / "ink.jpg")
    data = (tmp_path / "ink.jpg").read_bytes()
    assert abs(int(read(tmp_path, "ink.jpg", data[:-2] + bytes(50))[5, 5, 0]) - 200) < 8


def test_a_bmp_whose_header_exaggerates_is_read(tmp_path: Path) -> None:
    whole = bytearray(cv2.imencode(".bmp", photo())[1].tobytes())
    whole[2:6] = (len(whole) + 500).to_bytes(4, "little")
    assert read(tmp_path, "a.bmp", bytes(whole)).shape == (160, 240, 3)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix"])
def test_an_iphones_picture_says_what_to_do(brand: bytes, tmp_path: Path) -> None:
    for name in ("IMG_1.HEIC", "IMG_1.jpg"):
        with pytest.raises(InputError, match=r"is HEIC, which cannot be read; convert it to JPEG \(on an iPhone: "):
            read(tmp_path, name, b"\0\0\0\x18ftyp" + brand + os.urandom(500))


def test_any_bytes_are_taken_in_good_time() -> None:
    for start in (b"\xff\xd8", b"\x89PNG\r\n\x1a\n"):
        for body in (b"", b"\xff" * 100_000, b"\xff\xda\0\2" * 20_000, bytes(100_000), RNG.bytes(100_000)):
            assert isinstance(picture_in(start + body), bytes)

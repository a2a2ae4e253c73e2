from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import InputError, SourceEnded, SourceError
from edge.sources.factory import create
from edge.sources.images import COMPLAINTS, read_image
from edge.util.stderr import lines_dropped


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


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_other_formats_with_exif_are_upright_too(suffix: str, picture: np.ndarray, tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow (comes with luma) writes EXIF into these formats")
    if suffix == "webp" and tuple(map(int, cv2.__version__.split(".")[:2])) < (4, 12):
        pytest.skip("OpenCV before 4.12 does not read EXIF in WebP")
    path = tmp_path / f"phone.{suffix}"
    exif = pillow.Exif()
    exif[0x0112] = 6
    pillow.fromarray(picture).save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    image = read_image(path)
    assert image.shape[:2] == (90, 60)
    assert image[0, -1, 0] > 200


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


def test_the_decoders_own_complaints_are_not_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (64, 96, 3), np.uint8)
    png = bytearray(cv2.imencode(".png", noise)[1].tobytes())
    png[len(png) // 2] ^= 0x55
    (tmp_path / "bad.png").write_bytes(png)
    with pytest.raises(InputError, match="damaged"):
        read_image(tmp_path / "bad.png")
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "odd.jpg").write_bytes(jpeg[:-2] + bytes(100) + jpeg[-2:])
    assert read_image(tmp_path / "odd.jpg").shape == noise.shape, "a harmless flaw must not cost the picture"
    assert capfd.readouterr().err == ""


def test_other_lines_of_the_moment_are_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with lines_dropped(*COMPLAINTS):
        os.write(2, b"libpng error: x\nsomething else\nCorrupt JPEG data: y\n")
        with lines_dropped(*COMPLAINTS):
            os.write(2, b"from the inside\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "something else\nfrom the inside\nafter\n"


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(InputError, match="pipe or device"):
            read_image(path)
    with pytest.raises(SourceError, match="pipe or device"):
        create(SourceConfig(uri=f"replay:{tmp_path}/pipe.png")).open()


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    with path.open("wb") as stream:
        stream.truncate(20_000_000_000)  # sparse: takes no room
    with pytest.raises(InputError, match="larger than any picture"):
        read_image(path)


def test_a_folder_gives_its_pictures_by_name_and_leaves_a_bad_one_out(
    picture: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("b.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "aa.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a picture")
    source = create(SourceConfig(uri=f"images:{tmp_path}", fps=10))
    source.open()
    found = [source.read(), source.read()]
    assert [(frame.name, frame.index, frame.monotonic_ns) for frame in found] == [
        ("a.jpg", 0, 0),
        ("b.png", 1, 100_000_000),
    ]
    with pytest.raises(SourceEnded, match="ended after 2 pictures, 1 could not be read"):
        source.read()
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path}/aa.jpg: is empty (0 bytes)"]


def test_a_folder_of_bad_pictures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"no picture")
    source = create(SourceConfig(uri=f"images:{tmp_path}"))
    source.open()
    with pytest.raises(SourceError, match="not one of its 2 pictures can be read") as caught:
        source.read()
    assert not isinstance(caught.value, SourceEnded)


def test_several_paths_are_read_in_the_order_given(picture: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("z.png", "folder/b.png", "folder/a.png"):
        cv2.imwrite(str(tmp_path / name), picture)
    source = create(SourceConfig(uri=f"images:{tmp_path}/z.png,{tmp_path}/folder"))
    source.open()
    assert [source.read().name for _ in range(3)] == ["z.png", "a.png", "b.png"]


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="contains no picture"):
        create(SourceConfig(uri=f"images:{tmp_path}")).open()
    with pytest.raises(SourceError, match="no such file or folder"):
        create(SourceConfig(uri="images:/does/not/exist")).open()


def test_an_odd_entry_of_a_folder_costs_none_of_the_others(
    picture: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cv2.imwrite(str(tmp_path / "good.png"), picture)
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    source = create(SourceConfig(uri=f"images:{tmp_path}"))
    source.open()
    assert source.read().name == "good.png"
    with pytest.raises(SourceEnded, match="ended after 1 pictures, 2 could not be read"):
        source.read()
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == ["cannot be read"] * 2

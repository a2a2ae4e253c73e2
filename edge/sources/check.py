"""Whether the configured source can be used at all, as far as that shows without a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sources import factory

if TYPE_CHECKING:
    from edge.config import SourceConfig


def check(config: SourceConfig) -> None:
    """See that the source can be made, that its package is installed and that its files can be read.

    Cameras and streams are not opened: they may come later.

    Raises:
        ConfigError: no source has this form.
        HardwareUnavailable: the package for the camera is missing.
        SourceError: a file or folder is missing, not readable, empty, or of another kind.
    """
    source = factory.create(config)
    if config.uri.startswith("picamera"):
        from edge.sources.picamera import require_package

        require_package(source.uri)
    elif source.recorded and not config.uri.startswith("virtual"):
        try:
            source.open()
        finally:
            source.close()

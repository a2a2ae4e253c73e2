"""Check of the configured source, as far as that is possible without a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sources import factory

if TYPE_CHECKING:
    from edge.config import SourceConfig


def check(config: SourceConfig) -> None:
    """Check that the source can be created, its package is installed and its files can be read.

    Cameras and streams are not opened: they may become available later.

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

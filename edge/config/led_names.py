"""Check of the class names of LEDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config.displays import LedsConfig
from edge.core.labels import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config.tree import Config


def unknown_leds(config: Config) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield location and remedy of each LED for an unknown class; with ``model.path`` any class is possible."""
    if config.model.path is not None:
        return
    for index, display in enumerate(config.display):
        for name in display.leds if isinstance(display, LedsConfig) else ():
            if name not in KNOWN:
                message = f"expected one of {', '.join(KNOWN)}; for a model with other classes, set model.path"
                yield ("display", index, "leds", str(name)), message

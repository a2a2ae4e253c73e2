"""Which names of LEDs no model can mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config.displays import LedsConfig
from edge.core.labels import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config.tree import Config


def strange_leds(config: Config) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Locations and remedies of LEDs for classes that are not known; with ``model.path`` any class may be meant."""
    if config.model.path is not None:
        return
    for index, display in enumerate(config.display):
        for name in display.leds if isinstance(display, LedsConfig) else ():
            if name not in KNOWN:
                message = f"expected one of {', '.join(KNOWN)}; a model with other classes is named by model.path"
                yield ("display", index, "leds", str(name)), message

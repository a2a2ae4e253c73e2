"""Context that all routes share; each route also gets its own service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.config import Config, KioskConfig
    from edge.core.labels import LabelSet
    from edge.kiosk.authorization import Authorizer
    from edge.kiosk.commands import CommandClient
    from edge.kiosk.consent import Consent
    from edge.kiosk.picture import FrameTap
    from edge.kiosk.tls import Tls


@dataclass(frozen=True, slots=True)
class PageContext:
    """Settings, rights, and the way to the device's loop.

    ``node`` is the device's name, ``labels`` are the classes of its model. ``tls`` is ``None`` over plain HTTP, ``tap``
    where the live picture is switched off.
    """

    config: Config
    node: str
    labels: LabelSet
    authorizer: Authorizer
    commands: CommandClient
    consent: Consent
    tls: Tls | None = None
    tap: FrameTap | None = None

    @property
    def settings(self) -> KioskConfig:
        """The section ``[kiosk]``."""
        return self.config.kiosk

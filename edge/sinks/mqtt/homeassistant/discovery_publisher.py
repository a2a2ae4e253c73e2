"""Announcement of the device to Home Assistant, repeated whenever Home Assistant starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.mqtt.homeassistant.discovery import BORN, announcement, birth_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core.events import Info
    from edge.sinks.mqtt.arrival import Arrival
    from edge.sinks.mqtt.topics import Publication


class DiscoveryPublisher:
    """Publishes the announcement, and repeats it on Home Assistant's birth message.

    ``page_url`` is called for the address of the device's page at each announcement, since the network may be late.
    """

    def __init__(
        self,
        prefix: str,
        publish: Callable[[Publication], None],
        *,
        discovery_prefix: str,
        heartbeat_s: float | None,
        page_url: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._prefix = prefix
        self._publish = publish
        self._discovery_prefix = discovery_prefix
        self._heartbeat_s = heartbeat_s
        self._page_url = page_url
        self._announced: Publication | None = None

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic of Home Assistant's birth message."""
        return (birth_topic(self._discovery_prefix),)

    def present(self, info: Info) -> None:
        """Announce the device that ``info`` describes."""
        self._announced = announcement(
            self._prefix,
            info,
            discovery_prefix=self._discovery_prefix,
            heartbeat_s=self._heartbeat_s,
            page_url=self._page_url(),
        )
        self._publish(self._announced)

    def take(self, arrival: Arrival) -> None:
        """Repeat the announcement on a new birth message; a retained one is ignored."""
        born = arrival.payload.decode("utf-8", "replace") == BORN
        if born and not arrival.retained and self._announced is not None:
            self._publish(self._announced)

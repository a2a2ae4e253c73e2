"""Shows the device to Home Assistant, and again whenever Home Assistant has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.mqtt.homeassistant.discovery import BORN, announcement, birth_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core.events import Info
    from edge.sinks.mqtt.arrival import Arrival
    from edge.sinks.mqtt.topics import Publication


class Presenter:
    """``present`` gives the announcement; as a listener it publishes the same again after Home Assistant's birth.

    ``page_url`` is asked for the address of the device's page at each announcement, since the network may come late.
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
        """Where Home Assistant says that it has started."""
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
        """Announce again; what the broker kept of an earlier start is no news."""
        born = arrival.payload.decode("utf-8", "replace") == BORN
        if born and not arrival.retained and self._announced is not None:
            self._publish(self._announced)

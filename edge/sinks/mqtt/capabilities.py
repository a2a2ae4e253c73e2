"""What a broker can do, as MQTT 5's CONNACK and the configuration say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from edge.sinks.mqtt.options import Options
    from edge.sinks.mqtt.topics import Topic

RETAIN_NOT_SUPPORTED = 0x9A
QOS_NOT_SUPPORTED = 0x9B


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``qos`` is the highest quality of service, ``packet_max`` the most bytes of a packet; ``None``: no bound."""

    qos: int = 1
    retain: bool = True
    wildcards: bool = True
    packet_max: int | None = None

    @classmethod
    def configured(cls, options: Options) -> Self:
        """Return what the configuration allows at most; MQTT 3.1.1 brokers cannot say it themselves."""
        return cls(qos=options.max_qos, retain=options.retain)

    def narrowed(self, properties: Any) -> Capabilities:
        """Return what is left after CONNACK's ``properties``; what they do not name is there."""
        return Capabilities(
            qos=min(self.qos, getattr(properties, "MaximumQoS", 1)),
            retain=self.retain and bool(getattr(properties, "RetainAvailable", 1)),
            wildcards=self.wildcards and bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
            packet_max=getattr(properties, "MaximumPacketSize", None),
        )

    def after_refusal(self, code: int | None) -> Capabilities | None:
        """Return what to ask for after CONNACK refused the last will with ``code``; ``None`` where that was not it."""
        if code == RETAIN_NOT_SUPPORTED and self.retain:
            return replace(self, retain=False)
        if code == QOS_NOT_SUPPORTED and self.qos:
            return replace(self, qos=0)
        return None

    def form_of(self, topic: Topic) -> tuple[int, bool]:
        """Return ``(qos, retain)`` with which ``topic`` is published."""
        return min(topic.qos, self.qos), topic.retain and self.retain

    def limits(self, repeat_s: float | None = None) -> list[str]:
        """Return what is missing and what is done about it, for the log; empty where nothing is."""
        found = []
        if not self.retain:
            again = "" if repeat_s is None else f", so state and the like are published again every {repeat_s:g} s"
            found.append(f"retained messages are not kept{again}")
        if not self.qos:
            found.append("QoS is 0 only, so each batch of events is confirmed by an answered request that follows it")
        if not self.wildcards:
            found.append("wildcard subscriptions are not possible, so every request has one of its own")
        return found

"""Capabilities of a broker, from MQTT 5's CONNACK and the configuration."""

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
    """Highest quality of service ``qos``, largest packet ``packet_max`` in bytes (``None``: no limit), and features."""

    qos: int = 1
    retain: bool = True
    wildcards: bool = True
    packet_max: int | None = None

    @classmethod
    def configured(cls, options: Options) -> Self:
        """Return the limits set by the configuration; MQTT 3.1.1 brokers cannot announce theirs."""
        return cls(qos=options.max_qos, retain=options.retain)

    def narrowed(self, properties: Any) -> Capabilities:
        """Return the capabilities after CONNACK's ``properties``; whatever they do not mention is available."""
        return Capabilities(
            qos=min(self.qos, getattr(properties, "MaximumQoS", 1)),
            retain=self.retain and bool(getattr(properties, "RetainAvailable", 1)),
            wildcards=self.wildcards and bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
            packet_max=getattr(properties, "MaximumPacketSize", None),
        )

    def after_refusal(self, code: int | None) -> Capabilities | None:
        """Return capabilities reduced after refusal ``code``; ``None`` if the last will is not the reason."""
        if code == RETAIN_NOT_SUPPORTED and self.retain:
            return replace(self, retain=False)
        if code == QOS_NOT_SUPPORTED and self.qos:
            return replace(self, qos=0)
        return None

    def form_of(self, topic: Topic) -> tuple[int, bool]:
        """Return the ``(qos, retain)`` with which ``topic`` is published."""
        return min(topic.qos, self.qos), topic.retain and self.retain

    def limits(self, repeat_s: float | None = None) -> list[str]:
        """Describe each missing capability and its workaround, for the log."""
        found = []
        if not self.retain:
            again = "" if repeat_s is None else f", so state and the like are published again every {repeat_s:g} s"
            found.append(f"retained messages are not kept{again}")
        if not self.qos:
            found.append("only QoS 0 is available, so each batch of events is confirmed by a request sent after it")
        if not self.wildcards:
            found.append("wildcard subscriptions are not possible, so each request has its own subscription")
        return found

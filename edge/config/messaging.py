"""Settings of privacy, events and the MQTT feed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from edge.config.section import ConfigSection, OptionalPath, PositiveSeconds, Seconds, Share, ip_address_of

SHORTEST_WINDOW_S = 5.0
SHORTEST_TOGETHERNESS_S = 10.0
EMBEDDED_PORT = 1883


class PrivacyConfig(ConfigSection):
    """Limits on the data that leaves the device."""

    k: int = Field(1, ge=1, le=100, description="group figures of fewer people are withheld, also in sessions")
    start_paused: bool = Field(False, description="analyse no frames until resumed")
    publish_tracks: bool = Field(
        False, description="publish each face individually, under a random id that is valid while the face is in view"
    )


class EventsConfig(ConfigSection):
    """Thresholds and intervals of events."""

    presence_hold_s: Seconds = Field(1.0, description="faces must be present or absent for this long to cause an event")
    peak_threshold: Share = Field(0.8, description="group score of an emotion other than neutral that causes a peak")
    peak_rearm: Share = Field(0.6, description="the score must fall below this before the next peak")
    state_interval_s: PositiveSeconds = Field(1.0, description="shortest interval between two states")
    track_interval_s: PositiveSeconds = Field(0.2, description="shortest interval between two messages of single faces")
    heartbeat_s: PositiveSeconds = Field(60.0, description="longest interval between two states or health messages")
    aggregate_s: Seconds = Field(60.0, description="length of the aggregates' windows, 5 or more; 0: no aggregates")
    togetherness_s: Seconds = Field(
        20.0, description="length of the windows in which togetherness is measured, 10 or more; 0: not measured"
    )

    @field_validator("togetherness_s")
    @classmethod
    def _windows_are_long_enough(cls, value: float) -> float:
        if 0 < value < SHORTEST_TOGETHERNESS_S:
            msg = f"expected 0, or {SHORTEST_TOGETHERNESS_S:g} or more"
            raise ValueError(msg)
        return value

    @field_validator("aggregate_s")
    @classmethod
    def _windows_are_not_tiny(cls, value: float) -> float:
        if 0 < value < SHORTEST_WINDOW_S:
            msg = f"expected 0, or {SHORTEST_WINDOW_S:g} or more"
            raise ValueError(msg)
        return value


class TlsConfig(ConfigSection):
    """Certificates, for ``mqtts://``."""

    ca: OptionalPath = Field(
        None, description="PEM file of the authority that signed the broker's certificate; empty: the system's"
    )
    certificate: OptionalPath = Field(None, description="client certificate, PEM")
    key: OptionalPath = Field(None, description="client key, PEM")

    @model_validator(mode="after")
    def _pair(self) -> TlsConfig:
        if (self.certificate is None) != (self.key is None):
            msg = "certificate and key belong together: set both or neither"
            raise ValueError(msg)
        return self


def topic_levels(value: str) -> str:
    """Return ``value`` if it is valid as the first levels of the device's topics.

    Raises:
        ValueError: a broker would reject such topics, or reserves them as those below ``$SYS``.
    """
    reserved = value.startswith("$") or not value.strip("/") or value != value.strip("/")
    if reserved or any(letter in "+#" or letter.isspace() or not letter.isprintable() for letter in value):
        msg = (
            "expected topic levels such as face-edge or site/face-edge: no +, #, spaces or unprintable characters, "
            f"no leading $, no leading or trailing /; found {value!r}"
        )
        raise ValueError(msg)
    return value


class OutboxConfig(ConfigSection):
    """Queue on disk in which events and aggregates wait for the broker."""

    max_messages: int = Field(
        100_000, ge=1, le=10_000_000, description="if there are more, the oldest messages are dropped and counted"
    )
    max_age_s: PositiveSeconds = Field(604_800.0, description="older messages are dropped and counted")
    commit_interval_s: Seconds = Field(0.25, description="shortest interval between two writes to the disk in a burst")


class HomeAssistantConfig(ConfigSection):
    """Automatic discovery by Home Assistant."""

    discovery: bool = Field(True, description="announce the device and its entities")
    prefix: str = Field(
        "homeassistant", max_length=200, description="Home Assistant's own first topic level for discovery"
    )

    @field_validator("prefix")
    @classmethod
    def _one_level(cls, value: str) -> str:
        if "/" in value:
            msg = f"expected one topic level, found {value!r}"
            raise ValueError(msg)
        return topic_levels(value)


class MqttConfig(ConfigSection):
    """Connection to the broker on which events are published."""

    broker: str = Field("off", description="off | embedded[:PORT] | mqtt://HOST[:1883] | mqtts://HOST[:8883]")
    embedded_host: str = Field(
        "127.0.0.1",
        description="address that the embedded broker serves, :: for IPv4 and IPv6; "
        "any but this machine's own needs a password",
    )
    prefix: str = Field("face-edge", max_length=200, description="first topic levels")
    client_id: str = Field(
        "",
        max_length=256,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="for a broker that allows each user one client id; empty: PREFIX-NODE, "
        "for face-edge collect PREFIX-collect-GROUP-INSTANCE",
    )
    username: str = Field("", description="empty: anonymous")
    password: SecretStr = Field(SecretStr(""), description="preferably use password_file or FACE_EDGE_MQTT__PASSWORD")
    password_file: OptionalPath = Field(
        None, description="file whose first line is the password; empty: systemd's credential mqtt-password"
    )
    tls: TlsConfig = TlsConfig()
    outbox: OutboxConfig = OutboxConfig()
    homeassistant: HomeAssistantConfig = HomeAssistantConfig()
    max_qos: int = Field(
        1, ge=0, le=1, description="0 for a broker that supports no other and cannot announce it (MQTT 3.1.1)"
    )
    retain: bool = Field(
        True, description="false for a broker that stores no retained messages and cannot announce it (MQTT 3.1.1)"
    )
    keepalive_s: int = Field(30, ge=5, le=3600, description="the broker notices a dead device after 1.5 times this")
    backoff_max_s: PositiveSeconds = Field(60.0, description="longest pause between connection attempts")

    @field_validator("prefix")
    @classmethod
    def _topic_levels(cls, value: str) -> str:
        return topic_levels(value)

    @field_validator("embedded_host")
    @classmethod
    def _ip_address_of(cls, value: str) -> str:
        return ip_address_of(value)

    @field_validator("broker")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if value in {"off", "embedded"} or re.fullmatch(r"embedded:\d{1,5}", value):
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            msg = f"expected off, embedded[:PORT], mqtt://HOST[:PORT] or mqtts://HOST[:PORT], found {value!r}"
            raise ValueError(msg)
        if parts.username or parts.password or parts.path.strip("/"):
            msg = "only scheme, host and port belong here; use username and password_file for credentials"
            raise ValueError(msg)
        try:
            _ = parts.port
        except ValueError:
            msg = f"port out of range in {value!r}: expected 1 to 65535"
            raise ValueError(msg) from None
        return value


def embedded_port(broker: str) -> int | None:
    """Return the port of ``embedded[:PORT]``; ``None`` for any other value of ``mqtt.broker``."""
    kind, _, port = broker.partition(":")
    if kind != "embedded":
        return None
    return int(port) if port else EMBEDDED_PORT

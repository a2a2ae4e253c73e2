"""Conflicts between settings that are valid individually: pins and ports that are used twice (pure)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.config.displays import SHARED_BUS_ROLES
from edge.config.messaging import embedded_port

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from edge.config.tree import Config

_USUAL_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class ListeningPort:
    """A served port; ``setting`` is its key, ``host`` an IP address, ``is_ours`` true if the device serves it."""

    setting: str
    what: str
    host: str
    port: int
    depends_on: tuple[str, ...]
    is_ours: bool = True


def pin_clashes(config: Config) -> Iterator[tuple[str, str]]:
    """Yield ``(place, message)`` for each pin that an earlier display uses already."""
    users: dict[int, tuple[str, str]] = {}
    owners = [(f"display.{index}", display.pins()) for index, display in enumerate(config.display)]
    for owner, pins in [*owners, ("panel", config.panel.pins())]:
        for role, pin in pins.items():
            here = f"{owner}.{role}"
            other, other_role = users.setdefault(pin, (here, role))
            shared = role == other_role and role in SHARED_BUS_ROLES
            if other != here and not shared:
                yield here, f"pin GPIO{pin} is already used by {other}"


def port_clashes(config: Config, unknown: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield ``(place, message)`` for each port that another part of the same configuration serves already.

    ``unknown`` holds the dotted keys of wrong values; ports that depend on them are skipped.
    """
    seen: list[ListeningPort] = []
    for one in listeners(config):
        if one.port == 0 or any(key in unknown for key in one.depends_on):
            continue
        other = next((other for other in seen if other.port == one.port and _overlap(other.host, one.host)), None)
        if other is None:
            seen.append(one)
        else:
            yield one.setting, f"port {one.port} is already used by {other.what} ({other.setting}); choose another"


def listeners(config: Config) -> Iterator[ListeningPort]:
    """Yield the ports that are served on the machine of a device with this configuration."""
    mqtt, kiosk, metrics = config.mqtt, config.kiosk, config.metrics
    embedded = embedded_port(mqtt.broker)
    if embedded is not None:
        keys = ("mqtt.broker", "mqtt.embedded_host")
        yield ListeningPort("mqtt.broker", "the embedded broker", mqtt.embedded_host, embedded, keys)
    elif (local := _broker_here(mqtt.broker)) is not None:
        yield ListeningPort("mqtt.broker", "the broker on this machine", *local, ("mqtt.broker",), is_ours=False)
    for name, what, section in (("kiosk", "the page", kiosk), ("metrics", "the metrics", metrics)):
        if section.enabled:
            own = (f"{name}.enabled", f"{name}.host", f"{name}.port")
            yield ListeningPort(f"{name}.port", what, section.host, section.port, own)


def _broker_here(broker: str) -> tuple[str, int] | None:
    """Return the address of another program's broker that is expected on this machine, if any."""
    parts = urlsplit(broker)
    if parts.scheme not in _USUAL_MQTT_PORTS or not parts.hostname:
        return None
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return (host, parts.port or _USUAL_MQTT_PORTS[parts.scheme]) if here else None


def _overlap(one: str, other: str) -> bool:
    """Return whether both addresses cannot be served on the same port; ``::`` serves IPv4 too."""
    addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in (one, other)]
    if addresses[0] == addresses[1] or "::" in map(str, addresses):
        return True
    return any(each.is_unspecified for each in addresses) and addresses[0].version == addresses[1].version

"""All reasons to refuse a configuration, including paths that the service's sandbox hides and the camera's controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config import embedded_port
from edge.diagnostics import camera
from edge.diagnostics.unit import UNIT, Unit
from edge.runtime import preflight

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.config import Config, ConfigCheck, Layers


def examine(layers: Layers, *, as_service: bool = False) -> ConfigCheck:
    """Add problems that only show on the device itself to those of :func:`edge.runtime.preflight.examine`.

    ``as_service`` is true if this process acts as the service's user.
    """
    found = preflight.examine(layers)
    if found.knows("source"):
        for problem in camera.refusals(found.config.source):
            key, _, text = problem.partition(": ")
            found.add(key, text)
    for key, text in hidden(found.config) if as_service else ():
        if found.knows(key or "node"):
            found.add(key, text)
    return found


def hidden(config: Config) -> Iterator[tuple[str, str]]:
    """Yield ``(key, message)`` of each path that the service's sandbox hides, and of each missing credential."""
    unit = Unit.read(UNIT)
    for key, path in paths_of(config):
        setting = unit.hides(path)
        if setting is not None:
            yield key, f"the service does not see {path} ({setting} in {UNIT.name}): {_REMEDY}"
    for name, path in unit.credentials.items():
        if not path.is_file():
            yield "", f"LoadCredential={name}:{path} in {UNIT.name}: there is no such file"


_REMEDY = "move it below /srv or /var/lib/face-edge, or name it in a drop-in's BindReadOnlyPaths="


def paths_of(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield ``(key, path)`` of each configured file and folder that the device reads."""
    named: dict[str, Path | None] = {}
    if config.model.path is not None and config.model.path.suffix:
        named["model.path"] = config.model.path
    kiosk, mqtt = config.kiosk, config.mqtt
    if kiosk.enabled:
        named |= {
            "kiosk.password_file": kiosk.password_file,
            "kiosk.viewer_token_file": kiosk.viewer_token_file,
            "kiosk.media_dir": kiosk.media_dir,
        }
        if kiosk.tls == "files":
            named |= {"kiosk.tls_certificate": kiosk.tls_certificate, "kiosk.tls_key": kiosk.tls_key}
    if mqtt.broker != "off":
        named["mqtt.password_file"] = mqtt.password_file
    if mqtt.broker != "off" and embedded_port(mqtt.broker) is None:
        tls = mqtt.tls
        named |= {"mqtt.tls.ca": tls.ca, "mqtt.tls.certificate": tls.certificate, "mqtt.tls.key": tls.key}
    for path in camera.files_of(config.source.uri):
        yield "source.uri", path
    yield from ((key, path.expanduser()) for key, path in named.items() if path is not None)

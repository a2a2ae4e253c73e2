"""Checks that the parts of the device other than the page can be built as configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config import embedded_port, node_id, state_dir
from edge.core.errors import ConfigError, InputError
from edge.runtime.preflight.check import attempt
from edge.sources.uri import is_usb
from edge.util.sockets import check_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config
    from edge.core.errors import EdgeError


def source(config: Config) -> Iterator[EdgeError]:
    """Check the source's URI, package and files."""
    from edge.sources.check import check

    yield from attempt(check, config.source)


def model(config: Config) -> Iterator[EdgeError]:
    """Check the network, its manifest and the inference runtime."""
    from edge.models.rollback import ModelRollback
    from edge.pipelines.factory import network

    yield from attempt(ModelRollback(config, lasting=False).check, lambda path: network(config, path).close())


def detector(config: Config) -> Iterator[EdgeError]:
    """Check the face detector and its file."""
    from edge.pipelines.detection import detector, search

    yield from attempt(lambda: search(config, detector(config)))


def locks(config: Config) -> Iterator[EdgeError]:
    """Check the folder of the locks on camera and node id."""
    from edge.runtime.lock import check_folder

    uri = config.source.uri
    if config.mqtt.broker != "off" or uri.startswith("picamera") or is_usb(uri):
        yield from attempt(check_folder, state_dir(config))


def state(config: Config) -> Iterator[EdgeError]:
    """Check the folder of persistent state."""
    from edge.util.files import not_writable

    folder = state_dir(config)
    reason = not_writable(folder)
    if reason is not None:
        msg = f"node.state_dir: {folder} cannot be used: {reason}; make it writable or set another"
        yield InputError(msg)


def mqtt(config: Config) -> Iterator[EdgeError]:
    """Check credentials and certificates for the broker, or the embedded one."""
    from edge.sinks.mqtt import embedded
    from edge.sinks.mqtt.options import Options, options
    from edge.sinks.mqtt.tls import tls_context

    mqtt, made = config.mqtt, list[Options]()
    if mqtt.broker == "off":
        return
    yield from attempt(lambda: made.append(options(mqtt, node_id(config))))
    if mqtt.broker.startswith("mqtts://"):
        yield from attempt(tls_context, mqtt.tls)
    if embedded_port(mqtt.broker) is not None:
        yield from attempt(embedded.require_package)
        for own in made:
            credentials = {"username": own.username, "password": own.password}
            yield from attempt(embedded.check_credentials, mqtt.embedded_host, **credentials)
            yield from attempt(check_address, mqtt.embedded_host, own.port, embedded.SERVICE)


def displays(config: Config) -> Iterator[EdgeError]:
    """Check the displays as configured, without their hardware."""
    from edge.sinks.display.factory import create

    for index, display in enumerate(config.display):
        for error in attempt(create, display):
            yield ConfigError(f"display.{index}: {error}")


def metrics(config: Config) -> Iterator[EdgeError]:
    """Check package and address of the metrics."""
    from edge.sinks.metrics.sink import require_package

    if not config.metrics.enabled:
        return
    missing = list(attempt(require_package))
    yield from missing
    if not missing:
        from edge.sinks.metrics.server import SERVICE

        yield from attempt(check_address, config.metrics.host, config.metrics.port, SERVICE)

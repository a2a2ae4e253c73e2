"""``face-edge retire``."""

from __future__ import annotations

import click

from edge.cli.settings import Settings, pass_settings
from edge.system import service_user


@click.command
@click.option("--node", metavar="ID", help="Another node than the configured one.")
@pass_settings
def retire(settings: Settings, node: str | None) -> None:
    """Take a node off the broker: its retained messages, and its device in Home Assistant.

    For a device that is given away or renamed. It must not be running; started again, it shows up again.
    """
    from edge.config import embedded_port, node_id, state_dir
    from edge.core.errors import ConfigError
    from edge.runtime.lock import InstanceLock
    from edge.sinks.mqtt.retirement import retire as clear

    config = settings.load({"node.id": node} if node else {})
    if config.mqtt.broker == "off" or embedded_port(config.mqtt.broker) is not None:
        msg = f"mqtt.broker: is {config.mqtt.broker!r}, which keeps nothing: name the broker that the node published to"
        raise ConfigError(msg)
    with service_user.acting(), InstanceLock(state_dir(config), f"node {node_id(config)}"):
        for topic in clear(config.mqtt, node_id(config)):
            click.echo(f"cleared {topic}")

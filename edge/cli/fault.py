"""``face-edge fault``: show that the device has failed permanently."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING

import click

from edge.cli.settings import Settings, pass_settings
from edge.util import signals

if TYPE_CHECKING:
    from edge.config import Config

_LOG = logging.getLogger(__name__)

_WAKE_S = 1.0


@click.command
@pass_settings
def fault(settings: Settings) -> None:
    """Show the fault pattern on LEDs and displays, until stopped.

    The service runs it when the device has failed so often that starting it again does not help. Of a configuration
    with mistakes the displays are used where these are without any.
    """
    from edge.core.events import Look, LookKind
    from edge.runtime import build_sinks
    from edge.runtime.dispatch import Dispatcher
    from edge.util import logs

    config = _readable(settings)
    logs.configure(config.log)
    sinks = build_sinks.displays(config)
    if not sinks:
        _LOG.warning("no display is configured to show the fault on: see the log of the service for the reason")
        return
    ended = threading.Event()
    signals.obey({signal.SIGTERM: ended.set, signal.SIGINT: ended.set})
    dispatcher = Dispatcher(sinks)
    dispatcher.start()
    dispatcher.put(Look(LookKind.FAULT))
    # a signal that arrives just before the main thread blocks is handled only when it wakes up again
    while not ended.wait(_WAKE_S):
        pass
    dispatcher.close()


def _readable(settings: Settings) -> Config:
    """Return the configuration; of an invalid one only the displays.

    Raises:
        ConfigError: there are mistakes in that, too.
    """
    from edge import config
    from edge.core.errors import ConfigError

    try:
        return settings.load()
    except ConfigError:
        tree = settings.collect().tree
        return config.validate({"display": tree.get("display", [])}, "configuration")

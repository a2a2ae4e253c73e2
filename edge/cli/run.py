"""``face-edge run``: run the device."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from edge.cli.settings import Settings, pass_settings
from edge.util import signals

if TYPE_CHECKING:
    from edge.runtime.app import Device
    from edge.runtime.reload import Reloader


@click.command
@click.option(
    "--source", metavar="URI", help="picamera, usb:0, usb:NAME, a file, rtsp://…, images:PATH, replay:FILE, virtual."
)
@click.option("--loop", is_flag=True, help="Files and pictures begin again at their end.")
@click.option("--fast", is_flag=True, help="Files and pictures as fast as they are looked at, not at their own pace.")
@click.option(
    "--at-end",
    type=click.Choice(["auto", "stay", "exit"]),
    help="When a file is over: stay until stopped, exit, or stay only where the page is on (auto, the default).",
)
@click.option("--broker", metavar="URI", help="off, embedded, mqtt://HOST or mqtts://HOST.")
@click.option("--terminal", is_flag=True, help="Show the mood on this terminal as well.")
@click.option("--json", "as_json", is_flag=True, help="Print what is published, a JSON document a line.")
@pass_settings
def run(settings: Settings, /, *, terminal: bool, as_json: bool, **options: Any) -> None:
    """Watch the camera; show and publish what is seen, until stopped.

    A file plays at its own pace, as a camera would see it. When it is over, its session ends; the page stays.

    SIGTERM and Ctrl-C end it: LEDs dark, `offline` published, camera released. SIGUSR1 pauses and resumes: while
    paused the camera is released and nobody is looked at.
    """
    from edge.runtime import build, preflight
    from edge.runtime.reload import Reloader
    from edge.sinks.lines import LinesSink
    from edge.system.memory import return_large_blocks
    from edge.util import logs

    flags = _flags(**options)
    config = preflight.load(settings.collect(flags))
    if terminal and not any(display.kind == "terminal" for display in config.display):
        flags["display"] = [*(d.model_dump() for d in config.display), {"kind": "terminal"}]
        config = settings.load(flags)
    logs.configure(config.log)
    return_large_blocks()
    wiring = build.device(config, extra_sinks=[LinesSink(sys.stdout)] if as_json else [])
    reloader = Reloader(config, lambda: preflight.load(settings.collect(flags)), wiring.manager, wiring.adopt)
    with wiring.resources:
        obey_signals(wiring.device)
        reload_on_hangup(wiring.device, reloader)
        wiring.device.run()


def _flags(*, source: str | None, loop: bool, fast: bool, at_end: str | None, broker: str | None) -> dict[str, Any]:
    """Return the settings set by options, by dotted key; omitted options do not change their settings."""
    given = {
        "source.uri": source,
        "source.loop": loop or None,
        "source.pace": "fast" if fast else None,
        "source.at_end": at_end,
        "mqtt.broker": broker,
    }
    return {key: value for key, value in given.items() if value is not None}


def obey_signals(device: Device) -> None:
    """Stop the device on SIGTERM and SIGINT, toggle the pause on SIGUSR1."""
    signals.obey({signal.SIGTERM: device.stop, signal.SIGINT: device.stop, signal.SIGUSR1: device.toggle_pause})


def reload_on_hangup(device: Device, reloader: Reloader) -> None:
    """Reload the configuration on SIGHUP, except on a terminal, where SIGHUP ends the program."""
    if sys.stdin is not None and sys.stdin.isatty():
        return
    signals.obey({signal.SIGHUP: lambda: device.soon(reloader.reload)})

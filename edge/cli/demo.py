"""``face-edge demo``: run the whole device on a drawn scene, with simulated LEDs, a broker and a page."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import webbrowser
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from edge.cli.run import obey_signals
from edge.cli.settings import Settings, pass_settings
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge.runtime.app import Device, Summary

RGB_PINS = {"red": 17, "green": 27, "blue": 22}
EMOTION_PINS = {"angry": 5, "disgust": 6, "fear": 13, "happy": 19, "sad": 26, "surprise": 16, "neutral": 20}
STATUS_PIN = 21
USUAL_PORT = 1883
USUAL_PAGE_PORT = 8080
BROWSER_AFTER_S = 1.5
NODE = "demo"
FIELDS_LEFT_OUT = {"schema", "id", "ts", "session"}


@click.command
@click.option("--duration", type=click.FloatRange(min=0), default=20.0, show_default=True, help="Seconds; 0: no end.")
@click.option("--scene", default="portrait", show_default=True, help="What the virtual camera sees.")
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
@pass_settings
def demo(settings: Settings, duration: float, scene: str, *, no_browser: bool) -> None:
    """Show the whole device at work without any hardware.

    A real face from a public-domain photograph moves through changing light; it is detected and classified, drives
    simulated LEDs and this terminal, is published on an embedded MQTT broker, where a subscriber prints it, and is
    shown on a page that a browser opens.
    """
    from edge.runtime import build
    from edge.sinks.display.simulated import simulated_pins
    from edge.util import logs

    port, page = _free_port(USUAL_PORT), _page()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="face-edge-demo-"))
        config = settings.load(_demo_flags(folder, port, scene) | page.flags)
        logs.configure(config.log.model_copy(update={"level": "warning"}))
        pins = stack.enter_context(simulated_pins())
        wiring = build.device(config)
        stack.enter_context(wiring.resources)
        subscriber = Subscriber(port, lambda: pins.levels(RGB_PINS.values()))
        click.echo(f"broker     mqtt://127.0.0.1:{port}   try: mosquitto_sub -p {port} -v -t 'face-edge/demo/#'")
        click.echo(f"camera     {config.source.uri} at {config.source.fps:g} frames a second")
        click.echo("LEDs       simulated: one RGB, one per emotion, one status")
        click.echo(f"page       {page.told}\n")
        if page.address and not no_browser:
            page.show_soon()
        stack.callback(subscriber.stop)
        subscriber.start()
        obey_signals(wiring.device)
        summary = _run_for(wiring.device, duration)
    _report(summary, subscriber.counts)


def _demo_flags(folder: str, port: int, scene: str) -> dict[str, Any]:
    displays: list[Mapping[str, Any]] = [
        {"kind": "rgb_led", **RGB_PINS},
        {"kind": "leds", "leds": EMOTION_PINS, "status": STATUS_PIN},
        {"kind": "terminal"},
    ]
    return {
        "node.id": NODE,
        "node.state_dir": folder,
        "source.uri": f"virtual:{scene}",
        "mqtt.broker": f"embedded:{port}",
        "display": displays,
    }


@dataclass(frozen=True, slots=True)
class _Page:
    """Address of the page, ``None`` if this installation cannot serve it."""

    address: str | None
    told: str
    flags: dict[str, Any]

    def show_soon(self) -> None:
        """Open the page in a browser once it is served, if there is a desktop."""
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin"):
            return
        opener = threading.Timer(BROWSER_AFTER_S, webbrowser.open, (self.address,))
        opener.daemon = True
        opener.start()


def _page() -> _Page:
    from edge.core.errors import HardwareUnavailable
    from edge.kiosk.sink import require_packages

    try:
        require_packages()
    except HardwareUnavailable:
        return _Page(None, f"not served, it needs: {adding('kiosk')}", {"kiosk.enabled": False})
    port = _free_port(USUAL_PAGE_PORT)
    address = f"http://127.0.0.1:{port}/operator"
    told = f"{address}   for a wall: http://127.0.0.1:{port}/"
    # others' settings for a device on the network do not fit a demonstration on this machine
    flags = {"kiosk.enabled": True, "kiosk.host": "127.0.0.1", "kiosk.port": port, "kiosk.password_file": ""}
    flags |= {"kiosk.tls": "off"}  # browsers trust this machine with their camera as it is
    return _Page(address, told, flags)


def _free_port(usual: int) -> int:
    """Return the default port if it is free, otherwise any."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return usual


def _run_for(device: Device, seconds: float) -> Summary:
    timer = threading.Timer(seconds, device.stop)
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        return device.run()
    finally:
        timer.cancel()


def _report(summary: Summary, counts: Counter[str]) -> None:
    rate = summary.frames / max(summary.seconds, 1e-3)
    topics = ", ".join(f"{count} {topic}" for topic, count in sorted(counts.items()))
    click.echo(f"\n{summary.frames} frames in {summary.seconds:.1f} s ({rate:.1f} a second), {summary.skipped} skipped")
    click.echo(f"received over MQTT: {topics or 'nothing'}")


class Subscriber:
    """Subscriber on the network: prints all messages of the node, with the RGB LED's level next to a state."""

    def __init__(self, port: int, led_levels: Callable[[], Mapping[int, float]]) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.counts: Counter[str] = Counter()
        self._port = port
        self._led_levels = led_levels
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="demo-subscriber")
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect in the background."""
        self._client.connect_async("127.0.0.1", self._port)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Any, *_details: Any) -> None:
        client.subscribe(f"face-edge/{NODE}/#", qos=1)

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        topic = message.topic.removeprefix(f"face-edge/{NODE}/")
        self.counts[topic] += 1
        led = ""
        if topic == "state":
            levels = self._led_levels()
            led = "   LED " + " ".join(f"{role} {levels[pin]:.2f}" for role, pin in RGB_PINS.items())
        line = f"{message.topic}  {message.payload.decode()}"
        if sys.stdout.isatty():
            line = _in_one_line(topic, message.payload, shutil.get_terminal_size().columns - len(led) - 1)
        click.echo(line + led)


def _in_one_line(topic: str, payload: bytes, width: int) -> str:
    """Print the essentials of a message above the line that the terminal display redraws."""
    text = payload.decode()
    if text.startswith("{"):
        fields = {key: value for key, value in json.loads(text).items() if key not in FIELDS_LEFT_OUT}
        text = json.dumps(fields)
    line = f"{topic:<12} {text}"
    return "\r\x1b[K" + (line if len(line) <= width else line[: width - 1] + "…")

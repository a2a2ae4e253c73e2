"""Build the sinks: displays, panel, feed, sessions, page and metrics.

Each function imports the classes it needs, so that a device without displays or broker does not load them.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from edge.config import LedsConfig, node_id, state_dir
from edge.core.errors import FileUnavailable
from edge.core.types import SEVEN

if TYPE_CHECKING:
    from edge.config import Config
    from edge.core.commands import CommandQueue
    from edge.core.events import Stamp
    from edge.core.labels import LabelSet
    from edge.core.protocols import FrameSource, ObservationPipeline, Sink
    from edge.kiosk.picture import FrameTap
    from edge.kiosk.sink import KioskSink
    from edge.runtime.durability_barrier import DurabilityBarrier
    from edge.sinks.mqtt.outbox import Outbox
    from edge.sinks.mqtt.sink import MqttSink
    from edge.vision.litert import LiteRtClassifier

_LOG = logging.getLogger(__name__)


def displays(config: Config, labels: LabelSet = SEVEN) -> list[Sink]:
    """Return the displays; LEDs for classes that are not in ``labels`` are logged."""
    from edge.sinks.display.factory import create

    for index, display in enumerate(config.display):
        dark = [str(name) for name in display.leds if name not in labels] if isinstance(display, LedsConfig) else []
        if dark:
            has = ", ".join(labels)
            _LOG.warning("display.%d.leds: the model has no class %s; it has %s", index, " or ".join(dark), has)
    return [create(display) for display in config.display]


def panel(config: Config, inbox: CommandQueue) -> list[Sink]:
    """Return the panel's sink if the button, light or buzzer has a pin."""
    if not config.panel.pins():
        return []
    from edge.sinks.panel import PanelSink

    return [PanelSink(config.panel, inbox)]


def outbox(config: Config, source: FrameSource, resources: ExitStack, receipts: DurabilityBarrier) -> Outbox | None:
    """Return the outbox: in a file, or in memory for a replay, whose numbers are not the node's."""
    if config.mqtt.broker == "off":
        return None
    from edge.sinks.mqtt.outbox import Outbox
    from edge.sinks.mqtt.topics import Topics

    node = node_id(config)
    path = state_dir(config) / f"outbox-{node}.sqlite3" if source.epoch_ns is None else None
    topics = Topics.of(config.mqtt.prefix, node)
    made = Outbox(path, topics, config.mqtt.outbox, retry_max_s=config.mqtt.backoff_max_s)
    if path is not None:
        receipts.add("outbox")
        made.watch(partial(receipts.kept, "outbox"), partial(receipts.failing, "outbox"))
    return resources.enter_context(made)


def mqtt(config: Config, resources: ExitStack, outbox: Outbox | None, inbox: CommandQueue) -> list[MqttSink]:
    """Return the feed's sink, and start the embedded broker if configured."""
    if outbox is None:
        return []
    from edge.sinks.mqtt.sink import MqttSink

    before = None
    if config.mqtt.broker.startswith("embedded"):
        start = partial(_start_broker, config, resources.enter_context(ExitStack()))
        try:
            start()
        except FileUnavailable:  # without its password it serves nobody; the sink says so and tries again
            before = start
    return [
        MqttSink(
            config.mqtt,
            node_id(config),
            heartbeat_s=config.events.heartbeat_s,
            outbox=outbox,
            inbox=inbox,
            before=before,
            page_url=partial(_page_url, config),
        )
    ]


def _page_url(config: Config) -> str | None:
    if not config.kiosk.enabled:
        return None
    from edge.kiosk.page_url import page_url

    return page_url(config.kiosk)


def _start_broker(config: Config, started: ExitStack) -> None:
    from edge.sinks.mqtt.embedded import EmbeddedBroker
    from edge.sinks.mqtt.options import options

    own = options(config.mqtt, node_id(config))
    host = config.mqtt.embedded_host
    broker = EmbeddedBroker(own.port, host, username=own.username, password=own.password, own_client_id=own.client_id)
    broker.start()
    started.callback(broker.stop)


def sessions(
    config: Config, source: FrameSource, stamp: Stamp, network: LiteRtClassifier, receipts: DurabilityBarrier
) -> list[Sink]:
    """Make the sink that stores sessions and reports to ``receipts`` when they are on the disk."""
    if not config.sessions.keep:
        return []
    from edge.recording.paths import session_path
    from edge.recording.sink import SessionSink

    head = network.output.head
    measured = [score for score in network.manifest.scores if score.head == head and score.precision == "int8"]
    made = SessionSink(
        session_path(config),
        config.sessions,
        time_of=stamp.time,
        live=not source.lossless,
        accuracy=measured[-1].model_dump() if measured else None,
        labels=network.labels,
        k=config.privacy.k,
    )
    receipts.add("sessions", lambda event: event.session is not None)
    made.watch(partial(receipts.kept, "sessions"), partial(receipts.failing, "sessions"))
    return [made]


def kiosk(
    config: Config, inbox: CommandQueue, tap: FrameTap | None, detector: str, labels: LabelSet = SEVEN
) -> list[KioskSink]:
    """Return the page's sink, for the classes ``labels`` and the range of the ``detector``."""
    if not config.kiosk.enabled:
        return []
    from edge.kiosk.sink import KioskSink

    page = KioskSink(config, inbox, tap, labels)
    page.see_with(config.detector, detector)
    return [page]


def metrics(config: Config) -> list[Sink]:
    """Return the sink for Prometheus."""
    if not config.metrics.enabled:
        return []
    from edge.sinks.metrics.sink import MetricsSink

    return [MetricsSink(config.metrics)]


def tap(config: Config) -> FrameTap | None:
    """Return the source of the page's live picture; ``None`` if it is off."""
    if not (config.kiosk.enabled and config.kiosk.live_picture):
        return None
    from edge.kiosk.picture import FrameTap

    return FrameTap()


def watched(made: ObservationPipeline, tap: FrameTap | None) -> ObservationPipeline:
    """Wrap the pipeline so that it passes frames to ``tap``."""
    if tap is None:
        return made
    from edge.kiosk.picture import TappedPipeline

    return TappedPipeline(made, tap)

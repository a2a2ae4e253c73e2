"""Makes the parts of a device from its configuration: here, and only here, concrete classes are named.

Each function imports what it makes, so that a device without displays or broker pays for neither.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge import __version__
from edge.aggregate import Aggregator
from edge.commands import Inbox
from edge.config import node_id, state_dir
from edge.errors import AlreadyRunning, EdgeError
from edge.events import Info, Stamp
from edge.narrator import Narrator
from edge.runtime.app import Device, Timing, wall_clock_epoch_ns
from edge.runtime.dispatch import Dispatcher
from edge.runtime.receipts import Receipts
from edge.settings import SettingsStore
from edge.tracks import TrackTeller
from edge.vision.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from edge.config import Config
    from edge.kiosk.picture import Tap, Watched
    from edge.laps import Laps
    from edge.models.probation import Probation
    from edge.protocols import FaceDetector, FrameSource, Sink
    from edge.runtime.governor import Brake
    from edge.runtime.manager import ServiceManager
    from edge.runtime.vitals import Vitals
    from edge.sinks.mqtt.outbox import Outbox
    from edge.sources.newest import NewestFrame
    from edge.vision.litert import LiteRtClassifier

_LOG = logging.getLogger(__name__)
_REPLAY_SEED = b"replay"
HANG_S = 20.0
"""A driver that has not answered for so long never will."""


def classifier(config: Config) -> LiteRtClassifier:
    """The network that the configuration names, the one that was added, or the packaged one.

    Raises:
        ModelError: it is missing, corrupt or does not match its manifest.
        HardwareUnavailable: no inference runtime is installed.
    """
    from edge.models.store import model_in_use

    return _network(config, model_in_use(config))


def _network(config: Config, path: Path) -> LiteRtClassifier:
    from edge.vision.litert import LiteRtClassifier

    settings = config.model
    return LiteRtClassifier(path, head=settings.head, threads=settings.threads, runtime=settings.runtime)


def detector(config: Config, *, still: bool = False) -> FaceDetector:
    """The face detector; for stills it searches for smaller faces.

    Raises:
        ModelError: the detector is a network, and its file is missing or not the published one.
        HardwareUnavailable: a package that it needs is missing.
    """
    settings = config.detector
    min_face = config.analyze.min_face if still else settings.min_face
    if settings.kind == "blazeface":
        from edge.models.store import models_dir
        from edge.vision.blazeface import FILE, BlazeFaceDetector

        return BlazeFaceDetector(
            models_dir(config) / FILE,
            min_face=min_face,
            confidence=settings.confidence,
            levels=None if still else settings.levels,
            runtime=config.model.runtime,
        )
    from edge.vision.haar import HaarDetector

    return HaarDetector(min_face=min_face, scale_factor=settings.scale_factor, min_neighbors=settings.min_neighbors)


def pipeline(config: Config, *, still: bool = False, seed: int | None = None) -> Pipeline:
    """The vision pipeline.

    ``still`` is for pictures that have nothing to do with each other: each is searched, nothing is smoothed. The same
    ``seed`` gives the same track ids.
    """
    return _pipeline_of(config, classifier(config), still=still, seed=seed)


def _pipeline_of(
    config: Config, network: LiteRtClassifier, *, still: bool, seed: int | None, laps: Laps | None = None
) -> Pipeline:
    return Pipeline(
        detector(config, still=still),
        network,
        detect_width=config.analyze.width if still else config.detector.width,
        detect_interval_s=0.0 if still else config.detector.interval_s,
        scan_s=config.detector.scan_s,
        min_face=config.detector.min_face,
        classify_interval_s=0.0 if still else config.model.interval_s,
        tracker=config.tracker,
        smoothing=config.smoothing,
        primary=config.primary,
        memory=not still,
        seed=seed,
        laps=laps,
    )


@dataclass(frozen=True, slots=True)
class Wiring:
    """A device ready to run and whatever must be closed after it; ``adopt`` takes a changed configuration over."""

    device: Device
    resources: ExitStack
    manager: ServiceManager
    adopt: Callable[[Config], None]


def device(
    config: Config,
    *,
    extra_sinks: Iterable[Sink] = (),
    source: FrameSource | None = None,
    laps: Laps | None = None,
) -> Wiring:
    """Everything that ``run`` needs, nothing opened yet but the locks, the model and an embedded broker.

    ``source`` takes the place of the configured one; ``laps`` hears how long the stages of each frame take.

    Raises:
        AlreadyRunning: another process holds the node id or the camera.
        EdgeError: the model, the source's setting or the broker's port is unusable.
    """
    from edge.models.probation import Probation
    from edge.runtime.manager import ServiceManager
    from edge.runtime.rest import Rest
    from edge.sources.factory import create as create_source
    from edge.sources.newest import NewestFrame

    with ExitStack() as resources:
        source = source or create_source(config.source)
        _lock(config, source, resources)
        probation = resources.enter_context(Probation(config, lasting=not source.lossless))
        network = probation.load(lambda path: _network(config, path))
        inbox, receipts = Inbox(), resources.enter_context(Receipts())
        outbox = _outbox(config, source, resources, receipts)
        tap = _tap(config)
        feed = _mqtt(config, resources, outbox, inbox)
        page = _kiosk(config, inbox, tap)
        sinks = [*displays(config), *_panel(config, inbox), *feed, *page, *_metrics(config), *extra_sinks]
        frames = NewestFrame(source, config.source)
        stamp = Stamp(
            epoch_ns=wall_clock_epoch_ns() if source.epoch_ns is None else source.epoch_ns,
            seed=secrets.token_bytes(32) if source.epoch_ns is None else _REPLAY_SEED,
            next_seq=None if outbox is None else outbox.next_seq(),
        )
        kept = _sessions(config, source, stamp, network, receipts) if _local_control(config, inbox, resources) else []
        settings = SettingsStore(None if source.lossless else state_dir(config) / f"settings-{node_id(config)}.json")
        if config.privacy.start_paused:
            settings.change(privacy=True)
        manager = resources.enter_context(ServiceManager())

        def seeing(settings: Config) -> Pipeline | Watched:
            seed = 0 if source.lossless else None
            return _watched(_pipeline_of(settings, network, still=False, seed=seed, laps=laps), tap)

        def adopt(settings: Config) -> None:
            made.adopt(seeing(settings), settings.smoothing)

        made = Device(
            frames=frames,
            pipeline=seeing(config),
            narrator=Narrator(stamp, events=config.events, smoothing=config.smoothing, privacy=config.privacy),
            stamp=stamp,
            dispatcher=Dispatcher([*sinks, *kept], lossless=source.lossless),
            info=_info(config, network, source, probation),
            timing=Timing(stale_after_s=config.source.read_timeout_s, health_interval_s=config.events.heartbeat_s),
            inbox=inbox,
            settings=settings,
            vitals=_vitals(config, frames, manager, probation),
            brake=None if source.lossless else _brake(config),
            aggregator=_aggregator(config, stamp),
            tracks=_tracks(config, stamp),
            laps=laps,
            rest=None if source.lossless else Rest(config.source.idle_fps),
            receipts=receipts,
        )
        return Wiring(made, resources.pop_all(), manager, adopt)


def _vitals(config: Config, frames: NewestFrame, manager: ServiceManager, probation: Probation) -> Vitals:
    from edge.runtime.vitals import Vitals

    settings = config.source
    hang_s = max(HANG_S, 3 * settings.read_timeout_s, 3 * settings.open_timeout_s)
    return Vitals(frames, manager, hang_s=hang_s, give_up_s=settings.give_up_s, probation=probation)


def _brake(config: Config) -> Brake:
    from edge.runtime.governor import Brake, Pace

    # a little less than a track lives undetected
    return Brake(Pace(fps=config.source.fps, longest_s=0.6 * config.tracker.max_age_s))


def _aggregator(config: Config, stamp: Stamp) -> Aggregator | None:
    window_s = config.events.aggregate_s
    return Aggregator(stamp, window_s=window_s, k=config.privacy.k) if window_s else None


def _tracks(config: Config, stamp: Stamp) -> TrackTeller | None:
    if not config.privacy.publish_tracks:
        return None
    return TrackTeller(stamp, interval_s=config.events.track_interval_s, k=config.privacy.k)


def _lock(config: Config, source: FrameSource, resources: ExitStack) -> None:
    """One process per node id on the feed, one per camera."""
    from edge.runtime.lock import InstanceLock

    folder = state_dir(config)
    if config.mqtt.broker != "off":
        resources.enter_context(InstanceLock(folder, f"node {node_id(config)}"))
    if config.source.uri.startswith(("picamera", "usb:")):
        resources.enter_context(InstanceLock(folder, f"camera {source.uri}"))


def displays(config: Config) -> list[Sink]:
    """The LEDs, matrices and screens."""
    from edge.sinks.display.factory import create

    return [create(display) for display in config.display]


def _panel(config: Config, inbox: Inbox) -> list[Sink]:
    if not config.panel.pins():
        return []
    from edge.sinks.panel import PanelSink

    return [PanelSink(config.panel, inbox)]


def _outbox(config: Config, source: FrameSource, resources: ExitStack, receipts: Receipts) -> Outbox | None:
    """Where events wait for the broker: in a file, but in memory for a replay, whose numbers are not the node's."""
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


def _mqtt(config: Config, resources: ExitStack, outbox: Outbox | None, inbox: Inbox) -> list[Sink]:
    """The feed's sink, and the embedded broker started where one is wanted."""
    if outbox is None:
        return []
    from edge.sinks.mqtt.sink import MqttSink

    if config.mqtt.broker.startswith("embedded"):
        from edge.sinks.mqtt.embedded import EmbeddedBroker
        from edge.sinks.mqtt.options import options

        own = options(config.mqtt, node_id(config))
        host = config.mqtt.embedded_host
        broker = EmbeddedBroker(own.port, host, username=own.username, password=own.password)
        broker.start()
        resources.callback(broker.stop)
    return [MqttSink(config.mqtt, node_id(config), heartbeat_s=config.events.heartbeat_s, outbox=outbox, inbox=inbox)]


def _local_control(config: Config, inbox: Inbox, resources: ExitStack) -> bool:
    """Commands of this machine; False where another process of this node takes them, and keeps the sessions."""
    from edge.runtime.local import LocalControl, control_path
    from edge.runtime.lock import InstanceLock

    try:
        resources.enter_context(InstanceLock(state_dir(config), f"control {node_id(config)}"))
        resources.enter_context(LocalControl(control_path(config), inbox))
    except AlreadyRunning as refusal:
        _LOG.warning("%s; until then this one keeps no sessions and takes no commands of this machine", refusal)
        return False
    except EdgeError as error:
        _LOG.warning("%s", error)
    return True


def _sessions(
    config: Config, source: FrameSource, stamp: Stamp, network: LiteRtClassifier, receipts: Receipts
) -> list[Sink]:
    if not config.sessions.keep:
        return []
    from edge.sessions.places import session_path
    from edge.sessions.sink import SessionSink

    head = config.model.head
    measured = [score for score in network.manifest.scores if score.head == head and score.precision == "int8"]
    made = SessionSink(
        session_path(config),
        config.sessions,
        time_of=stamp.time,
        live=not source.lossless,
        accuracy=measured[-1].model_dump() if measured else None,
        k=config.privacy.k,
    )
    receipts.add("sessions", lambda event: event.session is not None)
    made.watch(partial(receipts.kept, "sessions"), partial(receipts.failing, "sessions"))
    return [made]


def _kiosk(config: Config, inbox: Inbox, tap: Tap | None) -> list[Sink]:
    """The page."""
    if not config.kiosk.enabled:
        return []
    from edge.kiosk.sink import KioskSink

    return [KioskSink(config, inbox, tap)]


def _metrics(config: Config) -> list[Sink]:
    """What Prometheus asks."""
    if not config.metrics.enabled:
        return []
    from edge.sinks.metrics.sink import MetricsSink

    return [MetricsSink(config.metrics)]


def _tap(config: Config) -> Tap | None:
    """Where the page's live picture comes from; nothing hands frames on where it is switched off."""
    if not (config.kiosk.enabled and config.kiosk.live_picture):
        return None
    from edge.kiosk.picture import Tap

    return Tap()


def _watched(made: Pipeline, tap: Tap | None) -> Pipeline | Watched:
    if tap is None:
        return made
    from edge.kiosk.picture import Watched

    return Watched(made, tap)


def _info(config: Config, network: LiteRtClassifier, source: FrameSource, probation: Probation) -> Info:
    return Info(
        node=node_id(config),
        software_version=__version__,
        model=network.manifest.name,
        model_sha256=network.manifest.sha256,
        model_fallback=probation.fallback or None,
        head=config.model.head,
        detector=config.detector.kind,
        runtime=network.runtime_version,
        source=source.uri,
        privacy={
            "frames_leave_device": config.kiosk.enabled and config.kiosk.live_picture,
            "tracks_published": config.privacy.publish_tracks,
            "k": config.privacy.k,
        },
    )

"""Build a device from its configuration; only this module and ``build_sinks`` name the classes."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge import __version__
from edge.audience.aggregate import Aggregator
from edge.audience.event_detector import EventDetector
from edge.audience.group_size import GroupSize
from edge.audience.togetherness import TogethernessMeter
from edge.audience.track_publisher import TrackPublisher
from edge.config import node_id, state_dir
from edge.core.commands import CommandQueue
from edge.core.errors import AlreadyRunning, EdgeError
from edge.core.events import Info, Stamp
from edge.core.types import SEVEN
from edge.inference.manifest import PREFERRED
from edge.pipelines import detection, factory
from edge.runtime import build_sinks
from edge.runtime.app import Device, Timing
from edge.runtime.clock import wall_clock_epoch_ns
from edge.runtime.dispatch import Dispatcher
from edge.runtime.durability_barrier import DurabilityBarrier
from edge.runtime.observation_publisher import ObservationPublisher
from edge.runtime.saved_switches import SettingsStore
from edge.sources.uri import is_usb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.config import Config
    from edge.core.protocols import FrameSource, ObservationPipeline, Sink
    from edge.core.stage_timer import StageTimer
    from edge.models.rollback import ModelRollback
    from edge.runtime.health_supervisor import HealthSupervisor
    from edge.runtime.manager import ServiceManager
    from edge.runtime.throttle import ThrottleController
    from edge.sources.newest import NewestFrame
    from edge.vision.litert import LiteRtClassifier

_LOG = logging.getLogger(__name__)
_ALL_THREADS = -1
_REPLAY_SEED = b"replay"
HANG_S = 20.0
"""A driver that has not answered for so long never will."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Device ready to run, and resources to close after it; ``adopt`` applies a changed configuration."""

    device: Device
    resources: ExitStack
    manager: ServiceManager
    adopt: Callable[[Config], None]


def device(
    config: Config,
    *,
    extra_sinks: Iterable[Sink] = (),
    source: FrameSource | None = None,
    timer: StageTimer | None = None,
) -> Wiring:
    """Build everything that ``run`` needs; only the locks, the model and an embedded broker are opened yet.

    ``source`` replaces the configured one; ``timer`` measures the stages of each frame.

    Raises:
        AlreadyRunning: another process holds the node id or the camera.
        EdgeError: the model, the source's setting or the broker's port is unusable.
    """
    import cv2

    from edge.models.rollback import ModelRollback
    from edge.runtime.idle_policy import IdlePolicy
    from edge.runtime.manager import ServiceManager
    from edge.sources.factory import create as create_source
    from edge.sources.newest import NewestFrame
    from edge.sources.playback import played

    cv2.setNumThreads(config.detector.threads or _ALL_THREADS)
    with ExitStack() as resources:
        source = source or played(create_source(config.source), config.source)
        _lock(config, source, resources)
        probation = resources.enter_context(ModelRollback(config, lasting=not source.recorded))
        network = probation.load(lambda path: factory.network(config, path))
        if network.output.head != PREFERRED:
            _LOG.info("model %s: %s", network.manifest.name, network.manifest.heads_in_words(config.model.head))
        inbox, receipts = CommandQueue(), resources.enter_context(DurabilityBarrier())
        outbox = build_sinks.outbox(config, source, resources, receipts)
        tap = build_sinks.tap(config)
        feed = build_sinks.mqtt(config, resources, outbox, inbox)
        kind = detection.detector_kind(config)
        page = build_sinks.kiosk(config, inbox, tap, kind, network.labels)
        shown = [*build_sinks.displays(config, network.labels), *build_sinks.panel(config, inbox)]
        sinks = [*shown, *feed, *page, *build_sinks.metrics(config), *extra_sinks]
        frames = NewestFrame(source, config.source)
        stamp = Stamp(
            epoch_ns=wall_clock_epoch_ns() if source.epoch_ns is None else source.epoch_ns,
            seed=secrets.token_bytes(32) if source.epoch_ns is None else _REPLAY_SEED,
            next_seq=None if outbox is None else outbox.next_seq(),
        )
        is_keeper = _local_control(config, inbox, resources)
        kept = build_sinks.sessions(config, source, stamp, network, receipts) if is_keeper else []
        # another process of this node has the file's settings in force
        path = state_dir(config) / f"settings-{node_id(config)}.json" if is_keeper and not source.lossless else None
        settings = SettingsStore(path, sessions=not source.recorded)
        if config.privacy.start_paused:
            settings.change(privacy=True)
        dispatcher = Dispatcher([*sinks, *kept], lossless=source.lossless)
        manager = resources.enter_context(ServiceManager())

        def seeing(settings: Config, kind: str) -> ObservationPipeline:
            seed, clock_ns = (0, None) if source.lossless else (None, time.process_time_ns)
            pipeline = factory.pipeline_of(
                settings, network, still=False, kind=kind, seed=seed, timer=timer, clock_ns=clock_ns
            )
            return build_sinks.watched(pipeline, tap)

        def adopt(settings: Config) -> None:
            kind = detection.detector_kind(settings)
            made.adopt(seeing(settings, kind), settings.smoothing, detector=kind)
            for sink in page:
                sink.see_with(settings.detector, kind)

        made = Device(
            frames=frames,
            pipeline=seeing(config, kind),
            voice=_voice(config, stamp, dispatcher, timer),
            stamp=stamp,
            dispatcher=dispatcher,
            info=_info(config, network, source, probation, detector=kind),
            timing=Timing(stale_after_s=config.source.read_timeout_s, health_interval_s=config.events.heartbeat_s),
            inbox=inbox,
            settings=settings,
            vitals=_vitals(config, frames, manager, probation),
            brake=None if source.lossless else _brake(config),
            rest=None if source.lossless else IdlePolicy(config.source.idle_fps),
            receipts=receipts,
            group=GroupSize(config.sessions.k, config.privacy.k),
            broker_connected=(lambda: all(sink.connected for sink in feed)) if feed else None,
            stays=config.source.at_end == "stay" or (config.source.at_end == "auto" and config.kiosk.enabled),
        )
        return Wiring(made, resources.pop_all(), manager, adopt)


def _vitals(config: Config, frames: NewestFrame, manager: ServiceManager, probation: ModelRollback) -> HealthSupervisor:
    from edge.runtime.health_supervisor import HealthSupervisor

    settings = config.source
    hang_s = max(HANG_S, 3 * settings.read_timeout_s, 3 * settings.open_timeout_s)
    return HealthSupervisor(frames, manager, hang_s=hang_s, give_up_s=settings.give_up_s, probation=probation)


def _brake(config: Config) -> ThrottleController:
    from edge.runtime.throttle import RateLimiter, ThrottleController

    # a little less than a track lives undetected
    return ThrottleController(RateLimiter(fps=config.source.fps, longest_s=0.6 * config.tracker.max_age_s))


def _voice(config: Config, stamp: Stamp, dispatcher: Dispatcher, timer: StageTimer | None) -> ObservationPublisher:
    events, privacy = config.events, config.privacy
    narrator = EventDetector(stamp, events=events, smoothing=config.smoothing, privacy=privacy)
    togetherness = TogethernessMeter(window_s=events.togetherness_s, k=privacy.k) if events.togetherness_s else None
    windows = (
        Aggregator(stamp, window_s=events.aggregate_s, k=privacy.k, togetherness=togetherness)
        if events.aggregate_s
        else None
    )
    faces = TrackPublisher(stamp, interval_s=events.track_interval_s, k=privacy.k) if privacy.publish_tracks else None
    return ObservationPublisher(narrator, dispatcher.put, aggregator=windows, tracks=faces, timer=timer)


def _lock(config: Config, source: FrameSource, resources: ExitStack) -> None:
    """Lock the node id on the feed and the camera for this process."""
    from edge.runtime.lock import InstanceLock

    folder = state_dir(config)
    if config.mqtt.broker != "off":
        resources.enter_context(InstanceLock(folder, f"node {node_id(config)}"))
    if config.source.uri.startswith("picamera") or is_usb(config.source.uri):
        resources.enter_context(InstanceLock(folder, f"camera {source.uri}"))


def _local_control(config: Config, inbox: CommandQueue, resources: ExitStack) -> bool:
    """Listen for local commands; return whether this process, and no other of this node, records sessions."""
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


def _info(
    config: Config, network: LiteRtClassifier, source: FrameSource, probation: ModelRollback, *, detector: str
) -> Info:
    return Info(
        node=node_id(config),
        software_version=__version__,
        model=network.manifest.name,
        model_sha256=network.manifest.sha256,
        model_fallback=probation.fallback or None,
        head=network.output.head,
        detector=detector,
        runtime=network.runtime_version,
        source=source.uri,
        privacy={
            "frames_leave_device": config.kiosk.enabled and config.kiosk.live_picture,
            "tracks_published": config.privacy.publish_tracks,
            "k": config.privacy.k,
        },
        labels=None if network.labels == SEVEN else network.labels.names,
    )

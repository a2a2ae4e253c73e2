"""The running device: frames in, messages out, one loop.

The loop never waits for a sink, and for a camera only in short turns, so that a stop is served within a fraction of a
second. Outer layers stop first: displays dark and ``offline`` published, then the camera is released.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.commands import SetPrivacy
from edge.core.errors import EdgeError
from edge.core.events import CameraStatus, Look, LookKind
from edge.core.types import Light
from edge.runtime.clock import wall_clock_epoch_ns
from edge.runtime.control import Control
from edge.runtime.health import Counters, HealthMeter
from edge.runtime.light_monitor import LightMonitor
from edge.runtime.queue_gauge import QueueGauge

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.audience.group_size import GroupSize
    from edge.config import SmoothingConfig
    from edge.core.commands import CommandQueue
    from edge.core.events import Health, Info, Stamp
    from edge.core.protocols import ObservationPipeline
    from edge.core.types import Frame
    from edge.runtime.dispatch import Dispatcher
    from edge.runtime.durability_barrier import DurabilityBarrier
    from edge.runtime.health_supervisor import HealthSupervisor
    from edge.runtime.idle_policy import IdlePolicy
    from edge.runtime.observation_publisher import ObservationPublisher
    from edge.runtime.saved_switches import SettingsStore
    from edge.runtime.throttle import ThrottleController
    from edge.sources.newest import NewestFrame

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
_TURN_S = 0.1
_FAILURES_IN_A_ROW = 50


@dataclass(frozen=True, slots=True)
class Timing:
    """Time after which a camera counts as gone, and interval of health messages; seconds."""

    stale_after_s: float
    health_interval_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a finished run."""

    frames: int
    skipped: int
    seconds: float


class Device:
    """The device's loop, which runs until stopped or a recording ends; with ``stays`` the rest continues after it."""

    def __init__(
        self,
        *,
        frames: NewestFrame,
        pipeline: ObservationPipeline,
        voice: ObservationPublisher,
        stamp: Stamp,
        dispatcher: Dispatcher,
        info: Info,
        timing: Timing,
        inbox: CommandQueue,
        settings: SettingsStore,
        vitals: HealthSupervisor,
        brake: ThrottleController | None = None,
        receipts: DurabilityBarrier | None = None,
        rest: IdlePolicy | None = None,
        broker_connected: Callable[[], bool] | None = None,
        group: GroupSize | None = None,
        stays: bool = False,
    ) -> None:
        self._frames = frames
        self._pipeline = pipeline
        self._voice = voice
        self._stamp = stamp
        self._dispatcher = dispatcher
        self._info = info
        self._timing = timing
        self._meter = HealthMeter()
        self._light = LightMonitor()
        self._stopping = threading.Event()
        self._inbox = inbox
        self._vitals = vitals
        self._brake = brake
        self._rest = rest
        self._broker_connected = broker_connected
        self._control = Control(
            inbox,
            settings,
            stamp=stamp,
            narrator=voice.narrator,
            aggregator=voice.aggregator,
            put=dispatcher.put,
            health=lambda: self._health(self._now_ns(), go_on=True),
            about=self._about,
            receipts=receipts,
            group=group,
        )
        self._paused = False
        self._camera: CameraStatus | None = None
        self._lossless = frames.lossless
        self._recorded = frames.recorded
        self._stays = stays
        self._over = False
        self._reading = False
        self._clip_ns = 0
        self._health_due_ns: int | None = None
        self._failing: set[str] = set()
        self._queue_gauge = QueueGauge()
        self._processed = 0
        self._failures = 0
        self._soon: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    @property
    def processed(self) -> int:
        """Number of frames processed since the start."""
        return self._processed

    def stop(self) -> None:
        """Request the loop to end and return at once; from any thread, but not from a signal handler."""
        self._stopping.set()

    def toggle_pause(self) -> None:
        """Pause or resume in the next turn of the loop; from any thread."""
        self._inbox.offer(SetPrivacy())

    def soon(self, call: Callable[[], None]) -> None:
        """Run ``call`` in the loop's next turn; from any thread."""
        self._soon.put(call)

    def adopt(self, pipeline: ObservationPipeline, smoothing: SmoothingConfig, *, detector: str) -> None:
        """Use another pipeline from the next frame on; on the loop's thread. Faces in view are detected again."""
        self._pipeline = pipeline
        self._voice.narrator.smooth(smoothing)
        if detector != self._info.detector:
            self._info = self._info.model_copy(update={"detector": detector})
            self._dispatcher.put(self._info)

    def run(self) -> Summary:
        """Open everything, loop, close everything.

        Raises:
            SourceError: a recording cannot be read at all, or only a new process can bring the camera back.
            EdgeError: the model failed for good, or the camera cannot be used as configured.
        """
        started_s = time.monotonic()
        self._dispatcher.start()
        self._dispatcher.put(self._info)
        self._dispatcher.put(Look(LookKind.STARTING))
        self._control.announce(self._now_ns())
        try:
            if not self._control.privacy:
                self._start_frames()
            self._vitals.started()
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._vitals.stopping()
            self._close()
        return Summary(self._processed, self._frames.skipped, time.monotonic() - started_s)

    def _turn(self) -> None:
        while not self._soon.empty():
            self._soon.get_nowait()()
        self._control.serve(self._now_ns())
        if self._control.privacy != self._paused:
            self._switch_pause()
        if self._brake is not None:
            self._brake.check(time.monotonic_ns())
        if self._paused:
            self._stopping.wait(_TURN_S)
            self._queue_gauge.sample(self._dispatcher.queue_depth)
        else:
            frame = self._next_frame()
            self._queue_gauge.sample(self._dispatcher.queue_depth)  # before this turn adds to it
            if frame is not None:
                self._look_at(frame)
                if self._brake is not None:
                    self._brake.pace.ended(time.monotonic_ns())
            elif self._frames.ended:
                self._finish()
            else:
                self._judge_camera()
        self._tell_in_time()
        self._vitals.check(paused=self._paused, away=self._camera is CameraStatus.OFFLINE, over=self._over)

    def _next_frame(self) -> Frame | None:
        """Return the newest frame as soon as it is due; ``None`` if that takes longer than a turn."""
        brake = self._brake
        if brake is None:
            return self._frames.get(_TURN_S)
        wait_s = brake.wait_s()
        if wait_s > 0:
            self._stopping.wait(min(wait_s, _TURN_S))
            if wait_s > _TURN_S:
                return None
        frame = self._frames.get(_TURN_S)
        if frame is not None:
            brake.pace.began(time.monotonic_ns())
        return frame

    def _look_at(self, frame: Frame) -> None:
        self._clip_ns = frame.monotonic_ns
        self._set_camera(CameraStatus.ONLINE)
        try:
            observation = self._pipeline.step(frame)
        except EdgeError:
            raise
        except Exception:
            # one odd frame must not end years of service; a steady failure must
            self._failures += 1
            if self._failures >= _FAILURES_IN_A_ROW:
                raise
            if self._failures == 1:
                _LOG.exception("frame %d could not be processed and is skipped", frame.index)
            return
        self._failures = 0
        self._processed += 1
        self._meter.record(observation)
        if self._light.observe(observation.light, observation.monotonic_ns):
            self._tell_light()
        if self._rest is not None:
            self._rest.note(observation, still=self._pipeline.still)
            self._frames.rest_s = self._rest.interval_s
        self._voice.observe(observation)
        self._frames.aim(frame, (face.box for face in observation.faces))

    def _tell_in_time(self) -> None:
        """Publish what is due without a frame: the held-back state, aggregates, health."""
        if not self._lossless and self._stamp.follow(wall_clock_epoch_ns()):
            _LOG.info(
                "the clock was set: it is %s", self._stamp.time(time.monotonic_ns()).isoformat(timespec="seconds")
            )
            self._control.clock_was_set()
        now_ns = self._now_ns()
        self._voice.tick(now_ns)
        self._tell_failing(now_ns)
        if self._health_due_ns is None or now_ns >= self._health_due_ns:
            self._health_due_ns = now_ns + int(self._timing.health_interval_s * _NS)
            self._dispatcher.put(self._health(now_ns))

    def _health(self, now_ns: int, *, go_on: bool = False) -> Health:
        counters = Counters(
            captured=self._frames.captured,
            skipped=self._frames.skipped,
            reconnects=self._frames.reconnects,
            last_frame_age_s=self._frames.last_frame_age_s,
            queue_depth=self._queue_gauge.depth,
            drops=self._dispatcher.drops,
        )
        limited_by = None if self._brake is None else self._brake.limited_by
        light = self._light.now
        failing = self._dispatcher.failing
        return self._meter.report(
            self._stamp.time(now_ns), counters, limited_by=limited_by, light=light, failing=failing, go_on=go_on
        )

    def _tell_failing(self, now_ns: int) -> None:
        """Publish at once which parts cannot be used, and which can again."""
        failing = self._dispatcher.failing.keys()
        if failing != self._failing and not self._lossless:
            self._failing = set(failing)
            self._dispatcher.put(self._health(now_ns, go_on=True))

    def _tell_light(self) -> None:
        """Publish that it became dark or light, at once."""
        if self._light.now is Light.TOO_DARK:
            _LOG.warning("it is too dark to see faces: add light or move the device")
        else:
            _LOG.info("light: %s", self._light.now)
        self._dispatcher.put(self._health(self._now_ns(), go_on=True))

    def _lose_sight(self) -> None:
        """Forget the faces in view, because the camera is gone or paused."""
        self._pipeline.reset()
        was_problem = self._light.now is Light.TOO_DARK
        self._light.reset()
        if was_problem:
            self._dispatcher.put(self._health(self._now_ns(), go_on=True))

    def _about(self) -> dict[str, Any]:
        camera = None if self._camera is None else self._camera.value
        connected = None if self._broker_connected is None else self._broker_connected()
        work = {"frames": self._processed, "states": self._voice.states, "broker": connected}
        failing = self._dispatcher.failing
        return {"info": json.loads(self._info.to_json()), "camera": camera, "work": work, "failing": failing}

    def _now_ns(self) -> int:
        """Return the clock of live frames, or the position of a clip's last frame."""
        return self._clip_ns if self._lossless else time.monotonic_ns()

    def _judge_camera(self) -> None:
        age_s = self._frames.last_frame_age_s
        if self._lossless or (age_s is not None and age_s < self._timing.stale_after_s):
            return
        if age_s is None and not self._frames.failing:
            return  # still opening for the first time
        if self._set_camera(CameraStatus.OFFLINE):
            self._lose_sight()
            self._voice.lose_sight(self._now_ns())

    def _set_camera(self, status: CameraStatus) -> bool:
        """Publish the camera's status; return whether it changed."""
        if status is self._camera:
            return False
        self._camera = status
        self._dispatcher.put(status)
        _LOG.info("camera %s is %s", self._frames.uri, status.value)
        return True

    def _switch_pause(self) -> None:
        self._paused = self._control.privacy
        if self._paused:
            self._stop_frames()
            self._lose_sight()
            self._voice.pause(self._now_ns())
            self._set_camera(CameraStatus.PAUSED)
        else:
            self._voice.resume(self._now_ns())
            self._start_frames()

    def _start_frames(self) -> None:
        if self._reading:
            self._frames.go_on()
        else:
            self._frames.start()
            self._reading = True

    def _stop_frames(self) -> None:
        """Release the camera; a recording is held at its position, since a restart would turn its time back."""
        if self._recorded:
            self._frames.hold()
        else:
            self._frames.stop()
            self._reading = False

    def _finish(self) -> None:
        """Handle the end of the source; called in each turn from then on."""
        error = self._frames.error
        # a live source ends for a cause that no retry mends, whether it had delivered before or not
        if error is not None and not (self._recorded and self._processed):
            raise error
        if not self._over:
            self._over = True
            if error is not None:
                _LOG.warning("%s", error)
            self._control.end_session(self._now_ns())
        if not self._stays:
            self._stopping.set()
            return
        if self._set_camera(CameraStatus.ENDED):
            _LOG.info("everything else goes on until it is stopped; source.at_end = 'exit' ends with the recording")
            self._lose_sight()
            self._voice.end(self._now_ns())
        self._stopping.wait(_TURN_S)

    def _close(self) -> None:
        if self._recorded:
            self._control.end_session(self._now_ns())
        self._voice.flush(self._now_ns())
        self._dispatcher.close()
        self._frames.stop()
        self._pipeline.close()

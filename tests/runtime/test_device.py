"""The whole device: frames in; LEDs, states and events out, through a real broker to a real subscriber."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

import pytest

from edge import config as configuration
from edge.core.errors import AlreadyRunning, SourceError
from edge.core.events import CameraStatus, Event, EventType, Health, Info, Look, LookKind, State, Tracks
from edge.core.types import Emotion, Observation
from edge.runtime import build
from edge.sinks.display.simulated import simulated_pins
from edge.sinks.memory import MemorySink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.config import Config
    from edge.core.protocols import Sink
    from edge.runtime.app import Device

RGB = {"red": 17, "green": 27, "blue": 22}
LEDS = {"angry": 5, "disgust": 6, "fear": 13, "happy": 19, "sad": 26, "surprise": 16, "neutral": 20}
STATUS = 21
CLIP = "virtual:portrait?pace=fast&frames=220"


def settings(tmp_path: Path, **flags: Any) -> Config:
    base: dict[str, Any] = {"node.id": "test", "node.state_dir": tmp_path, "source.uri": CLIP, "source.width": 640}
    return configuration.load(environment={}, flags=base | {"source.height": 480} | flags)


def play(config: Config, *sinks: Sink) -> None:
    wiring = build.device(config, extra_sinks=sinks)
    with wiring.resources:
        wiring.device.run()


class Background:
    """A device that runs on a thread, for tests that watch it live."""

    def __init__(self, config: Config) -> None:
        self.sink = MemorySink()
        self._resources = ExitStack()
        wiring = build.device(config, extra_sinks=[self.sink])
        self._resources.enter_context(wiring.resources)
        self.device: Device = wiring.device
        self._thread = threading.Thread(target=self.device.run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.device.stop()
        self._thread.join(60)
        self._resources.close()
        assert not self._thread.is_alive()


def test_states_events_and_pins_agree(
    tmp_path: Path, mosquitto: Callable[..., Any], subscribe: Callable[..., Any]
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    memory = MemorySink()
    displays = [
        {"kind": "rgb_led", **RGB, "min_hold_s": 0},
        {"kind": "leds", "leds": LEDS, "status": STATUS, "min_hold_s": 0},
    ]
    with simulated_pins() as pins:
        play(settings(tmp_path, **{"mqtt.broker": broker.uri, "display": displays}), memory)
        happy, sad = pins.history(LEDS["happy"]), pins.history(LEDS["sad"])
        assert set(pins.levels([*RGB.values(), *LEDS.values(), STATUS]).values()) == {0.0}, "dark at the end"
    subscriber.wait_payload("availability", "offline")

    events = memory.of(Event)
    assert [event.type for event in events[:3]] == [
        EventType.PRESENCE_START,
        EventType.EXPRESSION_CHANGED,
        EventType.PEAK,
    ]
    assert events[1].emotion == "happy"
    assert {EventType.PRESENCE_END} < {event.type for event in events}
    assert [json.loads(m.payload) for m in subscriber.wait("event", len(events))] == [
        json.loads(event.to_json()) for event in events
    ]
    states = memory.of(State)
    assert len(states) >= 5
    assert json.loads(subscriber.of("state")[-1].payload) == json.loads(states[-1].to_json())
    looks = [kind for kind, _ in groupby((look.kind, look.emotion) for look in memory.of(Look))]
    times_happy = looks.count((LookKind.EMOTION, Emotion.HAPPY))
    assert times_happy >= 1
    lit = [level > 0 for _, level in happy]
    assert sum(1 for on, _ in groupby(lit) if on) == times_happy
    assert not any(level > 0 for _, level in sad)
    assert subscriber.of("availability")[0].payload == "online"
    assert [m.payload for m in subscriber.of("camera")] == ["online"]
    assert json.loads(subscriber.of("info")[0].payload)["head"] == "consensus"
    assert subscriber.of("health")


def test_the_same_clip_gives_the_same_events_byte_for_byte(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    from edge.config import SourceConfig
    from edge.sources.virtual import VirtualCamera

    scene = VirtualCamera(SourceConfig(uri="virtual:portrait", width=640, height=480, fps=10))
    scene.open()
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 480, "yuv420p", 4_000_000
        draw = scene._draw
        assert draw is not None
        for index in range(130):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(index / 10), format="bgr24")))
        container.mux(stream.encode())

    def run() -> tuple[list[str], list[str], list[Observation]]:
        memory = MemorySink()
        play(settings(tmp_path, **{"source.uri": f"replay:{path}"}), memory)
        return (
            [event.to_json() for event in memory.of(Event)],
            [state.to_json() for state in memory.of(State)],
            memory.of(Observation),
        )

    first, second = run(), run()
    assert len(first[0]) >= 4
    assert first == second
    assert json.loads(first[0][0])["ts"].startswith("1970-01-01T00:00:0")


def test_a_camera_that_stops_is_told_shown_and_comes_back(tmp_path: Path) -> None:
    stalling = {"source.uri": "virtual:stall?frames=20", "source.read_timeout_s": 0.3, "source.backoff_max_s": 0.1}
    with Background(settings(tmp_path, **stalling, **{"source.fps": 60})) as running:
        running.sink.wait_for(CameraStatus, count=3)
        statuses = running.sink.of(CameraStatus)[:3]
    assert statuses == [CameraStatus.ONLINE, CameraStatus.OFFLINE, CameraStatus.ONLINE]
    kinds = [kind for kind, _ in groupby(look.kind for look in running.sink.of(Look))]
    assert kinds[0] is LookKind.STARTING
    assert LookKind.FAULT in kinds
    assert kinds.index(LookKind.FAULT) < len(kinds) - 1


def test_a_camera_that_was_never_there_is_a_fault_and_no_end(tmp_path: Path) -> None:
    with Background(settings(tmp_path, **{"source.uri": "usb:97", "source.backoff_max_s": 0.1})) as running:
        assert running.sink.wait_for(CameraStatus) == [CameraStatus.OFFLINE]
        assert running.sink.wait_for(Look, count=2)[-1].kind is LookKind.FAULT


def test_a_pause_releases_the_camera_and_says_so(tmp_path: Path) -> None:
    with Background(settings(tmp_path, **{"source.uri": "virtual:portrait", "source.fps": 30})) as running:
        running.sink.wait_for(Event, count=1)
        running.device.toggle_pause()
        running.sink.wait_for(CameraStatus, count=2)
        seen = len(running.sink.of(Observation))
        time.sleep(0.3)  # a longer one finds no less
        assert len(running.sink.of(Observation)) == seen
        running.device.toggle_pause()
        running.sink.wait_for(CameraStatus, count=3)
    assert running.sink.of(CameraStatus)[:3] == [CameraStatus.ONLINE, CameraStatus.PAUSED, CameraStatus.ONLINE]
    types = [event.type for event in running.sink.of(Event)]
    assert types[types.index(EventType.PRIVACY_ON) - 1] is EventType.PRESENCE_END
    assert EventType.PRIVACY_OFF in types
    assert LookKind.PAUSED in [look.kind for look in running.sink.of(Look)]


def test_a_paused_clip_goes_on_where_it_was(tmp_path: Path) -> None:
    with Background(settings(tmp_path, **{"source.uri": "virtual:blank?pace=fast&frames=3000"})) as running:
        running.sink.wait_for(Observation, count=20)
        running.device.toggle_pause()
        running.sink.wait_for(CameraStatus, count=2)
        running.device.toggle_pause()
        running.sink.wait_for(CameraStatus, count=3)
        running.sink.wait_for(Observation, count=200)
    indices = [observation.frame_index for observation in running.sink.of(Observation)]
    assert indices == list(range(len(indices)))


def test_a_device_may_start_paused(tmp_path: Path) -> None:
    with Background(settings(tmp_path, **{"source.uri": "virtual", "privacy.start_paused": True})) as running:
        assert running.sink.wait_for(CameraStatus) == [CameraStatus.PAUSED]
        assert running.sink.of(Observation) == []


def test_info_and_health_are_told_from_the_start(tmp_path: Path) -> None:
    memory = MemorySink()
    play(settings(tmp_path, **{"source.uri": "virtual:blank?pace=fast&frames=30"}), memory)
    (info,) = memory.of(Info)
    assert info.node == "test"
    assert info.detector == "haar"
    assert len(info.model_sha256) == 64
    assert info.privacy == {"frames_leave_device": False, "tracks_published": False, "k": 1}
    assert memory.of(Health)


def test_a_clip_that_cannot_be_read_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        play(settings(tmp_path, **{"source.uri": str(tmp_path / "missing.mp4")}))


def test_one_node_id_runs_once(tmp_path: Path, mosquitto: Callable[..., Any]) -> None:
    config = settings(tmp_path, **{"source.uri": "virtual:blank", "mqtt.broker": mosquitto().uri})
    with Background(config), pytest.raises(AlreadyRunning, match="test"):
        build.device(config)


def test_a_stop_takes_less_than_two_seconds(
    tmp_path: Path, mosquitto: Callable[..., Any], stopwatch: Callable[..., Any]
) -> None:
    flags = {"source.uri": "virtual:portrait", "mqtt.broker": mosquitto().uri}
    with Background(settings(tmp_path, **flags)) as running:
        running.sink.wait_for(Observation)
        with stopwatch() as took:
            running.device.stop()
            running._thread.join(60)
        assert took.seconds < 2


def test_times_follow_the_clock_when_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A board without a battery-backed clock starts in the past and learns the time from the network."""
    past_ns = time.time_ns() - 10**18
    monkeypatch.setattr("edge.runtime.build.wall_clock_epoch_ns", lambda: past_ns - time.monotonic_ns())
    caplog.set_level("INFO")
    with Background(settings(tmp_path, **{"source.uri": "virtual"})) as running:
        [health] = running.sink.wait_for(Health)[:1]
        running.device.toggle_pause()
        events = running.sink.wait_for(Event)
    assert abs(health.ts.timestamp() - time.time()) < 60
    assert all(abs(event.ts.timestamp() - time.time()) < 60 for event in events)
    assert sum("the clock was set" in record.message for record in caplog.records) == 1


def test_faces_one_by_one_only_where_that_is_allowed(tmp_path: Path) -> None:
    for allowed in (False, True):
        sink = MemorySink(accepts=(Tracks, Info))
        play(settings(tmp_path, **{"privacy.publish_tracks": allowed}), sink)
        assert bool(sink.of(Tracks)) is allowed
        assert sink.of(Info)[0].privacy["tracks_published"] is allowed

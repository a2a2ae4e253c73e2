"""The device on a recording: at its own pace, what stays when it is over, and that its session is closed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import load
from edge.core.commands import SetPrivacy, StartSession
from edge.core.events import CameraStatus, Event, EventType, Info, Look, LookKind
from edge.core.types import Observation
from edge.recording.file import SessionFile
from edge.runtime import build
from edge.runtime.saved_switches import SettingsStore
from edge.sinks.memory import MemorySink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Running = Any
DEADLINE_S = 120.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """What ``condition`` gives, as soon as that is something."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def sessions(folder: Path, node: str = "n1") -> list[Any]:
    with SessionFile(folder / f"sessions-{node}.sqlite3") as file:
        return list(file.sessions())


def test_a_file_plays_at_its_own_pace_with_times_of_today(
    running: Running, make_clip: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clip = make_clip(frames=30)
    started_ns = time.monotonic_ns()
    with running(**{"source.uri": str(clip), "source.at_end": "stay"}) as (_, sink):
        until(lambda: CameraStatus.ENDED in sink.of(CameraStatus), "never over")
        seen = sink.of(Observation)
    assert seen[-1].monotonic_ns - seen[0].monotonic_ns > 2e9, "races"
    assert all(before.monotonic_ns < after.monotonic_ns for before, after in pairwise(seen))
    assert seen[0].monotonic_ns >= started_ns, "times are not ours"
    assert sink.of(CameraStatus) == [CameraStatus.ONLINE, CameraStatus.ENDED]
    assert sink.of(Look)[-1].kind is LookKind.NO_FACE, "the end of a film is no fault"
    assert f"{clip}: ended after 30 frames" in caplog.text
    assert f"camera {clip} is ended" in caplog.text


def test_the_session_ends_with_the_film_and_the_device_goes_on(
    running: Running, tmp_path: Path, make_clip: Callable[..., Path]
) -> None:
    with running(**{"source.uri": str(make_clip(frames=20)), "source.at_end": "stay"}) as (device, sink):
        device._inbox.offer(StartSession("Rehearsal"))
        until(lambda: CameraStatus.ENDED in sink.of(CameraStatus), "never over")
        until(lambda: [e for e in sink.of(Event) if e.type is EventType.SESSION_END], "the session is left open")
        (session,) = until(lambda: [s for s in sessions(tmp_path) if s.end is not None], "not closed in the file")
        assert session.title == "Rehearsal"
        assert session.ended_by == "stop"
        assert 0 < session.lasted_s < 60
        # it is alive: what is asked is answered, and a second session may begin and is closed at the end
        asked: list[Any] = []
        device._inbox.offer(StartSession("After"), asked.append)
        until(lambda: asked, "no answer after the end")
    assert [s.end is None for s in sessions(tmp_path)] == [False, False]


def test_without_a_page_the_end_of_the_film_ends_the_device_and_its_session(
    tmp_path: Path, make_clip: Callable[..., Path]
) -> None:
    sink = MemorySink()
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "source.uri": str(make_clip(frames=10))}
    wiring = build.device(load(environment={}, flags=flags), extra_sinks=[sink])
    wiring.device._inbox.offer(StartSession("Short"))
    with wiring.resources:
        wiring.device.run()
    assert [s.end is None for s in sessions(tmp_path)] == [False]
    assert CameraStatus.ENDED not in sink.of(CameraStatus)


def test_a_fast_replay_closes_its_session_too(tmp_path: Path, make_clip: Callable[..., Path]) -> None:
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "source.uri": f"replay:{make_clip(frames=20)}"}
    wiring = build.device(load(environment={}, flags=flags))
    wiring.device._inbox.offer(StartSession("Fast"))
    with wiring.resources:
        wiring.device.run()
    (session,) = sessions(tmp_path)
    assert session.end is not None
    assert session.lasted_s == pytest.approx(1.9, abs=0.2)


@pytest.mark.parametrize("uri", ["images", "virtual:portrait?frames=12", "gif"])
def test_pictures_scenes_and_gifs_end_in_the_same_way(uri: str, running: Running, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    if uri == "images":
        (tmp_path / "pictures").mkdir()
        for index in range(4):
            cv2.imwrite(str(tmp_path / f"pictures/{index}.png"), np.full((64, 64, 3), 50 * index, np.uint8))
        uri = str(tmp_path / "pictures")
    elif uri == "gif":
        image = pytest.importorskip("PIL.Image")
        frames = [image.new("RGB", (64, 64), (60 * index, 0, 0)) for index in range(4)]
        frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:], duration=300)
        uri = str(tmp_path / "moving.gif")
    with running(**{"source.uri": uri, "source.fps": 4, "source.at_end": "stay"}) as (_, sink):
        until(lambda: CameraStatus.ENDED in sink.of(CameraStatus), "never over")
        seen = sink.of(Observation)
    assert seen[-1].monotonic_ns - seen[0].monotonic_ns >= 0.7e9


def test_a_loop_goes_on(running: Running, make_clip: Callable[..., Path]) -> None:
    with running(**{"source.uri": str(make_clip(frames=3)), "source.loop": True}) as (device, sink):
        until(lambda: device.processed > 12, "ends in spite of loop")
        assert CameraStatus.ENDED not in sink.of(CameraStatus)
        times = [seen.monotonic_ns for seen in sink.of(Observation)]
    assert times == sorted(set(times))


def test_a_pause_holds_the_film_where_it_is(running: Running, make_clip: Callable[..., Path]) -> None:
    with running(**{"source.uri": str(make_clip(frames=40)), "source.at_end": "stay"}) as (device, sink):
        until(lambda: device.processed > 2, "never begins")
        device._inbox.offer(SetPrivacy(on=True))
        until(lambda: CameraStatus.PAUSED in sink.of(CameraStatus), "never paused")
        seen = device.processed
        time.sleep(4.5)  # longer than the film lasts
        assert device.processed == seen
        assert CameraStatus.ENDED not in sink.of(CameraStatus)
        device._inbox.offer(SetPrivacy(on=False))
        until(lambda: device.processed > seen + 2, "does not go on")
        assert CameraStatus.ENDED not in sink.of(CameraStatus)
        until(lambda: CameraStatus.ENDED in sink.of(CameraStatus), "never over")
        # and a pause after the end leads back to it
        device._inbox.offer(SetPrivacy(on=True))
        until(lambda: sink.of(CameraStatus)[-1] is CameraStatus.PAUSED, "not paused")
        device._inbox.offer(SetPrivacy(on=False))
        until(lambda: sink.of(CameraStatus)[-1] is CameraStatus.ENDED, "forgets that the film is over")


def test_a_session_of_a_film_does_not_go_on_with_the_camera(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    live = SettingsStore(path)
    live.change(display_brightness=0.4)
    film = SettingsStore(path, sessions=False)
    film.change(session={"id": f"{0:026}", "title": "Film", "start": "2026-01-01T00:00:00Z"}, display_on=False)
    assert film.now.session is not None
    again = SettingsStore(path)
    assert again.now.session is None
    assert (again.now.display_on, again.now.display_brightness) == (False, 0.4)
    again.change(session={"id": f"{1:026}", "title": "Live", "start": "2026-01-01T00:00:00Z"})
    assert SettingsStore(path).now.session is not None
    assert SettingsStore(path, sessions=False).now.session is None
    assert SettingsStore(path).now.session is None, "an interrupted session would come back after the film"


@pytest.fixture
def face_edge(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``face-edge ARGUMENTS`` as a process of its own, node ``n1``, its state and sockets in the test's folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FACE_EDGE_", "COV_"))}
    environment = {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "RUNTIME_DIRECTORY": str(tmp_path / "run")}
    base = [sys.executable, "-m", "edge", "--set", f"node.state_dir={tmp_path}", "--set", "node.id=n1"]
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*base, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    return out


def begin(face_edge: Callable[..., subprocess.Popen[str]], title: str) -> None:
    def started() -> bool:
        asked = face_edge("sessions", "start", title)
        asked.communicate(timeout=DEADLINE_S)
        return asked.returncode == 0

    until(started, "no session can be started")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_session_of_a_film(
    end: signal.Signals, face_edge: Callable[..., subprocess.Popen[str]], make_clip: Callable[..., Path]
) -> None:
    film = face_edge("run", "--source", str(make_clip(frames=20)), "--loop")
    begin(face_edge, "Rehearsal")
    assert "running" in said(face_edge("sessions", "list"))
    film.send_signal(end)
    _, errors = film.communicate(timeout=DEADLINE_S)
    assert film.returncode == 0, errors
    assert "Traceback" not in errors
    listed = said(face_edge("sessions", "list"))
    assert "Rehearsal" in listed
    assert "running" not in listed
    assert "interrupted" not in listed


def test_a_session_that_a_power_cut_left_is_closed_at_the_next_start(
    face_edge: Callable[..., subprocess.Popen[str]], make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip = str(make_clip(frames=20))
    film = face_edge("run", "--source", clip, "--loop")
    begin(face_edge, "Cut off")
    film.kill()
    film.communicate()
    assert "interrupted" in said(face_edge("sessions", "list")), "nothing runs, so no session does"
    again = face_edge("run", "--source", clip, "--loop")
    until(lambda: all(session.end is not None for session in sessions(tmp_path)), "still open")
    again.terminate()
    again.communicate(timeout=DEADLINE_S)
    (session,) = sessions(tmp_path)
    assert session.ended_by == "interruption"


def test_a_session_that_nobody_runs_can_be_deleted(
    face_edge: Callable[..., subprocess.Popen[str]], make_clip: Callable[..., Path]
) -> None:
    film = face_edge("run", "--source", str(make_clip(frames=20)), "--loop")
    begin(face_edge, "Unwanted")
    refused = face_edge("sessions", "delete", "last", "--yes")
    assert "is running: end it first" in refused.communicate(timeout=DEADLINE_S)[1]
    film.kill()
    film.communicate()
    said(face_edge("sessions", "delete", "last", "--yes"))
    assert said(face_edge("sessions", "list")) == ""


def test_the_page_stays_when_the_film_is_over(
    face_edge: Callable[..., subprocess.Popen[str]], make_clip: Callable[..., Path], free_port: Callable[[], int]
) -> None:
    pytest.importorskip("starlette", reason="the page needs the extra kiosk")
    port = free_port()
    page = ("kiosk.enabled=true", f"kiosk.port={port}", "kiosk.host=127.0.0.1", "kiosk.tls=off")
    words = [word for setting in page for word in ("--set", setting)]
    film = face_edge(*words, "run", "--source", str(make_clip(frames=15)), "--json")

    def camera() -> str:
        found = face_edge("status", "--json")
        out, _ = found.communicate(timeout=DEADLINE_S)
        return str(json.loads(out)["camera"]) if found.returncode == 0 and out else ""

    until(lambda: camera() == "ended", "the film never ends, or takes the device along")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
        assert answer.status == 200
    assert film.poll() is None
    film.terminate()
    _, errors = film.communicate(timeout=DEADLINE_S)
    assert film.returncode == 0
    assert "ended after 15 frames" in errors
    assert "everything else goes on until it is stopped" in errors


@pytest.mark.parametrize(
    ("options", "seconds"),
    [((), (3.9, DEADLINE_S)), (("--fast",), (0.0, DEADLINE_S)), (("--at-end", "exit"), (3.9, DEADLINE_S))],
)
def test_run_takes_as_long_as_the_film(
    options: tuple[str, ...], seconds: tuple[float, float], face_edge: Callable[..., subprocess.Popen[str]],
    make_clip: Callable[..., Path],
) -> None:  # fmt: skip
    film = face_edge("run", "--source", str(make_clip(frames=40)), "--json", *options)
    assert film.stdout is not None
    film.stdout.readline()
    started = time.monotonic()
    out, errors = film.communicate(timeout=DEADLINE_S)
    assert film.returncode == 0, errors
    assert seconds[0] <= time.monotonic() - started + 1.5
    assert "ended after 40 frames" in errors
    dated = [json.loads(line)["payload"]["ts"] for line in out.splitlines() if '"ts"' in line]
    assert all(ts.startswith("1970") == ("--fast" in options) for ts in dated)


def test_info_is_told_again_when_the_detector_changes(tmp_path: Path) -> None:
    sink = MemorySink()
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "source.uri": "virtual:blank?pace=fast&frames=5"}
    wiring = build.device(load(environment={}, flags=flags), extra_sinks=[sink])
    with wiring.resources:
        device = wiring.device
        device.soon(lambda: device.adopt(device._pipeline, load(environment={}).smoothing, detector="blazeface"))
        device.soon(lambda: device.adopt(device._pipeline, load(environment={}).smoothing, detector="blazeface"))
        device.run()
    assert [info.detector for info in sink.of(Info)][-1] == "blazeface"
    assert len(sink.of(Info)) == 2


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg makes the clip")
def test_a_film_of_one_frame_in_two_seconds_shows_whom_it_shows(running: Running, tmp_path: Path) -> None:
    from edge.sources.virtual import PORTRAIT

    clip = tmp_path / "slow.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-loop", "1", "-framerate", "1/2", "-i", str(PORTRAIT), "-t", "8", "-vf",
         "scale=640:480,setsar=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", str(clip)],
        check=True,
    )  # fmt: skip
    with running(**{"source.uri": str(clip), "source.at_end": "stay"}) as (_, sink):
        until(lambda: CameraStatus.ENDED in sink.of(CameraStatus), "never over")
    assert [e.type for e in sink.of(Event) if e.type in {EventType.PRESENCE_START, EventType.PRESENCE_END}] == [
        EventType.PRESENCE_START, EventType.PRESENCE_END,
    ]  # fmt: skip
    assert CameraStatus.OFFLINE not in sink.of(CameraStatus)


def test_a_damaged_detector_file_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from edge.models.store import models_dir
    from edge.vision import yunet

    config = load(
        environment={},
        flags={
            "node.id": "n1",
            "node.state_dir": tmp_path,
            "source.uri": "virtual:blank?pace=fast&frames=2",
            "kiosk.enabled": True,
        },
    )
    models_dir(config).mkdir(parents=True)
    (models_dir(config) / yunet.FILE).write_bytes(b"damaged")
    with build.device(config).resources:
        pass
    assert caplog.text.count("until then the Haar detector is used") == 1

"""A device whose room gets dark and light again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge import config as configuration
from edge.core.errors import SourceEnded
from edge.core.events import CameraStatus, Health
from edge.core.types import Frame, Light
from edge.runtime import build
from edge.sinks.memory import MemorySink
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

S = 10**9


class Room(PassiveSource):
    """Ten frames a second, each as bright as ``levels`` says for its second."""

    uri = "room"
    lossless = True
    epoch_ns = 0

    def __init__(self, levels: list[int]) -> None:
        self._levels = levels
        self._index = 0

    def open(self) -> None:
        pass

    def read(self) -> Frame:
        index, self._index = self._index, self._index + 1
        if index >= 10 * len(self._levels):
            raise SourceEnded
        picture = np.full((120, 160), self._levels[index // 10], np.uint8)
        return Frame(picture, index * S // 10, index)

    def close(self) -> None:
        pass


def played(levels: list[int], folder: Path) -> list[Health]:
    sink = MemorySink()
    config = configuration.load(
        environment={},
        flags={"node.id": "n1", "node.state_dir": folder, "source.uri": "virtual", "events.heartbeat_s": 10_000},
    )
    wiring = build.device(config, extra_sinks=[sink], source=Room(levels))
    with wiring.resources:
        wiring.device.run()
    return sink.of(Health)


def test_a_change_of_light_is_told_at_once_and_a_dark_flash_is_not(tmp_path: Path) -> None:
    levels = [150] * 15 + [1] * 2 + [150] * 10 + [1] * 20 + [150] * 20 + [50] * 20
    told = played(levels, tmp_path)
    seconds = [round(health.ts.timestamp()) for health in told]
    assert [health.light for health in told] == [None, Light.NORMAL, Light.TOO_DARK, Light.NORMAL, Light.DARK]
    assert seconds == [0, 3, 34, 54, 74]


def test_a_pause_takes_the_problem_back(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.vision.light.TOO_DARK", 256.0)
    monkeypatch.setattr("edge.runtime.light_monitor.LEAST_S", 0.2)
    with running(**{"source.uri": "virtual:blank", "source.fps": 10}) as (device, sink):
        assert [health.light for health in sink.wait_for(Health, count=2)] == [None, Light.TOO_DARK]
        device.toggle_pause()
        assert sink.wait_for(Health, count=3)[-1].light is None
        assert sink.wait_for(CameraStatus, count=2)[-1] is CameraStatus.PAUSED

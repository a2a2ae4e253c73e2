from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.drills.soak.pace import ReferenceLoop

if TYPE_CHECKING:
    from edge.core.types import Frame


class Young:
    """A pipeline whose frames take so many milliseconds of processor time each."""

    def __init__(self, frame_ms: float) -> None:
        self.frame_ms = frame_ms
        self.resets = 0
        self.times_ns: list[int] = []

    def reset(self) -> None:
        self.resets += 1
        self.times_ns = []

    def step(self, frame: Frame) -> None:
        self.times_ns.append(frame.monotonic_ns)
        until_ns = time.thread_time_ns() + int(self.frame_ms * 1e6)
        while time.thread_time_ns() < until_ns:
            pass

    def close(self) -> None:
        self.resets = -1


def test_the_pace_is_what_a_young_loop_takes_for_the_same_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    young = Young(2.0)
    monkeypatch.setattr("edge.pipelines.factory.pipeline", lambda *_config, **_seed: young)
    pace = ReferenceLoop(frames=10)
    median_ms, mean_ms = pace.read_ms()
    assert min(median_ms, mean_ms) >= 2.0
    first = young.times_ns
    young.frame_ms = 10.0
    assert min(pace.read_ms()) >= 10.0
    assert young.times_ns == first == sorted(set(first))
    assert (len(first), young.resets) == (10, 2)
    pace.close()
    assert young.resets == -1
    for sample_s, count in ((0.25, 3), (1.0, 6), (60.0, 30)):
        ReferenceLoop.for_samples_every(sample_s).read_ms()
        assert len(young.times_ns) == count


def test_the_young_loop_sees_the_soaks_scene() -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime is installed")
    pace = ReferenceLoop(frames=4)
    assert 0 < min(pace.read_ms()) < 1000
    pace.close()

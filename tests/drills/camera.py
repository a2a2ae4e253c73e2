"""Camera and clock for drills: the drawn scene and the system time, unless a control file specifies faults."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.core.errors import SourceError
from edge.sources.passive import PassiveSource
from edge.sources.virtual import VirtualCamera

if TYPE_CHECKING:
    from edge.config import SourceConfig
    from edge.core.types import Frame

CONTROL = "DRILL_CONTROL"
"""Environment variable with the path of the control file."""
_CACHED_S = 0.02
_SIDE = 64


@dataclass(frozen=True, slots=True)
class Fault:
    """State of camera and clock: ``camera`` is ok, freeze, unplug or corrupt; ``clock_s`` added to the wall clock."""

    camera: str = "ok"
    clock_s: float = 0.0


class FaultControl:
    """Reads the control file, at most a few dozen times a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_s = -1.0
        self._fault = Fault()

    @property
    def fault(self) -> Fault:
        """Return the requested fault."""
        now_s = time.monotonic()
        if now_s - self._read_s > _CACHED_S:
            self._read_s = now_s
            self._fault = Fault(**json.loads(self._path.read_bytes()))
        return self._fault


class FaultyCamera(PassiveSource):
    """A drawn portrait that hangs, disappears or returns corrupt frames according to the control file."""

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        self._scene = VirtualCamera(config.model_copy(update={"uri": "virtual:portrait"}))
        self._control = FaultControl(Path(os.environ[CONTROL]))
        self._corrupted = 0

    @property
    def uri(self) -> str:
        """Return ``drill``."""
        return "drill"

    def open(self) -> None:
        """Open the camera unless it is unplugged."""
        self._obey()
        self._scene.open()

    def read(self) -> Frame:
        """Return the next frame, intact or corrupt."""
        fault = self._obey()
        frame = self._scene.read()
        return frame if fault.camera != "corrupt" else self._spoilt(frame)

    def close(self) -> None:
        """Close the camera."""
        self._scene.close()

    def _obey(self) -> Fault:
        while (fault := self._control.fault).camera == "freeze":
            time.sleep(_CACHED_S)  # like a driver that never returns
        if fault.camera == "unplug":
            msg = "drill: no such device"
            raise SourceError(msg)
        return fault

    def _spoilt(self, frame: Frame) -> Frame:
        """Cycle through noise, another size, one value, a picture of one pixel, and two undecodable frames."""
        self._corrupted += 1
        random = np.random.default_rng(self._corrupted)
        match self._corrupted % 6:
            case 0:
                return replace(frame, image=random.integers(0, 256, frame.image.shape, np.uint8))
            case 1:
                return replace(frame, image=random.integers(0, 256, (_SIDE, 3 * _SIDE, 3), np.uint8))
            case 2:
                return replace(frame, image=np.full_like(frame.image, 255))
            case 3:
                return replace(frame, image=np.zeros((1, 1, 3), np.uint8))
            case 4:
                return replace(frame, image=np.zeros((0, 0, 3), np.uint8))  # a frame refuses this
            case _:
                msg = "drill: the picture cannot be decoded"
                raise SourceError(msg)

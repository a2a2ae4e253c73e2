"""Draws pictures of the product's own scenes into a folder: ``draw_scenes.py FOLDER``.

``scenes/`` gets five of a single person in changing light and pose, one of fifteen people and one of an empty room;
``crops/`` gets that one face in 64 distortions, so that the network answers more than one emotion. All are PNG: every
decoder gives the same pixels. ``face.bgr`` is the single person again, 640 by 480 raw pixels for a camera that shows
what it is given.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.config import SourceConfig
from edge.sources.virtual import FACE, PORTRAIT, VirtualCamera

if TYPE_CHECKING:
    from numpy.typing import NDArray

WANTED = {"portrait": (0, 2, 4, 6, 8), "crowd": (0,), "blank": (0,)}
"""Scene, and the seconds of it."""
CROPS = 64
SIDE = 96


def scenes(folder: Path) -> None:
    """What the camera of each scene sees at the wanted seconds."""
    for scene, seconds in WANTED.items():
        camera = VirtualCamera(SourceConfig(uri=f"virtual:{scene}?pace=fast", width=640, height=480, fps=1))
        camera.open()
        for second in range(max(seconds) + 1):
            frame = camera.read()
            if second in seconds:
                cv2.imwrite(str(folder / f"{scene}-{second}.png"), frame.image)
            if scene == "portrait" and second == 0:
                (folder.parent / "face.bgr").write_bytes(frame.image.tobytes())
        camera.close()


def distorted(face: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """``face`` pulled about by a smooth random field, in other light."""
    height, width = face.shape
    field = random.normal(0, random.uniform(2, 14), (2, 5, 5)).astype(np.float32)
    across, down = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in field)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    pulled = cv2.remap(face, columns + across, rows + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = cv2.convertScaleAbs(pulled, alpha=random.uniform(0.4, 1.3), beta=random.uniform(-20, 40))
    return np.asarray(cv2.resize(lit, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def crops(folder: Path) -> None:
    """The portrait's face, distorted more and less."""
    random = np.random.default_rng(0)
    face = np.asarray(cv2.imread(str(PORTRAIT), cv2.IMREAD_GRAYSCALE), np.uint8)[FACE]
    for index in range(CROPS):
        cv2.imwrite(str(folder / f"crop-{index:02}.png"), distorted(face, random))


def main(folder: Path) -> None:
    """Draw them all."""
    for name, draw in {"scenes": scenes, "crops": crops}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        draw(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

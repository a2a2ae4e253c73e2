"""The obvious loop with the float network ``thespis``: ``thespis_loop.py CLIP`` where PyTorch is installed.

Its weights are as they were initialised: what a frame costs does not depend on them.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np
import torch
from loops import measure

from converter.architectures import build

_SMALLEST = 30


def main(clip: str) -> None:
    """Search every frame, run the network for every face."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    network = build("thespis").eval()

    @torch.inference_mode()
    def step(image: np.ndarray) -> int:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        boxes = cascade.detectMultiScale(grey, 1.1, 5, minSize=(_SMALLEST, _SMALLEST))
        for x, y, width, height in boxes:
            face = cv2.resize(grey[y : y + height, x : x + width], (48, 48), interpolation=cv2.INTER_AREA)
            network(torch.from_numpy(face.astype(np.float32) / 255)[None, None])
        return len(boxes)

    measure("the obvious loop with thespis in float (PyTorch)", clip, step)


if __name__ == "__main__":
    main(sys.argv[1])

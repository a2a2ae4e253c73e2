"""Hold a face before the simulated camera, until it is ended: ``show_face.py [LIGHT]``, in percent of full light.

The camera is the kernel's vivid with an HDMI input at /dev/video0 and an output at /dev/video1 that is plugged into it.
What is written to the output is what the camera sees, where size and format agree; so the program that looks must have
opened the camera before. The face is that of the portrait which came along. In less than full light it has the noise of
a camera's sensor, which is drawn anew for each frame.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

from edge.sources import virtual

WIDTH, HEIGHT = 640, 480
FRAMES = 16
"""Frames with noise of their own, shown over and over."""
NOISE, READ_NOISE = 0.15, 2.0
"""Variance in squared grey levels: of the photons for each level of light, and of reading the sensor."""
TO = {
    "YUYV": cv2.COLOR_BGR2YUV_YUY2,
    "RGB3": cv2.COLOR_BGR2RGB,
    "YU12": cv2.COLOR_BGR2YUV_I420,
    "YV12": cv2.COLOR_BGR2YUV_YV12,
    "BGR3": None,
}


def control(*words: str) -> str:
    """What v4l2-ctl says."""
    return subprocess.run(["v4l2-ctl", *words], check=True, capture_output=True, text=True).stdout


def picture() -> np.ndarray:
    """The portrait's head in a grey room, BGR."""
    head = virtual.cut(virtual.HEAD)
    room = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    side = HEIGHT * 3 // 4
    small = cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA)
    top, left = (HEIGHT - side) // 2, (WIDTH - side) // 2
    room[top : top + side, left : left + side] = small
    return room


def darkened(image: np.ndarray, light: float, random: np.random.Generator) -> np.ndarray:
    """``image`` in a share of its light, with shot noise and the noise of reading the sensor."""
    dark = image.astype(float) * light
    noise = random.normal(0, 1, dark.shape) * np.sqrt(NOISE * dark + READ_NOISE)
    return np.clip(dark + noise, 0, 255).astype(np.uint8)


def pictures(light: float) -> list[np.ndarray]:
    """What is shown, BGR: one picture in full light, several where noise makes them differ."""
    random = np.random.default_rng(1)
    return [picture()] if light >= 1 else [darkened(picture(), light, random) for _ in range(FRAMES)]


def main(light: float) -> None:
    """Set the output to the camera's format, and become the program that writes the pictures over and over."""
    said = control("--device", "/dev/video0", "--get-fmt-video")
    name = said.split("'")[1].strip()
    if name not in TO:
        sys.exit(f"show_face.py: no conversion to {name}\n{said}")
    conversion = TO[name]
    images = [image if conversion is None else cv2.cvtColor(image, conversion) for image in pictures(light)]
    shape = f"width={WIDTH},height={HEIGHT},pixelformat={name}"
    control("--device", "/dev/video1", "--set-fmt-video-out", shape)
    sys.stdout.write(f"{name}, {images[0].nbytes} bytes a frame, {len(images)} frames\n")
    sys.stdout.flush()
    with tempfile.NamedTemporaryFile(dir="/run", delete=False) as file:
        file.writelines(image.tobytes() for image in images)
    command = ["v4l2-ctl", "--device", "/dev/video1", "--stream-out-mmap", f"--stream-from={file.name}"]
    os.execvp(command[0], [*command, "--stream-loop"])


if __name__ == "__main__":
    main(float(sys.argv[1]) / 100 if len(sys.argv) > 1 else 1.0)

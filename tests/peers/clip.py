"""Draw the bench's scene into a video file: ``python tests/peers/clip.py CLIP.avi [SECONDS]``."""

from __future__ import annotations

import sys

import cv2

from edge.bench.scene import Scene


def main(path: str, seconds: float) -> None:
    """Write the scene as Motion JPEG, which every OpenCV can read."""
    scene = Scene(seconds=seconds)
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), scene.fps, (scene.width, scene.height))
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 95)
    if not writer.isOpened():
        sys.exit(f"{path}: cannot be written")
    for index in range(len(scene)):
        writer.write(scene.frame(index))
    writer.release()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0)

"""Holds what one machine found in pictures against another: ``compare_answers.py THERE HERE [SCORES] [BOXES]``.

THERE and HERE have the lines of ``face-edge analyze --json``. Every picture must have as many faces, every face the
same emotion, no score may differ by more than SCORES (0.02), no edge of a box by more than the share BOXES of its width
(0.1). Prints the largest differences; the exit code is 1 where one is too large.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePath
from typing import Any

Faces = list[dict[str, Any]]


def read(path: str) -> dict[str, Faces]:
    """Faces by the picture's name, from left to right and top to bottom."""
    records = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return {PurePath(record["path"]).name: record["faces"] for record in records}


def nearest(face: dict[str, Any], faces: Faces) -> dict[str, Any]:
    """The face whose box begins nearest to that of ``face``."""
    return min(faces, key=lambda other: abs(other["box"][0] - face["box"][0]) + abs(other["box"][1] - face["box"][1]))


def compare(there: dict[str, Faces], here: dict[str, Faces]) -> tuple[int, float, float, list[str]]:
    """Faces, largest difference of scores and of boxes (share of the width), and what is wrong in words."""
    wrong = [f"pictures: {sorted(there)} and {sorted(here)}"] if there.keys() != here.keys() else []
    faces, scores, boxes = 0, 0.0, 0.0
    for name in there.keys() & here.keys():
        if len(there[name]) != len(here[name]):
            wrong.append(f"{name}: {len(there[name])} faces and {len(here[name])}")
            continue
        for face in there[name]:
            other = nearest(face, here[name])
            faces += 1
            if face["emotion"] != other["emotion"]:
                wrong.append(f"{name}: {face['emotion']} and {other['emotion']}")
            scores = max(scores, *(abs(face["scores"][key] - other["scores"][key]) for key in face["scores"]))
            edges = (abs(one - two) for one, two in zip(face["box"], other["box"], strict=True))
            boxes = max(boxes, max(edges) / other["box"][2])
    return faces, scores, boxes, wrong


def main(arguments: list[str]) -> int:
    """Compare and tell; the exit code."""
    most_scores = float(arguments[2]) if len(arguments) > 2 else 0.02
    most_boxes = float(arguments[3]) if len(arguments) > 3 else 0.1
    faces, scores, boxes, wrong = compare(read(arguments[0]), read(arguments[1]))
    sys.stdout.write(f"{faces} faces, scores within {scores:.4f}, boxes within {boxes:.3f}\n")
    for line in wrong:
        sys.stdout.write(f"  {line}\n")
    return 1 if wrong or not faces or scores > most_scores or boxes > most_boxes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

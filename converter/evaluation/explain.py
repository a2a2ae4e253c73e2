"""Pictures of the parts of a face that decide. They show the data set's faces and must not be published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter import plots
from converter.datasets.faces import truth
from converter.evaluation.saliency import method, saliency, spread
from converter.measure import rank
from converter.outputs import write_bytes
from edge.core.types import EMOTIONS
from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.subject import Subject

_PER_CLASS = 32
_COLUMNS = 7


def explain(subject: Subject, faces: FaceSet, samples: int, out: Path) -> None:
    """Write ``saliency-<head>.png`` with ``samples`` faces and ``saliency-mean-<head>.png`` with a map per emotion.

    The mean map of an emotion is over up to 32 faces that the head classifies correctly.

    Raises:
        InputError: the folder cannot be written.
    """
    logits = subject.logits(faces.pixels)
    for head, values in logits.items():
        predicted, labels = rank(values)[:, 0], truth(faces, head)
        if not (labels >= 0).any():
            continue
        rows = spread(predicted, samples)
        maps = saliency(subject, head, faces.pixels[rows], predicted[rows], f"saliency, {head}")
        confidence = softmax(values, temperature=subject.temperatures.get(head, 1.0)).max(axis=1)
        titles = [_title(labels[row], predicted[row], confidence[row]) for row in rows]
        title = f"{subject.name}, {head} head: what speaks for the emotion (red) and against it (blue)\n"
        write_bytes(
            out / f"saliency-{head}.png", draw_samples(faces.pixels[rows], maps, titles, title + method(subject))
        )
        means = _means(subject, head, faces, np.where(predicted == labels, labels, -1))
        write_bytes(out / f"saliency-mean-{head}.png", draw_means(means, title + method(subject)))


def draw_samples(pixels: NDArray[np.uint8], maps: NDArray[np.float32], titles: list[str], title: str) -> bytes:
    """Draw every face beside its map, overlaid on the face."""
    columns = min(_COLUMNS, max(1, len(pixels)))
    lines = max(1, -(-len(pixels) // columns))
    figure, axes = plots.new_figure(1.7 * columns + 0.5, 3.7 * lines + 0.6, columns, 2 * lines)
    for panel in axes:
        panel.set_axis_off()
    for number, (picture, found, words) in enumerate(zip(pixels, maps, titles, strict=True)):
        line, column = divmod(number, columns)
        above, below = (axes[(2 * line + part) * columns + column] for part in range(2))
        above.imshow(picture, cmap="gray", vmin=0, vmax=255)
        above.set_title(words, fontsize=8)
        below.imshow(picture, cmap="gray", vmin=0, vmax=255)
        below.imshow(found, cmap="bwr", vmin=-1, vmax=1, alpha=0.55)
    figure.suptitle(title, fontsize=9)
    return plots.to_png(figure)


def draw_means(means: Mapping[str, tuple[int, NDArray[np.float32]]], title: str) -> bytes:
    """Draw the mean map of each emotion, from the number of its faces and the map ``(48, 48)``."""
    figure, axes = plots.new_figure(1.8 * len(means), 2.6, len(means))
    for panel, (name, (count, found)) in zip(axes, means.items(), strict=True):
        limit = max(float(np.abs(found).max()), 1e-6)
        panel.imshow(found, cmap="bwr", vmin=-limit, vmax=limit)
        panel.set_title(f"{name}, n={count}", fontsize=9)
        panel.set_axis_off()
    figure.suptitle(title, fontsize=9)
    return plots.to_png(figure)


def _means(
    subject: Subject, head: str, faces: FaceSet, rightly: NDArray[np.int64]
) -> dict[str, tuple[int, NDArray[np.float32]]]:
    """Return per emotion the number of faces and their mean map; ``rightly`` ``(n,)`` is the correct class, else -1."""
    generator = np.random.default_rng(1)
    found: dict[str, tuple[int, NDArray[np.float32]]] = {}
    for number, emotion in enumerate(EMOTIONS):
        rows = generator.permutation(np.flatnonzero(rightly == number))[:_PER_CLASS]
        maps = saliency(subject, head, faces.pixels[rows], rightly[rows], f"{head}, {emotion.value}")
        found[emotion.value] = len(rows), maps.sum(axis=0) / max(len(rows), 1)
    return found


def _title(label: Any, predicted: Any, confidence: Any) -> str:
    labelled = "no majority" if label < 0 else EMOTIONS[label].value
    return f"{EMOTIONS[predicted].value} {confidence:.0%}\n({labelled})"

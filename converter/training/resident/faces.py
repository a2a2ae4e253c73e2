"""Faces in device memory, with the views of an epoch applied to all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from converter.datasets.faces import SIZE
from converter.training.augment import apply
from converter.training.batches import Batch, order
from converter.training.views import FaceView
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from converter.datasets.faces import FaceSet
    from converter.training.batches import Epoch, FaceBatches

_CHUNK = 4096
"""Pictures whose views are computed at once: enough to fill a GPU, 38 MB for each intermediate result."""


class ResidentFaces:
    """Pictures, labels and answers on a device, where batches are gathered.

    The views of an epoch are computed for all pictures when it begins, in large chunks, and kept as float32 (257 MB for
    27,944 pictures). That takes less time than computing them step by step, where some 80 small kernels would wait for
    each other, and no step then needs tensors whose shape depends on the views.

    Raises:
        InputError: there are fewer pictures than a batch.
    """

    def __init__(self, faces: FaceBatches, batch_size: int, seed: int, device: torch.device) -> None:
        self._faces, self._seed, self._device = faces, seed, device
        self.steps, self.batch_size = len(faces) // batch_size, batch_size
        if not self.steps:
            msg = f"{len(faces)} pictures are fewer than a batch of {batch_size}: give a smaller --batch-size"
            raise InputError(msg)
        labels = (faces.labels, faces.votes, faces.majority)
        self._labels, self._votes, self._majority = (tensor.to(device) for tensor in labels)
        self._uploaded: tuple[Tensor, Tensor] | None = None
        self._shown = torch.empty(len(faces), 1, SIZE, SIZE, device=device)
        self._teachers = torch.empty(0, device=device)
        self._rows = torch.zeros(self.steps, batch_size, dtype=torch.int64, device=device)

    def __len__(self) -> int:
        """Return 1: Lightning sees a loader of one batch per epoch, this object."""
        return 1

    def __iter__(self) -> Iterator[ResidentFaces]:
        yield self

    def draw(self, epoch: int) -> tuple[Epoch, Tensor]:
        """Draw the views of ``epoch`` and the rows of its batches, on the host."""
        rows = order(len(self._faces), self._seed, epoch)[: self._rows.numel()]
        return self._faces.epoch(epoch), rows.view_as(self._rows)

    def show(self, drawn: tuple[Epoch, Tensor]) -> None:
        """Apply the views of :meth:`draw` to all pictures; tensors that :meth:`batch` reads keep their addresses."""
        epoch, rows = drawn
        self._rows.copy_(rows)
        if epoch.teachers is not None:
            teachers = epoch.teachers.to(self._device)
            self._teachers = self._teachers if len(self._teachers) else torch.empty_like(teachers)
            self._teachers.copy_(teachers)
        pixels = self._pixels(epoch.pixels)
        view = None if epoch.view is None else epoch.view.to(self._device)
        with torch.no_grad():
            for start in range(0, len(pixels), _CHUNK):
                part = slice(start, start + _CHUNK)
                pictures = pixels[part].unsqueeze(1).float() / 255
                shown = pictures if view is None else apply(pictures, FaceView(*(field[part] for field in view)))
                self._shown[part] = shown

    def batch(self, step: Tensor) -> Batch:
        """Gather the batch of ``step``, an index ``(1,)`` on the device; its pictures have their views applied."""
        rows = self._rows.index_select(0, step).squeeze(0)
        teachers = self._teachers.index_select(0, rows).float() if len(self._teachers) else self._teachers
        labels, votes, majority = (
            tensor.index_select(0, rows) for tensor in (self._labels, self._votes, self._majority)
        )
        return Batch(self._shown.index_select(0, rows), labels, votes, majority, (), teachers)

    def _pixels(self, pixels: Tensor) -> Tensor:
        """Return the epoch's pictures on the device; pictures that are already there are not copied again."""
        if self._uploaded is None or self._uploaded[0] is not pixels:
            self._uploaded = (pixels, pixels.to(self._device))
        return self._uploaded[1]


class ResidentBatches:
    """Plain pictures on a device in ordered batches, for validation."""

    def __init__(self, faces: FaceSet, batch_size: int, device: torch.device) -> None:
        arrays = (faces.pixels, faces.labels, faces.votes, faces.majority)
        self._tensors = tuple(torch.from_numpy(array).to(device) for array in arrays)
        self._batch_size = batch_size

    def __len__(self) -> int:
        return len(self._tensors[0].split(self._batch_size))

    def __iter__(self) -> Iterator[Batch]:
        for pixels, *labels in zip(*(tensor.split(self._batch_size) for tensor in self._tensors), strict=True):
            yield Batch(pixels.unsqueeze(1).float() / 255, *labels)


def bytes_needed(training: int, validation: int, views: int) -> int:
    """Return the bytes that the pictures take on the device, with teachers' answers in ``views`` views."""
    picture = SIZE * SIZE
    return training * (picture * 5 + views * 2 * 7 * 4) + validation * picture + _CHUNK * picture * 4 * 8

"""Batches of faces whose order and views depend only on seed and epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from converter.training.views import FaceView, Views, mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from converter.camera import CameraSimulation
    from converter.datasets.faces import FaceSet


class Batch(NamedTuple):
    """Pictures ``(n, 1, 48, 48)`` in 0..1 with labels ``(n,)``, votes ``(n, 7)``, majority ``(n,)``.

    ``view`` holds the parameters of the view to show them in and is empty for plain pictures. ``teachers`` holds the
    teachers' mean probabilities for that view, ``(n, heads, 7)``, and is empty without teachers.
    """

    pictures: Tensor
    labels: Tensor
    votes: Tensor
    majority: Tensor
    view: tuple[Tensor, ...] = ()
    teachers: Tensor = torch.empty(0)

    def take(self, rows: Tensor) -> Batch:
        """Return the targets at ``rows``, without pictures and views."""
        teachers = self.teachers[rows] if len(self.teachers) else self.teachers
        return Batch(self.pictures, self.labels[rows], self.votes[rows], self.majority[rows], (), teachers)


class Epoch(NamedTuple):
    """All pictures of an epoch, ``(n, 48, 48)`` uint8, their view, and the teachers' answers for it."""

    pixels: Tensor
    view: FaceView | None
    teachers: Tensor | None


class FaceBatches(Dataset[Batch]):
    """Data set that returns the batch of a list of rows, optionally in random views and with teachers' answers.

    ``answers`` returns the teachers' probabilities ``(n, heads, 7)`` for all rows in one view. With a ``camera``, some
    pictures of each epoch pass through a simulated camera before their view is applied.
    """

    def __init__(
        self,
        faces: FaceSet,
        views: Views | None = None,
        answers: Callable[[int], Tensor] | None = None,
        camera: CameraSimulation | None = None,
    ) -> None:
        self._pixels, self._camera = torch.from_numpy(faces.pixels), camera
        self.labels, self.votes, self.majority = (
            torch.from_numpy(array) for array in (faces.labels, faces.votes, faces.majority)
        )
        self._views, self._answers = views, answers
        self._epoch = Epoch(self._pixels, None, None)

    def __len__(self) -> int:
        return len(self._pixels)

    def epoch(self, epoch: int) -> Epoch:
        """Draw the views of ``epoch``; without views, return plain pictures."""
        if self._views is None:
            return Epoch(self._pixels, None, None)
        pixels = self._pixels
        if self._camera is not None:
            pixels = torch.from_numpy(self._camera.show(pixels.numpy(), mix(self._views.seed, epoch)))
        teachers = self._answers(self._views.index(epoch)) if self._answers is not None else None
        return Epoch(pixels, self._views.of_epoch(len(self), epoch), teachers)

    def begin(self, epoch: int) -> None:
        """Switch to the pictures of ``epoch``."""
        self._epoch = self.epoch(epoch)

    def __getitem__(self, rows: Any) -> Batch:
        pixels, view, teachers = self._epoch
        pictures = pixels[rows].unsqueeze(1).float() / 255
        batch = Batch(pictures, self.labels[rows], self.votes[rows], self.majority[rows])
        if view is not None:
            batch = batch._replace(view=tuple(view.take(torch.as_tensor(rows))))
        return batch if teachers is None else batch._replace(teachers=teachers[rows].float())

    def loader(self, batch_size: int, *, seed: int | None = None, rank: int = 0, ranks: int = 1) -> DataLoader[Batch]:
        """Return all batches in order; with a ``seed``, shuffle them in each epoch and leave out the last partial one.

        With several processes (``ranks``), each takes its own part of every batch.
        """
        order = _Order(self, batch_size, seed, rank, ranks)
        return DataLoader(self, sampler=order, batch_size=None)


class _Order(Sampler[list[int]]):
    """Rows of each batch; the order depends only on seed and epoch, so a resumed run sees the same batches."""

    def __init__(self, faces: FaceBatches, batch_size: int, seed: int | None, rank: int, ranks: int) -> None:
        self._faces, self._batch_size, self._seed = faces, batch_size, seed
        self._part = slice(rank, None, ranks)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this before each one."""
        self._epoch = epoch

    def __len__(self) -> int:
        n = len(self._faces)
        return n // self._batch_size if self._seed is not None else -(-n // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        self._faces.begin(self._epoch)
        n = len(self._faces)
        rows = torch.arange(n) if self._seed is None else order(n, self._seed, self._epoch)
        for index in range(len(self)):
            yield rows[index * self._batch_size : (index + 1) * self._batch_size][self._part].tolist()


def order(n: int, seed: int, epoch: int) -> Tensor:
    """Return the order ``(n,)`` in which an epoch shows ``n`` pictures."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(mix(seed, epoch)))

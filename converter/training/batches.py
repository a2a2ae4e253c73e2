"""Whole batches of faces in an order, and with views, that follow from seed and epoch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from converter.training.views import View, Views, mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from converter.camera import Camera
    from converter.datasets.faces import FaceSet


class Batch(NamedTuple):
    """Pictures ``(n, 1, 48, 48)`` in 0..1 with labels ``(n,)``, votes ``(n, 7)``, majority ``(n,)``.

    ``view`` says how to show them and is empty for plain pictures; ``teachers`` are the probabilities of the vote for
    just that view, ``(n, heads, 7)``, and empty where there are none.
    """

    pictures: Tensor
    labels: Tensor
    votes: Tensor
    majority: Tensor
    view: tuple[Tensor, ...] = ()
    teachers: Tensor = torch.empty(0)

    def take(self, rows: Tensor) -> Batch:
        """What is to be learnt at ``rows``; the pictures and views stay behind."""
        teachers = self.teachers[rows] if len(self.teachers) else self.teachers
        return Batch(self.pictures, self.labels[rows], self.votes[rows], self.majority[rows], (), teachers)


class Epoch(NamedTuple):
    """All pictures of an epoch, ``(n, 48, 48)`` uint8, the view they are shown in, and teachers' answers for it."""

    pixels: Tensor
    view: View | None
    teachers: Tensor | None


class FaceBatches(Dataset[Batch]):
    """Batches by a list of rows, in views and with teachers' answers where given.

    ``answers`` gives the teachers' probabilities ``(n, heads, 7)`` for all rows in one view. With a ``camera``, some of
    the pictures of each epoch are seen through it before they are shown in their view.
    """

    def __init__(
        self,
        faces: FaceSet,
        views: Views | None = None,
        answers: Callable[[int], Tensor] | None = None,
        camera: Camera | None = None,
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
        """Draw the views of ``epoch``; plain pictures where there are none."""
        if self._views is None:
            return Epoch(self._pixels, None, None)
        pixels = self._pixels
        if self._camera is not None:
            pixels = torch.from_numpy(self._camera.show(pixels.numpy(), mix(self._views.seed, epoch)))
        teachers = self._answers(self._views.index(epoch)) if self._answers is not None else None
        return Epoch(pixels, self._views.of_epoch(len(self), epoch), teachers)

    def begin(self, epoch: int) -> None:
        """Show the pictures as they are in ``epoch`` from now on."""
        self._epoch = self.epoch(epoch)

    def __getitem__(self, rows: Any) -> Batch:
        pixels, view, teachers = self._epoch
        pictures = pixels[rows].unsqueeze(1).float() / 255
        batch = Batch(pictures, self.labels[rows], self.votes[rows], self.majority[rows])
        if view is not None:
            batch = batch._replace(view=tuple(view.take(torch.as_tensor(rows))))
        return batch if teachers is None else batch._replace(teachers=teachers[rows].float())

    def loader(self, batch_size: int, *, seed: int | None = None, rank: int = 0, ranks: int = 1) -> DataLoader[Batch]:
        """All batches in order; with a ``seed``, in an order of each epoch's own and without the odd last one.

        Of several processes (``ranks``), each takes its own part of every batch.
        """
        order = _Order(self, batch_size, seed, rank, ranks)
        return DataLoader(self, sampler=order, batch_size=None)


class _Order(Sampler[list[int]]):
    """Rows of each batch; the order follows from seed and epoch alone, so that a resumed run sees the same."""

    def __init__(self, faces: FaceBatches, batch_size: int, seed: int | None, rank: int, ranks: int) -> None:
        self._faces, self._batch_size, self._seed = faces, batch_size, seed
        self._part = slice(rank, None, ranks)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
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

"""Whole batches of faces in an order, and with views, that follow from seed and epoch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from converter.training.views import View, Views, mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


class FaceBatches(Dataset[Batch]):
    """Batches by a list of rows, in views and with teachers' answers where given.

    ``answers`` gives the teachers' probabilities ``(n, heads, 7)`` for all rows in one view.
    """

    def __init__(
        self, faces: FaceSet, views: Views | None = None, answers: Callable[[int], Tensor] | None = None
    ) -> None:
        self._tensors = tuple(torch.from_numpy(a) for a in (faces.pixels, faces.labels, faces.votes, faces.majority))
        self._views, self._answers = views, answers
        self._view: View | None = None
        self._teachers: Tensor | None = None

    def __len__(self) -> int:
        return len(self._tensors[0])

    def begin(self, epoch: int) -> None:
        """Draw the epoch's views."""
        if self._views is None:
            return
        self._view = self._views.of_epoch(len(self), epoch)
        self._teachers = self._answers(self._views.index(epoch)) if self._answers is not None else None

    def __getitem__(self, rows: Any) -> Batch:
        pixels, labels, votes, majority = (tensor[rows] for tensor in self._tensors)
        batch = Batch(pixels.unsqueeze(1).float() / 255, labels, votes, majority)
        if self._view is not None:
            batch = batch._replace(view=tuple(self._view.take(torch.as_tensor(rows))))
        return batch if self._teachers is None else batch._replace(teachers=self._teachers[rows].float())

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
        rows = torch.arange(len(self._faces))
        if self._seed is not None:
            source = torch.Generator().manual_seed(mix(self._seed, self._epoch))
            rows = torch.randperm(len(self._faces), generator=source)
        for index in range(len(self)):
            yield rows[index * self._batch_size : (index + 1) * self._batch_size][self._part].tolist()

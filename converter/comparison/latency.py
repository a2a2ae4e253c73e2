"""Time per face by network, one by one and in batches.

Everything that is compared takes turns in every round, forwards in one and backwards in the next, and ratios are taken
round by round: they hold on a machine that does other work meanwhile. Times are of the processor, on one thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.progress import bar
from converter.runner import interpreter
from edge.core.errors import InputError
from edge.inference import manifest as manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.inference.manifest import Manifest

FACES = (1, 2, 4, 8, 16, 30)
ROUNDS = 25
_BURST = 8
"""Faces in a row, so that a network is timed with its own weights in the cache, as the device runs it."""
_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """An int8 model, read from its file once and run in as many interpreters as there are sizes of a batch."""

    manifest: Manifest
    content: bytes

    @classmethod
    def read(cls, path: Path) -> Network:
        """Read a ``.tflite`` with the manifest beside it.

        Raises:
            ModelError: file and manifest do not belong together.
        """
        manifest = manifests.load(path)
        return cls(manifest, manifests.verify(manifest, path))

    def batch(self, faces: int) -> Batch:
        """Return an interpreter that reads so many faces at once.

        Raises:
            InputError: the network cannot be laid out for them.
            HardwareUnavailable: ``ai-edge-litert`` is not installed.
        """
        try:
            return Batch(interpreter(self.content), faces)
        except (RuntimeError, ValueError) as error:
            reason = (str(error).strip().splitlines() or ["the runtime says no more"])[-1]
            msg = f"{self.manifest.file}: cannot read {faces} faces at once: {reason}; --faces 1 measures it"
            raise InputError(msg) from error


class Batch:
    """An interpreter whose input holds ``faces`` faces."""

    def __init__(self, model: Any, faces: int) -> None:
        self._model = model
        (spec,) = model.get_input_details()
        self._input = spec["index"]
        self._shape = (faces, *(int(side) for side in spec["shape"][1:]))
        self.pixels: NDArray[np.int8] = np.random.default_rng(1).integers(-128, 128, self._shape).astype(np.int8)
        self.lay_out()
        self._outputs = [output["index"] for output in model.get_output_details()]

    def lay_out(self) -> None:
        """Lay the network's memory out for this number of faces, as after another number."""
        self._model.resize_tensor_input(self._input, self._shape)
        self._model.allocate_tensors()

    def run(self) -> list[NDArray[Any]]:
        """Read the faces; the values of each output, ``(faces, ...)``."""
        return self.read(self.pixels)

    def read(self, pixels: NDArray[np.int8]) -> list[NDArray[Any]]:
        """Read ``pixels`` of the input's shape."""
        self._model.set_tensor(self._input, pixels)
        self._model.invoke()
        return [self._model.get_tensor(index) for index in self._outputs]


def latency(networks: Sequence[Network], faces: Sequence[int] = FACES, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Measure every network, as plain values: milliseconds a face, ratio to the first network, and batches.

    Times and ratios are ``[first quartile, median, third quartile]`` over the rounds. A ratio of a batch is its time
    over that of as many faces one after the other; ``laid_out`` is the same for a batch whose number of faces has just
    changed. ``differing`` counts values of the outputs that are not the same in a batch.
    """
    single = [network.batch(1) for network in networks]
    each = turns([partial(_repeat, one.run, _BURST) for one in single], rounds, "networks") / _BURST
    return [
        {
            "model": network.manifest.name,
            "macs": network.manifest.training.macs,
            "bytes": len(network.content),
            "milliseconds": _quartiles(each[:, number]),
            "ratio": _quartiles(each[:, number] / each[:, 0]),
            "batches": [_batch(network, one, count, rounds) for count in faces],
        }
        for number, (network, one) in enumerate(zip(networks, single, strict=True))
    ]


def turns(
    calls: Sequence[Callable[[], object]], rounds: int, what: str, clock: Callable[[], int] = time.thread_time_ns
) -> NDArray[np.float64]:
    """Time ``calls`` in turns; milliseconds ``(rounds, calls)`` by ``clock``, which gives nanoseconds."""
    found = np.zeros((rounds, len(calls)))
    for call in calls:
        call()
    for number in bar(range(rounds), what):
        order = range(len(calls)) if number % 2 == 0 else reversed(range(len(calls)))
        for index in order:
            start = clock()
            calls[index]()
            found[number, index] = (clock() - start) / 1e6
    return found


def _batch(network: Network, single: Batch, count: int, rounds: int) -> dict[str, Any]:
    several = network.batch(count)
    faces = [several.pixels[number : number + 1] for number in range(count)]

    def one_by_one() -> None:
        for face in faces:
            single.read(face)

    def laid_out() -> None:
        several.lay_out()
        several.run()

    times = turns([one_by_one, several.run, laid_out], rounds, f"{network.manifest.name}, {count} faces")
    return {
        "faces": count,
        "differing": _differing(several, single),
        "milliseconds": _quartiles(times[:, 0]),
        "ratio": _quartiles(times[:, 1] / times[:, 0]),
        "laid_out": _quartiles(times[:, 2] / times[:, 0]),
    }


def _repeat(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def _quartiles(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(values, _QUARTILES)]


def _differing(several: Batch, single: Batch) -> int:
    """Return how many output values differ between a batch and its faces one by one."""
    together = several.run()
    apart = [single.read(face[None]) for face in several.pixels]
    return sum(
        int((values != np.concatenate([one[index] for one in apart])).sum()) for index, values in enumerate(together)
    )

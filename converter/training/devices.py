"""Device that networks are evaluated on."""

from __future__ import annotations

import torch

from edge.core.errors import InputError

_GPU = frozenset({"gpu", "cuda"})


def is_on_gpu(accelerator: str) -> bool:
    """Return whether Lightning's ``accelerator`` is CUDA on this machine."""
    return accelerator in _GPU | {"auto"} and torch.cuda.is_available()


def device(accelerator: str) -> torch.device:
    """Return the device for one of Lightning's names: ``cpu``, ``gpu``, ``cuda`` or ``auto`` for the best available.

    Raises:
        InputError: this machine has no such device.
    """
    if is_on_gpu(accelerator):
        return torch.device("cuda")
    if accelerator in {"auto", "cpu"}:
        return torch.device("cpu")
    cause = "no CUDA device here" if accelerator in _GPU else "expected auto, cpu or gpu"
    msg = f"--accelerator {accelerator}: {cause}"
    raise InputError(msg)

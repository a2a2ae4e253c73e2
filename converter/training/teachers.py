"""Answers of several teachers for every training picture in every view, stored so that students need no teacher."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from converter.heads import HEADS
from converter.outputs import write_bytes
from converter.progress import bar
from converter.training.augment import apply
from converter.training.recipe import with_tuples
from converter.training.views import Augmentation, Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from converter.datasets.faces import FaceSet
    from converter.training.checkpoint import Trained
    from converter.training.views import FaceView

INDEX = "teachers.json"
_BATCHES = {"cpu": 256, "cuda": 2048}


@dataclass(frozen=True, slots=True, eq=False)
class Teachers:
    """Answers in ``folder``: for each of ``names`` and each view a float16 file ``(n, heads, 7)`` of probabilities."""

    folder: Path
    names: tuple[str, ...]
    views: Views
    heads: tuple[str, ...] = HEADS

    def vote(self, index: int) -> Tensor:
        """Return the teachers' mean probabilities for all pictures in view ``index``, ``(n, heads, 7)`` float32.

        Raises:
            InputError: a file is missing or damaged.
        """
        total: NDArray[np.float32] | float = 0.0
        for name in self.names:
            path = answer_path(self.folder, name, index)
            try:
                total = total + np.load(path).astype(np.float32)
            except (OSError, ValueError) as error:
                msg = f"{path}: cannot be read: {error}; run face-convert teach again"
                raise InputError(msg) from error
        return torch.from_numpy(np.asarray(total / len(self.names), np.float32))


def answer_path(folder: Path, name: str, index: int) -> Path:
    """Return the path of one teacher's answers for one view."""
    return folder / name / f"view-{index:03}.npy"


def load(folder: Path, faces: FaceSet) -> Teachers:
    """Return the teachers' answers for ``faces`` from a folder that :func:`teach` wrote.

    Raises:
        InputError: the folder holds none, or they were made from other pictures.
    """
    teachers, data = _index(folder)
    if data != fingerprint(faces):
        path = folder / INDEX
        msg = f"{path}: made from other pictures than these: give the same --data, or run face-convert teach again"
        raise InputError(msg)
    return teachers


def names(folder: Path) -> tuple[str, ...]:
    """Return the names of the teachers whose answers are in ``folder``, in order.

    Raises:
        InputError: it holds none.
    """
    return _index(folder)[0].names


def _index(folder: Path) -> tuple[Teachers, str]:
    path = folder / INDEX
    try:
        index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        views = Views(index["seed"], index["views"], _augmentation(index["augmentation"]))
        heads = tuple(head for head in HEADS if head in index.get("heads", HEADS))
        return Teachers(folder, tuple(index["teachers"]), views, heads), str(index["data"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        msg = f"{path}: no teachers' answers: {error}; make them with face-convert teach"
        raise InputError(msg) from error


def teach(teachers: Mapping[str, Trained], faces: FaceSet, folder: Path, views: Views) -> None:
    """Write each teacher's answers for ``faces`` in each view; existing files are kept.

    The networks are evaluated on their device, the same for all. The index is written last, so that a partly filled
    folder is not read as complete.

    Raises:
        InputError: the teachers have different heads, the folder belongs to other pictures, views or networks, or
            cannot be written.
    """
    heads = shared_heads(teachers)
    key = {"data": fingerprint(faces), "seed": views.seed, "augmentation": asdict(views.augmentation)}
    _describe_or_refuse(
        folder / "key.json", key, f"{folder}: holds answers for other pictures or views: choose another --out"
    )
    known = {name: trained.fingerprint for name, trained in sorted(teachers.items())}
    for name, sha256 in known.items():
        refusal = f"{folder / name}: holds answers of another network of this name: give NAME=FILE another name"
        _describe_or_refuse(folder / name / "network.json", {"sha256": sha256}, refusal)
    count = views.count or 1
    pixels = torch.from_numpy(faces.pixels).to(next(iter(teachers.values())).device)
    for index in bar(range(count), "asking", count, " views"):
        missing = [name for name in teachers if not answer_path(folder, name, index).is_file()]
        if missing:
            answers = _evaluate([teachers[name].network for name in missing], pixels, views.draw(len(faces), index))
            for name, shares in zip(missing, answers, strict=True):
                _save(answer_path(folder, name, index), shares)
    facts = {**key, "views": views.count, "teachers": known, "heads": heads}
    write_bytes(folder / INDEX, json.dumps(facts, indent=2).encode())


def shared_heads(teachers: Mapping[str, Trained]) -> tuple[str, ...]:
    """Return the heads that all of ``teachers`` have, in their order.

    Raises:
        InputError: one has other heads than the first, or custom classes.
    """
    for name, trained in teachers.items():
        if trained.recipe.labels:
            msg = f"teacher {name}: has custom classes: teachers need the usual seven"
            raise InputError(msg)
    first, *others = teachers
    heads = teachers[first].head_names
    for name in others:
        if teachers[name].head_names != heads:
            has = ", ".join(teachers[name].head_names)
            msg = f"teacher {name}: has {has}, but {first} has {', '.join(heads)}: teachers need the same heads"
            raise InputError(msg)
    return heads


def probabilities(trained: Trained, pixels: NDArray[np.uint8], view: FaceView | None = None) -> NDArray[np.float32]:
    """Return a network's probabilities for ``(n, 48, 48)`` uint8 grey in a view, ``(n, heads, 7)``, in bfloat16."""
    return _evaluate([trained.network], torch.from_numpy(pixels).to(trained.device), view)[0]


def _evaluate(networks: Sequence[nn.Module], pixels: Tensor, view: FaceView | None) -> list[NDArray[np.float32]]:
    """Evaluate ``networks`` on ``pixels`` on their device; the view is applied once for all of them."""
    device = pixels.device
    on_device = None if view is None else view.to(device)
    parts: list[list[Tensor]] = [[] for _ in networks]
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
        for rows in torch.arange(len(pixels), device=device).split(_BATCHES.get(device.type, 256)):
            pictures = pixels[rows].unsqueeze(1).float() / 255
            shown = pictures if on_device is None else apply(pictures, on_device.take(rows))
            shown = shown.contiguous(memory_format=torch.channels_last)
            for network, part in zip(networks, parts, strict=True):
                part.append(torch.stack([head.float().softmax(dim=1) for head in network(shown)], dim=1))
    return [torch.cat(part).cpu().numpy() for part in parts]


def fingerprint(faces: FaceSet) -> str:
    """Return the SHA-256 of these pictures in this order, as hexadecimal digits."""
    return hashlib.sha256(faces.pixels.tobytes()).hexdigest()


def _augmentation(values: Mapping[str, Any]) -> Augmentation:
    known = with_tuples(values)
    missing = {field.name for field in fields(Augmentation)} - known.keys()
    if missing:
        msg = f"{', '.join(sorted(missing))} missing: made by another version"
        raise ValueError(msg)
    return Augmentation(**known)


def _describe_or_refuse(path: Path, facts: Mapping[str, Any], refusal: str) -> None:
    """Write the description of a folder, or raise if the existing one differs."""
    if not path.is_file():
        write_bytes(path, json.dumps(facts, indent=2).encode())
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if found != json.loads(json.dumps(facts)):
        msg = f"{refusal} or remove it"
        raise InputError(msg)


def _save(path: Path, values: NDArray[np.float32]) -> None:
    stream = io.BytesIO()
    np.save(stream, values.astype(np.float16))
    write_bytes(path, stream.getvalue())

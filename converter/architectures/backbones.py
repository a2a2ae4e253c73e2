"""Well-known backbones from Keras (on its PyTorch backend), with or without ImageNet weights, under our two heads.

Keras is used because its models run wherever PyTorch does: torchvision, which timm needs, has no build that loads
beside PyTorch's CPU packages. Keras has no SENet50.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from converter.heads import HEADS
from converter.shortened import shortened
from edge.core.errors import InputError
from edge.core.types import EMOTIONS
from edge.system.installation import adding

PRETRAINED, SCRATCH = "pretrained", "scratch"
"""Families of names for :func:`backbone`: ``pretrained:vgg16`` has ImageNet weights, ``scratch:vgg16`` none."""

MODELS = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "inceptionv3": "InceptionV3",
    "densenet121": "DenseNet121",
    "mobilenet": "MobileNet",
    "mobilenetv2": "MobileNetV2",
}
_LEAST_SIDE = {"inceptionv3": 75, "mobilenet": 48}
_SIDE = 48
_MODES = {"vgg16": "caffe", "vgg19": "caffe", "resnet50": "caffe", "densenet121": "torch"}
"""Scaling of ImageNet pictures for the weights; the default is -1 to 1."""
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """A Keras backbone with global average pooling, dropout and two linear heads."""

    head_names = HEADS
    has_separate_heads = True

    def __init__(self, name: str, weights: str | None) -> None:
        super().__init__()
        self.side = max(_SIDE, _LEAST_SIDE.get(name, _SIDE))
        self.backbone: Any = _keras_model(name, weights, self.side)
        offset, factor = _scaling(name)
        self.register_buffer("offset", torch.tensor(offset), persistent=False)
        self.register_buffer("factor", torch.tensor(factor), persistent=False)
        self.dropout = nn.Dropout(0.3)
        self.heads = nn.ModuleList(nn.Linear(self.backbone.output_shape[-1], len(EMOTIONS)) for _ in HEADS)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits ``(n, 7)`` of each head for ``(n, 1, 48, 48)`` in 0..1."""
        if self.side != _SIDE:
            pictures = functional.interpolate(pictures, size=(self.side, self.side), mode="bilinear")
        colours = pictures.permute(0, 2, 3, 1) * self.factor - self.offset  # broadcasts grey to three channels
        with _on(colours.device):
            features = self.backbone(colours, training=self.training)
        features = self.dropout(features)
        return tuple(head(features) for head in self.heads)


def is_backbone(name: str) -> bool:
    """Return whether ``name`` has the form of a backbone's, even of an unknown one."""
    weights, _, model = name.rpartition(":")
    return weights in {PRETRAINED, SCRATCH} or weights.endswith(".h5") or model in MODELS


def backbone(name: str, *, bare: bool = False) -> Backbone:
    """Create the backbone for ``pretrained:MODEL``, ``scratch:MODEL`` or a weights file, ``FILE.h5:MODEL``.

    ``bare`` leaves the weights out: a checkpoint provides them and must load where no others are available.

    Raises:
        InputError: no model has that name, Keras is missing, or its weights are not available.
    """
    weights, _, model = name.rpartition(":")
    if model not in MODELS:
        msg = f"unknown backbone {model!r}: expected one of {', '.join(MODELS)}"
        raise InputError(msg)
    if bare:
        return Backbone(model, None)
    return Backbone(model, {PRETRAINED: "imagenet", SCRATCH: None}.get(weights, weights))


def _keras_model(name: str, weights: str | None, side: int) -> Any:
    os.environ["KERAS_BACKEND"] = "torch"
    try:
        import keras
    except ImportError as error:
        msg = f"backbones need Keras: {adding('backbones')}"
        raise InputError(msg) from error
    if keras.backend.backend() != "torch":
        msg = f"Keras was already loaded on {keras.backend.backend()}: start again with KERAS_BACKEND=torch"
        raise InputError(msg)
    if weights not in {None, "imagenet"} and not Path(str(weights)).is_file():
        msg = f"{weights}: no such file of weights; give pretrained:{name}, scratch:{name} or FILE.weights.h5:{name}"
        raise InputError(msg)
    make = getattr(keras.applications, MODELS[name])
    try:
        with _on(torch.device("cpu")):
            model = make(include_top=False, weights=weights, input_shape=(side, side, 3), pooling="avg")
    except Exception as error:  # Keras raises errors without a common class for a failed download or a wrong file
        cause = shortened(error)
        msg = f"weights {weights} of {name} are not available: {cause}; use scratch:{name}, or give a file of weights"
        raise InputError(msg) from error
    model.trainable = True
    return model


def _on(device: torch.device) -> Any:
    """Return a context that sets Keras's device; by default it takes the GPU, wherever the network's weights are."""
    import keras

    return keras.device(str(device))


def _scaling(name: str) -> tuple[list[float], list[float]]:
    """Return ``offset`` and ``factor`` of ``picture * factor - offset`` for a picture in 0..1."""
    mode = _MODES.get(name)
    if mode == "caffe":
        return list(_CAFFE_MEAN), [255.0] * 3
    if mode == "torch":
        pairs = list(zip(_TORCH_MEAN, _TORCH_STD, strict=True))
        return [mean / std for mean, std in pairs], [1 / std for _, std in pairs]
    return [1.0] * 3, [2.0] * 3

"""Int8's rounding in the float network, and learning under it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

for package in ("torch", "lightning", "litert_torch", "ai_edge_quantizer"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch
from torch import Tensor, nn

from converter import datasets
from converter.architectures import build
from converter.cli import main
from converter.heads import HEADS
from converter.quantization import quantize
from converter.quantization.finetune import FineTuning, Folded, fine_tune, rounded
from converter.quantization.manifest import tensors
from converter.quantization.rounding import RoundedActivation, RoundedWeight, rounding_places
from converter.runner import interpreter, invoke_all, logits_of
from edge.core.errors import InputError
from edge.inference.manifest import load
from edge.inference.preprocess import quantize as quantize_pixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from edge.inference.manifest import OutputSpec

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

HEAD = "consensus"
LOUDER = 16


@pytest.fixture(scope="module")
def faces(tiny_data: Path) -> FaceSet:
    return datasets.load(tiny_data, "Training")


@pytest.fixture(scope="module")
def calibration(faces: FaceSet) -> np.ndarray:
    return quantize.calibration_pictures(faces, 10, 1)


@pytest.fixture(scope="module")
def lopsided(calibration: np.ndarray) -> nn.Module:
    """A network that int8 hurts: in each layer one channel is far louder than the others, and listened to less.

    In float that changes nothing, but the one scale of all channels is now too coarse for the others.
    """
    torch.manual_seed(5)
    network = build("plain:8,8/16")
    for _ in range(20):  # until the batch norms' averages are those of pictures
        network.train()(torch.rand(64, 1, 48, 48) * torch.rand(64, 1, 1, 1))
    layers = [layer for layer in network.trunk if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    with torch.no_grad():
        for norm, after in pairwise(layers[1:]):
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight[0] *= LOUDER
                norm.bias[0] *= LOUDER
                after.weight[:, 0] /= LOUDER
        logits = network.eval()(torch.from_numpy(calibration).unsqueeze(1))
        for head, values in zip(network.heads, logits, strict=True):
            head.bias.copy_((head.bias - values.mean(dim=0)) * 2 / values.std())
            head.weight *= 2 / values.std()
    return network


def float_logits(network: nn.Module, pixels: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        logits: np.ndarray = network(torch.from_numpy(pixels).unsqueeze(1).float() / 255)[HEADS.index(HEAD)].numpy()
    return logits


@dataclass(frozen=True)
class Int8:
    """The file of a network and its outputs."""

    content: bytes
    outputs: tuple[OutputSpec, ...]

    @classmethod
    def of(cls, network: nn.Module, calibration: np.ndarray) -> Int8:
        made = quantize.to_int8(network, calibration)
        return cls(made.content, tensors(made, HEADS, {}, "none"))

    def logits(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        levels = quantize_pixels(pixels, scale=1 / 255, zero_point=-128).reshape(-1, 1, 48, 48, 1)
        return logits_of(invoke_all(interpreter(self.content), levels), self.outputs)


@pytest.fixture(scope="module")
def untaught(lopsided: nn.Module, calibration: np.ndarray) -> Int8:
    return Int8.of(lopsided, calibration)


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square, the offset common to all seven left out, as the softmax does."""
    off = found - wanted
    return float(np.sqrt(np.mean((off - off.mean(axis=1, keepdims=True)) ** 2)))


@pytest.mark.parametrize("name", ["plain:4/8", "gdconv:4/8", "baseline_2023"])
def test_folding_changes_nothing_and_leaves_no_batch_norm_behind_a_convolution(name: str) -> None:
    torch.manual_seed(1)
    network = build(name)
    network.train()(torch.rand(16, 1, 48, 48))
    network.eval()
    pictures = torch.rand(4, 1, 48, 48)
    folded = Folded(network)
    with torch.inference_mode():
        for before, after in zip(network(pictures), folded(pictures), strict=True):
            torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
    assert folded.head_names == network.head_names
    if name != "baseline_2023":
        assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]


def test_the_rounded_network_is_nearer_to_the_int8_file_than_the_float_network(
    lopsided: nn.Module, calibration: np.ndarray, faces: FaceSet, untaught: Int8
) -> None:
    said = untaught.logits(faces.pixels)[HEAD]
    simulated = float_logits(rounded(Folded(lopsided), calibration).eval(), faces.pixels)
    assert error(simulated, said) < 0.5 * error(float_logits(lopsided, faces.pixels), said)


def test_fine_tuning_brings_int8_nearer_to_the_float_network(
    lopsided: nn.Module, calibration: np.ndarray, faces: FaceSet, untaught: Int8
) -> None:
    kept = {name: tensor.clone() for name, tensor in lopsided.state_dict().items()}
    learnt = fine_tune(lopsided, faces, calibration, FineTuning(10, learning_rate=1e-4, batch_size=10))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in lopsided.state_dict().items())
    assert not [module for module in learnt.modules() if isinstance(module, RoundedActivation | RoundedWeight)]
    wanted = float_logits(lopsided, faces.pixels)
    before, after = (model.logits(faces.pixels)[HEAD] for model in (untaught, Int8.of(learnt, calibration)))
    assert error(after, wanted) < 0.8 * error(before, wanted)


def test_no_step_of_an_int8_files_logits_moves_a_probability_beyond_half_a_point(
    untaught: Int8, output_steps: Callable[..., Any]
) -> None:
    for probability, widest in output_steps(untaught.logits, untaught.outputs):
        assert 0 < probability <= 0.005
        assert widest < 10  # a seam between two windows would show as a gap


def test_rounding_stands_where_the_int8_file_rounds() -> None:
    folded = Folded(build("plain:4/8").eval())
    places = rounding_places(folded.layers.graph, dict(folded.layers.named_modules()))
    kinds = [str(place.target).rpartition(".")[0] if place.op == "call_module" else place.target for place in places]
    # the picture, two convolutions each behind its ReLU, the mean; neither pooling nor logits
    assert kinds == ["pictures", "trunk", "trunk", "mean"]


def test_an_activation_is_rounded_to_256_levels_of_the_range_seen() -> None:
    rounding = RoundedActivation()
    values = torch.linspace(-1, 3, 1001)
    assert torch.equal(rounding(values), values)
    rounding.settle()
    found = rounding(values)
    assert len(found.unique()) == 256
    assert 0 in found
    assert (found - values).abs().max() <= 4 / 255 / 2 * 1.01 + 4 / 255 / 2  # the ends: 0 shall be a level
    assert rounding(torch.tensor([9.0])).item() == pytest.approx(3, abs=0.02)


def test_weights_are_rounded_by_channel_and_learn_straight_through() -> None:
    weight = torch.tensor([[1.0, 0.5001], [100.0, 0.6]], requires_grad=True)
    found = RoundedWeight()(weight)
    assert found[0].tolist() == pytest.approx([1.0, 64 / 127])
    assert found[1].tolist() == pytest.approx([100.0, 100 / 127])
    found.sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.ones(2, 2))


def test_a_network_that_cannot_be_traced_is_one_line() -> None:
    class Undecided(nn.Module):
        head_names = ("fer2013",)

        def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
            return (pictures.flatten(1)[:, :7] if pictures.sum() > 0 else pictures.flatten(1)[:, 7:14],)

    with pytest.raises(InputError, match=r"Undecided cannot be fine-tuned: .*; quantise it without --fine-tune"):
        Folded(Undecided())


def test_quantize_fine_tunes_on_demand(tiny_data: Path, tmp_path: Path) -> None:
    data = ["--data", str(tiny_data)]
    training = ["--out", str(tmp_path), "--architecture", "plain:4/8", "--batch-size", "16", "--epochs", "1"]
    assert main(["train", *data, *training]) == 0
    contents = []
    for epochs in ("0", "2"):
        out = tmp_path / f"{epochs}.tflite"
        options = ["--checkpoint", str(tmp_path / "last.ckpt"), "--out", str(out), "--per-class", "4"]
        assert main(["quantize", *data, *options, "--fine-tune", epochs]) == 0
        assert load(out).training.quantization["fine_tune"] == int(epochs)
        contents.append(out.read_bytes())
    assert contents[0] != contents[1]

"""Networks by name: their published sizes, their heads, and names that are wrong."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch is missing: pip install -e '.[converter]'")

from converter.architectures import ARCHITECTURES, build
from converter.heads import HEADS
from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' words about its own insides

needs_keras = pytest.mark.skipif(find_spec("keras") is None, reason="keras is missing: pip install -e '.[backbones]'")


def total_count(network: nn.Module) -> int:
    """As Keras counts, whose figures were published: the running statistics of normalisation are parameters too."""
    statistics = sum(b.numel() for name, b in network.named_buffers() if name.endswith(("running_mean", "running_var")))
    return int(statistics + sum(p.numel() for p in network.parameters()))


@pytest.mark.parametrize(("name", "published"), [("thespis", 5_905_863), ("nus2022", 3_002_055)])
def test_the_rebuilt_network_has_as_many_parameters_as_published(name: str, published: int) -> None:
    assert total_count(build(name)) == published


def test_the_five_layers_cost_about_what_was_published() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        build("five_layer").eval()(torch.zeros(1, 1, 48, 48))
    assert counter.get_total_flops() / 2 == pytest.approx(21e6, rel=0.1)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_network_gives_seven_logits_a_head(name: str) -> None:
    network = build(name).eval()
    with torch.inference_mode():
        outputs = network(torch.rand(3, 1, 48, 48))
    assert [tuple(output.shape) for output in outputs] == [(3, 7)] * len(network.head_names)
    assert set(network.head_names) <= set(HEADS)


def test_published_networks_end_in_logits_that_can_be_negative() -> None:
    with torch.inference_mode():
        (logits,) = build("face2021").eval()(torch.rand(8, 1, 48, 48))
    assert logits.min() < 0 < logits.max()


def test_a_located_network_tells_places_apart_and_a_plain_one_hardly() -> None:
    spots = torch.zeros(2, 1, 48, 48)
    spots[0, :, 8:16, 8:16] = 1
    spots[1, :, 24:32, 24:32] = 1
    changes = {}
    for family in ("plain", "gdconv"):
        torch.manual_seed(1)
        network = build(f"{family}:8/16").eval()
        if network.place is not None:
            torch.nn.init.normal_(network.place[0].weight)
        with torch.inference_mode():
            first, second = network(spots)[0]
        changes[family] = float((first - second).abs().max())
    assert changes["plain"] < 1e-5 < changes["gdconv"]


@needs_keras
def test_backbones_learn_and_answer_both_heads() -> None:
    network = build("scratch:mobilenetv2").train()
    outputs = network(torch.rand(2, 1, 48, 48))
    sum(output.square().sum() for output in outputs).backward()
    assert [tuple(output.shape) for output in outputs] == [(2, 7)] * 2
    learnt = [p for p in network.parameters() if p.requires_grad]
    assert learnt
    assert all(p.grad is not None for p in learnt)


@needs_keras
def test_a_backbone_computes_where_its_weights_are_whatever_keras_prefers() -> None:
    build("scratch:mobilenet")  # chooses Keras' backend
    import keras

    with keras.device("meta"), torch.inference_mode():
        outputs = build("scratch:mobilenet").eval()(torch.rand(1, 1, 48, 48))
    assert {output.device.type for output in outputs} == {"cpu"}
    assert all(output.isfinite().all() for output in outputs)


@needs_keras
def test_a_backbone_normalises_by_the_batch_only_while_it_learns() -> None:
    network = build("scratch:mobilenetv2")
    network.dropout = torch.nn.Identity()
    pictures = torch.rand(4, 1, 48, 48)
    with torch.inference_mode():
        alone, among = (network.eval()(rows)[0][:1] for rows in (pictures[:1], pictures))
        learning = network.train()(pictures)[0][:1]
    assert torch.allclose(alone, among, atol=1e-4)
    assert not torch.allclose(alone, learning, atol=1e-4)


@needs_keras
def test_weights_of_a_backbone_come_from_a_file(tmp_path: Path) -> None:
    first = build("scratch:mobilenetv2").eval()
    path = tmp_path / "mine.weights.h5"
    first.backbone.save_weights(path)
    second, third = (build(name).eval() for name in (f"{path}:mobilenetv2", "scratch:mobilenetv2"))
    assert second.head_names == HEADS
    colours = torch.rand(1, 48, 48, 3)
    with torch.inference_mode():
        one, two, other = (network.backbone(colours, training=False) for network in (first, second, third))
    assert torch.equal(one, two)
    assert not torch.allclose(one, other, rtol=1e-3, atol=0)


@needs_keras
def test_a_trained_backbone_loads_where_the_weights_it_began_with_are_gone(tiny_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="lightning is missing: pip install -e '.[converter]'")
    from converter.datasets import door
    from converter.training import checkpoint
    from converter.training.train import Machine, Recipe, train

    weights = tmp_path / "mine.weights.h5"
    build("scratch:mobilenet").backbone.save_weights(weights)
    training, validation = (door.load(tiny_data, split) for split in ("Training", "PublicTest"))
    recipe = Recipe(architecture=f"{weights}:mobilenet", epochs=1, batch_size=16)
    best = train(training, validation, tmp_path / "run", recipe, machine=Machine("cpu", precision="32-true")).best
    weights.unlink()
    trained = checkpoint.load(best)
    logits = trained.logits(validation.pixels)
    assert {head: values.shape for head, values in logits.items()} == dict.fromkeys(HEADS, (len(validation), 7))
    statistics = sum(p.numel() for p in trained.network.parameters() if not p.requires_grad)
    assert 0 < statistics == total_count(trained.network) - trained.parameters


@needs_keras
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("huge", "unknown architecture 'huge': expected one of baseline_2023, face2021"),
        ("scratch:huge", "unknown backbone 'huge': expected one of vgg16, vgg19"),
        ("nowhere.weights.h5:vgg16", "nowhere.weights.h5: no such file of weights"),
    ],
)
def test_a_wrong_name_says_what_there_is(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(name)

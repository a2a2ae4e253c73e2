"""Logits finer than int8: windows over their range, written into the network and read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is missing: pip install -e '.[converter]'")

from converter.architectures import build
from converter.quantization.windows import MAX_STEP, choose, last_layers, widen
from edge.inference.preprocess import probability_step, read_logits, softmax

RANGES = st.tuples(st.floats(-30, 30), st.floats(0.1, 40), st.floats(0.3, 3))


@given(RANGES, st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_a_logit_comes_back_within_half_a_step(found: tuple[float, float, float], places: list[float]) -> None:
    least, span, temperature = found
    windows = choose(least, least + span, temperature)
    logits = np.array(places) * span + least
    copies = (logits[None, :] - np.array(windows.shifts)[:, None]) / windows.scale + windows.zero_point
    values = np.clip(np.rint(copies), -128, 127).astype(np.int8).reshape(1, -1)
    read = read_logits(values, scale=windows.scale, zero_point=windows.zero_point, windows=windows.count)
    assert np.abs(read[0] - logits).max() <= windows.scale * 0.5001 + 1e-4


@given(RANGES)
def test_no_step_moves_a_probability_beyond_the_limit(found: tuple[float, float, float]) -> None:
    least, span, temperature = found
    windows = choose(least, least + span, temperature)
    assert probability_step(windows.scale, temperature=temperature) <= MAX_STEP


@pytest.mark.parametrize(("scale", "temperature"), [(0.1, 0.6), (0.02, 1.0)])
def test_the_limit_of_a_step_is_what_the_softmax_really_moves(scale: float, temperature: float) -> None:
    gaps = np.arange(-60, 61) * np.float32(scale)
    logits = np.zeros((len(gaps), 7), np.float32)
    logits[:, 0] = gaps + scale / 2  # so that one step crosses the steepest place
    logits[:, 2:] = -50
    moved = np.abs(np.diff(softmax(logits, temperature=temperature)[:, 0])).max()
    assert moved == pytest.approx(probability_step(scale, temperature=temperature), rel=1e-3)


def test_the_widened_network_still_says_the_same() -> None:
    torch.manual_seed(2)
    network = build("gdconv:4/8").eval()
    pictures = torch.rand(5, 1, 48, 48)
    with torch.inference_mode():
        before = [logits.numpy() for logits in network(pictures)]
        chosen = {index: choose(float(v.min()), float(v.max()), 0.2) for index, v in enumerate(before)}
        wide = widen(network, chosen)(pictures)
    for index, (logits, values) in enumerate(zip(before, wide, strict=True)):
        windows = chosen[index]
        assert values.shape == (5, 7 * windows.count)
        copies = values.numpy().reshape(5, windows.count, 7)
        assert np.allclose(copies.clip(windows.lowest, windows.highest).sum(axis=1), logits, atol=1e-4)


def test_the_last_layers_are_found_in_networks_of_every_kind() -> None:
    assert last_layers(build("plain:4/8")) == {0: "heads.0", 1: "heads.1"}
    assert last_layers(build("baseline_2023")) == {0: "layers.30"}


def test_an_output_that_is_no_linear_layer_cannot_be_widened() -> None:
    network = build("baseline_2023")
    network.layers.append(torch.nn.Softmax(dim=1))
    with pytest.raises(ValueError, match="output 0 does not come straight from a linear layer"):
        widen(network, {0: choose(-1, 1, 1)})

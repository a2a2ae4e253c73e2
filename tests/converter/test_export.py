"""A network as ONNX, a search for the learning rate, a history for TensorBoard: what optional packages give."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

from converter.cli import main
from converter.quantization import onnx
from converter.training import checkpoint
from edge.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"missing: pip install {' '.join(missing)}")


@needs("onnx", "onnxscript", "onnxruntime")
def test_onnx_computes_what_the_network_computes(
    two_epochs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "network.onnx"
    assert main(["export", "--checkpoint", str(two_epochs / "best.ckpt"), "--out", str(out)]) == 0
    assert "outputs fer2013, consensus" in capsys.readouterr().out
    trained = checkpoint.load(two_epochs / "best.ckpt")
    error = onnx.greatest_error(out.read_bytes(), trained.network)
    assert error is not None
    assert error < 1e-4
    other = checkpoint.load(two_epochs / "best.ckpt").network
    other.heads[0].bias.data += 1
    with pytest.raises(ModelError, match="differs from the network by 1"):
        onnx.greatest_error(out.read_bytes(), other)


def test_without_the_packages_one_line_says_which(
    two_epochs: Path, tmp_path: Path, error_line: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    absent = {"onnx", "onnxscript"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in absent else found(name, *a))
    out = tmp_path / "network.onnx"
    assert main(["export", "--checkpoint", str(two_epochs / "best.ckpt"), "--out", str(out)]) == 8
    line = error_line()
    assert "onnx and onnxscript: not installed" in line
    assert "install onnx onnxscript" in line
    assert not out.exists()


def test_a_file_of_another_name_is_refused(tmp_path: Path, error_line: Callable[[], str]) -> None:
    assert main(["export", "--checkpoint", "x.ckpt", "--out", str(tmp_path / "network.tflite")]) == 2
    assert "expected a file ending in .onnx" in error_line()


def test_without_tensorboard_one_line_says_how_to_get_it(
    training_command: Callable[..., list[str]],
    tmp_path: Path,
    error_line: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main([*training_command(tmp_path, "--tensorboard"), "--data", "/nowhere"]) == 8
    line = error_line()
    assert "TensorBoard is not installed" in line
    assert "install tensorboard" in line


@needs("tensorboard")
def test_tensorboard_has_a_point_an_epoch(training_command: Callable[..., list[str]], tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(training_command(tmp_path, "--tensorboard")) == 0
    assert main(training_command(tmp_path, "--tensorboard", "--epochs", "3")) == 0
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/train")] == [1, 2, 3]
    assert {"loss/val", "fer2013/val", "consensus/train"} <= set(events.Tags()["scalars"])


def test_a_learning_rate_is_suggested_and_drawn(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["learning-rate", "--data", str(tiny_data), "--architecture", "plain:4/8,8/8", "--batch-size", "16"]
    assert main([*command, "--accelerator", "cpu", "--out", str(tmp_path / "rate.png")]) == 0
    printed = capsys.readouterr().out.strip().splitlines()[-1]
    assert printed.startswith("suggested: --learning-rate ")
    assert 1e-6 < float(printed.split()[-1]) < 10
    assert (tmp_path / "rate.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["rate.png"]

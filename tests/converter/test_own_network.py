"""A network of one's own: ``--architecture module:callable``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter.cli import main
from converter.training import checkpoint
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

OWN = """
import torch

class {name}(torch.nn.Module):
    head_names = ("fer2013", "consensus")

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, stride=4), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten()
        )
        self.heads = torch.nn.ModuleList(torch.nn.Linear(4 * 12 * 12, 7) for _ in self.head_names)

    def forward(self, pictures):
        features = self.features(pictures)
        return tuple(head(features) for head in self.heads)
"""
LINEAR = """
import torch

class Net(torch.nn.Linear):
    {}

    def __init__(self):
        super().__init__(48, 7)
"""


class TestOwnNetwork:
    def test_it_is_trained_resumed_measured_and_quantised(
        self,
        *,
        training_command: Callable[..., list[str]],
        tiny_data: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        error_line: Callable[[], str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pytest.importorskip("litert_torch", reason="litert-torch is missing: pip install -e '.[converter]'")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "my_network.py").write_text(OWN.format(name="Net"))
        own = ["--architecture", "my_network:Net"]
        assert main(training_command(tmp_path / "run", *own)) == 0
        assert main(training_command(tmp_path / "run", *own, "--epochs", "3")) == 0
        best, data = str(tmp_path / "run" / "best.ckpt"), ["--data", str(tiny_data)]
        assert main(["evaluate", "--model", best, *data]) == 0
        model = tmp_path / "mine.tflite"
        assert main(["quantize", "--checkpoint", best, *data, "--out", str(model), "--per-class", "4"]) == 0
        assert main(["evaluate", "--model", str(model), *data]) == 0
        capsys.readouterr()
        monkeypatch.chdir(tmp_path / "run")
        assert main(["evaluate", "--model", best, *data]) == 4
        assert "best.ckpt: architecture 'my_network:Net': there is no my_network.py" in error_line()

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("Net = 5", "TypeError: 'int' object is not callable"),
            ("def Net(): return 5", "expected a torch.nn.Module, found a int"),
            ("def Net(width): return None", "missing 1 required positional argument"),
            ("def net(): pass", "has no attribute 'Net'"),
            ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
            ("def (", "SyntaxError"),
            (
                LINEAR.format(""),
                "expected head_names",
            ),
            (
                LINEAR.format("head_names = ('smile',)"),
                "expected head_names with one or both of fer2013, consensus",
            ),
            (
                LINEAR.format("head_names = ('fer2013',)"),
                "expected for 2 pictures a tuple of [(2, 7)]",
            ),
            ("import torch\nclass Net(torch.nn.ReLU):\n  head_names = ('fer2013',)", "has no weights to train"),
        ],
    )
    def test_what_does_not_keep_to_the_contract_is_one_line(
        self,
        *,
        code: str,
        message: str,
        training_command: Callable[..., list[str]],
        tmp_path: Path,
        error_line: Callable[[], str],
        monkeypatch: pytest.MonkeyPatch,
        request: pytest.FixtureRequest,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        module = f"network_{abs(hash(request.node.name))}"
        (tmp_path / f"{module}.py").write_text(code)
        assert main(training_command(tmp_path / "run", "--architecture", f"{module}:Net")) == 4
        line = error_line()
        assert line.startswith(f"face-convert: error: architecture '{module}:Net': ")
        assert message in line

    def test_a_checkpoint_names_no_module_from_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A forged checkpoint must not choose what is called: ``os:abort`` would end the process."""
        monkeypatch.chdir(tmp_path)
        forged = {"hyper_parameters": {"recipe": {"architecture": "os:abort"}}, "state_dict": {}}
        torch.save(forged, tmp_path / "forged.ckpt")
        with pytest.raises(InputError, match=r"there is no os.py in the current directory"):
            checkpoint.load(tmp_path / "forged.ckpt")
        (tmp_path / "os.py").write_text("")
        with pytest.raises(InputError, match="os is the name of another module"):
            checkpoint.load(tmp_path / "forged.ckpt")

    def test_a_network_without_dropout_has_none_to_set(
        self,
        training_command: Callable[..., list[str]],
        tmp_path: Path,
        error_line: Callable[[], str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "bare_network.py").write_text(OWN.format(name="Bare"))
        options = ["--architecture", "bare_network:Bare", "--dropout", "0.2"]
        assert main(training_command(tmp_path / "run", *options)) == 4
        assert "--dropout: this network has no dropout layer" in error_line()

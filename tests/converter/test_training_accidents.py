"""What an accident leaves behind, what is refused, and what a stranger's checkpoint cannot do."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter.cli import main
from converter.training import checkpoint, run_folder
from converter.training.history import History
from edge.core.errors import AlreadyRunning, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

SMALL = "plain:4/8,8/8"


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"0" * 4096)


class TestAccidents:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal_ends_it_with_how_to_go_on(
        self,
        *,
        number: signal.Signals,
        code: int,
        two_epochs: Path,
        training_command: Callable[..., list[str]],
        tmp_path: Path,
        error_line: Callable[[], str],
    ) -> None:
        before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]

        def interrupt(_: object, trainer: Any, *__: object) -> None:
            if trainer.current_epoch == 1:
                os.kill(os.getpid(), number)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(History, "on_train_batch_start", interrupt, raising=False)
            assert main(training_command(tmp_path)) == code
        line = error_line()
        assert line == (
            f"face-convert: stopped: the same command continues after the last whole epoch ({tmp_path / 'last.ckpt'})"
        )
        assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
        assert main(training_command(tmp_path)) == 0
        first, second = (torch.load(f / "last.ckpt", weights_only=True) for f in (two_epochs, tmp_path))
        assert all(torch.equal(first["state_dict"][name], second["state_dict"][name]) for name in first["state_dict"])

    def test_a_signal_before_the_first_epoch_says_that_nothing_is_kept(
        self, training_command: Callable[..., list[str]], tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        with pytest.MonkeyPatch.context() as patched:
            kill = lambda *_: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
            patched.setattr(History, "on_train_batch_start", kill, raising=False)
            assert main(training_command(tmp_path)) == 130
        assert error_line() == "face-convert: stopped: no epoch was completed yet: the same command starts again"

    def test_a_file_that_grows_too_large_leaves_the_last_good_checkpoint(
        self, training_command: Callable[..., list[str]], tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        wide = ["--architecture", "plain:2/2/4/16/64,64"]
        assert main(training_command(tmp_path, *wide, "--epochs", "1")) == 0
        good = (tmp_path / "last.ckpt").read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        assert len(good) > 300_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))  # more than the curves take
        try:
            assert main(training_command(tmp_path, *wide)) == 4
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        line = error_line()
        assert line.startswith(f"face-convert: error: {tmp_path}")
        assert "cannot be written: File too large; free some space" in line
        assert (tmp_path / "last.ckpt").read_bytes() == good
        assert not list(tmp_path.glob(".face-convert-*"))
        assert main(training_command(tmp_path, *wide)) == 0

    def test_a_full_disk_leaves_the_last_good_checkpoint(
        self, training_command: Callable[..., list[str]], tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip(f"no disk of 4 MB can be mounted: {mounted.stderr.decode().strip()}")
        try:
            out, wide = disk / "run", ["--architecture", "plain:2/2/4/16/64,64"]
            assert main(training_command(out, *wide, "--epochs", "1")) == 0
            good = (out / "last.ckpt").read_bytes()
            with pytest.raises(OSError, match="No space"):
                fill(disk / "filler")
            assert main(training_command(out, *wide)) == 4
            assert "No space left on device; free some space" in error_line()
            assert (out / "last.ckpt").read_bytes() == good
            checkpoint.load(out / "best.ckpt")
            (disk / "filler").unlink()
            assert main(training_command(out, *wide)) == 0
        finally:
            subprocess.run(["umount", disk], check=True)

    @pytest.mark.parametrize("rate", ["1e30", "1e18"])
    def test_weights_that_run_away_are_one_line_and_leave_no_checkpoint(
        self, rate: str, training_command: Callable[..., list[str]], tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        assert (
            main(training_command(tmp_path, "--learning-rate", rate, "--gradient-clip", "0", "--warmup-epochs", "0"))
            == 4
        )
        line = error_line()
        assert "training has diverged" in line
        assert "lower --learning-rate" in line
        assert not (tmp_path / "last.ckpt").exists()

    def test_a_start_whose_weights_are_no_numbers_is_refused(
        self,
        two_epochs: Path,
        training_command: Callable[..., list[str]],
        tmp_path: Path,
        error_line: Callable[[], str],
    ) -> None:
        content = torch.load(two_epochs / "best.ckpt", weights_only=True)
        next(iter(content["state_dict"].values()))[:] = float("nan")
        torch.save(content, tmp_path / "nan.ckpt")
        assert main(training_command(tmp_path / "run", "--start", str(tmp_path / "nan.ckpt"))) == 4
        assert "nan.ckpt: holds weights that are not numbers" in error_line()


class TestFolder:
    def test_a_second_run_in_it_is_refused_before_data_is_read(
        self, training_command: Callable[..., list[str]], tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        with run_folder.held(tmp_path):
            assert main([*training_command(tmp_path), "--data", "/nowhere"]) == 9
        line = error_line()
        assert line.startswith(f"face-convert: error: {tmp_path}: another run is training here (process {os.getpid()})")

    def test_it_is_free_again_afterwards(self, tmp_path: Path) -> None:
        for _ in range(2):
            with run_folder.held(tmp_path), pytest.raises(AlreadyRunning), run_folder.held(tmp_path):
                pass

    def test_where_none_can_be_made_is_one_line(
        self, training_command: Callable[..., list[str]], tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        (tmp_path / "file").write_text("")
        assert main(training_command(tmp_path / "file" / "run")) == 4
        assert "cannot be written: Not a directory" in error_line()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--architecture", "huge"], "unknown architecture 'huge'"),
            (["--architecture", "plain:9999/99999"], "at most 64 layers and 100,000,000 weights"),
            (["--accelerator", "abacus"], "this machine cannot train on it"),
            (["--start", "/nowhere.ckpt"], "/nowhere.ckpt: cannot be read"),
            (["--architecture", "face2021", "--dropout", "0.1", "--start", "/nowhere.ckpt"], "/nowhere.ckpt"),
            (["--architecture", "plain-narrow", "--start", "BEST"], "choose a start with plain-narrow"),
            (["--architecture", "nothere:Net"], "there is no nothere.py in the current directory"),
        ],
    )
    def test_what_cannot_be_trained_is_refused_before_data_is_read(
        self,
        *,
        options: list[str],
        message: str,
        two_epochs: Path,
        training_command: Callable[..., list[str]],
        tmp_path: Path,
        error_line: Callable[[], str],
    ) -> None:
        given = [str(two_epochs / "best.ckpt") if option == "BEST" else option for option in options]
        assert main([*training_command(tmp_path / "run"), *given, "--data", "/nowhere"]) == 4
        assert message in error_line()
        assert not (tmp_path / "run").exists()

    def test_a_run_of_another_recipe_is_refused_before_data_is_read(
        self, two_epochs: Path, training_command: Callable[..., list[str]], error_line: Callable[[], str]
    ) -> None:
        assert main([*training_command(two_epochs, "--seed", "3"), "--data", "/nowhere"]) == 4
        assert "last.ckpt: has seed 1, not 3" in error_line()


class TestForgedCheckpoints:
    @pytest.mark.parametrize(
        "content",
        [
            [1, 2],
            {},
            {"hyper_parameters": 5},
            {"hyper_parameters": {"recipe": 5}},
            {"hyper_parameters": {"recipe": {"architecture": 5}}},
            {"hyper_parameters": {"recipe": {"architecture": "plain:4096/4096,4096,4096"}}, "state_dict": {}},
            {"hyper_parameters": {"recipe": {"architecture": SMALL, "colour": "red"}}},
            {"hyper_parameters": {"recipe": {"architecture": SMALL, "teachers": 7}}, "state_dict": {}},
            {"hyper_parameters": {"recipe": {"architecture": SMALL}}, "state_dict": {"network.trunk.0.weight": 5}},
            {"hyper_parameters": {"recipe": {"architecture": SMALL}}, "state_dict": None},
        ],
    )
    def test_are_one_line(
        self,
        content: object,
        training_command: Callable[..., list[str]],
        tiny_data: Path,
        tmp_path: Path,
        error_line: Callable[[], str],
    ) -> None:
        torch.save(content, tmp_path / "last.ckpt")
        assert main(["evaluate", "--model", str(tmp_path / "last.ckpt"), "--data", str(tiny_data)]) == 4
        assert str(tmp_path / "last.ckpt") in error_line()
        assert main(training_command(tmp_path)) == 4
        assert str(tmp_path / "last.ckpt") in error_line()

    def test_one_that_runs_code_is_refused(
        self, tiny_data: Path, tmp_path: Path, error_line: Callable[[], str]
    ) -> None:
        class Evil:
            def __reduce__(self) -> tuple[Any, ...]:
                return (os.mkdir, (str(tmp_path / "owned"),))

        torch.save({"hyper_parameters": Evil()}, tmp_path / "last.ckpt")
        assert main(["evaluate", "--model", str(tmp_path / "last.ckpt"), "--data", str(tiny_data)]) == 4
        assert "is no checkpoint of face-convert train" in error_line()
        assert not (tmp_path / "owned").exists()

    def test_one_cut_off_is_refused(
        self,
        two_epochs: Path,
        training_command: Callable[..., list[str]],
        tmp_path: Path,
        error_line: Callable[[], str],
    ) -> None:
        whole = (two_epochs / "last.ckpt").read_bytes()
        for size in (10, len(whole) // 2, len(whole) - 10):
            (tmp_path / "last.ckpt").write_bytes(whole[:size])
            assert main(training_command(tmp_path)) == 4
            assert "last.ckpt: cannot be resumed" in error_line()

    def test_one_that_unpacks_to_far_more_than_its_size_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.ckpt"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
        with pytest.raises(InputError, match="unpacks to 10000000 bytes"):
            checkpoint.load(path)


def test_the_output_has_no_adverts(
    training_command: Callable[..., list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(training_command(tmp_path)) == 0
    found = capfd.readouterr()
    for word in ("Tip", "GPU available", "litlogger", "Warning", "warn", "max_epochs", "Loading `"):
        assert word not in found.err + found.out

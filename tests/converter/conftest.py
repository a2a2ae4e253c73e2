"""A tiny made-up data set in FER2013's layout, and the real one where it is at hand."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from edge.core.types import EMOTIONS
from edge.inference.preprocess import probability_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from edge.inference.manifest import OutputSpec

VOTES = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
VOTE_OF_LABEL = (4, 5, 6, 1, 3, 2, 0)
"""Column of each emotion among the votes."""


@pytest.fixture(scope="session")
def fer2013_folder() -> Path:
    """The research data; tests that need it skip where it is absent."""
    default = Path(__file__).parents[3] / "shared" / "data" / "fer2013"
    folder = Path(os.environ.get("FACE_EDGE_FER2013", default))
    if not (folder / "fer2013.csv.gz").is_file() and not (folder / "fer2013.csv").is_file():
        pytest.skip(f"no FER2013 in {folder}: set FACE_EDGE_FER2013 to its folder")
    return folder


@pytest.fixture(scope="session")
def picture_row() -> Callable[..., str]:
    """A CSV row: a grey level that grows with the label, under noise from ``seed``."""

    def make(label: int, usage: str, seed: int = 0) -> str:
        noise = np.random.default_rng(seed).integers(0, 20, 48 * 48)
        pixels = " ".join(str(value) for value in (30 * label + noise).tolist())
        return f"{label},{pixels},{usage}"

    return make


@pytest.fixture(scope="session")
def vote_row() -> Callable[[Sequence[int]], str]:
    """A row of FER+ with these ten counts."""

    def make(counts: Sequence[int]) -> str:
        return ",".join(["Training", "fer.png", *(str(count) for count in counts)])

    return make


@pytest.fixture(scope="session")
def write_data(vote_row: Callable[[Sequence[int]], str]) -> Callable[..., Path]:
    """Writes a data folder from picture rows and rows of vote counts."""

    def write(folder: Path, rows: Sequence[str], votes: Sequence[Sequence[int]] | None = None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
        if votes is not None:
            lines = [f"Usage,Image name,{VOTES}", *(vote_row(counts) for counts in votes)]
            (folder / "fer2013new.csv").write_text("\n".join(lines) + "\n")
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_data(
    tmp_path_factory: pytest.TempPathFactory,
    picture_row: Callable[..., str],
    write_data: Callable[..., Path],
) -> Path:
    """70 training pictures and 21 of each test split, all emotions alike, ten votes on each for its own label."""
    rows: list[str] = []
    votes: list[list[int]] = []
    for usage, each in (("Training", 10), ("PublicTest", 3), ("PrivateTest", 3)):
        for index in range(each * len(EMOTIONS)):
            label = index % len(EMOTIONS)
            rows.append(picture_row(label, usage, seed=len(rows)))
            votes.append([10 if column == VOTE_OF_LABEL[label] else 0 for column in range(10)])
    return write_data(tmp_path_factory.mktemp("data"), rows, votes)


@pytest.fixture(scope="session")
def training_command(tiny_data: Path) -> Callable[..., list[str]]:
    """The words of a command that trains a small network for two epochs of four steps on the tiny data."""

    def words(out: Path, *options: str) -> list[str]:
        shape = ["--architecture", "plain:4/8,8/8", "--batch-size", "16", "--epochs", "2", "--accelerator", "cpu"]
        return ["train", "--data", str(tiny_data), "--out", str(out), *shape, *options]

    return words


@pytest.fixture(scope="session")
def two_epochs(training_command: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that command's run."""
    from converter.cli import main

    out = tmp_path_factory.mktemp("run")
    assert main(training_command(out)) == 0
    return out


@pytest.fixture
def error_line(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """The last line on standard error, where there must be no traceback."""

    def read() -> str:
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return error.strip().splitlines()[-1]

    return read


@pytest.fixture(scope="session")
def blends() -> NDArray[np.uint8]:
    """``(4000, 48, 48)`` pictures, each but little different from the one before: gratings that turn into others."""
    generator = np.random.default_rng(1)
    y, x = np.mgrid[0:48, 0:48]

    def draw() -> NDArray[np.float64]:
        waves = generator.uniform(-0.4, 0.4, (6, 2))
        picture = sum(generator.normal() * np.sin(x * a + y * b + generator.uniform(0, 6)) for a, b in waves)
        return np.asarray((picture - np.min(picture)) / np.ptp(picture) * 255)

    corners = [draw() for _ in range(9)]
    shares = np.linspace(0, 1, 500, endpoint=False)
    return np.concatenate(
        [
            np.rint((1 - shares)[:, None, None] * before + shares[:, None, None] * after).astype(np.uint8)
            for before, after in pairwise(corners)
        ]
    )


@pytest.fixture(scope="session")
def output_steps(
    blends: NDArray[np.uint8],
) -> Callable[[Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]], Iterable[OutputSpec]], list[Steps]]:
    """What lies between the logits that a model really gives over the blends, for each of its outputs."""

    def measure(
        logits: Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]], outputs: Iterable[OutputSpec]
    ) -> list[Steps]:
        found = logits(blends)
        return [_steps(found[output.head], output) for output in outputs]

    return measure


class Steps(NamedTuple):
    """``probability``: the most that going from one logit to the next moves a probability, for nine steps in ten.

    ``widest``: the widest gap between two logits that follow each other, in steps of the output's scale.
    """

    probability: float
    widest: float


def _steps(logits: NDArray[np.float32], output: OutputSpec) -> Steps:
    gaps = []
    for values in logits.T:
        low, high = np.quantile(values, (0.05, 0.95))  # blends are dense there
        gaps.append(np.diff(np.unique(values[(values >= low) & (values <= high)])))
    usual = float(np.quantile(np.concatenate(gaps), 0.9))
    widest = max(float(gap.max(initial=0)) for gap in gaps)
    return Steps(probability_step(usual, temperature=output.temperature), widest / output.scale)

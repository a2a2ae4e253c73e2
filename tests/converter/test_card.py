from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from converter.card.page import render
from converter.card.shipped import read, results_path
from converter.cli import main
from converter.datasets.faces import FaceSet
from converter.evaluation.bootstrap import Bootstrap
from converter.evaluation.divisions import divisions
from converter.evaluation.recurrence import recurrence
from converter.evaluation.results import results, to_json
from converter.evaluation.subject import Subject
from edge.core.errors import InputError
from edge.inference.manifest import load, manifest_path, packaged_model, packaged_models

if TYPE_CHECKING:
    from collections.abc import Callable

for _package in ("matplotlib", "scipy"):
    pytest.importorskip(_package, reason=f"{_package} is missing: pip install -e '.[converter]'")

MODELS = Path(__file__).parents[2] / "models"


def measured(sha256: str, tilt: float) -> dict[str, Any]:
    """Results of a model whose logits are the light of the picture's bands, on forty made-up faces."""

    def predict(pixels: np.ndarray) -> dict[str, np.ndarray]:
        bands = pixels[:, :42].reshape(len(pixels), 7, -1).mean(axis=2).astype(np.float32) / 32
        return {"fer2013": bands, "consensus": bands * tilt}

    generator = np.random.default_rng(8)
    labels = np.arange(40) % 7
    shares = generator.multinomial(10, np.eye(7)[labels] * 0.6 + 0.4 / 7) / 10
    votes = shares.astype(np.float32)
    pixels = generator.integers(0, 120, (40, 48, 48), dtype=np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        picture[6 * label : 6 * label + 6] += generator.integers(0, 100, dtype=np.uint8)
    faces = FaceSet(pixels, labels, votes, votes.argmax(axis=1))
    temperatures = {"fer2013": 1.5, "consensus": 0.8}
    subject = Subject(
        "made-up.tflite", sha256, "int8", predict, temperatures, manifest=load(packaged_model()),
        signs=lambda crops: {"face": crops.mean(axis=(1, 2)) / 20},
    )  # fmt: skip
    recurs = recurrence(faces, faces.take(np.arange(10)), faces.take(np.arange(5)))
    return results(
        subject,
        faces,
        "PublicTest",
        recurrence=recurs,
        robust=True,
        by_group=divisions(faces, None),
        bootstrap=Bootstrap(resamples=50),
    )


@pytest.fixture(scope="module")
def results_of() -> Callable[[str], dict[str, Any]]:
    kept = {
        name: measured(json.loads(manifest_path(packaged_model()).read_text())["sha256"], tilt)
        for name, tilt in (("first", 1.0), ("second", -1.0))
    }
    return lambda name: json.loads(json.dumps(kept[name]))


@pytest.fixture
def shelf(tmp_path: Path, results_of: Callable[[str], dict[str, Any]]) -> dict[str, Path]:
    """The shipped model under two names, with results of its own each."""
    found: dict[str, Path] = {}
    for name in ("first", "second"):
        path = found[name] = tmp_path / "models" / f"{name}.tflite"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(packaged_model(), path)
        manifest = json.loads(manifest_path(packaged_model()).read_text())
        manifest_path(path).write_text(json.dumps(manifest | {"name": name, "file": path.name}))
        results_path(path).write_text(to_json(results_of(name)))
    return found


def test_the_committed_card_is_what_its_own_command_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (MODELS / "README.md").read_text()
    command = next(line for line in text.splitlines() if line.startswith("face-convert card "))
    named = re.findall(r"--model models/(\S+)", command)
    assert sorted(named) == sorted(path.name for path in packaged_models())
    shutil.copytree(MODELS, tmp_path / "models")
    (tmp_path / "models" / "README.md").unlink()
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(command.split()[1:]) == 0
    assert (tmp_path / "models" / "README.md").read_text() == text
    groups = (MODELS.parent / "docs" / "fairness.md").read_text()
    assert (tmp_path / "docs" / "fairness.md").read_text() == groups
    linked = re.findall(r"\]\(\.\./(docs/img/[^)]+)\)", text)
    linked += [f"docs/{name}" for name in re.findall(r"\]\((img/[^)]+)\)", groups)]
    assert len(linked) == 10 * len(named)
    for name in linked:
        assert (tmp_path / name).is_file()
        assert (MODELS.parent / name).is_file()


@pytest.mark.parametrize("model", packaged_models(), ids=lambda path: path.stem)
def test_the_kept_results_are_those_of_the_manifest(model: Path) -> None:
    """Quantise measured the same file on the same pictures when it wrote the manifest."""
    shipped = read(model)
    claimed = {s.head: s for s in shipped.manifest.scores if (s.precision, s.split) == ("int8", "PublicTest")}
    assert shipped.results["split"] == "PublicTest"
    for head, found in shipped.heads.items():
        score = claimed[head]  # type: ignore[index]
        assert found["n"] == score.n
        assert found["accuracy"] == pytest.approx(score.accuracy, abs=0.002)
        assert found["ece"] == pytest.approx(score.ece, abs=0.004)
        low, high = found["interval"]["accuracy"]
        assert low < score.accuracy < high
        prior = shipped.manifest.output(head).prior
        assert prior is not None
        (chosen,) = [one for one in prior.scores if one.strength == prior.audience]
        device = shipped.results["device"]["heads"][head]
        for name in ("accuracy", "balanced_accuracy", "ece"):
            assert device[name][0] == pytest.approx(getattr(chosen, name), abs=0.004), name


def test_models_stand_side_by_side_with_every_figure(shelf: dict[str, Path]) -> None:
    first, second = (read(shelf[name]) for name in ("first", "second"))
    text = render([first, second])
    assert "$" not in text
    for model in (first, second):
        for found in model.heads.values():
            for name in ("accuracy", "balanced_accuracy", "macro_f1", "top2", "ece"):
                low, high = (100 * bound for bound in found["interval"][name])
                assert f"{100 * found[name]:.1f} [{low:.1f}, {high:.1f}]" in text
            assert f"| without recurring pictures | {found['without_recurring']['n']} |" in text
    _, robustness = text.split("## Robustness\n")
    robust = next(line for line in robustness.splitlines() if line.startswith("| JPEG compression, quality 5 |"))
    for model, cell in zip((first, second), robust.split("|")[2:-1:2], strict=True):
        assert f"{100 * model.results['robustness'][-1]['heads']['fer2013']['accuracy']:.1f} [" in cell
    assert "10 of the 40 pictures of PublicTest occur in Training" in text
    assert "5 in what was left to train on" in text
    assert "Plots:" not in text
    assert "(pictures/second-robustness.png)" in render([first, second], "pictures")


def test_the_rows_of_a_confusion_matrix_are_percent(shelf: dict[str, Path]) -> None:
    text = render([read(shelf["first"])])
    rows = re.findall(r"^\| (?:angry|fear|neutral) \|((?: \d+ \|){7}) (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 6
    assert all(98 <= sum(int(cell) for cell in re.findall(r"\d+", cells)) <= 102 for cells, _ in rows)


def test_the_same_results_give_the_same_card(shelf: dict[str, Path]) -> None:
    assert render([read(shelf["first"])]) == render([read(shelf["first"])])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file"),
        ("{", "holds no results"),
        ("[]", "holds no results"),
        ('{"schema": 1, "sha256": "00ff"}', "is of a model of sha256 00ff"),
        ('{"schema": 9, "sha256": "00ff"}', "is of schema 9"),
    ],
)
def test_results_that_are_not_the_models_own_are_refused(
    content: str | None, problem: str, shelf: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = results_path(shelf["first"])
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert main(["card", "--model", str(shelf["first"]), "--out", str(path.parent / "README.md")]) == 4
    error = capsys.readouterr().err
    assert problem in error
    assert "measure it with face-convert card --data" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("part", ["robustness", "certainty", "device"])
def test_results_that_lack_a_part_are_refused(
    part: str, shelf: dict[str, Path], results_of: Callable[[str], dict[str, Any]]
) -> None:
    results_path(shelf["first"]).write_text(to_json(results_of("first") | {part: None}))
    with pytest.raises(InputError, match=f"first: its results lack {part}"):
        render([read(shelf["first"])])


def test_models_measured_on_different_splits_do_not_stand_side_by_side(
    shelf: dict[str, Path], results_of: Callable[[str], dict[str, Any]]
) -> None:
    results_path(shelf["second"]).write_text(to_json(results_of("second") | {"split": "PrivateTest"}))
    with pytest.raises(InputError, match="second and first: differ in split"):
        render([read(shelf["first"]), read(shelf["second"])])


def test_a_card_from_the_data_on(tiny_data: Path, shelf: dict[str, Path], tmp_path: Path) -> None:
    """Measures, keeps the results that evaluate prints, draws and writes."""
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    model, out = shelf["first"], tmp_path / "card" / "README.md"
    options = ["--model", str(model), "--data", str(tiny_data)]
    assert main(["card", *options, "--out", str(out), "--plots", str(tmp_path / "plots")]) == 0
    assert "../plots/first-robustness.png" in out.read_text()
    assert (tmp_path / "plots" / "first-robustness.png").is_file()
    assert main(["evaluate", *options, "--robustness", "--groups", "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "results.json").read_bytes() == results_path(model).read_bytes()


def test_prior_temperature_and_refusal_of_the_manifest_are_on_the_card(shelf: dict[str, Path]) -> None:
    text = render([read(shelf["first"])])
    made = load(shelf["first"])
    for output in made.outputs:
        assert output.prior is not None
        assert output.certainty is not None
        for score in output.prior.scores:
            assert f"{100 * score.accuracy:.1f} % | {100 * score.balanced_accuracy:.1f} %" in text
        assert f"| {output.certainty.temperature:g} |" in text
        for view, (before, after) in output.certainty.errors.items():
            (line,) = [line for line in text.splitlines() if line.startswith(f"| {view} |") and "→" in line]
            assert f"{100 * before:.1f} % → {100 * after:.1f} %" in line
    assert made.refusal is not None
    figures = made.refusal.figures
    assert f"| {100 * figures['refused']:.1f} % of {figures['non_faces']:.0f} |" in text
    device = read(shelf["first"]).results["device"]["heads"]["consensus"]
    assert "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * value for value in device["wrong"])) in text


def test_a_model_of_an_older_schema_has_a_card_that_says_so(
    shelf: dict[str, Path], results_of: Callable[[str], dict[str, Any]]
) -> None:
    path = shelf["first"]
    manifest = json.loads(manifest_path(path).read_text())
    manifest.pop("refusal")
    for output in manifest["outputs"]:
        output["prior"] = output["certainty"] = None
    manifest_path(path).write_text(json.dumps(manifest))
    found = results_of("first")
    found.pop("groups")
    results_path(path).write_text(to_json(found))
    text = render([read(path)], "pictures")
    assert "No model carries a prior" in text
    assert "Every face has its head's one temperature." in text
    assert "Nothing is refused" in text
    assert "Nothing was measured by group of faces" in text
    assert "-prior-" not in text
    assert "-groups.png" not in text


def test_the_page_of_groups_has_every_figure(shelf: dict[str, Path], tmp_path: Path) -> None:
    out, page = tmp_path / "models" / "README.md", tmp_path / "pages" / "fairness.md"
    words = [f"--model={shelf['first']}", f"--model={shelf['second']}", f"--out={out}", f"--fairness={page}"]
    assert main(["card", *words, f"--plots={tmp_path / 'pages' / 'img'}"]) == 0
    text = page.read_text()
    assert "$" not in text
    assert "it is not skin colour" in text
    assert "glasses, beards, hats, masks" in text
    assert "pose: no detector" in text
    assert "(img/second-groups.png)" in text
    assert (tmp_path / "pages" / "img" / "second-groups.png").is_file()
    assert "[fairness.md](../pages/fairness.md)" in out.read_text()
    for name in ("first", "second"):
        for division in read(shelf[name]).results["groups"]["divisions"]:
            for group in division["groups"]:
                for found in group["heads"].values():
                    assert "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * value for value in found["wrong"])) in text


def test_a_page_of_groups_needs_groups(
    shelf: dict[str, Path], results_of: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = shelf["first"]
    found = results_of("first")
    found.pop("groups")
    results_path(path).write_text(to_json(found))
    page = path.parent / "fairness.md"
    assert main(["card", f"--model={path}", f"--out={path.parent / 'README.md'}", f"--fairness={page}"]) == 4
    assert "first: its results hold no groups; measure it with face-convert card --data" in capsys.readouterr().err
    assert not page.exists()
    assert not (path.parent / "README.md").exists()
    results_path(shelf["second"]).write_text(to_json(results_of("second")))
    both = [f"--model={path}", f"--model={shelf['second']}", f"--out={path.parent / 'README.md'}"]
    assert main(["card", *both]) == 4
    assert "differ in groups" in capsys.readouterr().err

"""``face-convert``: from a data set to the model that the device runs.

:func:`main` is the boundary where errors end: one line on standard error and the exit codes of ``face-edge``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge import __version__
from edge.errors import EdgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.evaluate import Evaluation

INTERRUPTED = 130
_HARDWARE_UNAVAILABLE = 8
_PACKAGES = {"torch", "lightning", "torchmetrics", "matplotlib", "litert_torch", "ai_edge_quantizer", "ai_edge_litert"}

_data = click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder with fer2013.csv[.gz], fer2013new.csv (FER+ votes) and, if you have it, training_rows_to_drop.txt.",
)
_split = click.option(
    "--split",
    type=click.Choice(["Training", "PublicTest", "PrivateTest"]),
    default="PublicTest",
    show_default=True,
    help="PublicTest is for choosing; PrivateTest only for a final figure.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="face-convert", message="%(prog)s %(version)s")
def cli() -> None:
    """Train, quantise and measure the expression network."""


@cli.command()
@_data
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Checkpoints and curves.")
@click.option("--architecture", default="plain", show_default=True, help="Name of the network.")
@click.option("--epochs", type=click.IntRange(1), default=45, show_default=True)
@click.option("--batch-size", type=click.IntRange(2), default=128, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def train(*, data: Path, out: Path, architecture: str, epochs: int, batch_size: int, seed: int) -> None:
    """Train a network; run again, it goes on where it was stopped."""
    from converter.datasets import fer2013
    from converter.train import Recipe
    from converter.train import train as run

    recipe = Recipe(architecture=architecture, epochs=epochs, batch_size=batch_size, seed=seed)
    training, validation = fer2013.load(data, "Training"), fer2013.load(data, "PublicTest")
    print(f"{len(training)} pictures to learn from, {len(validation)} to choose by")
    print(f"best checkpoint: {run(training, validation, out, recipe)}")


@cli.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .ckpt of train.")
@_data
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .tflite to write.")
@click.option("--per-class", type=click.IntRange(1), default=64, show_default=True, help="Calibration pictures.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the choice of calibration pictures.")
@click.option("--crop-margin", type=float, default=0.0, show_default=True, help="See face-convert crop-margin.")
@click.option("--model-version", default="1", show_default=True)
def quantize(
    *, checkpoint: Path, data: Path, out: Path, per_class: int, seed: int, crop_margin: float, model_version: str
) -> None:
    """Convert a checkpoint to a full int8 model with its manifest."""
    from converter.convert import Settings, convert
    from converter.datasets import fer2013

    if out.suffix != ".tflite":
        msg = f"--out: expected a file ending in .tflite, found {out.name}"
        raise click.UsageError(msg)
    training, validation = fer2013.load(data, "Training"), fer2013.load(data, "PublicTest")
    settings = Settings(per_class=per_class, seed=seed, crop_margin=crop_margin, version=model_version)
    made = convert(checkpoint, training, validation, out, settings)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {made.training.macs / 1e6:.0f} MMAC, sha256 {made.sha256[:12]}…")
    for score in made.scores:
        print(f"  {score.head:10} {score.precision:5} {score.split} n={score.n}: {100 * score.accuracy:.1f} %")


@cli.command()
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite or a .ckpt.")
@_data
@_split
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Plots of confusion and calibration.")
@_json
def evaluate(model: Path, data: Path, split: str, out: Path | None, *, as_json: bool) -> None:
    """Measure a model on one split, one view, every head against its own labels."""
    from converter.datasets import fer2013
    from converter.evaluate import draw
    from converter.evaluate import evaluate as run

    faces = fer2013.load(data, split)
    found = run(model, faces, split)
    if out is not None:
        draw(found, faces, out)
    print(json.dumps(found.as_dict(), indent=2) if as_json else _table(found))


@cli.command("crop-margin")
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite.")
@_data
@_split
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Plot of accuracy over margin, a .png.")
@_json
def crop_margin(model: Path, data: Path, split: str, out: Path | None, *, as_json: bool) -> None:
    """Measure how Haar's boxes relate to the data set's framing, and accuracy against the crop margin."""
    from converter import crop_margin as measuring
    from converter.datasets import fer2013
    from converter.outputs import write_bytes
    from converter.runner import ModelRunner

    runner = ModelRunner(model)
    faces = fer2013.load(data, split)
    seen = measuring.framing(faces)
    accuracy = measuring.accuracy_by_margin(runner, faces, seen)
    figures: dict[str, Any] = {
        "split": split,
        "framing": measuring.summary(seen),
        "margins": list(measuring.MARGINS),
        "accuracy": {head: [round(value, 4) for value in values] for head, values in accuracy.items()},
        "uncropped": {h: round(v, 4) for h, v in measuring.accuracy_uncropped(runner, faces, seen).items()},
    }
    if out is not None:
        from converter import plots

        write_bytes(out, plots.margins(measuring.MARGINS, accuracy, figures["framing"]["margin_quartiles"][1]))
    print(json.dumps(figures, indent=2) if as_json else _margins(figures))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``face-convert`` with ``arguments`` (``None``: the process's own) and return its exit code."""
    try:
        result = cli.main(args=arguments, prog_name="face-convert", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except EdgeError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        return _fail(f"{error.name} is not installed: pip install 'face-edge[converter]'", _HARDWARE_UNAVAILABLE)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    click.echo(f"face-convert: error: {' '.join(message.split())}", err=True)
    return code


def _table(found: Evaluation) -> str:
    lines = [f"{found.model} on {found.split}, {found.precision}, one view"]
    for head in found.as_dict()["heads"]:
        lines += [
            f"{head['head']} head against {head['labels']} labels, n={head['n']}",
            f"  accuracy {head['accuracy']:.1%}, top two {head['top2']:.1%}",
            f"  balanced accuracy {head['balanced_accuracy']:.1%}, macro F1 {head['macro_f1']:.3f}",
            f"  calibration error {head['ece_raw']:.1%}, with temperature {head['temperature']:g} {head['ece']:.1%}",
            "  recall " + ", ".join(f"{name} {_percent(value)}" for name, value in head["recall"].items()),
        ]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _margins(figures: dict[str, Any]) -> str:
    heads = list(figures["accuracy"])
    lines = [f"{name}: {value}" for name, value in figures["framing"].items()]
    lines.append("margin    " + "  ".join(f"{head:>10}" for head in heads))
    for row, margin in enumerate(figures["margins"]):
        cells = "  ".join(f"{figures['accuracy'][head][row]:10.1%}" for head in heads)
        lines.append(f"{margin:+6.2f}    {cells}")
    lines.append("as it is  " + "  ".join(f"{figures['uncropped'][head]:10.1%}" for head in heads))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

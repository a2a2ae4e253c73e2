"""Command ``face-convert calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options
from converter.cli.data import training_and_validation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.inference.manifest import Manifest


@click.command()
@click.option("--model", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .tflite.")
@options.data
@options.votes
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 0.2),
    default=0.01,
    show_default=True,
    help="Accuracy that the prior `audience` may cost.",
)
@click.option(
    "--non-faces",
    "empty",
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="A folder of pictures without faces, or a file of face-convert non-faces: fit the refusal to what Haar finds "
    "there.",
)
@click.option(
    "--scenes",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Pictures with a faces.json, on which the refusal is measured; nothing is fitted to them.",
)
@click.option("--plots", "out", type=click.Path(path_type=Path), metavar="DIR", help="Draw what was measured there.")
def calibrate(
    *,
    model: Path,
    data: Path,
    votes: Path | None,
    tolerance: float,
    empty: Path | None,
    scenes: Path | None,
    out: Path | None,
) -> None:
    """Fit prior, certainty and refusal of a quantised model on PublicTest, and write them into its manifest."""
    from converter.calibration.calibrate import calibrate as run

    if model.suffix != ".tflite":
        msg = f"--model: expected a .tflite with its manifest beside it, found {model.name}"
        raise click.UsageError(msg)
    if scenes is not None and empty is None:
        msg = "--scenes measures the refusal: give pictures to fit it to with --non-faces"
        raise click.UsageError(msg)
    training, validation = training_and_validation(data, votes)
    manifest = run(model, training, validation, split="PublicTest", tolerance=tolerance, empty=empty, scenes=scenes)
    if out is not None:
        _draw(manifest, out)
    print("\n".join(_lines(manifest)))


def _draw(manifest: Manifest, out: Path) -> None:
    from converter.calibration import plots
    from converter.outputs import write_bytes

    for output in manifest.outputs:
        title = f"{manifest.name}, {output.head} head"
        if output.prior is not None:
            write_bytes(out / f"{manifest.name}-prior-{output.head}.png", plots.prior(output.prior, title))
        if output.certainty is not None:
            write_bytes(out / f"{manifest.name}-errors-{output.head}.png", plots.errors(output.certainty, title))


def _lines(manifest: Manifest) -> Iterator[str]:
    for output in manifest.outputs:
        if output.prior is not None:
            yield f"{output.head}: prior; audience is {output.prior.audience:g}"
            for score in output.prior.scores:
                yield (
                    f"  {score.strength:4.2f}  accuracy {score.accuracy:.1%}, balanced {score.balanced_accuracy:.1%}, "
                    f"calibration error {score.ece:.1%}; recall "
                    + ", ".join(f"{name} {value:.0%}" for name, value in score.recall.items() if value is not None)
                )
        if output.certainty is not None:
            yield f"{output.head}: calibration error, one temperature -> one a face"
            for name, (before, after) in output.certainty.errors.items():
                yield f"  {name:36} {before:6.1%} -> {after:.1%}"
    if manifest.refusal is not None:
        yield "refusal: " + ", ".join(f"{name} {value:g}" for name, value in manifest.refusal.figures.items())

"""``face-convert non-faces`` and ``face-convert face-output``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options
from converter.cli.data import rule_of, training_and_validation


@click.command("non-faces")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    metavar="DIR",
    help="Pictures (.jpg, .png) that show no face.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .npz to write.")
def non_faces(*, pictures: Path, out: Path) -> None:
    """Cut what Haar takes for faces out of pictures without any, for face-output and calibrate.

    The file holds crops of the pictures: treat it as you treat them.
    """
    from converter.calibration import non_faces as finds
    from edge.core.contrast import Contrast

    options.refuse_suffix(out, ".npz")
    contrast = Contrast()
    found = finds.cut(pictures, contrast)
    finds.save(out, found, contrast)
    held = len(found.finds) - len(found.for_training)
    print(f"{out}: {len(found.finds)} finds in {len(found.digests)} pictures; {held} of them are for measuring")


@click.command("face-output")
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A .ckpt of train.")
@options.data
@options.votes
@click.option(
    "--non-faces",
    "empty",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    metavar="PATH",
    help="A file of face-convert non-faces, or a folder of pictures without faces.",
)
@click.option("--faces", type=click.IntRange(100), default=8000, show_default=True, help="Faces to train on.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of faces and views.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .ckpt to write.")
def face_output(
    *, checkpoint: Path, data: Path, votes: Path | None, empty: Path, faces: int, seed: int, out: Path
) -> None:
    """Train one more output of a network, which says whether what it is shown is a face.

    The network itself stays as it is, and so do the answers of its heads. Two fifths of the pictures without faces are
    left out, for calibrate to measure the output with. Give the checkpoint that is written to quantize.
    """
    from converter.calibration import non_faces as finds
    from converter.calibration.face_output import FaceSettings, train
    from converter.training import checkpoint as checkpoints
    from edge.core.contrast import Contrast

    options.refuse_suffix(out, ".ckpt")
    trained = checkpoints.load(checkpoint)
    found = finds.read(empty, Contrast())
    mapping = trained.recipe.mapping
    training, _ = training_and_validation(data, votes, rule_of(trained.data), mapping=mapping)
    made = train(trained, training, found, FaceSettings(faces=faces, seed=seed))
    checkpoints.save(out, made, {"face_output_of": checkpoints.name_of(checkpoint)})
    record = {} if made.face is None else made.face.record
    print(
        f"{out}: face output from {record['faces']} faces, {record['finds']} finds in {record['pictures']} pictures "
        f"and {record['voted_no_face']} rows voted no face"
    )

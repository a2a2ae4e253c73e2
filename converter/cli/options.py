"""Options shared by several commands."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.data import DataChoice

if TYPE_CHECKING:
    from collections.abc import Callable

data = click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="A folder or CSV file: FER2013 as Kaggle has it, folders of classes, JAFFE. fer2013new.csv (FER+ votes) and "
    "training_rows_to_drop.txt are taken from the same folder.",
)
votes = click.option(
    "--votes", type=click.Path(path_type=Path), metavar="FILE", help="FER+'s votes if they are elsewhere."
)
split = click.option(
    "--split",
    type=click.Choice(["Training", "PublicTest", "PrivateTest", "All"]),
    default="PublicTest",
    show_default=True,
    help="PublicTest is for choosing; PrivateTest only for a final figure; All for data without splits.",
)
validation_split = click.option(
    "--validation-split",
    type=click.FloatRange(0, 0.5, min_open=True),
    metavar="SHARE",
    help="Hold out this share of the training pictures for validation, stratified by emotion. Without it a tenth "
    "is held out if the data has no validation part.",
)
split_seed = click.option(
    "--split-seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the held-out part."
)
subjects = click.option(
    "--subjects",
    default="",
    metavar="REGEX",
    help="Finds the subject of a picture in its name: whole subjects are held out. CK+'s and JAFFE's names (S005_..., "
    "KA.AN1...) are known.",
)
licence = click.option(
    "--licence",
    default="",
    metavar="TEXT",
    help="Licence or terms of use of the data, stored in checkpoint, manifest and card.",
)

detector = click.option(
    "--detector",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="YuNet's .onnx file: pose of the faces by its landmarks.",
)


def refuse_suffix(out: Path, suffix: str) -> None:
    """Refuse an ``--out`` that does not end in ``suffix``.

    Raises:
        click.UsageError: it does not.
    """
    if out.suffix != suffix:
        msg = f"--out: expected a file ending in {suffix}, found {out.name}"
        raise click.UsageError(msg)


as_json = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")


def dataset(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the training data; ``command`` gets them as ``dataset``, a :class:`DataChoice`."""

    @wraps(command)
    def bundled(
        *,
        data: Path,
        votes: Path | None,
        validation_split: float | None,
        split_seed: int,
        subjects: str,
        licence: str,
        **others: Any,
    ) -> Any:
        return command(
            dataset=DataChoice(data, votes, validation_split, split_seed, subjects, " ".join(licence.split())), **others
        )

    for option in (licence, subjects, split_seed, validation_split, votes, data):
        bundled = option(bundled)
    return bundled

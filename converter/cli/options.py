"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

data = click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="A folder or CSV file: FER2013 as Kaggle has it, folders of classes, JAFFE. fer2013new.csv (FER+ votes) and "
    "training_rows_to_drop.txt are taken from the same folder.",
)
votes = click.option(
    "--votes", type=click.Path(path_type=Path), metavar="FILE", help="FER+'s votes where they lie elsewhere."
)
split = click.option(
    "--split",
    type=click.Choice(["Training", "PublicTest", "PrivateTest", "All"]),
    default="PublicTest",
    show_default=True,
    help="PublicTest is for choosing; PrivateTest only for a final figure; All for data in one piece.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")

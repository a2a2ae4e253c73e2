"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

data = click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder with fer2013.csv[.gz], fer2013new.csv (FER+ votes) and, if you have it, training_rows_to_drop.txt.",
)
split = click.option(
    "--split",
    type=click.Choice(["Training", "PublicTest", "PrivateTest"]),
    default="PublicTest",
    show_default=True,
    help="PublicTest is for choosing; PrivateTest only for a final figure.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")

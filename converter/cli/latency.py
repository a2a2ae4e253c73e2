"""``face-convert latency``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from converter.cli import options

_MOST_FACES = 256


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option(
    "--faces",
    type=click.IntRange(1, _MOST_FACES),
    multiple=True,
    help="A size of batch; give the option again for more.  [default: 1, 2, 4, 8, 16, 30]",
)
@click.option("--rounds", type=click.IntRange(3, 10_000), default=25, show_default=True)
@options.as_json
def latency(*, models: tuple[Path, ...], faces: tuple[int, ...], rounds: int, as_json: bool) -> None:
    """Measure what a face costs with each MODEL (a .tflite), one by one and in batches, and estimate it for boards.

    All take turns, so that ratios hold on a machine that does other work meanwhile. Ratios are to the first MODEL.
    """
    from converter.comparison import latency as measuring
    from converter.comparison.boards import BOARDS
    from converter.comparison.latency_table import markdown
    from converter.comparison.table import machine_name

    networks = [measuring.Network.read(model) for model in models]
    found = measuring.latency(networks, faces or measuring.FACES, rounds)
    if not as_json:
        print(markdown(found, machine_name()).rstrip())
        return
    for row in found:
        row["boards"] = {board.name: [round(one, 2) for one in board.milliseconds(row["macs"])] for board in BOARDS}
    print(json.dumps({"machine": machine_name(), "rounds": rounds, "networks": found}, indent=1))

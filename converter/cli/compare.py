"""Command ``face-convert compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli import options
from converter.cli.training import optimizer_option

if TYPE_CHECKING:
    from converter.cli.data import DataChoice
    from converter.comparison.compare import ComparedNetwork


@click.command()
@options.dataset
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Runs, tables, plot.")
@click.option("--epochs", type=click.IntRange(1), default=40, show_default=True)
@click.option("--batch-size", type=click.IntRange(2), default=128, show_default=True)
@optimizer_option("adam")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=0.001,
    show_default=True,
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--accelerator", default="auto", show_default=True, help="cpu, gpu, ... or auto for the best available.")
def compare(*, dataset: DataChoice, networks: tuple[str, ...], out: Path, accelerator: str, **choices: Any) -> None:
    """Train networks under one recipe, or take existing ones, and compare their figures.

    A NETWORK is the name of an architecture, which is trained, or NAME=FILE with a checkpoint or an int8 model. An
    interrupted comparison continues when it is run again. Networks without normalisation hardly learn under SGD; their
    authors used Adam.
    """
    from converter.comparison import table
    from converter.comparison.compare import as_json
    from converter.comparison.compare import compare as run
    from converter.outputs import write_bytes
    from converter.plots import to_png
    from converter.training.train import Machine, Recipe

    training, validation = dataset.read()
    rows = run(
        [entry(network) for network in networks],
        training,
        validation,
        out,
        Recipe(**choices),
        say=print,
        machine=Machine(accelerator),
    )
    machine = table.machine_name()
    caption = (
        f"PublicTest, one view: {len(validation)} original labels (fer2013), {(validation.majority >= 0).sum()} "
        f"majorities of the votes (consensus). Times for one face on one thread of {machine}."
    )
    facts = {"machine": machine, **choices}
    write_bytes(out / "compare.md", table.markdown(rows, caption).encode())
    write_bytes(out / "compare.csv", table.comma_separated(rows).encode())
    write_bytes(out / "compare.json", json.dumps(as_json(rows, **facts), indent=2).encode())
    write_bytes(out / "compare.png", to_png(table.draw(rows, machine)))
    print(table.markdown(rows, caption))


def entry(network: str) -> ComparedNetwork:
    """Parse ``NAME``, ``NAME=FILE`` or ``FILE``."""
    from converter.comparison.compare import ComparedNetwork

    name, equals, file = network.partition("=")
    if equals:
        return ComparedNetwork(name, file=Path(file))
    if Path(network).suffix in {".ckpt", ".tflite"}:
        return ComparedNetwork(Path(network).stem, file=Path(network))
    return ComparedNetwork(network, architecture=network)

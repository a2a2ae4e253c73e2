"""Command ``face-convert average``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options


def _weighted(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[Path, float]:
    """Return the weight of each ``FILE=WEIGHT``."""
    weights: dict[Path, float] = {}
    for value in values:
        name, _, weight = value.rpartition("=")
        try:
            share = float(weight)
        except ValueError:
            share = -1.0
        if not name or not 0 < share < float("inf"):
            msg = f"expected FILE=WEIGHT with a weight above 0, found {value!r}"
            raise click.BadParameter(msg)
        if Path(name) in weights:
            msg = f"{name} is given twice"
            raise click.BadParameter(msg)
        weights[Path(name)] = share
    if len(weights) < 2:
        msg = "expected two checkpoints or more"
        raise click.BadParameter(msg)
    return weights


@click.command()
@click.argument("checkpoints", nargs=-1, metavar="FILE=WEIGHT...", callback=_weighted)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .ckpt to write.")
def average(*, checkpoints: dict[Path, float], out: Path) -> None:
    """Average the weights of networks that were trained from one another.

    The average of a network and its further trained version is often better than both (Wortsman et al., 2022). The
    weights are normalised: 3 and 1 are 0.75 and 0.25. The recipe is that of the last checkpoint, and its `start` lists
    the averaged ones.
    """
    from converter.training import checkpoint
    from converter.training.soup import averaged

    options.refuse_suffix(out, ".ckpt")
    average_network = averaged(checkpoints)
    checkpoint.save(out, average_network)
    print(f"{out}: {average_network.recipe.start}")

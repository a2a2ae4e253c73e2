"""``face-convert average``."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli import options


def _weighted(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[Path, float]:
    """Return the weight of each ``FILE=WEIGHT``."""
    found: dict[Path, float] = {}
    for value in values:
        name, _, weight = value.rpartition("=")
        try:
            share = float(weight)
        except ValueError:
            share = -1.0
        if not name or not 0 < share < float("inf"):
            msg = f"expected FILE=WEIGHT with a weight above 0, found {value!r}"
            raise click.BadParameter(msg)
        if Path(name) in found:
            msg = f"{name} is given twice"
            raise click.BadParameter(msg)
        found[Path(name)] = share
    if len(found) < 2:
        msg = "expected two checkpoints or more"
        raise click.BadParameter(msg)
    return found


@click.command()
@click.argument("checkpoints", nargs=-1, metavar="FILE=WEIGHT...", callback=_weighted)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .ckpt to write.")
def average(*, checkpoints: dict[Path, float], out: Path) -> None:
    """Average the weights of networks of which each was trained on from another.

    A network and what more training made of it often average to one that is better than both (Wortsman et al., 2022).
    The weights are taken as shares: 3 and 1 are 0.75 and 0.25. The recipe is that of the checkpoint named last, and its
    `start` says what was averaged.
    """
    from converter.training import checkpoint
    from converter.training.soup import averaged

    options.refuse_suffix(out, ".ckpt")
    made = averaged(checkpoints)
    checkpoint.save(out, made)
    print(f"{out}: {made.recipe.start}")

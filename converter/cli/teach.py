"""Command ``face-convert teach``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options
from converter.cli.training import accelerator_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converter.cli.data import DataChoice


@click.command()
@options.dataset
@click.argument("checkpoints", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[NAME=]FILE...")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Answers, 0.8 MB a view.")
@click.option("--views", type=click.IntRange(1), default=16, show_default=True, help="Views of every picture.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the views.")
@accelerator_option()
@options.as_json
def teach(
    *,
    dataset: DataChoice,
    checkpoints: tuple[Path, ...],
    out: Path,
    views: int,
    seed: int,
    accelerator: str,
    as_json: bool,
) -> None:
    """Let trained networks vote: measure the vote and store their answers for every training picture for a student.

    A teacher is named after the folder of its checkpoint. Stored answers are not computed again.
    """
    from converter.training import checkpoint, teachers
    from converter.training.devices import device
    from converter.training.views import Views
    from converter.training.vote import measure_vote

    computer = device(accelerator)
    found = {name: checkpoint.load(path).to(computer) for name, path in named(checkpoints).items()}
    teachers.shared_heads(found)
    training, validation = dataset.read()
    accuracies = measure_vote(found, validation)
    print(json.dumps(accuracies, indent=2) if as_json else _table(accuracies))
    teachers.teach(found, training, out, Views(seed, views))


def named(checkpoints: tuple[Path, ...]) -> dict[str, Path]:
    """Return checkpoints by name: ``NAME=FILE``, or the folder of ``FILE``.

    Raises:
        click.UsageError: two have the same name.
    """
    found: dict[str, Path] = {}
    for argument in checkpoints:
        name, _, file = str(argument).rpartition("=")
        path = Path(file)
        name = name or path.resolve().parent.name
        if name in found:
            msg = f"{path} and {found[name]} are both called {name}: give one another name as NAME=FILE"
            raise click.UsageError(msg)
        found[name] = path
    return found


def _table(accuracies: Mapping[str, Mapping[str, float]]) -> str:
    heads = list(next(iter(accuracies.values())))
    width = max(len(name) for name in accuracies)
    lines = ["  ".join(["PublicTest".ljust(width), *(f"{head:>10}" for head in heads)])]
    lines += ["  ".join([n.ljust(width), *(f"{v:>10.1%}" for v in row.values())]) for n, row in accuracies.items()]
    return "\n".join(lines)

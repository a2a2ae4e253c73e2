"""Command ``face-convert plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli import options
from converter.cli.training import accelerator_option, data_path_option

if TYPE_CHECKING:
    from converter.cli.data import DataChoice


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), metavar="PLAN.json")
@options.dataset
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A folder for each run.")
@accelerator_option()
@data_path_option()
def plan(*, plan: Path, dataset: DataChoice, out: Path, accelerator: str, data_path: str) -> None:
    """Train teachers, store their answers and train students, all from one file; an interrupted plan continues.

    docs/examples/plan-gpu.json is an example for 15 minutes on a large GPU.
    """
    from converter.training import plan as plans
    from converter.training import plan_file
    from converter.training.train import Machine

    training_plan, machine = plan_file.read(plan), Machine(accelerator, data_path=data_path)
    plans.check(training_plan, out, machine)
    plans.run(training_plan, dataset.read(), out, machine)

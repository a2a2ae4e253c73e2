"""Training of teachers, collection of their answers and training of students; completed parts are skipped."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

from converter.progress import say
from converter.training import budget, checkpoint, teachers
from converter.training.devices import device
from converter.training.history import accuracies
from converter.training.plan_file import ANSWERS
from converter.training.train import preflight, train
from converter.training.vote import measure_vote

if TYPE_CHECKING:
    from pathlib import Path

    from converter.datasets.faces import FaceSet
    from converter.training.plan_file import PlannedRun, TrainingPlan
    from converter.training.train import Machine


def run(plan: TrainingPlan, faces: tuple[FaceSet, FaceSet], out: Path, machine: Machine) -> None:
    """Train teachers, collect their answers and train students in folders of ``out``; an interrupted plan continues.

    ``faces`` are the training and validation pictures.

    Raises:
        InputError: as the commands for each step.
    """
    best = {part.name: _train(part, faces, out, machine, None) for part in plan.teachers}
    networks = {name: checkpoint.load(path).to(device(machine.accelerator)) for name, path in best.items()}
    for name, row in measure_vote(networks, faces[1]).items():
        say(f"{name}: {', '.join(f'{head} {100 * share:.2f} %' for head, share in row.items())}")
    teachers.teach(networks, faces[0], out / ANSWERS, plan.views)
    del networks
    answers = teachers.load(out / ANSWERS, faces[0])
    for part in plan.students:
        _train(replace(part, recipe=replace(part.recipe, teachers=answers.names)), faces, out, machine, answers)


def check(plan: TrainingPlan, out: Path, machine: Machine) -> None:
    """Check what :func:`run` would refuse, before data is read.

    Raises:
        InputError: as :func:`converter.training.train.preflight`.
    """
    device(machine.accelerator)
    names = tuple(sorted(part.name for part in plan.teachers))
    for part in (*plan.teachers, *plan.students):
        recipe = replace(part.recipe, teachers=names) if part in plan.students else part.recipe
        recipe = budget.with_stored_epochs(recipe, out / part.name, part.minutes)
        preflight(out / part.name, recipe, start=None, machine=machine)


def _train(
    part: PlannedRun, faces: tuple[FaceSet, FaceSet], out: Path, machine: Machine, answers: teachers.Teachers | None
) -> Path:
    folder = out / part.name
    recipe = budget.resolve_epochs(part.recipe, folder, part.minutes, faces, machine=machine, teachers=answers)
    ending = train(*faces, folder, recipe, teachers=answers, machine=machine)
    with (folder / "history.csv").open(encoding="utf-8") as lines:
        *_, last = csv.DictReader(lines)
    figures = ", ".join(f"{head} {100 * float(share):.2f} %" for head, share in accuracies(last).items() if share)
    say(f"{part.name}: epoch {last['epoch']}: {figures}" + (f"; {ending.note}" if ending.note else ""))
    return ending.best

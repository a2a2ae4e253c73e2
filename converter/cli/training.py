"""Options of the commands that train: recipe and machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.training.ending import TrainingResult
    from converter.training.recipe import Recipe
    from converter.training.train import Machine

_SHARE = click.FloatRange(0, 1)


def recipe_options(default: Recipe) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return options with the names of :class:`converter.training.recipe.Recipe`."""
    found = (
        click.option("--architecture", default=default.architecture, show_default=True, help="Name of the network."),
        click.option(
            "--epochs",
            type=click.IntRange(1),
            default=default.epochs,
            show_default=True,
            help="A larger number makes an earlier run longer.",
        ),
        click.option(
            "--patience",
            type=click.IntRange(0),
            default=default.patience,
            show_default="no end",
            metavar="EPOCHS",
            help="End after that many epochs without improvement.",
        ),
        click.option("--batch-size", type=click.IntRange(2), default=default.batch_size, show_default=True),
        optimizer_option(default.optimizer),
        click.option(
            "--learning-rate", type=click.FloatRange(0, min_open=True), default=default.learning_rate, show_default=True
        ),
        click.option(
            "--label-mix",
            type=_SHARE,
            default=default.label_mix,
            show_default=True,
            help="Share of the votes in what the fer2013 head learns; the rest is the original label.",
        ),
        click.option(
            "--class-weights",
            type=_SHARE,
            default=default.class_weights,
            show_default=True,
            help="Weight rare emotions up: 0 not at all, 1 until all count the same; costs accuracy.",
        ),
        click.option(
            "--mixup",
            type=click.FloatRange(0),
            default=default.mixup,
            show_default=True,
            help="Blend pairs of faces; helps long runs.",
        ),
        click.option(
            "--camera",
            type=_SHARE,
            default=default.camera,
            show_default=True,
            help="Share of the faces that are shown small, dark or noisy, corrected as on the device.",
        ),
        click.option("--weight-decay", type=click.FloatRange(0), default=default.weight_decay, show_default=True),
        click.option(
            "--warmup-epochs",
            type=click.IntRange(0),
            default=default.warmup_epochs,
            show_default=True,
            help="Epochs in which the learning rate rises to its value.",
        ),
        click.option(
            "--label-smoothing",
            type=click.FloatRange(0, 1, max_open=True),
            default=default.label_smoothing,
            show_default=True,
            help="Share of the fer2013 head's target that is uniform over all classes.",
        ),
        click.option(
            "--dropout",
            type=click.FloatRange(0, 1, max_open=True),
            default=default.dropout,
            show_default="the network's own",
            help="Share of the features that dropout zeroes.",
        ),
        click.option(
            "--gradient-clip",
            type=click.FloatRange(0),
            default=default.gradient_clip,
            show_default=True,
            help="Greatest norm of the gradient; 0 for none.",
        ),
        click.option(
            "--ema-decay",
            type=click.FloatRange(0, 1, max_open=True),
            default=default.ema_decay,
            show_default=True,
            help="Share of the weights' average that a step keeps after the warm-up; 0: no average.",
        ),
        click.option("--seed", type=int, default=default.seed, show_default=True),
        click.option(
            "--start", type=click.Path(path_type=Path), metavar="FILE", help="A checkpoint with the initial weights."
        ),
    )
    return _all(found)


def augmentation_option(default: Recipe) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for the ranges of views; a student's are those of its teachers' answers."""
    return click.option(
        "--augmentation",
        type=click.FloatRange(0, 3),
        default=default.augmentation,
        show_default=True,
        help="Strength of the random views of a face: 0 none, 2 twice the default ranges.",
    )


def optimizer_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for the optimiser."""
    from converter.training.recipe import OPTIMIZERS

    return click.option(
        "--optimizer",
        type=click.Choice(OPTIMIZERS),
        default=default,
        show_default=True,
        help="sgd, with Nesterov momentum .9, needs a learning rate of about .1; adam, which is AdamW, of about .001.",
    )


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the hardware."""
    found = (
        accelerator_option(),
        click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="How many of them."),
        minutes_option(),
        data_path_option(),
        click.option("--tensorboard", is_flag=True, help="Also write the history for TensorBoard into the folder."),
    )
    return _all(found)(command)


def accelerator_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for the kind of device."""
    return click.option(
        "--accelerator", default="auto", show_default=True, help="cpu, gpu, ... or auto for the best available."
    )


def data_path_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for how pictures get to the device."""
    return click.option(
        "--data-path",
        type=click.Choice(("auto", "resident", "loader")),
        default="auto",
        show_default=True,
        help="resident keeps all data on one device and runs whole epochs there; loader assembles batches on the host; "
        "auto is resident on a CUDA device that has the memory. The result hardly depends on it.",
    )


def minutes_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for the training time, in place of the number of epochs."""
    return click.option(
        "--minutes",
        type=click.FloatRange(0, min_open=True),
        help="In place of --epochs: as many as fit, by a short measurement; a resumed run keeps its number.",
    )


def refuse_both(minutes: float | None) -> None:
    """Refuse ``--epochs`` beside ``minutes``.

    Raises:
        click.UsageError: both are given.
    """
    context = click.get_current_context()
    if minutes is not None and context.get_parameter_source("epochs") is click.core.ParameterSource.COMMANDLINE:
        msg = "--minutes decides the number of epochs: give it or --epochs, not both"
        raise click.UsageError(msg, context)


def prepared(
    recipe: Recipe, out: Path, *, start: Path | None, minutes: float | None, tensorboard: bool, machine: Machine
) -> Recipe:
    """Check what a run of ``recipe`` would be refused for, before data is read; return it with the run's length.

    The length is that of the run in ``out``, if ``minutes`` are given in place of epochs.

    Raises:
        InputError: as :func:`converter.training.train.preflight`.
        HardwareUnavailable: ``tensorboard`` is requested but not installed.
    """
    from converter.training import budget
    from converter.training import tensorboard as board
    from converter.training.train import preflight

    recipe = budget.with_stored_epochs(recipe, out, minutes)
    if tensorboard:
        board.require()
    preflight(out, recipe, start=start, machine=machine)
    return recipe


def machine(accelerator: str, devices: int, data_path: str) -> Machine:
    """Return the machine that the options describe."""
    from converter.training.train import Machine

    return Machine(accelerator, devices, data_path=data_path)


def finish(ending: TrainingResult) -> None:
    """Print the path of the best checkpoint, and remarks on it."""
    if ending.note:
        say(ending.note, err=True)
    say(f"best checkpoint: {ending.best}")


def _all(found: tuple[Callable[..., Any], ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(found):
            command = option(command)
        return command

    return decorate

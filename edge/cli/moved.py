"""Former commands, now ``python -m tests.lab`` in a checkout; their old names work for one more release."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from edge.cli.settings import Settings, pass_settings
from edge.core.errors import HardwareUnavailable

_CHECKOUT = Path(__file__).resolve().parents[2]
_AS_GIVEN = {"ignore_unknown_options": True, "help_option_names": []}


def forward(settings: Settings, name: str, arguments: tuple[str, ...]) -> None:
    """Replace this process by the laboratory's command ``name`` with the same options.

    Raises:
        HardwareUnavailable: this installation is no checkout.
    """
    if not (_CHECKOUT / "tests" / "lab.py").is_file():
        msg = f"{name} needs a checkout of the sources: run `python -m tests.lab {name}` there"
        raise HardwareUnavailable(msg)
    click.echo(f"face-edge: {name} has moved to `python -m tests.lab {name}`; this name will be removed", err=True)
    given = ["--config", str(settings.config_path)] if settings.config_path else []
    for key, value in settings.overrides.items():
        given += ["--set", f"{key}={value}"]
    paths = [str(_CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", "tests.lab", *given, name, *arguments], environment)  # noqa: S606


@click.command(context_settings=_AS_GIVEN)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_settings
def drill(settings: Settings, arguments: tuple[str, ...]) -> None:
    """Run ``python -m tests.lab drill``."""
    forward(settings, "drill", arguments)


@click.command(context_settings=_AS_GIVEN)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_settings
def simulate(settings: Settings, arguments: tuple[str, ...]) -> None:
    """Run ``python -m tests.lab simulate``."""
    forward(settings, "simulate", arguments)

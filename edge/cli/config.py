"""``face-edge config``: check, show or create the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli.settings import Settings, pass_settings
from edge.system import service_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge.config import Config, Layers


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def config() -> None:
    """Check, show or begin the configuration."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@pass_settings
def check(settings: Settings, file: Path | None) -> None:
    """Report at once all for which `run` would refuse FILE, the environment and --set; exit code 3 where there is any.

    Beside wrong settings that is what they name: files, folders, models, packages, addresses. Where the device is
    installed as a service, root checks as the service's user, in its sandbox.
    """
    from edge.config import default_file
    from edge.core.errors import ConfigError
    from edge.diagnostics import service_view
    from edge.diagnostics.refusals import examine

    path = file or settings.config_path or default_file()
    absolute = None if path is None else path.absolute()
    with service_view.acting() as owner:
        whom = "" if owner is None else f"checked as the user {owner.pw_name}, who runs the service"
        try:
            layers = Settings(path if owner is None else absolute, settings.overrides).collect()
            problems = tuple(examine(layers, as_service=owner is not None).problems)
        except ConfigError as error:
            problems = error.problems
    if problems:
        if whom:
            click.echo(whom, err=True)
        raise ConfigError(*problems)
    click.echo(f"{layers.path or 'defaults'}: no mistakes found" + (f", {whom}" if whom else ""))


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: file, config, origins.")
@pass_settings
def show(settings: Settings, *, as_json: bool) -> None:
    """Print the settings in force and where each comes from; secrets are masked."""
    from edge.config import check as check_layers

    layers = settings.collect()
    checked = check_layers(layers)
    if as_json:
        tree = masked(checked)
        origins = dict(_origins(tree, layers))
        file = None if layers.path is None else str(layers.path)
        click.echo(json.dumps({"file": file, "config": tree, "origins": origins}, indent=2, ensure_ascii=False))
    else:
        click.echo(shown(checked, layers))


@config.command()
@click.argument("path", type=click.Path(path_type=Path), default="face-edge.toml")
@click.option("--force", is_flag=True, help="Overwrite PATH where it is there already.")
def init(path: Path, *, force: bool) -> None:
    """Write a commented configuration to PATH (face-edge.toml): every setting, its meaning and its default."""
    from edge.cli.template import template
    from edge.util.files import write_text

    # the service must be able to read it, whatever root's own files are like
    is_new_for_service = service_user.account() is not None and service_user.serves(path) and not path.exists()
    write_text(path, template(), overwrite=force, mode=0o644 if is_new_for_service else None)
    click.echo(f"{path}: written; every line in it is a comment until you take its '#' away")


def shown(config: Config, layers: Layers) -> str:
    """Return the settings as TOML with the origin of each, without passwords."""
    tree = masked(config)
    return "\n".join(_toml(tree, dict(_origins(tree, layers))))


def masked(config: Config) -> dict[str, Any]:
    """Return the configuration as plain values, without passwords."""
    from edge.sources.uri import masked as hide_credentials

    tree: dict[str, Any] = config.model_dump(mode="json")  # SecretStr masks itself
    tree["source"]["uri"] = hide_credentials(tree["source"]["uri"])
    return tree


def _origins(tree: Mapping[str, Any], layers: Layers, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the layer of each value by dotted key."""
    for name, value in tree.items():
        key = prefix + name
        if isinstance(value, dict):
            yield from _origins(value, layers, f"{key}.")
        else:
            yield key, layers.origin(key) if _is_given(key, layers.tree) else "default"


def _is_given(key: str, tree: Mapping[str, Any]) -> bool:
    value: Any = tree
    for part in key.split("."):
        if part not in value:
            return False
        value = value[part]
    return True


def _toml(tree: Mapping[str, Any], origins: Mapping[str, str], table: str = "") -> Iterator[str]:
    from edge.cli.template import literal

    # a table's own values must come before the tables in it
    for name, value in sorted(tree.items(), key=lambda item: isinstance(item[1], dict)):
        key = f"{table}.{name}" if table else name
        if isinstance(value, dict):
            yield from ("", f"[{key}]")
            yield from _toml(value, origins, key)
        elif name == "display" and not table:
            yield f"# {len(value)} displays: {origins[key]}"
            for display in value:
                yield from ("", "[[display]]")
                yield from (literal(*item) for item in display.items() if item[1] is not None)
        elif value is None:
            yield f"# {name} is not set"
        else:
            yield f"{literal(name, value)}  # {origins[key]}"

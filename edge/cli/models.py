"""``face-edge models``: list models and compare them with their manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import detector_files, model_store
from edge.cli.settings import Settings, pass_settings
from edge.core.errors import ModelError
from edge.util.text import in_one_line, json_text

if TYPE_CHECKING:
    from edge.config import Config
    from edge.inference.manifest import Manifest
    from edge.models.store import ModelStore


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """List, verify and add models."""


for _command in (model_store.add, model_store.remove, model_store.key, model_store.sign):
    models.add_command(_command)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@pass_settings
def list_models(settings: Settings, *, as_json: bool) -> None:
    """List the models that came with the installation, were added or are configured, and the face detectors added.

    * marks what is in use.
    """
    from edge.inference.manifest import load, packaged_models
    from edge.models.store import ModelStore, models_dir

    config = settings.load()
    used, store = _used(config), ModelStore(models_dir(config))
    added = {each.path: each.name for each in store.added()}
    entries: list[dict[str, Any]] = []
    for path in dict.fromkeys([*packaged_models(), *added, *([] if used is None else [used])]):
        entry: dict[str, Any] = {"path": str(path), "used": path == used}
        if path in added:
            entry |= {"added": added[path], "proven": _is_proven(store, added[path])}
        try:
            manifest = load(path)
            entries.append(entry | _facts(manifest, path) | _head_read(manifest, config))
        except ModelError as error:
            entries.append(entry | {"error": str(error)})
    detectors = detector_files.entries(config)
    if as_json:
        click.echo(json_text([*entries, *detectors], indent=2))
        return
    for entry in entries:
        click.echo(f"{'*' if entry['used'] else ' '} {_line(entry)}")
    for entry in detectors:
        click.echo(f"{'*' if entry['used'] else ' '} {detector_files.line(entry)}")
    if store.pointer().fallback:
        click.echo(in_one_line(store.pointer().fallback), err=True)
    if not entries:
        click.echo("no models: install face-edge again, or set model.path", err=True)


@models.command()
@click.argument("what", metavar="[FILE.tflite|yunet|blazeface]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_settings
def verify(settings: Settings, what: str | None, *, as_json: bool) -> None:
    """Compare models with what they were made or published as, and run each head of an expression model once.

    Without an argument: the expression model in use and every face detector that was added. Exit code 6 where something
    differs.
    """
    from edge.models.store import model_in_use

    config = settings.load()
    facts: dict[str, Any] = {}
    if what not in detector_files.NAMES:
        path = model_in_use(config) if what is None else Path(what)
        facts = {"path": str(path), "ok": True, **_verified(path, config)}
        if not as_json:
            click.echo(f"{path}: ok: {_line(facts)}; SHA-256 {facts['sha256'][:12]}…; runs on {facts['runtime']}")
    if what is None or not facts:
        facts["detectors"] = detector_files.verified(config, what)
    if as_json:
        click.echo(json_text(facts, indent=2))
        return
    for entry in facts.get("detectors", ()):
        click.echo(f"{entry['path']}: {detector_files.line(entry)}")


def _used(config: Config) -> Path | None:
    from edge.models.store import model_in_use

    try:
        return model_in_use(config)
    except ModelError:
        return None


def _is_proven(store: ModelStore, name: str) -> bool | None:
    """Return whether the model has proven itself; ``None`` if it is not in use."""
    pointer = store.pointer()
    return pointer.proven if pointer.current == name else None


def _verified(path: Path, config: Config) -> dict[str, Any]:
    import numpy as np

    from edge.inference.manifest import load
    from edge.vision.litert import LiteRtClassifier

    runtime = ""
    manifest = load(path)
    for output in manifest.outputs:
        network = LiteRtClassifier(path, head=output.head, runtime=config.model.runtime)
        try:
            runtime = network.runtime_version
            network.classify([np.full((network.input_size, network.input_size), 128, np.uint8)])
        finally:
            network.close()
    return _facts(manifest, path) | _head_read(manifest, config) | {"runtime": runtime}


def _facts(manifest: Manifest, path: Path) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "heads": [output.head for output in manifest.outputs],
        "input_size": manifest.input.size,
        "macs": manifest.training.macs,
        "bytes": path.stat().st_size if path.is_file() else None,
        "sha256": manifest.sha256,
        "licence": manifest.licence,
        "scores": [
            {"split": score.split, "labels": score.labels, "head": score.head, "accuracy": score.accuracy}
            for score in manifest.scores
            if score.precision == "int8"
        ],
    }


def _head_read(manifest: Manifest, config: Config) -> dict[str, Any]:
    """Return the head that the device reads; ``None`` if the model does not have the configured one."""
    try:
        return {"head_read": manifest.output(config.model.head).head}
    except ModelError:
        return {"head_read": None, "head_wanted": config.model.head}


def _line(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return in_one_line(f"not usable: {entry['error']}")
    origin = "" if "added" not in entry else ", added and on trial" if entry["proven"] is False else ", added"
    size = "file is missing" if entry["bytes"] is None else f"{entry['bytes'] / 1e6:.1f} MB"
    work = f"{entry['macs'] / 1e6:.0f} million multiplications a face"
    return in_one_line(f"{entry['name']} {entry['version']}{origin}: {_heads(entry)}; {size}, {work}")


def _heads(entry: dict[str, Any]) -> str:
    """Describe the model's heads, and which of them is read."""
    if entry["head_read"] is None:
        return f"{', '.join(entry['heads'])}, but not {entry['head_wanted']}, which model.head asks for"
    if len(entry["heads"]) == 1:
        return f"{entry['head_read']} alone"
    return ", ".join(f"{head} (read)" if head == entry["head_read"] else head for head in entry["heads"])

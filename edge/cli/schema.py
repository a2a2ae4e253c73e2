"""``face-edge schema``: the MQTT contract for programs, as AsyncAPI or JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.core.errors import HardwareUnavailable
from edge.system.installation import adding

if TYPE_CHECKING:
    from edge.core.labels import LabelSet

HEADER = "# Made from the code by `face-edge schema --yaml > docs/asyncapi.yaml`; a test holds it equal.\n"
_WIDTH = 110


@click.command
@click.argument("topic", required=False)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML instead of JSON.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The contract of a device with this model: exactly its classes.",
)
def schema(topic: str | None, *, as_yaml: bool, model: Path | None) -> None:
    """Print the MQTT contract as AsyncAPI 3, or the JSON Schema of what TOPIC carries.

    TOPIC is the topic's levels below the node, such as state, event or request/marker.
    """
    from edge.sinks.mqtt.asyncapi import CHANNELS, document, payload_schema

    if topic is not None and topic not in CHANNELS:
        msg = f"there is no topic {topic!r}; there are {', '.join(CHANNELS)}"
        raise click.BadParameter(msg, param_hint="TOPIC")
    labels = None if model is None else tuple(map(str, _labels_of(model)))
    made = document(labels) if topic is None else payload_schema(topic, labels)
    if as_yaml:
        click.echo((HEADER if topic is None and model is None else "") + yaml_text(made), nl=False)
    else:
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))


def _labels_of(model: Path) -> LabelSet:
    """Return the classes of a model's manifest.

    Raises:
        ModelError: it cannot be used.
    """
    from edge.inference import manifest as manifests

    path = manifests.model_file(model)
    made = manifests.load(path)
    manifests.verify(made, path)
    return made.label_set


def yaml_text(value: Any) -> str:
    """Return ``value`` as YAML in its own order, long texts as blocks.

    Raises:
        HardwareUnavailable: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        msg = f"--yaml needs PyYAML: {adding('schema')}; without --yaml it is JSON"
        raise HardwareUnavailable(msg) from None

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """Dumper without aliases, which are hard to read and not supported by every tool."""

        def ignore_aliases(self, data: Any) -> bool:
            del data
            return True

    def text(dumper: Any, found: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", found, style="|" if "\n" in found else None)

    Dumper.add_representer(str, text)
    made: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return made

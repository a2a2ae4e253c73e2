"""Global options, available to every command as ``ctx.obj``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge.config import Config, Layers


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration file and overrides that were given before the command's name.

    ``overrides`` holds the values of ``--set`` and ``--log-level`` by dotted key: the flags layer of
    :func:`edge.config.load`.
    """

    config_path: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    debug: bool = False

    def load(self, extra_flags: Mapping[str, Any] | None = None) -> Config:
        """Load the effective configuration.

        Args:
            extra_flags: values by dotted key from a command's own options; they win over ``--set``.

        Raises:
            ConfigError: with every problem found, one line each.
        """
        from edge import config

        return config.check(self.collect(extra_flags))

    def collect(self, extra_flags: Mapping[str, Any] | None = None) -> Layers:
        """Collect the same settings unchecked, with the origin of each.

        Raises:
            ConfigError: the file or a value cannot be read at all.
        """
        from edge import config

        overrides = {
            key: config.plain_value(f"--set {key}", value) if isinstance(value, str) else value
            for key, value in self.overrides.items()
        }
        return config.collect(self.config_path, flags={**overrides, **(extra_flags or {})})


pass_settings = click.make_pass_decorator(Settings)
"""Gives a command the :class:`Settings` as its first argument."""


def parse_override(text: str) -> tuple[str, str]:
    """Parse an override: ``mqtt.broker=embedded`` is ``("mqtt.broker", "embedded")``.

    Raises:
        click.BadParameter: it is not of the form KEY=VALUE.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        msg = f"expected KEY=VALUE such as source.uri=usb:0, found {text!r}"
        raise click.BadParameter(msg)
    return key, value.strip()

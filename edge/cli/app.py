"""The command ``face-edge``: its global options and the table of its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge import __version__
from edge.cli.lazy import LazyCommand, LazyGroup
from edge.cli.settings import Settings, parse_override

COMMANDS = {
    "run": LazyCommand("edge.cli.run:run", "Watch the camera; show and publish what is seen."),
    "demo": LazyCommand("edge.cli.demo:demo", "Show the whole device at work without any hardware."),
    "analyze": LazyCommand("edge.cli.analyze:analyze", "Read the faces in pictures, folders and videos."),
    "bench": LazyCommand("edge.cli.bench:bench", "Measure the loop on this machine."),
    "doctor": LazyCommand("edge.cli.doctor:doctor", "Check this machine and say what to mend."),
    "config": LazyCommand("edge.cli.config:config", "Check, show or begin the configuration."),
    "sessions": LazyCommand("edge.cli.sessions:sessions", "Start, mark, report and export sessions."),
    "collect": LazyCommand("edge.cli.collect:collect", "Write the feed of many devices into PostgreSQL."),
    "schema": LazyCommand("edge.cli.schema:schema", "Print the MQTT contract as AsyncAPI or JSON Schema."),
    "retire": LazyCommand("edge.cli.retire:retire", "Take a node off the broker and out of Home Assistant."),
    "kiosk": LazyCommand("edge.cli.kiosk:kiosk", "Password, certificate and wall browser of the page."),
    "status": LazyCommand("edge.cli.status:status", "Say how the running device is."),
    "fault": LazyCommand("edge.cli.fault:fault", "Show the fault pattern on the displays."),
    "models": LazyCommand("edge.cli.models:models", "List and verify the emotion models."),
    "drill": LazyCommand("edge.cli.moved:drill"),
    "simulate": LazyCommand("edge.cli.moved:simulate"),
}


def _overrides(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    del ctx, param
    return dict(parse_override(value) for value in values)


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    envvar="FACE_EDGE_CONFIG",
    metavar="FILE",
    help="Configuration file; otherwise ./face-edge.toml or /etc/face-edge/config.toml, where there is one.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    callback=_overrides,
    metavar="KEY=VALUE",
    help="One setting by its dotted name, such as source.uri=usb:0; may be repeated, wins over file and environment.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="How much is logged to standard error.",
)
@click.option("--debug", is_flag=True, envvar="FACE_EDGE_DEBUG", help="Show a traceback with an error.")
@click.version_option(__version__, prog_name="face-edge", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    ctx: click.Context, config_path: Path | None, overrides: dict[str, Any], log_level: str | None, *, debug: bool
) -> None:
    """Apparent facial expression, read on this machine.

    Exit codes: 0 well, 1 something failed, 2 wrong usage, 3 configuration, 4 input files, 5 camera or stream, 6 model,
    7 display or broker, 8 missing package or hardware, 9 already running, 10 done but not on the disk yet,
    130 interrupted.
    """
    if log_level is not None:
        overrides = {**overrides, "log.level": log_level}
    ctx.obj = Settings(config_path, overrides, debug)

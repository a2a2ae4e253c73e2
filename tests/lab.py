"""Laboratory for testing the device, run from a checkout as ``python -m tests.lab COMMAND``."""

from __future__ import annotations

import sys

from edge.cli import main
from edge.cli.app import cli
from edge.cli.lazy import LazyCommand, LazyGroup

COMMANDS = {
    "drill": LazyCommand("tests.drills.command:drill", "Inject faults into the feed or a device and count losses."),
    "simulate": LazyCommand("tests.fleet.simulation.command:simulate", "Simulate many devices against a broker."),
    "scenes": LazyCommand("tests.bench.scenes.command:scenes", "Measure detectors on pictures of real rooms."),
    "togetherness": LazyCommand("tests.audience.validate:togetherness", "Validate togetherness on simulated rooms."),
}

lab = LazyGroup(
    "lab",
    lazy=COMMANDS,
    params=[parameter for parameter in cli.params if parameter.name != "version"],
    callback=cli.callback,
    context_settings=cli.context_settings,
    help="Measure and break the device; with the global options of face-edge.",
)

if __name__ == "__main__":
    sys.exit(main(command=lab))

"""All checks in order: the machine, the libraries, the hardware, the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.diagnostics import (
    broker,
    camera,
    confinement,
    detector,
    displays,
    libraries,
    machine,
    page,
    permissions,
    sight,
)
from edge.diagnostics.finding import Status, skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edge.config import Config
    from edge.diagnostics.finding import Finding


def examine(config: Config, file: Path | None = None) -> Iterator[Finding]:
    """Run the checks and yield each finding as soon as it is known.

    ``file`` is the file that the configuration was read from.
    """
    yield machine.board()
    yield machine.python()
    yield machine.system()
    yield from libraries.numpy_and_opencv()
    yield detector.detector(config)
    model = libraries.model(config)
    yield model
    yield skip("runtime", "there is no model to run") if model.status is Status.FAIL else libraries.runtime(config)
    source = camera.camera(config)
    yield source
    yield from sight.sight(config, source)
    yield from displays.displays(config)
    yield displays.groups(config)
    yield broker.broker(config)
    yield from page.page(config)
    yield page.media(config)
    yield confinement.confinement()
    yield libraries.metrics(config)
    yield from page.ports(config)
    yield from permissions.permissions(config, file)
    yield from machine.storage(config)
    yield machine.clock()
    yield machine.power()
    yield machine.temperature()
    yield machine.memory()


def healthy(findings: Iterable[Finding]) -> bool:
    """Return whether nothing failed."""
    return all(finding.status is not Status.FAIL for finding in findings)

"""``face-edge doctor``: a line for each check, with the remedy where something is amiss."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from edge.cli.settings import Settings, pass_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.diagnostics.finding import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: healthy, checks.")
@pass_settings
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Check this machine against the configuration and say what to mend.

    Each line is ok, warn, fail or skip; only what the configuration uses can fail. The exit code is 1 where something
    failed and 0 otherwise.
    """
    from edge.diagnostics.examination import healthy

    findings = []
    for finding in _findings(settings):
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    well = healthy(findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"healthy": well, "checks": checks}, indent=2, ensure_ascii=False))
    if not well:
        click.get_current_context().exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    """A wrong configuration is a finding, too; the rest is then checked against the defaults."""
    from edge.config import Config
    from edge.diagnostics.examination import examine
    from edge.diagnostics.finding import fail, ok
    from edge.errors import ConfigError

    try:
        layers = settings.collect()
        config = settings.load()
        yield ok("configuration", "the defaults" if layers.path is None else str(layers.path))
    except ConfigError as error:
        config = Config()
        for problem in error.problems:
            yield fail("configuration", problem, "until it is mended, what follows is about the defaults")
    yield from examine(config)


def _line(finding: Finding) -> str:
    status = click.style(f"{finding.status.value:<4}", fg=_COLOURS[finding.status.value])
    remedy = f"\n{'':20}-> {finding.remedy}" if finding.remedy else ""
    return f"{status}  {finding.name:<13} {finding.message}{remedy}"

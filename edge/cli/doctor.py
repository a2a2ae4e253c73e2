"""``face-edge doctor``: a line for each check, with a remedy for each problem."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.settings import Settings, pass_settings
from edge.util.text import in_one_line, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge.config import Config, Layers
    from edge.diagnostics.finding import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: healthy, checks.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.tar.gz",
    help="Also write a support archive, without secrets and pictures: findings, settings, status, logs, versions.",
)
@pass_settings
def doctor(settings: Settings, *, as_json: bool, bundle: Path | None) -> None:
    """Check this machine against the configuration and say what to mend.

    Each line is ok, warn, fail or skip; only what the configuration uses can fail. The exit code is 1 where something
    failed and 0 otherwise. Where the device is installed as a service, root checks as the service's user.
    """
    from edge.diagnostics.bundle import check
    from edge.diagnostics.examination import healthy

    if bundle is not None:
        check(bundle)
    findings = []
    for finding in _findings(settings):
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    well = healthy(findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        click.echo(json_text({"healthy": well, "checks": checks}, indent=2))
    if bundle is not None:
        click.echo(_bundle(settings, findings, bundle), err=as_json)
    if not well:
        click.get_current_context().exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    """Run the checks; an invalid configuration is a finding, and defaults replace the invalid settings."""
    from edge.config import default_file
    from edge.diagnostics import service_view
    from edge.diagnostics.examination import examine
    from edge.diagnostics.finding import fail, ok
    from edge.diagnostics.refusals import hidden

    path = settings.config_path or default_file()
    absolute = None if path is None else path.absolute()
    with service_view.acting() as owner:
        config, layers, problems = _configured(settings if owner is None else Settings(absolute, settings.overrides))
        for problem in problems:
            yield fail("configuration", problem, "until it is mended, what follows is about the default in its place")
        if layers is not None and not problems:
            yield ok("configuration", "the defaults" if layers.path is None else str(layers.path))
        yield ok("user", service_view.described(owner))
        for key, message in () if owner is None else hidden(config):
            yield fail(
                "service", f"{key}: {message}" if key else message, "mend it, then sudo systemctl restart face-edge"
            )
        yield from examine(config, None if layers is None else layers.path)


def _configured(settings: Settings) -> tuple[Config, Layers | None, tuple[str, ...]]:
    """Return the configuration with defaults for invalid settings, its layers if readable, and its problems."""
    from edge.config import Config, examine
    from edge.core.errors import ConfigError

    try:
        found = examine(settings.collect())
    except ConfigError as error:
        return Config(), None, error.problems
    return found.config, found.layers, tuple(found.problems)


def _bundle(settings: Settings, findings: Sequence[Finding], path: Path) -> str:
    """Write the archive; return the line to print."""
    from edge.cli.config import shown
    from edge.config import default_file
    from edge.diagnostics import bundle, evidence
    from edge.diagnostics.secrets import Masker, known_secrets, text_of

    config, layers, problems = _configured(settings)
    text = "\n".join(f"# {problem}" for problem in problems) if problems or layers is None else shown(config, layers)
    file = (settings.config_path or default_file()) if layers is None else layers.path
    texts = [evidence.units(), "" if file is None else text_of(file)]
    mask = Masker(known_secrets(config, tree=None if layers is None else layers.tree, texts=texts))
    names = bundle.write(path, evidence.pieces(config, findings, text), mask)
    return (
        f"{path}: written, {len(names)} files, {path.stat().st_size / 1000:.0f} kB; look through it before you send it"
    )


def _line(finding: Finding) -> str:
    status = click.style(f"{finding.status.value:<4}", fg=_COLOURS[finding.status.value])
    remedy = f"\n{'':20}-> {in_one_line(finding.remedy)}" if finding.remedy else ""
    return f"{status}  {finding.name:<13} {in_one_line(finding.message)}{remedy}"

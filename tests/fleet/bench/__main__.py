"""Command ``python -m tests.fleet.bench throughput | scale | drill | plot``."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import click

from edge.core.errors import EdgeError
from tests.fleet.bench import runs


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--out", type=click.Path(path_type=Path), default=Path("fleet-bench.json"), show_default=True)
@click.pass_context
def bench(ctx: click.Context, out: Path) -> None:
    """Measure collectors on this machine, with a private broker and database; add the results to --out."""
    ctx.obj = out


@bench.command()
@click.option("--collectors", type=click.IntRange(1, 3), multiple=True, default=(1, 2, 3), show_default=True)
@click.option("--events", type=click.IntRange(1000), default=30_000, show_default=True)
@click.pass_obj
def throughput(out: Path, collectors: tuple[int, ...], events: int) -> None:
    """Measure events per second with 1, 2 and 3 collectors, from a backlog."""
    _keep(out, "throughput", runs.throughput(collectors=collectors, events=events, tell=click.echo))


@bench.command()
@click.option("--devices", type=int, multiple=True, default=(10, 100, 500, 2000), show_default=True)
@click.option("--rate", type=float, default=0.5, show_default=True, help="Events per second and device.")
@click.option("--seconds", type=float, default=15.0, show_default=True)
@click.pass_obj
def scale(out: Path, devices: tuple[int, ...], rate: float, seconds: float) -> None:
    """Measure latency, CPU and memory as the fleet grows."""
    _keep(out, "scale", runs.scale(devices=devices, rate=rate, seconds=seconds, tell=click.echo))


@bench.command()
@click.option("--devices", type=int, default=100, show_default=True)
@click.option("--rate", type=float, default=3.0, show_default=True, help="Events per second and device.")
@click.option("--resend", type=float, default=0.0, show_default=True, help="As of face-edge simulate.")
@click.option("--overlap", is_flag=True, help="Kill the broker while a collector is dead.")
@click.pass_obj
def drill(out: Path, devices: int, rate: float, resend: float, *, overlap: bool) -> None:
    """Kill collectors, broker and database in turn and report losses. Exit code 1 if there are any."""
    found = runs.drill(devices=devices, rate=rate, resend_s=resend, overlap=overlap, tell=click.echo)
    click.echo(json.dumps(found, indent=2))
    _keep(out, f"drill{'-overlap' if overlap else ''}-resend-{resend:g}", found)
    if found["verdict"]["lost"] or found["simulated"]["unheard"]:
        click.get_current_context().exit(1)


@bench.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="For the pictures.")
@click.pass_obj
def plot(out: Path, folder: Path) -> None:
    """Draw fleet-throughput.png and fleet-scale.png from the results."""
    from tests.fleet.bench.plots import draw

    for path in draw(json.loads(out.read_text(encoding="utf-8")), folder):
        click.echo(path)


def _keep(out: Path, name: str, found: Any) -> None:
    results = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    results |= {name: found, "machine": f"{platform.machine()}, Linux {platform.release()}"}
    out.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    try:
        bench()
    except EdgeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)

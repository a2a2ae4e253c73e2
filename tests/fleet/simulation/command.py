"""Command ``python -m tests.lab simulate``: many devices at once, to test a broker, collectors and a database."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from edge.cli.collect import remote_broker
from edge.cli.settings import Settings, pass_settings
from edge.util import signals

if TYPE_CHECKING:
    from tests.fleet.simulation.plan import SimulationPlan
    from tests.fleet.simulation.progress import SimulationProgress
    from tests.fleet.simulation.simulator import Simulator
    from tests.fleet.simulation.verify import SimulationVerdict


@click.command
@click.option("--broker", metavar="URI", help="mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; otherwise mqtt.broker.")
@click.option("--devices", type=click.IntRange(min=1), default=10, show_default=True, help="Each with a connection.")
@click.option(
    "--rate", type=click.FloatRange(0.001, 1000), default=0.2, show_default=True, help="Events per second and device."
)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="How long; otherwise until stopped.")
@click.option("--seed", type=click.IntRange(0, 9999), default=0, show_default=True, help="Other rooms, other node ids.")
@click.option("--prefix", metavar="TOPIC", help="First topic levels; otherwise mqtt.prefix.")
@click.option(
    "--resend", type=click.FloatRange(0, 600), default=0.0, show_default=True,
    help="Seconds: send again what a broker that broke off had acknowledged so shortly before.",
)  # fmt: skip
@click.option("--verify", metavar="URI", help="PostgreSQL that collectors write to: say what was lost on the way.")
@click.option("--status-every", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Status and totals as a JSON document a line.")
@pass_settings
def simulate(
    settings: Settings,
    *,
    broker: str | None,
    devices: int,
    rate: float,
    seconds: float | None,
    seed: int,
    prefix: str | None,
    resend: float,
    verify: str | None,
    status_every: float,
    as_json: bool,
) -> None:
    """Simulate many devices against a broker, until stopped or the time is over.

    Each has its own connection, last will and node id (sim<seed>-<number>) and sends the product's own messages: people
    come and go, moods change, sessions are held; states, aggregates and health follow the contract's rules. The
    achieved rate is reported beside the requested one. Exit code 1 if --verify finds a loss.
    """
    from edge.sinks.mqtt.options import options
    from edge.util import logs
    from tests.fleet.simulation.plan import SimulationPlan
    from tests.fleet.simulation.simulator import Simulator

    flags: dict[str, Any] = {"mqtt.broker": broker, "mqtt.prefix": prefix}
    config = settings.load({key: value for key, value in flags.items() if value is not None})
    logs.configure(config.log)
    remote_broker(config.mqtt.broker)
    plan = SimulationPlan(
        devices=devices, rate=rate, seconds=seconds, seed=seed, prefix=config.mqtt.prefix, resend_s=resend,
        health_s=config.events.heartbeat_s, keep_ids=verify is not None,
    )  # fmt: skip

    def tell(progress: SimulationProgress | SimulationVerdict) -> None:
        click.echo(json.dumps(progress.as_dict()) if as_json else progress.as_line())

    simulator = Simulator(plan, options(config.mqtt, "simulator"), report=tell, report_every_s=status_every)
    # the first signal ends it in order, a second one at once
    signals.obey({signal.SIGTERM: simulator.stop, signal.SIGINT: simulator.stop}, once=True)
    begun = datetime.now(UTC)
    tell(simulator.run())
    if verify is not None:
        verdict = _verdict(verify, simulator, plan, begun)
        tell(verdict)
        if verdict.lost:
            click.get_current_context().exit(1)


def _verdict(database: str, simulator: Simulator, plan: SimulationPlan, begun: datetime) -> SimulationVerdict:
    from tests.fleet.simulation.verify import verify

    return verify(database, simulator.tally.acknowledged_ids or set(), nodes=f"sim{plan.seed}-", since=begun)

"""``face-edge collect``: the feed of many devices into PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from typing import TYPE_CHECKING, Any

import click

from edge.cli.settings import Settings, pass_settings
from edge.util import signals

if TYPE_CHECKING:
    from edge.collector.status import Status

_NAME = r"[a-zA-Z0-9_-]{1,64}"


def _name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    import re

    if not re.fullmatch(_NAME, value):
        msg = f"expected letters, digits, _ and -, at most 64, found {value!r}"
        raise click.BadParameter(msg)
    return value


def _host() -> str:
    import re

    return re.sub(r"[^a-zA-Z0-9_-]+", "-", socket.gethostname().split(".")[0])[:64] or "collector"


@click.command
@click.option("--broker", metavar="URI", help="mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; otherwise mqtt.broker.")
@click.option(
    "--database",
    required=True,
    envvar="FACE_COLLECT_DATABASE",
    metavar="URI",
    help="postgresql://[USER@]HOST[:PORT]/NAME; a password is better in PGPASSFILE or PGPASSWORD.",
)
@click.option("--group", default="collect", callback=_name, show_default=True, help="Members share the feed.")
@click.option("--instance", default=_host, callback=_name, show_default="host name", help="This member; stable.")
@click.option("--prefix", metavar="TOPIC", help="First topic levels; otherwise mqtt.prefix.")
@click.option("--batch", type=click.IntRange(1, 30_000), default=1000, show_default=True, help="Messages per commit.")
@click.option(
    "--session-days", type=click.FloatRange(0.01, 365), default=7.0, show_default=True,
    help="How long the broker keeps this member's messages while it is away.",
)  # fmt: skip
@click.option("--keep-days", type=click.IntRange(1), help="Drop what is older; otherwise everything is kept.")
@click.option("--leave", is_flag=True, help="Take what waits for this member, then leave the group for good.")
@click.option("--status-every", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Status as a JSON document a line.")
@pass_settings
def collect(
    settings: Settings,
    *,
    broker: str | None,
    database: str,
    group: str,
    instance: str,
    prefix: str | None,
    batch: int,
    session_days: float,
    keep_days: int | None,
    leave: bool,
    status_every: float,
    as_json: bool,
) -> None:
    """Write the events, aggregates and health of all devices into PostgreSQL, until stopped.

    Several copies, each with an --instance of its own, share the load. Nothing is acknowledged to the broker before
    the database has committed it, so a copy that is killed loses nothing: start it again under the same name, or run
    it once more with --leave. User, password file and TLS are the device's own settings (mqtt.username and so on).
    """
    from edge.collector.collector import Collector
    from edge.collector.database.driver import DatabaseAway
    from edge.collector.database.store import Store
    from edge.collector.membership import Membership
    from edge.collector.writer import Limits
    from edge.sinks.mqtt.options import options
    from edge.util import logs

    flags: dict[str, Any] = {"mqtt.broker": broker, "mqtt.prefix": prefix}
    config = settings.load({key: value for key, value in flags.items() if value is not None})
    logs.configure(config.log)
    remote_broker(config.mqtt.broker)
    store = Store(database)
    with contextlib.suppress(DatabaseAway):  # it is waited for; a schema that is newer than ours is no use waiting for
        store.open()
    collector = Collector(
        options(config.mqtt, f"collect-{group}-{instance}"),
        Membership(
            prefix=config.mqtt.prefix,
            group=group,
            instance=instance,
            session_expiry_s=round(session_days * 86_400),
            receive_maximum=min(2 * batch, 65_535),
            leave=leave,
            own_client_id=config.mqtt.client_id,
        ),
        store,
        limits=Limits(batch_max=batch, keep_days=keep_days),
        report=lambda status: _tell(status, as_json=as_json),
        report_every_s=status_every,
    )
    signals.obey({signal.SIGTERM: collector.stop, signal.SIGINT: collector.stop})
    collector.run()


def remote_broker(broker: str) -> None:
    """Check that ``mqtt.broker`` names a broker that other machines can reach.

    Raises:
        ConfigError: it is ``off`` or ``embedded``.
    """
    from edge.core.errors import ConfigError

    if not broker.startswith(("mqtt://", "mqtts://")):
        msg = f"--broker: a fleet needs a broker of its own, mqtt://HOST or mqtts://HOST; mqtt.broker is {broker!r}"
        raise ConfigError(msg)


def _tell(status: Status, *, as_json: bool) -> None:
    click.echo(json.dumps(status.as_dict()) if as_json else status.as_line())

"""Diagnosis of a broker that does not answer MQTT 5, by a connection that also speaks MQTT 3.1.1."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.core.errors import ConfigError
from edge.sinks.mqtt.connection import Connection
from edge.sinks.mqtt.connection_errors import Cause, ConnectionFailure
from edge.sinks.mqtt.waker import Waker

if TYPE_CHECKING:
    from edge.sinks.mqtt.options import Options

TIMEOUT_S = 3.0
NEEDS_MQTT5 = "speaks MQTT 3.1.1 only; `face-edge collect` and `simulate` need MQTT 5: see docs/fleet.md for brokers"


def explained(cause: Cause, options: Options, *, timeout_s: float = TIMEOUT_S) -> Cause:
    """Return why the broker did not answer MQTT 5, or ``cause`` itself if it does answer now.

    This takes slightly more than twice ``timeout_s`` at most. It connects without credentials: if the broker uses the
    user name as client id, a second connection of the same user would end the session being diagnosed. A client
    certificate acts as such a name too, and without it there may be no answer, so nothing is tested then.
    """
    if options.tls is not None and options.tls.certificate is not None:
        return cause
    asking = replace(options, client_id=f"probe-{secrets.token_hex(4)}", username=None, password=None)
    waker = Waker()
    try:
        failure = _attempt(asking, waker, timeout_s, older_protocol=False)
        if failure is None or not failure.older_protocol:
            # a refusal in CONNACK is an answer, too; one for missing credentials explains nothing
            if failure is None or (failure.code is not None and options.username is not None):
                return cause
            return failure.cause
        older = _attempt(asking, waker, timeout_s, older_protocol=True)
    except ConfigError as error:
        return Cause(str(error), lasting=True)
    finally:
        waker.close()
    if older is None or older.code is not None:
        return Cause(f"{options.address} {NEEDS_MQTT5}", lasting=True)
    return older.cause


def _attempt(options: Options, waker: Waker, timeout_s: float, *, older_protocol: bool) -> ConnectionFailure | None:
    """Connect, disconnect and return the failure, if any."""
    connection = Connection(options, will=None, older_protocol=older_protocol)
    try:
        connection.open(waker, threading.Event(), timeout_s=timeout_s)
    except ConnectionFailure as failure:
        return failure
    connection.close()
    return None

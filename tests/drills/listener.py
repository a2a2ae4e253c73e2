"""Receiving end: a subscriber with a persistent session that records all messages."""

from __future__ import annotations

import contextlib
import json
import select
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.core.errors import SinkError
from tests.drills.report import MessageMark

if TYPE_CHECKING:
    from types import TracebackType

    from edge.sinks.mqtt.topics import Topics

_SESSION_S = 3600
_RETRY_S = 0.05
_TURN_S = 0.2


class DrillListener:
    """Context manager that subscribes to a node's events and aggregates on a local ``port``."""

    def __init__(self, port: int, topics: Topics) -> None:
        self._port = port
        self._filters = [(topic.name, 1) for topic in (topics.event, topics.aggregate)]
        self._raw: list[tuple[str, bytes]] = []
        self._distinct: set[bytes] = set()
        self._ready = threading.Event()
        self._stopping = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="drill-listener", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def received(self) -> list[MessageMark]:
        """Return all received messages in order, including repeats."""
        marks = []
        for topic, payload in list(self._raw):
            message = json.loads(payload)
            marks.append(MessageMark(topic.rpartition("/")[2], message["seq"], message["id"]))
        return marks

    @property
    def count(self) -> int:
        """Return the number of different messages so far."""
        return len(self._distinct)

    def wait_until_back(self, timeout_s: float = 30.0) -> None:
        """Wait until it is connected and subscribed.

        Raises:
            SinkError: it did not connect in time.
        """
        if not self._ready.wait(timeout_s):
            msg = "the drill's own subscriber cannot connect to the drill's broker"
            raise SinkError(msg)

    def catch_up(self, timeout_s: float = 10.0) -> None:
        """Read everything that the stopped broker has sent."""
        deadline_s = time.monotonic() + timeout_s
        while (connection := self._client.socket()) is not None and time.monotonic() < deadline_s:
            with contextlib.suppress(OSError, ValueError):  # the connection was lost: there is nothing left to read
                if not select.select([connection], [], [], 0)[0]:
                    return
            time.sleep(0.002)

    def expect_away(self) -> None:
        """Mark the connection as void before the broker is killed."""
        self._ready.clear()

    def wait_for(self, count: int, timeout_s: float) -> None:
        """Wait until ``count`` different messages arrived, or nothing new for ``timeout_s``."""
        seen, since_s = -1, time.monotonic()
        while self.count < count and time.monotonic() - since_s < timeout_s:
            if self.count != seen:
                seen, since_s = self.count, time.monotonic()
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_until_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._thread.join()

    def _run(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        while not self._stopping:
            with contextlib.suppress(OSError):
                self._client.connect("127.0.0.1", self._port, clean_start=False, properties=properties)
                while not self._stopping and not self._client.loop(_TURN_S):
                    pass
            time.sleep(0 if self._stopping else _RETRY_S)
        self._client.disconnect()
        self._client.loop(0)

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, _reason: Any, _properties: Any) -> None:
        if flags.session_present:
            self._ready.set()
        else:
            client.subscribe(self._filters)

    def _on_subscribe(self, *_arguments: Any) -> None:
        self._ready.set()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._raw.append((message.topic, payload))
        self._distinct.add(payload)

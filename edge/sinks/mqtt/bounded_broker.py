"""amqtt's broker with bounds on the data it stores for its clients."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from amqtt.broker import Action, Broker

from edge.sinks.mqtt.packet_streams import UNWRITTEN_MAX
from edge.util.logs import LogThrottle

if TYPE_CHECKING:
    from amqtt.session import Session

    from edge.sinks.mqtt.packet_streams import PacketWriter

_LOG = logging.getLogger(__name__)
TOPIC_MAX = 512
"""Maximum characters of a topic or filter."""
LEVELS_MAX = 32
SUBSCRIPTIONS_PER_CLIENT = 64
SUBSCRIPTIONS = 2048
RETAINED = 500
RETAINED_BYTES = 4 << 20
WAITING_PER_SESSION = 1000
WAITING_BYTES_PER_SESSION = 512 << 10
"""Messages queued for an absent client with a session; the oldest are dropped first."""
DELIVERED_MAX = 64
"""Messages of one client that are read and not passed on yet."""
BROADCAST_MAX = 64
_REFUSED = 0x80
_LOG_EVERY_S = 60.0


class BoundedBroker(Broker):  # type: ignore[misc,unused-ignore]
    """Broker with limits; ``writers`` are the connections of clients other than the device, by client id.

    Messages retained by the device are always stored.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.writers: dict[str, PacketWriter] = {}
        self.own_client_id: str | None = None
        self._retained_bytes = 0
        self._waiting_bytes: dict[str, int] = {}
        self._log_limit = LogThrottle(_LOG_EVERY_S)

    @property
    def sessions_count(self) -> int:
        """Number of sessions, including those of absent clients."""
        return len(self._sessions)

    def has_session(self, client_id: str) -> bool:
        """Return whether there is a session for this client."""
        return client_id in self._sessions

    def is_crowded(self, client_id: str) -> bool:
        """Return whether the unprocessed messages of this client have reached the limit."""
        session, _ = self._sessions.get(client_id, (None, None))
        waiting = 0 if session is None else session.delivered_message_queue.qsize()
        return bool(waiting >= DELIVERED_MAX or self._broadcast_queue.qsize() >= BROADCAST_MAX)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Refuse long filters and too many subscriptions."""
        name = subscription[0]
        if not 0 < len(name) <= TOPIC_MAX or name.count("/") >= LEVELS_MAX:
            return _REFUSED
        if len(self._subscriptions) >= SUBSCRIPTIONS:
            for unused in [key for key, members in self._subscriptions.items() if not members]:
                del self._subscriptions[unused]
        counts = [len(members) for members in self._subscriptions.values()]
        own = [key for key, members in self._subscriptions.items() if any(s is session for s, _ in members)]
        if name not in own and (
            len(own) >= SUBSCRIPTIONS_PER_CLIENT or sum(counts) >= SUBSCRIPTIONS or len(counts) >= SUBSCRIPTIONS
        ):
            self._warn("a client requests more subscriptions than allowed: they are refused")
            return _REFUSED
        return int(await super().add_subscription(subscription, session))

    async def retain_message(
        self, source_session: Session | None, topic_name: str | None, data: Any, qos: int | None = None
    ) -> None:
        """Store retained messages within the bounds."""
        former = self._retained_messages.get(topic_name)
        size = len(data or b"") + len(topic_name or "")
        grown = size - (0 if former is None else len(former.data) + len(former.topic))
        own = source_session is not None and source_session.client_id == self.own_client_id
        if (
            data
            and not own
            and (
                len(topic_name or "") > TOPIC_MAX
                or (former is None and len(self._retained_messages) >= RETAINED)
                or self._retained_bytes + grown > RETAINED_BYTES
            )
        ):
            self._warn("clients retain more messages than allowed: the newest are not stored")
            return
        if data or former is not None:
            self._retained_bytes += grown if data else -(len(former.data) + len(former.topic))
        await super().retain_message(source_session, topic_name, data, qos)

    async def _retain_broadcast_message(self, broadcast: dict[str, Any], qos: int, target_session: Session) -> None:
        """Drop the oldest messages if too many wait for an absent client."""
        client_id, queue = str(target_session.client_id), target_session.retained_messages
        size = len(broadcast["data"])
        waiting = self._waiting_bytes.get(client_id, 0) if queue.qsize() else 0
        while queue.qsize() and (queue.qsize() >= WAITING_PER_SESSION or waiting + size > WAITING_BYTES_PER_SESSION):
            waiting -= len(queue.get_nowait().data)
        self._waiting_bytes = {name: held for name, held in self._waiting_bytes.items() if name in self._sessions}
        self._waiting_bytes[client_id] = waiting + size
        await super()._retain_broadcast_message(broadcast, qos, target_session)

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        """Disconnect a client that does not read its messages, instead of queueing them."""
        if action is Action.RECEIVE and (writer := self.writers.get(str(session.client_id))) is not None:
            if max(writer.unwritten, len(session.inflight_out)) >= UNWRITTEN_MAX:
                writer.hang_up()
                return False
            writer.unwritten += 1
        return bool(await super()._topic_filtering(session, topic, action))

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """Send retained messages for the client's own filters; amqtt sends them for all clients' when one connects."""
        members = self._subscriptions.get(subscription[0], [])
        if any(member.client_id == session.client_id for member, _ in members):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    def _warn(self, text: str) -> None:
        if self._log_limit.due(text):
            _LOG.warning("the embedded broker: %s", text)

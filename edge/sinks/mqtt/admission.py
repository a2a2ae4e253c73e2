"""Admission of clients to the embedded broker, with bounds on their number.

Connections are accepted here because amqtt, when it stops, leaves open those without a CONNECT, and asyncio's server
leaves open those that arrive while it closes. CONNECT is read here as well: amqtt ends the session of a client id
before it checks the password.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.sinks.mqtt import connect_packet
from edge.sinks.mqtt.ownership import is_own
from edge.sinks.mqtt.packet_streams import PacketReader, PacketWriter
from edge.sinks.mqtt.work_budget import WorkBudget
from edge.util.logs import LogThrottle
from edge.util.sockets import plain_address

if TYPE_CHECKING:
    import socket

    from edge.sinks.mqtt.bounded_broker import BoundedBroker
    from edge.sinks.mqtt.connect_packet import ConnectPacket

_LOG = logging.getLogger(__name__)
CONNECT_S = 10.0
"""Maximum time from the connection to the last byte of CONNECT."""
PENDING = 64
"""Connections without a CONNECT; beyond that, the oldest one of the address with the most is closed."""
CLIENTS = 160
CLIENTS_PER_ADDRESS = 64
"""Maximum number of clients per remote machine; the device's own client is exempt from both bounds."""
SESSIONS = 256
CLIENT_ID_MAX = 128
WORK_RATE = 300.0
WORK_BURST = 2000.0
"""Packets per second that all clients of one address, except the device's own, may send and receive together."""
_ADDRESSES_REMEMBERED = 256
_ACCEPT_RATE = 100.0
_ACCEPT_BURST = 100.0
_IDLE_FACTOR = 1.5
_STEP_ASIDE_S = 1.0
_LOG_EVERY_S = 60.0


@dataclass(eq=False, slots=True)
class _Peer:
    connection: socket.socket
    site: str
    port: int
    client: bool = False
    client_id: str = ""
    assigned: bool = False
    packet_writer: PacketWriter | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class ClientAdmission:
    """Admission control; ``own_client_id`` is the device's and refused to other processes."""

    def __init__(
        self, broker: BoundedBroker, listener: str, *, credentials: tuple[str, str] | None, own_client_id: str | None
    ) -> None:
        self._broker = broker
        self._listener = listener
        self._credentials = credentials
        self._own_client_id = broker.own_client_id = own_client_id
        self._present: dict[asyncio.Task[None], _Peer] = {}
        self._work: OrderedDict[str, WorkBudget] = OrderedDict()
        self._accepts = WorkBudget(_ACCEPT_RATE, _ACCEPT_BURST)
        self._log_limit = LogThrottle(_LOG_EVERY_S)

    def accept_next(self, listener: socket.socket) -> None:
        """Accept a pending connection and serve it to its end."""
        if self._accepts.wait_s > 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener.fileno())
            loop.call_later(self._accepts.wait_s, self._listen_again, listener)
            return
        self._accepts.charge()
        try:
            connection, address = listener.accept()
        except OSError:
            return  # closed before it was accepted, or no descriptor left
        connection.setblocking(False)
        peer = _Peer(connection, _site(address[0]), int(address[1]))
        self._make_room()
        task = asyncio.create_task(self._serve(peer, int(connection.getsockname()[1])))
        self._present[task] = peer
        task.add_done_callback(self._finish)

    def _listen_again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listener.fileno(), self.accept_next, listener)

    def _make_room(self) -> None:
        pending = {task: peer for task, peer in self._present.items() if not peer.client and not task.cancelling()}
        if len(pending) < PENDING:
            return
        self._warn("many connections send no CONNECT", "the oldest are closed")
        crowd, _ = Counter(peer.site for peer in pending.values()).most_common(1)[0]
        next(task for task, peer in pending.items() if peer.site == crowd).cancel()

    async def _serve(self, peer: _Peer, port: int) -> None:
        reader, writer = await asyncio.open_connection(sock=peer.connection)
        packet_writer = peer.packet_writer = PacketWriter(writer)
        packets = PacketReader(reader, packet_writer.hang_up)
        try:
            async with asyncio.timeout(CONNECT_S):
                packet = await packets.next()
                refusal = await self._admit(peer, packet, packets, port)
                if not refusal and packet and peer.assigned:
                    packet = connect_packet.with_client_id(packet, packets.header_length, peer.client_id)
            if refusal:
                writer.write(refusal)
                await packet_writer.close()
            elif packet:
                packets.put_back(packet)
                await self._broker.external_connected(packets, packet_writer, self._listener)
        except (TimeoutError, OSError):
            pass
        finally:
            if self._broker.writers.get(peer.client_id) is packet_writer:
                del self._broker.writers[peer.client_id]
            writer.transport.abort()
            peer.gone.set()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _admit(self, peer: _Peer, packet: bytes, packets: PacketReader, port: int) -> bytes:
        """Return the refusal to send, or empty bytes if the connection becomes a client."""
        try:
            wanted = connect_packet.parse(packet, packets.header_length) if packet else None
        except ValueError:
            wanted = None
        if wanted is None:
            packets.end()
            return connect_packet.REFUSED_IDENTIFIER
        own = wanted.client_id == self._own_client_id and is_own(peer.port, port)
        refusal = self._refusal(peer, wanted, own=own)
        if refusal:
            return refusal
        peer.assigned = not wanted.client_id and wanted.clean_session
        peer.client, peer.client_id = True, wanted.client_id or f"auto-{secrets.token_hex(8)}"
        former = [one for one in self._present.values() if one is not peer and one.client_id == peer.client_id]
        for one in former:
            if one.packet_writer is not None:
                one.packet_writer.hang_up()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(one.gone.wait(), _STEP_ASIDE_S)
        if wanted.keepalive_s:
            packets.idle_s = wanted.keepalive_s * _IDLE_FACTOR
        packets.crowded = lambda: self._broker.is_crowded(peer.client_id)
        if peer.packet_writer is not None and not own:
            packets.budget = peer.packet_writer.budget = self._budget_of(peer.site)
            self._broker.writers[peer.client_id] = peer.packet_writer
        return b""

    def _budget_of(self, site: str) -> WorkBudget:
        """Return the budget of an address; it outlives its connections, so that reconnecting does not renew it."""
        budget = self._work.pop(site, None) or WorkBudget(WORK_RATE, WORK_BURST)
        self._work[site] = budget
        if len(self._work) > _ADDRESSES_REMEMBERED:
            self._work.popitem(last=False)
        return budget

    def _refusal(self, peer: _Peer, wanted: ConnectPacket, *, own: bool) -> bytes:
        if wanted.level != connect_packet.ACCEPTED_LEVEL:
            return connect_packet.REFUSED_PROTOCOL
        if not self._has_credentials(wanted):
            self._warn("wrong user name or password", "refused")
            return connect_packet.REFUSED_CREDENTIALS
        printable = all(letter.isprintable() for letter in wanted.client_id)
        if len(wanted.client_id) > CLIENT_ID_MAX or not printable:
            return connect_packet.REFUSED_IDENTIFIER
        return b"" if own else self._refusal_of_others(peer, wanted)

    def _refusal_of_others(self, peer: _Peer, wanted: ConnectPacket) -> bytes:
        """Return the refusal for a client other than the device's own, or empty bytes."""
        if self._own_client_id is not None and wanted.client_id == self._own_client_id:
            self._warn("another program uses the client id of this device", "refused")
            return connect_packet.REFUSED_IDENTIFIER
        clients = [one.site for one in self._present.values() if one.client]
        full = len(clients) >= CLIENTS or (peer.site != _HERE and clients.count(peer.site) >= CLIENTS_PER_ADDRESS)
        new = not self._broker.has_session(wanted.client_id)
        if full or (new and self._broker.sessions_count >= SESSIONS):
            self._warn("the maximum number of clients is connected", "further clients are refused")
            return connect_packet.REFUSED_BUSY
        return b""

    def _has_credentials(self, wanted: ConnectPacket) -> bool:
        if self._credentials is None:
            return True
        given = zip((wanted.username, wanted.password), self._credentials, strict=True)
        right = [hmac.compare_digest(one.encode(), other.encode()) for one, other in given]
        return all(right)

    def _finish(self, task: asyncio.Task[None]) -> None:
        peer = self._present.pop(task)
        peer.gone.set()
        peer.connection.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.debug("a client of the embedded broker failed: %r", error)

    def _warn(self, problem: str, outcome: str) -> None:
        if self._log_limit.due(problem):
            _LOG.warning("the embedded broker: %s: %s", problem, outcome)

    async def close_all(self) -> None:
        """Close the remaining connections."""
        left = list(self._present)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


_HERE = "this machine"


def _site(address: str) -> str:
    """Group addresses: all of this machine are one, and so is each IPv6 /64 network."""
    plain = plain_address(address)
    if plain.startswith("127.") or plain == "::1":
        return _HERE
    return ":".join(plain.split(":")[:4]) if ":" in plain else plain

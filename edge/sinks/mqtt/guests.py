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
from edge.sinks.mqtt.intake import Intake, Outlet
from edge.sinks.mqtt.ownership import is_own
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
class _Guest:
    connection: socket.socket
    site: str
    port: int
    client: bool = False
    client_id: str = ""
    assigned: bool = False
    outlet: Outlet | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Guests:
    """Admission control; ``own_client_id`` is the device's and refused to other processes."""

    def __init__(
        self, broker: BoundedBroker, listener: str, *, credentials: tuple[str, str] | None, own_client_id: str | None
    ) -> None:
        self._broker = broker
        self._listener = listener
        self._credentials = credentials
        self._own_client_id = broker.own_client_id = own_client_id
        self._present: dict[asyncio.Task[None], _Guest] = {}
        self._work: OrderedDict[str, WorkBudget] = OrderedDict()
        self._accepts = WorkBudget(_ACCEPT_RATE, _ACCEPT_BURST)
        self._said = LogThrottle(_LOG_EVERY_S)

    def welcome(self, listener: socket.socket) -> None:
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
        guest = _Guest(connection, _site(address[0]), int(address[1]))
        self._make_room()
        task = asyncio.create_task(self._serve(guest, int(connection.getsockname()[1])))
        self._present[task] = guest
        task.add_done_callback(self._see_out)

    def _listen_again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listener.fileno(), self.welcome, listener)

    def _make_room(self) -> None:
        pending = {task: guest for task, guest in self._present.items() if not guest.client and not task.cancelling()}
        if len(pending) < PENDING:
            return
        self._say("many connections send no CONNECT", "the oldest are closed")
        crowd, _ = Counter(guest.site for guest in pending.values()).most_common(1)[0]
        next(task for task, guest in pending.items() if guest.site == crowd).cancel()

    async def _serve(self, guest: _Guest, port: int) -> None:
        reader, writer = await asyncio.open_connection(sock=guest.connection)
        outlet = guest.outlet = Outlet(writer)
        intake = Intake(reader, outlet.hang_up)
        try:
            async with asyncio.timeout(CONNECT_S):
                packet = await intake.next()
                refusal = await self._admit(guest, packet, intake, port)
                if not refusal and packet and guest.assigned:
                    packet = connect_packet.with_client_id(packet, intake.header_length, guest.client_id)
            if refusal:
                writer.write(refusal)
                await outlet.close()
            elif packet:
                intake.put_back(packet)
                await self._broker.external_connected(intake, outlet, self._listener)
        except (TimeoutError, OSError):
            pass
        finally:
            if self._broker.outlets.get(guest.client_id) is outlet:
                del self._broker.outlets[guest.client_id]
            writer.transport.abort()
            guest.gone.set()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _admit(self, guest: _Guest, packet: bytes, intake: Intake, port: int) -> bytes:
        """Return the refusal to send, or empty bytes if the connection becomes a client."""
        try:
            wanted = connect_packet.parse(packet, intake.header_length) if packet else None
        except ValueError:
            wanted = None
        if wanted is None:
            intake.end()
            return connect_packet.REFUSED_IDENTIFIER
        own = wanted.client_id == self._own_client_id and is_own(guest.port, port)
        refusal = self._refusal(guest, wanted, own=own)
        if refusal:
            return refusal
        guest.assigned = not wanted.client_id and wanted.clean_session
        guest.client, guest.client_id = True, wanted.client_id or f"auto-{secrets.token_hex(8)}"
        former = [one for one in self._present.values() if one is not guest and one.client_id == guest.client_id]
        for one in former:
            if one.outlet is not None:
                one.outlet.hang_up()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(one.gone.wait(), _STEP_ASIDE_S)
        if wanted.keepalive_s:
            intake.idle_s = wanted.keepalive_s * _IDLE_FACTOR
        intake.crowded = lambda: self._broker.is_crowded(guest.client_id)
        if guest.outlet is not None and not own:
            intake.budget = guest.outlet.budget = self._budget_of(guest.site)
            self._broker.outlets[guest.client_id] = guest.outlet
        return b""

    def _budget_of(self, site: str) -> WorkBudget:
        """Return the budget of an address; it outlives its connections, so that reconnecting does not renew it."""
        budget = self._work.pop(site, None) or WorkBudget(WORK_RATE, WORK_BURST)
        self._work[site] = budget
        if len(self._work) > _ADDRESSES_REMEMBERED:
            self._work.popitem(last=False)
        return budget

    def _refusal(self, guest: _Guest, wanted: ConnectPacket, *, own: bool) -> bytes:
        if wanted.level != connect_packet.ACCEPTED_LEVEL:
            return connect_packet.REFUSED_PROTOCOL
        if not self._knows(wanted):
            self._say("wrong user name or password", "refused")
            return connect_packet.REFUSED_CREDENTIALS
        printable = all(letter.isprintable() for letter in wanted.client_id)
        if len(wanted.client_id) > CLIENT_ID_MAX or not printable:
            return connect_packet.REFUSED_IDENTIFIER
        return b"" if own else self._refusal_of_others(guest, wanted)

    def _refusal_of_others(self, guest: _Guest, wanted: ConnectPacket) -> bytes:
        """Return the refusal for a client other than the device's own, or empty bytes."""
        if self._own_client_id is not None and wanted.client_id == self._own_client_id:
            self._say("another program uses the client id of this device", "refused")
            return connect_packet.REFUSED_IDENTIFIER
        clients = [one.site for one in self._present.values() if one.client]
        full = len(clients) >= CLIENTS or (guest.site != _HERE and clients.count(guest.site) >= CLIENTS_PER_ADDRESS)
        new = not self._broker.has_session(wanted.client_id)
        if full or (new and self._broker.sessions_count >= SESSIONS):
            self._say("the maximum number of clients is connected", "further clients are refused")
            return connect_packet.REFUSED_BUSY
        return b""

    def _knows(self, wanted: ConnectPacket) -> bool:
        if self._credentials is None:
            return True
        given = zip((wanted.username, wanted.password), self._credentials, strict=True)
        right = [hmac.compare_digest(one.encode(), other.encode()) for one, other in given]
        return all(right)

    def _see_out(self, task: asyncio.Task[None]) -> None:
        guest = self._present.pop(task)
        guest.gone.set()
        guest.connection.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.debug("a client of the embedded broker failed: %r", error)

    def _say(self, problem: str, outcome: str) -> None:
        if self._said.due(problem):
            _LOG.warning("the embedded broker: %s: %s", problem, outcome)

    async def dismiss(self) -> None:
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

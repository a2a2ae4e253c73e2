"""Attacks of untrusted clients on a device, all at once: ``python -m tests.soak.floods PAGE BROKER METRICS``.

The arguments are local ports. Each flood keeps a number of connections busy, from its own addresses in 127.0.0.0/8, and
replaces connections that end. It prints one JSON line per second with its counts.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.soak import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NODE = "face-edge/drill"
PAUSE_S = 0.5
_DRIP_S = 2.0
_ANNOUNCED = 299_000_000
_HUGE = 100_000_000
_CHUNK = 65536
_VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + b"\0\0\0\x08free" * 60
_FOOL = 200_000


@dataclass(frozen=True, slots=True)
class FloodTarget:
    """Ports to flood, and ``counts`` of the actions."""

    page: int
    broker: int
    metrics: int
    counts: Counter[str]

    def count(self, what: str) -> None:
        """Count an action."""
        self.counts[what] += 1


async def idle(target: FloodTarget, address: str) -> None:
    """Connect to the page and stay idle, at once or after one valid request."""
    async with wire.connected(target.page, address) as (reader, writer):
        target.count("connections idle")
        if random.random() < 0.2:
            writer.write(wire.request("GET", "/about"))
        await wire.drained(reader, 600)


async def slow_headers(target: FloodTarget, address: str) -> None:
    """Send one header after another without an end."""
    async with wire.connected(target.page, address) as (_, writer):
        target.count("requests with slow headers")
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        while not writer.transport.is_closing():
            await asyncio.sleep(_DRIP_S)
            writer.write(b"X-Header: %d\r\n" % random.getrandbits(64))
            await writer.drain()


async def slow_body(target: FloodTarget, address: str) -> None:
    """Announce a body and send one byte of it at intervals."""
    async with wire.connected(target.page, address) as (_, writer):
        target.count("requests with slow bodies")
        writer.write(wire.request("POST", "/api/login", Content_Length="4000", Content_Type="application/json"))
        while not writer.transport.is_closing():
            await asyncio.sleep(_DRIP_S)
            writer.write(b" ")
            await writer.drain()


async def garbage(target: FloodTarget, address: str) -> None:
    """Send invalid or oversized HTTP."""
    async with wire.connected(target.page, address) as (reader, writer):
        target.count("requests of garbage")
        cookie = "a=" + "b" * 20_000
        writer.write(random.choice([random.randbytes(300) + b"\r\n\r\n", wire.request("GET", "/", Cookie=cookie)]))
        await wire.drained(reader, _DRIP_S)
    await asyncio.sleep(PAUSE_S)


async def pipelining(target: FloodTarget, address: str) -> None:
    """Send hundreds of requests at once and read no answer."""
    async with wire.connected(target.page, address) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # and the kernel's buffer fills
        target.count("pipelines of 300 requests")
        writer.write(wire.request("GET", "/sign") * 300)
        await asyncio.sleep(30)


async def scrapes(target: FloodTarget, address: str) -> None:
    """Connect to the metrics and send nothing, or half a request."""
    async with wire.connected(target.metrics, address) as (reader, writer):
        target.count("silent scrapes")
        writer.write(random.choice([b"", b"GET /metrics HTTP/1.1\r\nX-A: ", random.randbytes(200)]))
        await wire.drained(reader, 600)


async def stream(target: FloodTarget, address: str) -> None:
    """Open the live stream and never read it."""
    cookie, _ = await wire.visit(target.page, address)
    async with wire.connected(target.page, address) as (reader, writer):
        writer.write(wire.request("GET", "/api/live", Cookie=cookie))
        target.count(f"streams answered with {(await wire.answer(reader))[0]}")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # and the kernel's buffer fills
        await asyncio.sleep(60)


async def login(target: FloodTarget, address: str) -> None:
    """Guess the password."""
    cookie, token = await wire.visit(target.page, address)
    async with wire.connected(target.page, address) as (reader, writer):
        for _ in range(20):
            body = json.dumps({"password": f"guess {random.getrandbits(40)}"}).encode()
            sent: dict[str, Any] = {"Cookie": cookie, "X_CSRF_Token": token, "Content_Type": "application/json"}
            writer.write(wire.request("POST", "/api/login", body, X_Forwarded_For="203.0.113.9", **sent))
            target.count(f"logins answered with {(await wire.answer(reader))[0]}")
            await asyncio.sleep(PAUSE_S)


async def upload(target: FloodTarget, address: str) -> None:
    """Announce a large file and send one byte of it at intervals, or send a small one that is no video."""
    cookie, token = await wire.visit(target.page, address)
    sent: dict[str, Any] = {"Cookie": cookie, "X_CSRF_Token": token}
    slow = random.random() < 0.8
    size = _ANNOUNCED if slow else _FOOL
    head = base64.b64encode(_VIDEO).decode()
    body = json.dumps({"name": "=x\r\n.mp4", "size": size, "head": head}).encode()
    async with wire.connected(target.page, address) as (reader, writer):
        writer.write(wire.request("POST", "/api/analyze/files", body, Content_Type="application/json", **sent))
        status, _, said = await wire.answer(reader)
        target.count(f"uploads announced, answered with {status}")
        if status >= 400:
            return
        path = f"/api/analyze/files/{json.loads(said)['id']}"
        writer.write(wire.request("PUT", path, Content_Length=str(size), **sent))
        if not slow:
            writer.write(_VIDEO + random.randbytes(size - len(_VIDEO)))
            target.count(f"hostile files answered with {(await wire.answer(reader))[0]}")
            return
        while not writer.transport.is_closing():
            writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(_DRIP_S)


async def commands(target: FloodTarget, address: str) -> None:
    """Send refused requests over MQTT, with keys that would each cause a log line."""
    async with wire.connected(target.broker, address) as (reader, writer):
        writer.write(wire.connect(f"flood-{random.getrandbits(60):x}"))
        reading = asyncio.create_task(wire.drained(reader, 60))
        try:
            for _ in range(2000):
                key = f"key {random.getrandbits(80):x}" + "x" * random.randrange(60)
                topic = f"{NODE}/{random.choice(('request/marker', 'request/nothing', 'privacy/set', 'display/set'))}"
                correlated = {"transaction": f"{random.getrandbits(60):x}"} if random.random() < 0.5 else {}
                writer.write(wire.publish(topic, json.dumps({key: key, **correlated}).encode()))
                target.count("commands")
                await writer.drain()
                await asyncio.sleep(0.02)
        finally:
            reading.cancel()


async def bursts(target: FloodTarget, address: str) -> None:
    """Send a thousand valid requests, as fast as the broker accepts them."""
    async with wire.connected(target.broker, address) as (reader, writer):
        writer.write(wire.connect(f"burst-{random.getrandbits(60):x}"))
        reading = asyncio.create_task(wire.drained(reader, 60))
        try:
            for number in range(1000):
                writer.write(wire.publish(f"{NODE}/request/health_check", b'{"transaction": "%d"}' % number))
                await writer.drain()
            target.count("bursts of 1,000 requests")
            await asyncio.sleep(_DRIP_S)
        finally:
            reading.cancel()


async def silent_client(target: FloodTarget, address: str) -> None:
    """Connect to the broker and send nothing, or half a packet."""
    async with wire.connected(target.broker, address) as (reader, writer):
        target.count("silent MQTT connections")
        writer.write(random.choice([b"", wire.connect("x" * 2000)[:40], b"\x10", random.randbytes(60)]))
        await wire.drained(reader, 600)


async def greedy_client(target: FloodTarget, address: str) -> None:
    """Subscribe to everything in many ways, and never read."""
    async with wire.connected(target.broker, address) as (_, writer):
        wildcards = ["#", *("/".join(["+"] * levels + ["#"]) for levels in range(1, 40))]
        writer.write(wire.connect("greedy-" + f"{random.getrandbits(60):x}" * random.choice((1, 60))))
        writer.write(b"".join(map(wire.subscribe, wildcards)))
        target.count("MQTT subscriptions to everything")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # and the kernel's buffer fills
        await asyncio.sleep(60)


async def large_publish(target: FloodTarget, address: str) -> None:
    """Publish 100 MB, at 8 MB per second, while the broker accepts it."""
    async with wire.connected(target.broker, address) as (reader, writer):
        writer.write(wire.connect(f"large-{random.getrandbits(60):x}"))
        await wire.drained(reader, PAUSE_S)
        writer.write(wire.packet(0x30, wire.text("large"), announced=_HUGE))
        target.count("publishes of 100 MB")
        chunk = random.randbytes(_CHUNK)
        with contextlib.suppress(ConnectionError):
            for _ in range(_HUGE // _CHUNK):
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(_CHUNK / 8e6)
    await asyncio.sleep(_DRIP_S)


async def retained(target: FloodTarget, address: str) -> None:
    """Publish retained messages, each under its own topic."""
    async with wire.connected(target.broker, address) as (_, writer):
        writer.write(wire.connect(f"retain-{random.getrandbits(60):x}"))
        for _ in range(200):
            writer.write(wire.publish(f"flood/{random.getrandbits(60):x}", random.randbytes(2000), retain=True))
            target.count("retained messages")
            await writer.drain()
            await asyncio.sleep(0.05)


FLOODS: dict[str, tuple[Callable[[FloodTarget, str], Awaitable[None]], int, int]] = {
    "idle": (idle, 600, 6),
    "headers": (slow_headers, 60, 3),
    "bodies": (slow_body, 60, 3),
    "garbage": (garbage, 10, 2),
    "pipelining": (pipelining, 20, 4),
    "scrapes": (scrapes, 60, 3),
    "streams": (stream, 120, 8),
    "logins": (login, 24, 8),
    "uploads": (upload, 24, 6),
    "commands": (commands, 6, 2),
    "bursts": (bursts, 2, 2),
    "silent": (silent_client, 250, 5),
    "greedy": (greedy_client, 10, 2),
    "large": (large_publish, 2, 2),
    "retained": (retained, 2, 1),
}
"""Floods with their number of simultaneous connections and their addresses."""


async def again(name: str, target: FloodTarget, address: str, delay_s: float) -> None:
    """Keep one connection of a flood busy."""
    flood, _, _ = FLOODS[name]
    await asyncio.sleep(delay_s)
    while True:
        try:
            await flood(target, address)
        except (OSError, ValueError, KeyError):  # refused, cut off or answered with an error: that is the point
            target.count(f"ended: {name}")
        await asyncio.sleep(PAUSE_S * (1 + random.random()))


async def run(page: int, broker: int, metrics: int) -> None:
    """Run all floods until stopped."""
    target = FloodTarget(page, broker, metrics, Counter())
    tasks = [
        asyncio.create_task(again(name, target, f"127.0.{kind + 1}.{number % addresses + 1}", random.random() * 3))
        for kind, (name, (_, connections, addresses)) in enumerate(FLOODS.items())
        for number in range(connections)
    ]
    while True:
        print(json.dumps({"t": round(time.monotonic(), 2), **target.counts}), flush=True)  # noqa: T201 - for our parent
        done = [task for task in tasks if task.done()]
        for task in done:
            task.result()  # a mistake of ours
        await asyncio.sleep(1)


def main() -> None:
    """Raise the limit of descriptors and run the floods."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))


if __name__ == "__main__":
    main()

"""Measurements; each returns plain values for JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.fleet.bench.stage import BenchStage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INSTANCES = "abc"
# between a tenth and nine tenths of the rows, so that neither the start nor the last half-full batch counts
_DRAINED = """
    WITH commits AS (
        SELECT pg_xact_commit_timestamp(xmin) AS at, row_number() OVER (ORDER BY pg_xact_commit_timestamp(xmin)) AS n,
               count(*) OVER () AS total FROM face_edge.events
    )
    SELECT max(total), count(*) / extract(epoch FROM max(at) - min(at))::float8 FROM commits
    WHERE n BETWEEN total * 0.1 AND total * 0.9"""


def throughput(*, collectors: Sequence[int], events: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure the events per second that collectors write from a backlog, with nothing else running.

    The backlog is created first, without collectors, so that the simulator does not take CPU time from them.
    """
    rows = []
    for count in collectors:
        with BenchStage() as stage:
            instances = _INSTANCES[:count]
            stage.collect(*instances)
            stage.stop_collectors()
            made = _fill(stage, events)
            before, begun_s = stage.usage(), time.monotonic()
            stage.collect(*instances)
            while stage.query("SELECT count(*) FROM face_edge.events")[0][0] < made:
                time.sleep(0.25)
            seconds = time.monotonic() - begun_s
            after = stage.usage()
            ((stored, rate),) = stage.query(_DRAINED)
            cpu = {
                name: round(after[name].cpu_s - before[name].cpu_s, 2) for name in ("broker", "database", "collectors")
            }
            row = {"collectors": count, "stored": stored, "events_per_s": round(rate), "seconds": round(seconds, 1)}
            rows.append(row | {"cpu_s": cpu, "memory_mb": round(after["collectors"].memory_mb)})
            tell(f"{count} collectors: {rate:,.0f} events/s of {stored:,}; CPU seconds {cpu}")
    return rows


def _fill(stage: BenchStage, events: int) -> int:
    """Publish ``events`` from 200 devices at full speed; return the number accepted by the broker."""
    seconds = 10.0
    simulator = stage.simulate(
        devices=200, rate=events / 200 / seconds, seconds=seconds, options=("--status-every", "60")
    )
    # it waits in vain for the database afterwards
    while not simulator.documents:
        time.sleep(0.1)
    simulator.kill()
    return int(simulator.documents[0]["acknowledged"])


def scale(*, devices: Sequence[int], rate: float, seconds: float, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure cost and latency as the fleet grows, with two collectors; ``rate`` is events per second and device."""
    rows = []
    for count in devices:
        with BenchStage() as stage:
            stage.collect("a", "b")
            simulator = stage.simulate(devices=count, rate=rate, seconds=seconds, options=("--status-every", "1"))
            while not simulator.documents:
                time.sleep(0.05)
            before, begun_s = stage.usage(simulator), time.monotonic()
            time.sleep(max(0.0, seconds - 2))
            after, passed_s = stage.usage(simulator), time.monotonic() - begun_s
            total, verdict = simulator.wait()[-2:]
            cost = {
                name: {"cpu_percent": round(100 * (after[name].cpu_s - before[name].cpu_s) / passed_s, 1),
                       "memory_mb": round(after[name].memory_mb)}
                for name in after
            }  # fmt: skip
            rows.append(
                {"devices": count, "asked_per_s": count * rate, "simulated": total, "verdict": verdict, "cost": cost}
            )
            latency = ", ".join(f"{key[8:-3]} {verdict[key]:.0f}" for key in verdict if key.startswith("latency"))
            tell(f"{count} devices: {total['made_per_s']:.0f} messages/s, lost {verdict['lost']}, ms {latency}; {cost}")
    return rows


def drill(*, devices: int, rate: float, resend_s: float, overlap: bool, tell: Callable[[str], None]) -> dict[str, Any]:
    """Kill collectors, broker and database in turn with SIGKILL and restart them while devices continue."""
    with BenchStage() as stage:
        stage.collect("a", "b", "c")
        scenes = _scenes(stage, overlap=overlap)
        seconds = sum(pause for pause, _, _ in scenes) + 4
        simulator = stage.simulate(
            devices=devices, rate=rate, seconds=seconds, options=("--resend", str(resend_s), "--status-every", "1")
        )
        while not simulator.documents:
            time.sleep(0.05)
        for pause, words, act in scenes:
            time.sleep(pause)
            tell(words)
            act()
        total, verdict = simulator.wait()[-2:]
        ((missing,),) = stage.query("SELECT coalesce(sum(missing), 0)::int FROM face_edge.gaps")
        repeated = sum(member["repeated"] for member in stage.stop_collectors())
        return {"overlap": overlap, "resend_s": resend_s, "simulated": total, "verdict": verdict,
                "missing_numbers": missing, "repeats_seen": repeated}  # fmt: skip


def _scenes(stage: BenchStage, *, overlap: bool) -> list[tuple[float, str, Callable[[], None]]]:
    """Yield ``(seconds since the previous step, description, action)``."""

    def kill(instance: str) -> Callable[[], None]:
        return lambda: stage.kill(instance)

    def back(instance: str) -> Callable[[], None]:
        return lambda: stage.collect(instance)

    def broker_back() -> None:
        stage.broker.start()

    def database_back() -> None:
        stage.database.start()

    if overlap:
        return [
            (3, "SIGKILL collector a", kill("a")),
            (3, "SIGKILL the broker while a is dead", stage.broker.kill),
            (2, "the broker is back", broker_back),
            (3, "collector a is back", back("a")),
            (6, "SIGKILL the broker", stage.broker.kill),
            (2, "the broker is back", broker_back),
            (6, "the end nears", lambda: None),
        ]
    return [
        (3, "SIGKILL collector a", kill("a")),
        (3, "collector a is back", back("a")),
        (4, "SIGKILL the broker", stage.broker.kill),
        (2, "the broker is back", broker_back),
        (6, "SIGKILL collector b", kill("b")),
        (3, "collector b is back", back("b")),
        (4, "SIGKILL the database", stage.database.kill),
        (3, "the database is back", database_back),
        (5, "SIGKILL the broker", stage.broker.kill),
        (2, "the broker is back", broker_back),
        (6, "the end nears", lambda: None),
    ]

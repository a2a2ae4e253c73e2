"""Plan of a simulation, and a check that this process can run it."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from edge.core.errors import InputError

DEVICES_MAX = 2000
_SPARE_FILES = 100


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """Plan of a simulation; ``rate`` is events per second and device, other rates follow the contract."""

    devices: int
    rate: float
    seconds: float | None = None
    seed: int = 0
    prefix: str = "face-edge"
    health_s: float = 60.0
    window_s: float = 60.0
    resend_s: float = 0.0
    keep_ids: bool = False

    def node(self, index: int) -> str:
        """Return the node id of a device, reproducible for the seed and distinct between seeds."""
        return f"sim{self.seed}-{index:05d}"

    @property
    def asked_per_s(self) -> float:
        """Return the rate of events and aggregates of all devices together."""
        return self.devices * (self.rate + 1 / self.window_s)


def prepare(plan: SimulationPlan) -> None:
    """Check ``plan`` and raise the limit of open files as needed.

    Raises:
        InputError: it exceeds one process, or the hard limit of open files.
    """
    if not 1 <= plan.devices <= DEVICES_MAX:
        msg = f"--devices: one process plays 1 to {DEVICES_MAX}, not {plan.devices}; start more with another --seed"
        raise InputError(msg)
    _allow_files(plan.devices + _SPARE_FILES)


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            msg = f"--devices: needs {needed} open files, {hard} are allowed: raise that with ulimit -n, or play fewer"
            raise InputError(msg)
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

"""Estimated time per face on a Raspberry Pi, from counted instructions, see docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass

COUNTED_MACS = (24_226_048, 117_461_504)
"""Multiply-accumulates of the two networks whose instructions were counted on an emulated core of each board."""


@dataclass(frozen=True, slots=True)
class Board:
    """One core of a board.

    ``instructions`` are those of one reading with either network of :data:`COUNTED_MACS`; ``per_cycle`` bounds how many
    of them the core is taken to do in a cycle.
    """

    name: str
    ghz: float
    instructions: tuple[float, float]
    per_cycle: tuple[float, float]

    def milliseconds(self, macs: int) -> tuple[float, float]:
        """Return the least and the most time of one reading.

        Instructions lie on a line through the two that were counted, which holds for networks of the same kind: stacks
        of 3 by 3 convolutions.
        """
        (few, many), (small, large) = COUNTED_MACS, self.instructions
        counted = small + (large - small) * (macs - few) / (many - few)
        slow, fast = self.per_cycle
        return counted / (fast * self.ghz * 1e6), counted / (slow * self.ghz * 1e6)


BOARDS = (
    Board("Zero 2 W", 1.0, (9.7e6, 44.4e6), (0.7, 1.1)),
    Board("Pi 4", 1.8, (8.4e6, 34.2e6), (1.0, 1.8)),
    Board("Pi 5", 2.4, (2.9e6, 10.8e6), (1.5, 2.8)),
)

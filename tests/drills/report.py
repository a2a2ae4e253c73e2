"""What a drill found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Mark(NamedTuple):
    """How a message is recognised: by its stream, its number there, and its id."""

    stream: str
    seq: int
    id: str


@dataclass(frozen=True, slots=True)
class Report:
    """``unsaved``: made, but not yet committed when their process was killed; they must be nowhere.

    ``out_of_order`` counts messages that came first after a later one of their stream, ``reused`` numbers that two
    received messages of a stream share.
    """

    drill: str
    done: tuple[str, ...]
    seconds: float
    sent: int
    received: int
    repeated: int
    lost: int
    out_of_order: int
    reused: int
    unsaved: int = 0
    unsaved_but_received: int = 0
    faults: tuple[str, ...] = ()
    """What else went wrong, in words."""

    @property
    def passed(self) -> bool:
        """True where nothing is lost, out of order, numbered twice or otherwise wrong."""
        return not (self.lost or self.out_of_order or self.reused or self.unsaved_but_received or self.faults)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """One table and what was done, as text."""
        figures = {
            "sent": self.sent,
            "received": self.received,
            "repeated": self.repeated,
            "lost": self.lost,
            "out of order": self.out_of_order,
        }
        if self.unsaved or self.drill == "device":
            figures["unsaved at the kill"] = self.unsaved
        widths = [max(len(name), len(f"{value:,}")) for name, value in figures.items()]
        rows = (figures, (f"{value:,}" for value in figures.values()))
        table = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        verdict = "nothing is lost or out of order" if self.passed else "FAILED"
        wrong = [f"- {fault}" for fault in self._faults()]
        return [
            f"drill {self.drill}, {self.seconds:.0f} s:",
            *(f"- {line}" for line in self.done),
            "",
            *table,
            "",
            verdict,
            *wrong,
        ]

    def _faults(self) -> list[str]:
        found = list(self.faults)
        if self.reused:
            found.append(f"{self.reused} numbers were used twice")
        if self.unsaved_but_received:
            found.append(f"{self.unsaved_but_received} messages were published before they were committed")
        return found


def account(
    drill: str,
    sent: Sequence[Mark],
    received: Sequence[Mark],
    *,
    done: Sequence[str],
    seconds: float,
    unsaved: Sequence[Mark] = (),
    faults: Sequence[str] = (),
) -> Report:
    """Compare what was sent with what came, in the order in which it came."""
    firsts = list(dict.fromkeys(received))
    arrived = set(firsts)
    return Report(
        drill=drill,
        done=tuple(done),
        seconds=round(seconds, 1),
        sent=len(sent),
        received=len(firsts),
        repeated=len(received) - len(firsts),
        lost=len(set(sent) - arrived),
        out_of_order=_out_of_order(firsts),
        reused=len(firsts) - len({(mark.stream, mark.seq) for mark in firsts}),
        unsaved=len(unsaved),
        unsaved_but_received=len(arrived.intersection(unsaved)),
        faults=tuple(faults),
    )


def _out_of_order(firsts: Sequence[Mark]) -> int:
    newest: dict[str, int] = {}
    late = 0
    for mark in firsts:
        late += mark.seq < newest.get(mark.stream, -1)
        newest[mark.stream] = max(mark.seq, newest.get(mark.stream, -1))
    return late

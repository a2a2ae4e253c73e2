"""Result of a drill as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class MessageMark(NamedTuple):
    """Identity of a message: its stream, its number in it, and its id."""

    stream: str
    seq: int
    id: str


@dataclass(frozen=True, slots=True)
class FeedReport:
    """Result of a drill. ``unsaved`` messages were not committed when their process was killed; they must not appear.

    ``out_of_order`` counts messages that arrived first after a later one of their stream, ``reused`` numbers shared by
    two received messages of a stream.
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
    """Descriptions of other faults."""

    @property
    def passed(self) -> bool:
        """Return whether no message is lost, out of order, numbered twice or otherwise wrong."""
        return not (self.lost or self.out_of_order or self.reused or self.unsaved_but_received or self.faults)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """Return a table and the actions, as text."""
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
        faults = list(self.faults)
        if self.reused:
            faults.append(f"{self.reused} numbers were used twice")
        if self.unsaved_but_received:
            faults.append(f"{self.unsaved_but_received} messages were published before they were committed")
        return faults


def account(
    drill: str,
    sent: Sequence[MessageMark],
    received: Sequence[MessageMark],
    *,
    done: Sequence[str],
    seconds: float,
    unsaved: Sequence[MessageMark] = (),
    faults: Sequence[str] = (),
) -> FeedReport:
    """Compare the sent messages with the received ones in their order of arrival."""
    firsts = list(dict.fromkeys(received))
    arrived = set(firsts)
    return FeedReport(
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


def _out_of_order(firsts: Sequence[MessageMark]) -> int:
    newest: dict[str, int] = {}
    late = 0
    for mark in firsts:
        late += mark.seq < newest.get(mark.stream, -1)
        newest[mark.stream] = max(mark.seq, newest.get(mark.stream, -1))
    return late

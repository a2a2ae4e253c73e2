"""Report of a benchmark: as text, JSON, and a table row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.bench.measure import Appliance, Throughput


@dataclass(frozen=True, slots=True)
class Report:
    """Figures and what they belong to; without ``appliance`` only the loop was measured."""

    machine: str
    clip: str
    model: str
    detector: str
    throughput: Throughput
    appliance: Appliance | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self)
        found["throughput"] |= {"ratio": self.throughput.ratio, "cpu_ratio": self.throughput.cpu_ratio}
        return found

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.clip}; {self.model}, {self.detector}",
            self.machine,
            "",
            *self._stages(),
            "",
            *self._loops(),
            *self._agreement(),
            *self._appliance(),
        ]

    def markdown(self) -> str:
        """Return a row of the table in docs/performance.md."""
        loops, device = self.throughput, self.appliance
        cells = [
            self.machine,
            self.clip,
            f"{loops.ours.fps:.0f}",
            _or(loops.ratio, "{:.0f}"),
            _or(loops.cpu_ratio, "{:.0f}"),
            _or(None if device is None else device.startup.event_s, "{:.1f}"),
            _or(None if device is None else device.one_face.memory_mb, "{:.0f}"),
            _or(None if device is None else 100 * device.idle.cpu_share, "{:.1f}"),
            _or(None if device is None else 100 * device.one_face.cpu_share, "{:.1f}"),
        ]
        return f"| {' | '.join(cells)} |"

    def _stages(self) -> list[str]:
        total = sum(stage.mean for stage in self.throughput.stages) or 1.0
        head = f"{'ms a frame':12}{'p50':>8}{'p95':>8}{'p99':>8}{'mean':>8}{'share':>8}"
        rows = [
            f"{stage.name:12}{stage.p50:8.3f}{stage.p95:8.3f}{stage.p99:8.3f}{stage.mean:8.3f}"
            f"{100 * stage.mean / total:7.0f} %"
            for stage in self.throughput.stages
        ]
        return [head, *rows]

    def _loops(self) -> list[str]:
        loops = self.throughput
        ours = f"{loops.ours.fps:.0f} frames a second, {loops.ours.cpu_s_per_s:.3f} s of processor a second of clip"
        lines = [f"our loop      {ours}"]
        if loops.joules_per_s is not None:
            lines[0] += f", {loops.joules_per_s:.2f} J"
        if loops.obvious is not None:
            theirs = f"{loops.obvious.fps:.0f} frames a second, {loops.obvious.cpu_s_per_s:.3f} s of processor"
            ratio = f"{loops.ratio:.1f} in frames a second, {loops.cpu_ratio:.1f} in processor time"
            lines += [f"obvious loop  {theirs}", f"ratio         {ratio}"]
        return lines

    def _agreement(self) -> list[str]:
        found = self.throughput.agreement
        if found is None:
            return []
        same = f"{_percent(found.recall)}, of these with its label {_percent(found.labels)}"
        lines = [f"of its {found.faces} faces we have {same}"]
        if found.recall_drawn is not None:
            ours = f"{_percent(found.recall_drawn)} and {found.extra:.2f} others a frame"
            theirs = f"{_percent(found.recall_drawn_obvious)} and {found.extra_obvious:.2f}"
            lines.append(f"of the faces drawn we have {ours}, it has {theirs}")
        return lines

    def _appliance(self) -> list[str]:
        device = self.appliance
        if device is None:
            return []
        begun, idle, one = device.startup, device.idle, device.one_face
        feed = "with the feed" if device.feed else "without a broker"
        return [
            "",
            f"start         {begun.message_s:.2f} s to the first message, {begun.event_s:.2f} s to the first event",
            f"memory        {one.memory_mb:.0f} MB resident with one face in view, {feed}",
            f"empty room    {100 * idle.cpu_share:.1f} % of a core at {idle.frames_per_s:.0f} frames a second",
            f"one face      {100 * one.cpu_share:.1f} % of a core at {one.frames_per_s:.0f} frames a second",
        ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _or(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)

"""Latencies as Markdown tables, which are readable as plain text, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.comparison.boards import BOARDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def markdown(found: Sequence[Mapping[str, Any]], machine: str) -> str:
    """Return networks with the estimate for each board, and batches against one by one."""
    return "\n".join(
        [
            f"One thread of {machine}, processor time, medians with quartiles over rounds; boards: estimates.",
            "",
            *_networks(found),
            "",
            "A batch's time over that of the faces one by one; in brackets when the number has just changed:",
            "",
            *_batches(found),
            "",
            *_differing(found),
        ]
    )


def _networks(found: Sequence[Mapping[str, Any]]) -> list[str]:
    first = found[0]["model"]
    header = ["network", "MMAC", "kB", "ms a face", f"times {first}", *(f"{board.name}, ms" for board in BOARDS)]
    return [
        _line(header),
        _line(["---", *["--:"] * (len(header) - 1)]),
        *(
            _line(
                [
                    row["model"],
                    f"{row['macs'] / 1e6:.1f}",
                    f"{row['bytes'] / 1000:.0f}",
                    _quartiles(row["milliseconds"]),
                    _quartiles(row["ratio"]),
                    *(_range(*board.milliseconds(row["macs"])) for board in BOARDS),
                ]
            )
            for row in found
        ),
    ]


def _batches(found: Sequence[Mapping[str, Any]]) -> list[str]:
    counts = [batch["faces"] for batch in found[0]["batches"]]
    return [
        _line(["network", *(f"{count} faces" if count > 1 else "1 face" for count in counts)]),
        _line(["---", *["--:"] * len(counts)]),
        *(
            _line(
                [
                    row["model"],
                    *(f"{_quartiles(batch['ratio'])} ({batch['laid_out'][1]:.2f})" for batch in row["batches"]),
                ]
            )
            for row in found
        ),
    ]


def _differing(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say where a batch gives other answers; empty where none does."""
    return [
        f"{row['model']}: {batch['differing']} values of a batch of {batch['faces']} are not those of the faces alone"
        for row in found
        for batch in row["batches"]
        if batch["differing"]
    ]


def _quartiles(values: Sequence[float]) -> str:
    low, middle, high = values
    return f"{middle:.2f}" if low == high else f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def _range(least: float, most: float) -> str:
    return f"{least:.2g} to {most:.2g}"


def _line(words: Sequence[str]) -> str:
    return "| " + " | ".join(words) + " |"

"""Draw the rooms of ``edge/`` in layers with their imports: ``python -m tests.house.graph FILE``.

An import that a longer path implies is left out (transitive reduction), or the picture would show lines only.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LAYERS_CONTRACT = 0
_BOX = {"boxstyle": "round,pad=0.35", "facecolor": "#f4f1ea", "edgecolor": "#5a5448", "linewidth": 0.8}
Edges = Counter[tuple[str, str]]


def layers() -> list[list[str]]:
    """Return the rooms from top to bottom as the import contract in pyproject.toml orders them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][_LAYERS_CONTRACT]
    return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]


def edges() -> Edges:
    """Count the imports between rooms, type-only ones included."""
    import grimp

    graph = grimp.build_graph("edge", cache_dir=None)
    counts: Edges = Counter()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pair = (_room(importer), _room(imported))
            counts[pair] += pair[0] != pair[1]
    return +counts


def _room(module: str) -> str:
    return ".".join(module.split(".")[1:2])


def reduced(imports: Edges) -> Edges:
    """Return ``imports`` without the pairs that a path through other rooms connects as well."""
    below: dict[str, set[str]] = {}
    for importer, imported in imports:
        below.setdefault(importer, set()).add(imported)

    def reaches(start: str, goal: str) -> bool:
        return any(room == goal or reaches(room, goal) for room in below.get(start, ()))

    return Counter(
        {
            (importer, imported): count
            for (importer, imported), count in imports.items()
            if not any(reaches(room, imported) for room in below[importer] - {imported})
        }
    )


def draw(path: Path, rooms: list[list[str]], imports: Edges) -> None:
    """Write the picture to ``path``; a line's width grows with the number of imports."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "rooms", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(8, 0.62 * len(rooms)))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-1, 1)
        axes.set_ylim(-len(rooms) + 0.4, 0.6)
        places = {
            room: ((column - (len(row) - 1) / 2) * 0.5, -float(level))
            for level, row in enumerate(rooms)
            for column, room in enumerate(row)
        }
        for (importer, imported), count in sorted(imports.items()):
            if importer not in places or imported not in places:
                continue
            (x0, y0), (x1, y1) = places[importer], places[imported]
            bend = 0.0 if y0 - y1 <= 1 else 0.12 + 0.02 * ((len(importer) + len(imported)) % 7)
            axes.annotate(
                "", (x1, y1), (x0, y0), zorder=1,
                arrowprops={
                    "arrowstyle": "-|>", "color": "#3b6ea5", "alpha": 0.7, "linewidth": 0.8 + min(2.2, count / 18),
                    "shrinkA": 12, "shrinkB": 14, "connectionstyle": f"arc3,rad={bend}",
                },
            )  # fmt: skip
        for room, (x, y) in places.items():
            axes.text(x, y, room, ha="center", va="center", fontsize=11, bbox=_BOX, zorder=2)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=130)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), layers(), reduced(edges()))

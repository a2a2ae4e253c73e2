"""Measure the code's structure: ``python -m tests.house.measure [PACKAGE...]`` prints a Markdown table.

Sizes are lines of source; a function's lines include its decorators and docstring. A docstring counts as an opening
clause where its first word is one of :data:`OPENINGS`.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "converter")
OPENINGS = ("What", "Where", "Who", "How", "When", "That", "Whether", "Which")
COLUMNS = (
    "package", "modules", "module lines", "function lines", "in-function imports per 100 functions",
    "docstrings with an opening clause", "mocks and patches per 100 tests", "typed", "class names used twice",
)  # fmt: skip
_MOCKS = re.compile(r"\b(?:monkeypatch\.(?:setattr|setitem)|mock\.|Mock\(|MagicMock\(|patch\()")
_TEST = re.compile(r"^\s*(?:async )?def test_", re.MULTILINE)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Measured:
    """Counts over all modules of one package; ``lines`` are per module and per function."""

    module_lines: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    inner_imports: int = 0
    docstrings: int = 0
    clauses: int = 0
    typed: int = 0
    classes: Counter[str] = field(default_factory=Counter)

    def add(self, source: str) -> None:
        """Count one module."""
        tree = ast.parse(source)
        self.module_lines.append(source.count("\n"))
        self.classes.update(node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | Function):
                self._add_docstring(ast.get_docstring(node))
            if isinstance(node, Function):
                self._add_function(node)

    def _add_docstring(self, text: str | None) -> None:
        if text:
            self.docstrings += 1
            self.clauses += text.split(maxsplit=1)[0].rstrip(",:") in OPENINGS

    def _add_function(self, node: Function) -> None:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        self.function_lines.append((node.end_lineno or node.lineno) - first + 1)
        self.inner_imports += sum(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node))
        own = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotated = all(each.annotation for each in own if each.arg not in {"self", "cls"})
        self.typed += annotated and (node.returns is not None)

    @property
    def duplicates(self) -> list[str]:
        """Return the public class names that more than one module defines."""
        return sorted(name for name, count in self.classes.items() if count > 1)


def measure(files: Iterable[Path]) -> Measured:
    """Measure all ``files`` as one package."""
    measured = Measured()
    for file in files:
        measured.add(file.read_text(encoding="utf-8"))
    return measured


def mocks_per_100_tests(folder: Path) -> float:
    """Return how often tests replace a part, per 100 tests."""
    texts = [file.read_text(encoding="utf-8") for file in folder.rglob("*.py")]
    tests = sum(len(_TEST.findall(text)) for text in texts)
    return 100 * sum(len(_MOCKS.findall(text)) for text in texts) / max(1, tests)


def spread(values: Sequence[int]) -> str:
    """Return median, 95th percentile and maximum as text."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):g} / {ordered[int(0.95 * (len(ordered) - 1))]} / {ordered[-1]}"


def rows(packages: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield one row of the table for each package below the checkout's root."""
    mocks = f"{mocks_per_100_tests(ROOT / 'tests'):.1f}"
    for package in packages:
        found = measure(sorted((ROOT / package).rglob("*.py")))
        functions = max(1, len(found.function_lines))
        yield (
            package, str(len(found.module_lines)), spread(found.module_lines), spread(found.function_lines),
            f"{100 * found.inner_imports / functions:.1f}", f"{100 * found.clauses / max(1, found.docstrings):.1f} %",
            mocks, f"{100 * found.typed / functions:.0f} %", str(len(found.duplicates)),
        )  # fmt: skip


def main(packages: Sequence[str]) -> None:
    """Print the table."""
    table = [COLUMNS, tuple("---" for _ in COLUMNS), *rows(packages or PACKAGES)]
    sys.stdout.writelines(f"| {' | '.join(row)} |\n" for row in table)


if __name__ == "__main__":
    main(sys.argv[1:])

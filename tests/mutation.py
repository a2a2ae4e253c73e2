"""Summarise the results of `mutmut run` in `mutants/`: a row for each module, and the undetected changes.

Usage: python tests/mutation.py [--survivors] [--least PERCENT]

Exits with 1 if less than PERCENT (85) of the tested changes are detected.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import sys
from collections import Counter
from pathlib import Path

FOLDER = Path("mutants")
SURVIVED, UNTESTED, UNTRIED = 0, 33, None


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--survivors", action="store_true", help="also print each change that survived")
    parser.add_argument("--least", type=float, default=85.0, metavar="PERCENT", help="fail below this score (85)")
    options = parser.parse_args()
    rows = [(path, outcomes(path)) for path in sorted(FOLDER.rglob("*.meta"))]
    total: Counter[str] = Counter()
    print("| module | changes | noticed | survived | without a test |\n|---|---:|---:|---:|---:|")
    for path, codes in rows:
        counted = Counter(kind(code) for code in codes.values())
        total += counted
        if counted:
            print(row(f"`{module(path)}`", counted))
    print(row("all", total))
    if options.survivors:
        for path, codes in rows:
            print("\n".join(survivors(path, codes)))
    if total["untried"]:
        print(f"{total['untried']} changes were not tried yet: mutmut run")
    tried = total["noticed"] + total["survived"] + total["untested"]
    score = 100 * total["noticed"] / tried if tried else 0.0
    print(f"{score:.1f} % noticed, at least {options.least:g} % asked for")
    return 0 if score >= options.least else 1


def outcomes(path: Path) -> dict[str, int | None]:
    """Return the exit code of the tests for each change of a module; ``None`` if it was not tested."""
    codes: dict[str, int | None] = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def kind(code: int | None) -> str:
    """Return the result of a change."""
    return {SURVIVED: "survived", UNTESTED: "untested", UNTRIED: "untried"}.get(code, "noticed")


def module(path: Path) -> str:
    """Return the module's path in the repository."""
    return str(path.relative_to(FOLDER).with_suffix(""))


def row(name: str, counted: Counter[str]) -> str:
    """Return a line of the table."""
    figures = (counted.total() - counted["untried"], counted["noticed"], counted["survived"], counted["untested"])
    return f"| {name} | {' | '.join(str(figure) for figure in figures)} |"


def survivors(path: Path, codes: dict[str, int | None]) -> list[str]:
    """Return the changed lines of each undetected change."""
    source = path.with_suffix("").read_text(encoding="utf-8")
    lines = source.splitlines()
    functions = {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}

    def body(name: str) -> list[str]:
        node = functions[name]
        return lines[node.lineno : node.end_lineno]

    found = []
    for key, code in codes.items():
        name = key.rpartition(".")[2]
        original = name.rpartition("__mutmut_")[0] + "__mutmut_orig"
        if code != SURVIVED or name not in functions or original not in functions:
            continue
        changed = [
            f"    {line[0]} {line[1:].strip()}"
            for line in difflib.unified_diff(body(original), body(name), n=0, lineterm="")
            if line[0] in "+-" and not line.startswith(("+++", "---"))
        ]
        found += [f"{module(path)}: {name}", *changed]
    return found


if __name__ == "__main__":
    sys.exit(main())

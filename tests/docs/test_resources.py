"""The table of resources in docs/security.md has the numbers of the code."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs/security.md").read_text(encoding="utf-8").partition("\n## Resources\n")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in SECTION.partition("\n`make soak`")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| resource ")
]
NUMBER = re.compile(r"(\d[\d,.]*)(%| ?(?:MiB|KiB|MB|kB))?(?=[^\d]|$)")
NAMED = re.compile(r"\(`([\w/.-]+):([\w.]+)`\)")
FACTORS = {"": 1, "%": 1, "MiB": 2**20, "KiB": 2**10, "MB": 10**6, "kB": 10**3}
IN_MEGABYTES = ("max_mb", "upload_mb")
WANTED = {
    "descriptors",
    "memory of the service",
    "threads",
    "log",
    "processor",
    "streams",
    "upload slots",
    "disk for sessions",
    "connections to the embedded broker",
    "the collector's queue",
}


def claims() -> list[tuple[str, str, str]]:
    """File, name and the number before its brackets."""
    found = []
    for row in ROWS:
        for cell in row[1:4]:
            start = 0
            for named in NAMED.finditer(cell):
                numbers = NUMBER.findall(cell[start : named.start()])
                assert numbers, f"{named[0]}: no number before it"
                found.append((named[1], named[2], "".join(numbers[-1])))
                start = named.end()
    return found


def value(file: str, name: str) -> Any:
    """What the code has: a constant, a default of a section, a dataclass or a parameter, or a unit's setting."""
    if file.endswith(".service"):
        (line,) = re.findall(rf"^{name}=(.*)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        return float(line.rstrip("%"))
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    first, _, rest = name.partition(".")
    found = getattr(module, first)
    if not rest:
        return found
    if hasattr(found, "model_fields"):
        return found.model_fields[rest].default
    if dataclasses.is_dataclass(found):
        return next(field.default for field in dataclasses.fields(found) if field.name == rest)
    return inspect.signature(found).parameters[rest].default


def stated(text: str, name: str) -> float:
    """A number of the table in the unit of the code."""
    number, unit = NUMBER.fullmatch(text).groups()  # type: ignore[union-attr]
    unit = (unit or "").strip()
    factor = 1 if name.endswith(IN_MEGABYTES) else FACTORS[unit]
    return float(number.replace(",", "")) * factor


def test_the_table_has_a_row_for_each_resource_and_no_empty_cell() -> None:
    assert {row[0] for row in ROWS} >= WANTED
    for row in ROWS:
        assert len(row) == 6, row
        assert all(row), row
        assert "::" in row[5], row


@pytest.mark.parametrize(("file", "name", "number"), claims())
def test_a_bound_in_the_table_is_the_codes(file: str, name: str, number: str) -> None:
    assert stated(number, name) == value(file, name)


def test_enough_numbers_are_tied() -> None:
    assert len(claims()) > 35

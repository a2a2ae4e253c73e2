from __future__ import annotations

import csv
import io
import json

import pytest

from edge.util.text import cell, cells, in_one_line, json_text

HOSTILE = "a\nb\r\x00\x1b[31m\x9b1m\x7f\u2028\u2029\u202e\u200b\ud800"


def test_a_line_stays_one_and_controls_nothing() -> None:
    assert in_one_line("Zürich, 東京: 5 °C") == "Zürich, 東京: 5 °C"
    assert in_one_line(HOSTILE).isprintable()
    assert len(in_one_line(HOSTILE)) == len(HOSTILE)


def test_json_to_print_keeps_letters_and_escapes_the_rest() -> None:
    text = json_text({"name": HOSTILE, "place": "Zürich"}, indent=2)
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert "Zürich" in text
    assert json.loads(text) == {"name": HOSTILE, "place": "Zürich"}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", " =", "\n=", "\uff1d", "\uff20"])
def test_no_cell_is_a_formula(begin: str) -> None:
    assert cell(f"{begin}HYPERLINK(1)") == f"'{begin}HYPERLINK(1)"


def test_other_cells_and_numbers_stay() -> None:
    row = {"name": "me & you.jpg", "none": "", "x": -3, "share": -0.5, "nothing": None}
    assert cells(row) == row
    stream = io.StringIO()
    csv.writer(stream).writerow(cells({"a": '=1+"1"'}).values())
    assert next(csv.reader(io.StringIO(stream.getvalue()))) == ['\'=1+"1"']

"""The documentation's sheet of all looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from edge.core.errors import InputError
from edge.sinks.display import sheet

if TYPE_CHECKING:
    from pathlib import Path


def test_the_sheet_is_written(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    sheet.main([str(out)])
    with Image.open(out) as picture:
        assert picture.size == (1320, 944)
        assert len(picture.getcolors(100_000)) > 20


@pytest.mark.parametrize("arguments", [[], ["a.png", "b.png"], ["/nowhere/at/all.png"], ["name-without-a-kind"]])
def test_bad_arguments_are_one_line(arguments: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        sheet.main(arguments)
    assert "\n" not in str(caught.value)

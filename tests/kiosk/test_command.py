"""``face-edge kiosk password``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from edge.cli.kiosk import kiosk
from edge.errors import InputError
from edge.kiosk.passwords import read_hash, verify

if TYPE_CHECKING:
    from pathlib import Path


def test_it_writes_a_hash_that_only_the_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "operator.hash"
    run = CliRunner()
    assert run.invoke(kiosk, ["password", "--output", str(path)], input="correct horse\n").exit_code == 0
    assert verify("correct horse", read_hash(path, "kiosk.password_file"))
    assert path.stat().st_mode & 0o077 == 0
    again = run.invoke(kiosk, ["password", "--output", str(path)], input="another one\n")
    assert isinstance(again.exception, InputError)
    assert run.invoke(kiosk, ["password", "--output", str(path), "--force"], input="another one\n").exit_code == 0
    assert verify("another one", read_hash(path, "kiosk.password_file"))


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_odd_lengths_are_refused(password: str) -> None:
    refused = CliRunner().invoke(kiosk, ["password"], input=password + "\n")
    assert isinstance(refused.exception, InputError)

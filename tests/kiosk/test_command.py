"""``face-edge kiosk password`` and ``certificate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from edge.cli.kiosk import kiosk
from edge.cli.settings import Settings
from edge.core.errors import InputError
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


def test_the_certificate_is_told_and_made_where_there_is_none(tmp_path: Path) -> None:
    certificates = pytest.importorskip("edge.kiosk.certificate", reason="the extra `kiosk` is not installed")
    settings = Settings(overrides={"node.state_dir": str(tmp_path), "kiosk.tls": "self-signed"})
    pem = tmp_path / "device.pem"
    told = CliRunner().invoke(kiosk, ["certificate", "--output", str(pem)], obj=settings)
    assert told.exit_code == 0
    made = certificates.describe(pem.read_bytes())
    assert made.fingerprint in told.stdout
    assert "localhost" in told.stdout
    spki = CliRunner().invoke(kiosk, ["certificate", "--spki"], obj=settings)
    assert spki.stdout.strip() == made.spki
    plain = CliRunner().invoke(kiosk, ["certificate"], obj=Settings(overrides={"node.state_dir": str(tmp_path)}))
    assert isinstance(plain.exception, InputError)
    assert "kiosk.tls" in str(plain.exception)

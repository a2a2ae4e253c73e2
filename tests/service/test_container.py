"""The container's check where it cannot run: it says what it needs and does not pass."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("bash", "dirname", "id", "make", "python3", "sh", "env", "grep", "expr")
UNABLE = 77


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH without the two programs that make the container."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return str(folder)


def run(path: str, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_missing_packages_are_named_and_have_their_own_exit_code(bare_path: str) -> None:
    done = run(bare_path, "bash", "tests/service/container.sh")
    last = done.stdout.splitlines()[-1]
    assert done.returncode == UNABLE, done.stderr
    assert last == "cannot run: packages are missing: sudo apt-get install systemd-container mmdebstrap"
    manual = (ROOT / "docs" / "appliance.md").read_text(encoding="utf-8")
    assert "`systemd-container` and `mmdebstrap`" in manual.replace("\n", " ")


def test_make_fails_where_it_cannot_run_unless_that_may_be_skipped(bare_path: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    asked = run(bare_path, "make", "--old-file=.venv/bin/python", "test-service")
    assert asked.returncode != 0
    assert f"Error {UNABLE}" in asked.stderr
    skipped = run(bare_path, "make", "--old-file=.venv/bin/python", "test-service", "SKIP=1")
    assert skipped.returncode == 0, skipped.stderr
    assert "cannot run: packages are missing" in skipped.stdout

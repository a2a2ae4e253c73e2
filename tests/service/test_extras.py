"""Extras that the installer adds: checked by name, remembered, installed from lock files and from nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the installer is a bash script")


class Installer:
    """``extras.sh`` with a folder of its own for /etc/face-edge, and a pip that only notes its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.release = folder / "release"
        (self.release / "bin").mkdir(parents=True)
        pip = self.release / "bin/python"
        pip.write_text(f'#!/bin/sh\necho "$@" >>{folder}/calls\n')
        pip.chmod(0o755)
        self.wheel = folder / "face_edge-9-py3-none-any.whl"
        self.wheel.write_bytes(b"wheel")

    def __call__(self, commands: str) -> subprocess.CompletedProcess[str]:
        script = f"""
            set -euo pipefail; shopt -s inherit_errexit
            die() {{ printf '%s\\n' "$*" >&2; exit 1; }}
            say() {{ printf '== %s\\n' "$*"; }}
            here={ROOT}/systemd wheel={self.wheel} locked=pi,kiosk,video,metrics,reports
            . {ROOT}/systemd/extras.sh
            extras_file={self.folder}/etc/extras
            {commands}
        """
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    @property
    def remembered(self) -> list[str]:
        path = self.folder / "etc/extras"
        return path.read_text().split() if path.exists() else []

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


def test_what_was_added_once_is_there_after_every_upgrade(installer: Installer) -> None:
    installer("choose_extras 3.13 ,parquet no; remember_extras")
    assert installer.remembered == ["parquet"]
    installer("choose_extras 3.13 ,broker,parquet no; remember_extras")
    assert installer.remembered == ["parquet", "broker"]
    upgraded = installer('choose_extras 3.13 "" no; remember_extras; all_extras')
    assert upgraded.stdout == "pi,kiosk,video,metrics,reports,parquet,broker"
    assert installer.remembered == ["parquet", "broker"]
    installer('choose_extras 3.13 "" yes; remember_extras')
    assert installer.remembered == []


def test_extras_that_every_device_has_need_no_lock(installer: Installer) -> None:
    assert installer("choose_extras 3.13 ,reports,displays,models,video no; remember_extras").returncode == 0
    assert installer.remembered == []


@pytest.mark.parametrize(
    ("python", "name"), [("3.13", "parqet"), ("3.13", "tflite-runtime"), ("3.11", "dev"), ("3.12", "converter")]
)
def test_a_name_that_no_device_has_is_refused_with_the_list(installer: Installer, python: str, name: str) -> None:
    refused = installer(f"choose_extras {python} ,broker,{name} no; remember_extras")
    assert refused.returncode == 1
    assert f"there is no extra '{name}' for Python {python}" in refused.stderr
    assert "broker fleet parquet schema" in refused.stderr
    assert installer.remembered == []


def test_extras_keep_the_lock(installer: Installer) -> None:
    done = installer(f"choose_extras 3.13 ,parquet,broker no; install_packages {installer.release} 3.13")
    assert done.returncode == 0, done.stderr
    locked, own = installer.calls
    assert "--require-hashes --only-binary :all:" in locked
    files = [Path(word).name for word in locked.split() if word.endswith(".txt")]
    assert files == ["requirements-3.13.txt", "parquet-3.13.txt", "broker-3.13.txt"]
    assert "--no-deps --no-index" in own


def test_without_a_lock_for_this_python_the_extras_are_asked_for_by_name(installer: Installer) -> None:
    done = installer(f"choose_extras 3.12 ,tflite-runtime no; install_packages {installer.release} 3.12")
    assert "no locked versions for Python 3.12" in done.stdout
    assert installer.calls[-1].endswith(".whl[pi,kiosk,video,metrics,reports,tflite-runtime]")


def test_each_release_keeps_the_installer_and_its_wheel(installer: Installer) -> None:
    installer(f'choose_extras 3.13 "" no; install_packages {installer.release} 3.13')
    kept = installer.release / "installer"
    assert {"install.sh", "parts.sh", "extras.sh", "requirements-3.13.txt", installer.wheel.name} <= {
        path.name for path in kept.iterdir()
    }
    # from there, without a wheel given, the next one is made of the same wheel
    again = Installer(installer.folder / "again")
    again.wheel.unlink()
    copied = again(f'here={kept} wheel=""; choose_extras 3.13 "" no; install_packages {again.release} 3.13')
    assert copied.returncode == 0, copied.stderr
    assert (again.release / "installer" / installer.wheel.name).read_bytes() == b"wheel"

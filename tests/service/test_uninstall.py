"""What the uninstaller says of retained messages, and the traces outside of its own folders that it removes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.cli import main
from edge.sinks.mqtt.homeassistant.discovery import discovery_topic

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the installer is a bash script")


def uninstaller(commands: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``uninstall.sh`` with folders of its own in the place of the system's."""
    script = f"""
        set -euo pipefail; shopt -s inherit_errexit
        die() {{ printf '%s\\n' "$*" >&2; exit 1; }}
        say() {{ printf '== %s\\n' "$*"; }}
        root={folder}/opt units=() purge=no start=yes retire=ask
        . {ROOT}/systemd/uninstall.sh
        homes={folder}/home
        {commands}
    """
    given = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), **environment}
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=given, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An installation whose Python is this one."""
    binaries = tmp_path / "opt/current/bin"
    binaries.mkdir(parents=True)
    python = binaries / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path


def settings(broker: str) -> dict[str, str]:
    return {"FACE_EDGE_CONFIG": "/dev/null", "FACE_EDGE_MQTT__BROKER": broker, "FACE_EDGE_NODE__ID": "hall"}


def test_the_commands_that_it_names_take_everything_off_the_broker(
    installed: Path, mosquitto: Callable[..., Any]
) -> None:
    for program in ("mosquitto_sub", "mosquitto_pub"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install mosquitto-clients")
    broker = mosquitto()
    base = [f"face-edge/hall/{name}" for name in ("availability", "camera", "info", "health")]
    topics = [*base, discovery_topic("hall", "homeassistant")]
    others = ["face-edge/foyer/camera", discovery_topic("foyer", "homeassistant")]
    for topic in (*topics, *others):
        subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-t", topic, "-r", "-m", "online"], check=True)
    said = uninstaller("retained_topics", installed, **settings(broker.uri))
    assert "face-edge retire --node hall" in said.stdout
    subprocess.run(["sh", "-c", said.stdout[said.stdout.index("mosquitto_sub") :]], check=True, timeout=30)
    listed = ["mosquitto_sub", "-p", str(broker.port), "-t", "#", "--retained-only", "-W", "2", "-F", "%t"]
    left = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
    assert sorted(left) == sorted(others)


@pytest.mark.parametrize("broker", ["off", "embedded"])
def test_where_nothing_is_kept_there_is_nothing_to_say(installed: Path, broker: str) -> None:
    said = uninstaller("retained_topics", installed, **settings(broker))
    assert (said.returncode, said.stdout) == (0, "")


def test_a_broker_with_tls_is_reached_by_tls(installed: Path) -> None:
    said = uninstaller("retained_topics", installed, **settings("mqtts://broker.example:8883"))
    assert "mosquitto_sub -h broker.example -p 8883 --tls-use-os-certs -t 'face-edge/hall/#'" in said.stdout


@pytest.mark.parametrize(("given", "wanted"), [("ask", "no"), ("yes", "yes"), ("no", "no")])
def test_without_a_terminal_nobody_is_asked(tmp_path: Path, given: str, wanted: str) -> None:
    asked = uninstaller(f"retire={given}; choose_retirement; echo $retire", tmp_path)
    assert asked.stdout == f"{wanted}\n"


def test_on_a_terminal_it_is_offered() -> None:
    if shutil.which("script") is None:
        pytest.skip("a terminal is made with script: apt install bsdutils")
    commands = f". {ROOT}/systemd/uninstall.sh; retire=ask; choose_retirement; echo found=$retire"
    for answer, wanted in (("", "yes"), ("y", "yes"), ("n", "no")):
        shown = subprocess.run(
            ["script", "-qec", f"bash -c '{commands}'", "/dev/null"],
            input=answer + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "out of Home Assistant first? [Y/n]" in shown.stdout
        assert f"found={wanted}" in shown.stdout


def test_a_desktop_s_autostart_loses_our_line_alone(tmp_path: Path) -> None:
    file = tmp_path / "home/pi/.config/labwc/autostart"
    file.parent.mkdir(parents=True)
    ours = (ROOT / "docs/kiosk.md").read_text(encoding="utf-8").split("echo '")[1].split("'")[0]
    file.write_text(f"swaybg &\n{ours}\n")
    file.chmod(0o600)
    other = tmp_path / "home/anna/.config/labwc/autostart"
    other.parent.mkdir(parents=True)
    other.write_text("panel &\n")
    before = other.stat()
    done = uninstaller("remove_autostart", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("swaybg &\n", 0o600)
    assert str(file) in done.stdout
    assert other.stat().st_mtime_ns == before.st_mtime_ns
    file.write_text(f"{ours}\n")
    assert uninstaller("remove_autostart", tmp_path).returncode == 0
    assert file.read_text() == ""


def test_the_command_that_it_runs_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retire", "--help"]) == 0
    assert "--node" in capsys.readouterr().out


@pytest.mark.parametrize("unit_is_there", [True, False])
def test_a_unit_or_link_of_a_trial_that_an_older_installer_left_is_removed(tmp_path: Path, unit_is_there: bool) -> None:
    unit, wants = tmp_path / "units/face-edge-trial.service", tmp_path / "units/face-edge.service.wants"
    wants.mkdir(parents=True)
    (wants / unit.name).symlink_to(unit)
    if unit_is_there:
        unit.touch()
    said = uninstaller(
        f"here=; . {ROOT}/systemd/upgrade.sh; trial_unit={unit}; systemctl() {{ return 1; }}; remove_upgrader", tmp_path
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert list((tmp_path / "units").iterdir()) == []

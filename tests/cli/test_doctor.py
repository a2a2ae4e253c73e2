from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def test_json_has_every_check_and_the_exit_code_follows(face_edge: Any, tmp_path: Path) -> None:
    state = {"FACE_EDGE_NODE__STATE_DIR": str(tmp_path), "FACE_EDGE_SOURCE__URI": "virtual"}
    done = face_edge("doctor", "--json", environment=state)
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert {"configuration", "board", "python", "system", "numpy", "opencv", "model", "runtime", "camera"} <= set(
        checks
    )
    assert {"gpio", "groups", "broker", "state", "clock", "power", "temperature", "memory"} <= set(checks)
    assert all(set(check) == {"name", "status", "message", "remedy"} for check in checks.values())
    assert all(check["remedy"] for check in checks.values() if check["status"] == "fail")
    assert report["healthy"] == all(check["status"] != "fail" for check in checks.values())
    assert done.returncode == (0 if report["healthy"] else 1)
    assert checks["camera"]["status"] == "ok"
    assert done.stderr == ""


def test_a_wrong_configuration_and_a_missing_camera_fail_in_lines_with_a_remedy(face_edge: Any) -> None:
    done = face_edge("--set", "source.uri=usb:97", "--set", "mqtt.brokr=x", "doctor")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "fail  configuration command line: mqtt.brokr: unknown setting; did you mean 'broker'?"
    assert lines[1].strip().startswith("-> ")
    usb = face_edge("--set", "source.uri=usb:97", "doctor")
    (line,) = (line for line in usb.stdout.splitlines() if "camera" in line and line.startswith("fail"))
    assert "/dev/video97 does not exist" in line
    assert usb.returncode == 1

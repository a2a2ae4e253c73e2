"""The added model's files are deleted while the device uses them, and then the device is killed."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import TYPE_CHECKING

from edge.config import load
from edge.inference.manifest import manifest_path, packaged_model
from edge.models.install import add
from edge.models.store import models_dir
from tests.drills.appliance import DrillDevice
from tests.drills.outcome import DrillOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_RUN_ON_S = 2.0
NAME = "drill-model"


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> DrillOutcome:
    """Add a copy of the packaged model under another name, run it, delete it, kill the device."""
    del events, seed
    begun_s, faults = time.monotonic(), []
    device = DrillDevice(folder)
    config = load(None, environment={}, flags={"node.state_dir": device.state})
    add(config, _copied(folder / "brought"), unsigned=True)
    with device:
        device.wait_looking()
        before = device.status()["info"]["model"]
        shutil.rmtree(models_dir(config, {}))
        time.sleep(_RUN_ON_S)
        if device.status().get("camera") != "online":
            faults.append("it did not go on looking")
        device.kill()
        progress(1)
        device.start()
        back_s = device.wait_looking()
        after = device.status()["info"]
        device.stop()
    if before != NAME:
        faults.append(f"it did not run with the added model but with {before}")
    if after["model"] == NAME:
        faults.append("it still runs a model that is gone")
    return DrillOutcome(
        "model",
        "the folder of added models deleted while one of them runs, then SIGKILL",
        ("it went on looking with the model in memory", f"the next start used {after['model']}, which came along"),
        back_s,
        "nothing but the deleted model",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _copied(folder: Path) -> Path:
    folder.mkdir()
    original, copy = packaged_model(), folder / f"{NAME}.tflite"
    shutil.copyfile(original, copy)
    fields = json.loads(manifest_path(original).read_text(encoding="utf-8"))
    fields |= {"file": copy.name, "name": NAME, "sha256": hashlib.sha256(copy.read_bytes()).hexdigest()}
    manifest_path(copy).write_text(json.dumps(fields), encoding="utf-8")
    return copy

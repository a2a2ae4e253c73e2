"""Checks of the light and of the distance up to which faces are found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError
from edge.core.types import Light
from edge.diagnostics.finding import Status, ok, skip, warn
from edge.diagnostics.sight_probe import CODE, SECTIONS
from edge.runtime.local import NotRunning, ask, control_paths
from edge.sandbox.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config
    from edge.diagnostics.finding import Finding
    from edge.sandbox.probe import Outcome

_TIMEOUT_S = 30.0
_WORDS = {
    Light.NORMAL: "enough light",
    Light.DARK: "dark, contrast is raised",
    Light.TOO_DARK: "too dark to see faces",
}
_REMEDY = "add light or move the device"


def sight(config: Config, camera: Finding) -> Iterator[Finding]:
    """Ask the running device, or read a frame from the ``camera`` if no device runs and its check did not fail."""
    if camera.status is Status.FAIL:
        yield skip("light", "there is no camera to look through")
        yield skip("faces", "there is no camera to look through")
        return
    is_free, told = False, ""
    try:
        status = ask(control_paths(config), "status")
    except NotRunning:
        is_free = True
    except EdgeError as error:
        told = str(error)
    outcome = probe(CODE, "free" if is_free else "taken", timeout_s=_TIMEOUT_S, given=_settings(config))
    if is_free:
        yield measured_light(outcome)
    else:
        yield skip("light", told) if told else running_light(status)
    yield faces(outcome)


def running_light(status: dict[str, Any]) -> Finding:
    """Evaluate the light that a running device reports."""
    light = status["health"].get("light")
    if light is None:
        return skip("light", f"the running device has not seen enough yet, its camera is {status['camera'] or 'new'}")
    return _judged(Light(light), "as the running device sees it")


def measured_light(outcome: Outcome) -> Finding:
    """Evaluate the frame that the probe read."""
    answer = outcome.answer
    if answer is None or "reason" in answer:
        return skip("light", f"no picture to judge: {outcome.reason if answer is None else answer['reason']}")
    if "light" not in answer:
        return skip("light", "pictures come from files")
    return _judged(Light(answer["light"]), f"bright parts of the picture reach {answer['bright']} of 255")


def faces(outcome: Outcome) -> Finding:
    """Report the least size of faces, and the distance up to which they are found with common lenses."""
    answer = outcome.answer
    if answer is None:
        return skip("faces", f"their smallest size is not known: {outcome.reason}")
    frame = f"{answer['width']}x{answer['height']}, {answer['kind']}"
    metres = ", ".join(f"{distance} m with {_a(lens)}" for lens, distance in answer["metres"])
    return ok("faces", f"from {answer['face_px']} pixels on ({frame}){f': up to about {metres}' if metres else ''}")


def _judged(light: Light, how: str) -> Finding:
    message = f"{_WORDS[light]}: {how}"
    return warn("light", message, _REMEDY) if light is Light.TOO_DARK else ok("light", message)


def _a(lens: str) -> str:
    return f"{'an' if lens.startswith('HQ') else 'a'} {lens}"


def _settings(config: Config) -> str:
    """Return the sections that the probe needs; they go over a pipe, since a source's address may hold a password."""
    return json.dumps({name: getattr(config, name).model_dump(mode="json") for name in SECTIONS})

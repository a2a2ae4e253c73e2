"""What is looked at, and how: source, faces, tracks, network, smoothing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from edge.config.section import ConfigSection, OptionalPath, PositiveSeconds, Seconds, Share
from edge.inference.calibration import AUDIENCE, EVEN, MIN_CONFIDENCE, WEB


def _control_value(value: Any) -> Any:
    """A value that a camera's control can take; which of them it may be, the camera says when it is opened."""
    if isinstance(value, list):
        return [_control_value(item) for item in value]
    if not isinstance(value, bool | int | float | str):
        msg = f"expected true or false, a number, text or a list of numbers, found {value!r}"
        raise ValueError(msg)  # noqa: TRY004 - Pydantic reports ValueError alone
    return value


ControlValue = Annotated[Any, AfterValidator(_control_value)]
_PowerLine = Annotated[
    Literal["auto", "50", "60", "off", "unset"],
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
]


class SourceConfig(ConfigSection):
    """Where frames come from."""

    uri: str = Field(
        "picamera",
        description="picamera[:N] | usb:N | usb:NAME | /dev/v4l/by-id/… | FILE | rtsp://… | http://… | images:PATH | "
        "replay:FILE[?pace=real|fast] | virtual[:SCENE]",
    )
    pace: Literal["real", "fast"] = Field(
        "real",
        description="of files and pictures in `run`: real: at their own pace (pictures at `fps`), as a camera would "
        "see them; fast: every frame, as fast as it is looked at, with times of the recording",
    )
    loop: bool = Field(False, description="files and pictures begin again at their end")
    at_end: Literal["auto", "stay", "exit"] = Field(
        "auto",
        description="what `run` does when a recording is over: stay, with the page and the feed, until it is stopped; "
        "exit; auto: stay where the page is on",
    )
    width: int = Field(1280, ge=64, le=8192, description="asked of a camera, pixels")
    height: int = Field(720, ge=64, le=8192, description="asked of a camera, pixels")
    fps: float = Field(15.0, gt=0, le=240, description="asked of a camera; the pace of images and virtual")
    min_fps: float = Field(
        5.0,
        gt=0,
        le=240,
        description="of a camera: in the dark its rate may fall to this, so that it can expose for longer; from `fps` "
        "on: it keeps its rate and the picture gets darker",
    )
    idle_fps: float = Field(
        5.0, ge=0, le=240, description="frames a second while nobody is in view and nothing moves; 0: all of them"
    )
    rotation: Literal[0, 90, 180, 270] = Field(0, description="degrees clockwise that put the picture upright")
    mirror: bool = Field(False, description="flip left and right, as a mirror shows people")
    grey: bool = Field(
        False, description="turn the picture grey at the source: for infrared cameras, or where colour must not be kept"
    )
    power_line: _PowerLine = Field(
        "auto",
        description="frequency of the mains in Hz, against flicker, of picamera and usb alone; auto: the camera finds "
        "it out if it can, otherwise unset; unset: as the camera has it",
    )
    controls: dict[str, ControlValue] = Field(
        {},
        description="controls of picamera and usb by the camera's own names, such as { AfRange = 2 } or "
        "{ backlight_compensation = 1 }; they win over what is set automatically",
    )
    open_timeout_s: PositiveSeconds = Field(10.0, description="how long opening may take")
    read_timeout_s: PositiveSeconds = Field(3.0, description="without a frame for so long the source is opened again")
    backoff_max_s: PositiveSeconds = Field(30.0, description="longest pause between attempts to open it again")
    give_up_s: Seconds = Field(
        600.0,
        description="after so long without a camera the process ends, for the service manager to start it anew; "
        "0: never",
    )


PROFILES = {"near": 0.1, "room": 0.05, "crowd": 0.025}
"""Smallest face by profile, as a share of the picture's shorter side."""


class DetectorConfig(ConfigSection):
    """How faces are found."""

    kind: Literal["auto", "haar", "yunet", "blazeface"] = Field(
        "auto",
        description="auto: yunet where `face-edge models add yunet` has put it, otherwise haar, OpenCV's frontal face "
        "cascade; blazeface: `face-edge models add blazeface`",
    )
    profile: Literal["near", "room", "crowd"] = Field(
        "room", description="smallest face as a share of the picture's shorter side: 10 %, 5 %, 2.5 %"
    )
    min_face: Share = Field(0.0, description="the same as a number; 0: as `profile` says")
    budget: Share = Field(
        0.25,
        gt=0,
        description="of yunet: share of a processor core that searching may take; pictures are searched less wide and "
        "less often where it is not enough",
    )
    threads: int = Field(
        1,
        ge=0,
        le=16,
        description="of OpenCV: more find faces sooner for more processor time; 0: as many as OpenCV likes",
    )
    width: int = Field(
        0,
        ge=0,
        le=1920,
        description="pictures are reduced to this width for detection, pixels; 0: as far as the smallest face allows",
    )
    interval_s: Seconds = Field(0.25, description="at least so long between two looks for a face; tracking in between")
    scan_s: Seconds = Field(
        2.0,
        description="at least so long between two searches of the whole picture while nothing moves (yunet), or in any "
        "case (haar, blazeface, which look where faces were and where something moves in between)",
    )
    scale_factor: float = Field(
        1.2, gt=1.0, le=2.0, description="of haar: step between the sizes searched; at most 1.1 in pictures"
    )
    min_neighbors: int = Field(
        3, ge=1, le=50, description="of haar: overlapping hits that make a face; higher is stricter"
    )
    confidence: Share = Field(
        0.0, lt=1, description="what a face must score; 0: what suits the detector (yunet 0.8, blazeface 0.6)"
    )
    levels: int = Field(
        2,
        ge=1,
        le=4,
        description="of blazeface alone: 1 searches the picture as a whole, for faces from a fifth of its longer side "
        "on; each further level halves that, in several times as many searches",
    )

    @property
    def smallest_face(self) -> float:
        """Smallest face that is looked for, as a share of the picture's shorter side."""
        return self.min_face or PROFILES[self.profile]


class TrackerConfig(ConfigSection):
    """How a face is followed from detection to detection."""

    iou_threshold: Share = Field(0.25, description="overlap above which a box continues a track")
    max_age_s: Seconds = Field(0.8, description="how long a face is shown without being found")
    memory_s: Seconds = Field(2.5, description="how long a face that is not shown any more keeps its id")
    min_hits: int = Field(2, ge=1, le=10, description="detections before a face counts, against flashes")
    max_faces: int = Field(200, ge=1, le=1000, description="the largest ones are kept")


_PRIORS = (WEB, AUDIENCE, EVEN)


def _prior(value: Any) -> str | float:
    """A name as it is; a number in text, as the command line and the environment give it, as a number."""
    if isinstance(value, str) and value in _PRIORS:
        return value
    with contextlib.suppress(TypeError, ValueError):
        if not isinstance(value, bool) and 0 <= float(value) <= 1:
            return float(value)
    msg = f"expected {', '.join(_PRIORS)} or a number from 0 to 1, found {value!r}"
    raise ValueError(msg)


_Prior = Annotated[
    str | float,
    BeforeValidator(_prior),
    WithJsonSchema({"enum": [*_PRIORS]}),
]


class ModelConfig(ConfigSection):
    """Which network classifies."""

    path: OptionalPath = Field(
        None,
        description="name of a model that came along (`face-edge models list`), or a .tflite beside its .json; "
        "empty: the one added last, or the best that came along",
    )
    head: Literal["auto", "consensus", "fer2013"] = Field(
        "auto",
        description="the label set that scores follow; auto: consensus where the model has that head, else its first",
    )
    prior: _Prior = Field(
        AUDIENCE,
        description="how common each emotion is expected to be: web: as in the pictures of the web that the model "
        "learned from, a third of them neutral; even: each alike; audience: in between, for people who react to "
        "something; or a number from 0 (web) to 1 (even)",
    )
    refusal: Literal["auto", "on", "off"] = Field(
        "auto",
        description="whether finds that the network takes for no face are left out; auto: those of haar and blazeface",
    )
    threads: int = Field(1, ge=1, le=16, description="of the inference runtime")
    interval_s: Seconds = Field(0.2, description="at least so long between two readings of one face; 0: every frame")
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = Field("auto", description="inference package")
    keys: Path = Field(
        Path("/etc/face-edge/keys"),
        description="folder of public keys (*.pub); `models add` takes models signed by one of them",
    )


class SmoothingConfig(ConfigSection):
    """How flicker is kept off the displays and the feed."""

    time_constant_s: Seconds = Field(0.5, description="of the exponential average of a face's scores; 0: none")
    lead: Share = Field(0.08, description="how far a new emotion must lead the shown one")
    hold_s: Seconds = Field(0.4, description="how long it must lead before the label switches")
    min_confidence: Share = Field(MIN_CONFIDENCE, description="below it a face is uncertain")


class PrimaryConfig(ConfigSection):
    """Which face is marked as the one that matters."""

    mode: Literal["off", "central", "largest"] = Field("central", description="how the primary face is chosen")


LEAST_WIDTH = 80


class AnalyzeConfig(ConfigSection):
    """How still pictures are searched, where time matters less than small faces."""

    width: int = Field(
        0,
        ge=0,
        le=8192,
        description="pictures are reduced to this width for detection, pixels; 0: as far as `min_face` allows",
    )
    min_face: Share = Field(0.025, gt=0, description="smallest face, as a share of the picture's shorter side")
    max_megapixels: int = Field(120, ge=1, le=1000, description="larger pictures are refused")

    @field_validator("width")
    @classmethod
    def _is_wide_enough(cls, value: int) -> int:
        if 0 < value < LEAST_WIDTH:
            msg = f"expected 0 or at least {LEAST_WIDTH} pixels"
            raise ValueError(msg)
        return value

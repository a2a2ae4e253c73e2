"""Settings of vision: source, detector, tracker, network, smoothing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from edge.config.section import ConfigSection, OptionalPath, PositiveSeconds, Seconds, Share
from edge.inference.calibration import AUDIENCE, EVEN, MIN_CONFIDENCE, WEB


def _control_value(value: Any) -> Any:
    """Return a value of a type that a camera control can have; the camera checks the value when it is opened."""
    if isinstance(value, list):
        return [_control_value(item) for item in value]
    if not isinstance(value, bool | int | float | str):
        msg = f"expected true or false, a number, text or a list of numbers, found {value!r}"
        raise ValueError(msg)  # noqa: TRY004 - Pydantic only reports ValueError
    return value


ControlValue = Annotated[Any, AfterValidator(_control_value)]
_PowerLine = Annotated[
    Literal["auto", "50", "60", "off", "unset"],
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
]


class SourceConfig(ConfigSection):
    """Source of frames."""

    uri: str = Field(
        "picamera",
        description="picamera[:N] | usb:N | usb:NAME | /dev/v4l/by-id/… | FILE | rtsp://… | http://… | images:PATH | "
        "replay:FILE[?pace=real|fast] | virtual[:SCENE]",
    )
    pace: Literal["real", "fast"] = Field(
        "real",
        description="of files and pictures in `run`: real: at their own pace (pictures at `fps`), like a camera; "
        "fast: every frame, as fast as possible, with the times of the recording",
    )
    loop: bool = Field(False, description="repeat files and pictures")
    at_end: Literal["auto", "stay", "exit"] = Field(
        "auto",
        description="action of `run` at the end of a recording: stay: keep the page and the feed until it is stopped; "
        "exit; auto: stay if the page is enabled",
    )
    width: int = Field(1280, ge=64, le=8192, description="requested from a camera, pixels")
    height: int = Field(720, ge=64, le=8192, description="requested from a camera, pixels")
    fps: float = Field(15.0, gt=0, le=240, description="requested from a camera; the pace of images and virtual")
    min_fps: float = Field(
        5.0,
        gt=0,
        le=240,
        description="of a camera: in the dark its rate may fall to this for a longer exposure; if not less than `fps`, "
        "the rate is kept and the picture gets darker",
    )
    idle_fps: float = Field(
        5.0, ge=0, le=240, description="frames per second while nobody is in view and nothing moves; 0: all frames"
    )
    rotation: Literal[0, 90, 180, 270] = Field(0, description="clockwise rotation of the picture, degrees")
    mirror: bool = Field(False, description="flip left and right, like a mirror")
    grey: bool = Field(
        False, description="convert the picture to grey at the source: for infrared cameras, or if colour is not wanted"
    )
    power_line: _PowerLine = Field(
        "auto",
        description="mains frequency in Hz, against flicker, only of picamera and usb; auto: detected by the camera if "
        "it can, otherwise unset; unset: the camera's own setting",
    )
    controls: dict[str, ControlValue] = Field(
        {},
        description="controls of picamera and usb by the camera's own names, such as { AfRange = 2 } or "
        "{ backlight_compensation = 1 }; they override automatic settings",
    )
    open_timeout_s: PositiveSeconds = Field(10.0, description="longest time for opening the source")
    read_timeout_s: PositiveSeconds = Field(3.0, description="time without a frame after which the source is reopened")
    backoff_max_s: PositiveSeconds = Field(30.0, description="longest pause between attempts to reopen the source")
    give_up_s: Seconds = Field(
        600.0,
        description="time without a camera after which the process exits, so that the service manager restarts it; "
        "0: never",
    )


PROFILES = {"near": 0.1, "room": 0.05, "crowd": 0.025}
"""Smallest face per profile, as a share of the picture's shorter side."""


class DetectorConfig(ConfigSection):
    """Face detector and search."""

    kind: Literal["auto", "haar", "yunet", "blazeface"] = Field(
        "auto",
        description="auto: yunet if installed by `face-edge models add yunet`, otherwise haar, OpenCV's frontal face "
        "cascade; blazeface: needs `face-edge models add blazeface`",
    )
    profile: Literal["near", "room", "crowd"] = Field(
        "room", description="smallest face as a share of the picture's shorter side: 10 %, 5 %, 2.5 %"
    )
    min_face: Share = Field(0.0, description="the same as a number; 0: that of `profile`")
    budget: Share = Field(
        0.25,
        gt=0,
        description="of yunet: share of a processor core for searching; if it is not enough, pictures are searched at "
        "a smaller size and less often",
    )
    threads: int = Field(
        1,
        ge=0,
        le=16,
        description="of OpenCV: more threads find faces sooner but use more processor time; 0: OpenCV's default",
    )
    width: int = Field(
        0,
        ge=0,
        le=1920,
        description="pictures are reduced to this width for detection, pixels; 0: as far as the smallest face allows",
    )
    interval_s: Seconds = Field(
        0.25, description="shortest interval between two searches; faces are tracked in between"
    )
    scan_s: Seconds = Field(
        2.0,
        description="shortest interval between two searches of the whole picture while nothing moves (yunet), or "
        "always (haar, blazeface, which search around known faces and movement in between)",
    )
    scale_factor: float = Field(
        1.2, gt=1.0, le=2.0, description="of haar: factor between the searched sizes; at most 1.1 for single pictures"
    )
    min_neighbors: int = Field(
        3, ge=1, le=50, description="of haar: overlapping hits that a face needs; higher is stricter"
    )
    confidence: Share = Field(
        0.0, lt=1, description="lowest score of a face; 0: the detector's default (yunet 0.8, blazeface 0.6)"
    )
    levels: int = Field(
        2,
        ge=1,
        le=4,
        description="of blazeface: 1 searches the picture as a whole, for faces from a fifth of its longer side on; "
        "each additional level halves that and multiplies the number of searches",
    )

    @property
    def smallest_face(self) -> float:
        """Return the smallest face that is searched for, as a share of the picture's shorter side."""
        return self.min_face or PROFILES[self.profile]


class TrackerConfig(ConfigSection):
    """Tracking of faces from detection to detection."""

    iou_threshold: Share = Field(0.25, description="overlap above which a box continues a track")
    max_age_s: Seconds = Field(0.8, description="how long a face is shown without being detected")
    memory_s: Seconds = Field(2.5, description="how long a face that is no longer shown keeps its id")
    min_hits: int = Field(2, ge=1, le=10, description="detections before a face counts, against short false detections")
    max_faces: int = Field(
        200, ge=1, le=1000, description="largest number of tracked faces; the largest faces are kept"
    )


_PRIORS = (WEB, AUDIENCE, EVEN)


def _prior(value: Any) -> str | float:
    """Return a name unchanged, and a number as float, also if it is text from the command line or environment."""
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
    """Network that classifies faces."""

    path: OptionalPath = Field(
        None,
        description="name of a packaged model (`face-edge models list`), or a .tflite beside its .json; "
        "empty: the model added last, or the best packaged one",
    )
    head: Literal["auto", "consensus", "fer2013"] = Field(
        "auto",
        description="head whose scores are used; auto: consensus if the model has it, otherwise its first head",
    )
    prior: _Prior = Field(
        AUDIENCE,
        description="expected frequency of each emotion: web: as in the web pictures that the model was trained on, a "
        "third of them neutral; even: all equal; audience: in between, for people who react to something; or a number "
        "from 0 (web) to 1 (even)",
    )
    refusal: Literal["auto", "on", "off"] = Field(
        "auto",
        description="whether to discard detections that the network does not recognise as a face; auto: those of haar "
        "and blazeface",
    )
    threads: int = Field(1, ge=1, le=16, description="of the inference runtime")
    interval_s: Seconds = Field(
        0.2, description="shortest interval between two classifications of one face; 0: every frame"
    )
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = Field("auto", description="inference package")
    keys: Path = Field(
        Path("/etc/face-edge/keys"),
        description="folder of public keys (*.pub); `models add` accepts models signed by one of them",
    )


class SmoothingConfig(ConfigSection):
    """Smoothing over time, against flicker on the displays and in the feed."""

    time_constant_s: Seconds = Field(0.5, description="of the exponential average of a face's scores; 0: no average")
    lead: Share = Field(0.08, description="by how much a new emotion must exceed the shown one")
    hold_s: Seconds = Field(0.4, description="how long it must do so before the label changes")
    min_confidence: Share = Field(MIN_CONFIDENCE, description="below this confidence a face is uncertain")


class PrimaryConfig(ConfigSection):
    """Marking of the primary face."""

    mode: Literal["off", "central", "largest"] = Field("central", description="how the primary face is selected")


LEAST_WIDTH = 80


class AnalyzeConfig(ConfigSection):
    """Search of still pictures, in which small faces matter more than time."""

    width: int = Field(
        0,
        ge=0,
        le=8192,
        description="pictures are reduced to this width for detection, pixels; 0: as far as `min_face` allows",
    )
    min_face: Share = Field(0.025, gt=0, description="smallest face, as a share of the picture's shorter side")
    max_megapixels: int = Field(120, ge=1, le=1000, description="larger pictures are rejected")

    @field_validator("width")
    @classmethod
    def _is_wide_enough(cls, value: int) -> int:
        if 0 < value < LEAST_WIDTH:
            msg = f"expected 0 or at least {LEAST_WIDTH} pixels"
            raise ValueError(msg)
        return value

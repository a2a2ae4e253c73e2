"""One validated tree of settings: packaged defaults < TOML file < ``FACE_EDGE_*`` environment < flags.

Every problem is reported at once, with its place and, for a mistyped key, the name that was probably meant.
"""

from __future__ import annotations

import difflib
import os
import re
import socket
import tomllib
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from edge.errors import ConfigError
from edge.types import Emotion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT_PREFIX = "FACE_EDGE_"
COMMAND_VARIABLES = frozenset({"FACE_EDGE_CONFIG", "FACE_EDGE_DEBUG"})
"""Variables of the command line itself: no settings."""
DEFAULT_PATHS = (Path("face-edge.toml"), Path("/etc/face-edge/config.toml"))

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
PositiveSeconds = Annotated[float, Field(gt=0)]
BcmPin = Annotated[int, Field(ge=0, le=27, description="BCM number")]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]  # Path("") would be this folder


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class NodeConfig(_Section):
    """Who this device is."""

    id: str = Field("", pattern=r"^[a-zA-Z0-9_-]*$", description="node id in topics; empty: host name and machine id")
    state_dir: Path = Field(
        Path("~/.local/state/face-edge"), description="what must outlive a restart; $STATE_DIRECTORY under systemd"
    )


class SourceConfig(_Section):
    """Where frames come from."""

    uri: str = Field(
        "picamera",
        description="picamera[:N] | usb:N | FILE | rtsp://… | http://… | images:PATH | replay:FILE[?pace=real|fast] | "
        "virtual[:SCENE]",
    )
    width: int = Field(1280, ge=64, le=8192, description="asked of a camera, pixels")
    height: int = Field(720, ge=64, le=8192, description="asked of a camera, pixels")
    fps: float = Field(15.0, gt=0, le=240, description="asked of a camera; the pace of images and virtual")
    rotation: Literal[0, 90, 180, 270] = Field(0, description="degrees clockwise that put the picture upright")
    mirror: bool = Field(False, description="flip left and right, as a mirror shows people")
    open_timeout_s: PositiveSeconds = Field(10.0, description="how long opening may take")
    read_timeout_s: PositiveSeconds = Field(3.0, description="without a frame for so long the source is opened again")
    backoff_max_s: PositiveSeconds = Field(30.0, description="longest pause between attempts to open it again")


class DetectorConfig(_Section):
    """How faces are found."""

    kind: Literal["haar"] = Field("haar", description="OpenCV's frontal face cascade")
    width: int = Field(320, ge=80, le=1920, description="pictures are reduced to this width for detection, pixels")
    interval_s: Seconds = Field(0.2, description="at least so long between two detections; tracking in between")
    min_face: Share = Field(0.1, gt=0, description="smallest face, as a share of the picture's shorter side")
    scale_factor: float = Field(1.1, gt=1.0, le=2.0, description="step between sizes searched")
    min_neighbors: int = Field(5, ge=0, le=50, description="overlapping hits that make a face; higher is stricter")


class TrackerConfig(_Section):
    """How a face is followed from detection to detection."""

    iou_threshold: Share = Field(0.25, description="overlap above which a box continues a track")
    max_age_s: Seconds = Field(0.8, description="how long a track lives without being detected")
    min_hits: int = Field(2, ge=1, le=10, description="detections before a face counts, against flashes of Haar")
    max_faces: int = Field(100, ge=1, le=1000, description="the largest ones are kept")


class ModelConfig(_Section):
    """Which network classifies."""

    path: OptionalPath = Field(None, description="a .tflite beside its .json manifest; empty: the packaged one")
    head: Literal["consensus", "fer2013"] = Field("consensus", description="the label set that scores follow")
    threads: int = Field(1, ge=1, le=16, description="of the inference runtime")
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = Field("auto", description="inference package")


class SmoothingConfig(_Section):
    """How flicker is kept off the displays and the feed."""

    time_constant_s: Seconds = Field(0.5, description="of the exponential average of a face's scores; 0: none")
    lead: Share = Field(0.08, description="how far a new emotion must lead the shown one")
    hold_s: Seconds = Field(0.4, description="how long it must lead before the label switches")
    min_confidence: Share = Field(0.4, description="below it a face is uncertain")


class PrimaryConfig(_Section):
    """Which face is marked as the one that matters."""

    mode: Literal["off", "central", "largest"] = Field("central", description="how the primary face is chosen")


class AnalyzeConfig(_Section):
    """How still pictures are searched, where time matters less than small faces."""

    width: int = Field(1024, ge=80, le=8192, description="pictures are reduced to this width for detection, pixels")
    min_face: Share = Field(0.025, gt=0, description="smallest face, as a share of the picture's shorter side")
    max_megapixels: int = Field(120, ge=1, le=1000, description="larger pictures are refused")


class PrivacyConfig(_Section):
    """What leaves the device."""

    k: int = Field(1, ge=1, le=100, description="group figures of fewer people than this are withheld")
    start_paused: bool = Field(False, description="look at nothing until resumed")


class EventsConfig(_Section):
    """What counts as an event."""

    presence_hold_s: Seconds = Field(1.0, description="how long faces must appear or be gone to say so")
    peak_threshold: Share = Field(0.8, description="group score of an emotion but neutral that makes a peak")
    peak_rearm: Share = Field(0.6, description="it must fall below this before the next peak")
    state_interval_s: PositiveSeconds = Field(1.0, description="states are published at most this often")
    heartbeat_s: PositiveSeconds = Field(60.0, description="states and health are published at least this often")


class TlsConfig(_Section):
    """Certificates, for ``mqtts://``."""

    ca: OptionalPath = Field(None, description="PEM file that signs the broker's certificate; empty: the system's")
    certificate: OptionalPath = Field(None, description="client certificate, PEM")
    key: OptionalPath = Field(None, description="client key, PEM")

    @model_validator(mode="after")
    def _pair(self) -> TlsConfig:
        if (self.certificate is None) != (self.key is None):
            msg = "certificate and key belong together: give both or neither"
            raise ValueError(msg)
        return self


class MqttConfig(_Section):
    """Where events are published."""

    broker: str = Field("off", description="off | embedded[:PORT] | mqtt://HOST[:1883] | mqtts://HOST[:8883]")
    prefix: str = Field("face-edge", pattern=r"^[^+#/\s][^+#\s]*[^+#/\s]$|^[^+#/\s]$", description="first topic levels")
    username: str = Field("", description="empty: anonymous")
    password: SecretStr = Field(SecretStr(""), description="better: password_file or FACE_EDGE_MQTT__PASSWORD")
    password_file: OptionalPath = Field(None, description="file whose first line is the password")
    tls: TlsConfig = TlsConfig()
    keepalive_s: int = Field(30, ge=5, le=3600, description="the broker notices a dead device after 1.5 times this")
    backoff_max_s: PositiveSeconds = Field(60.0, description="longest pause between connection attempts")

    @field_validator("broker")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if value in {"off", "embedded"} or re.fullmatch(r"embedded:\d{1,5}", value):
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            msg = f"expected off, embedded[:PORT], mqtt://HOST[:PORT] or mqtts://HOST[:PORT], found {value!r}"
            raise ValueError(msg)
        if parts.username or parts.password or parts.path.strip("/"):
            msg = "only scheme, host and port belong here; use username and password_file for credentials"
            raise ValueError(msg)
        try:
            _ = parts.port
        except ValueError:
            msg = f"port out of range in {value!r}: expected 1 to 65535"
            raise ValueError(msg) from None
        return value


class _Display(_Section):
    brightness: Share = Field(0.6, description="0 dark to 1 full")
    min_hold_s: Seconds = Field(0.3, description="a look stays at least this long")


class RgbLedConfig(_Display):
    """One RGB LED, a colour an emotion."""

    kind: Literal["rgb_led"] = Field(description="this display")
    red: BcmPin = Field(description="pin of the red channel, BCM number", examples=[17])
    green: BcmPin = Field(description="pin of the green channel, BCM number", examples=[27])
    blue: BcmPin = Field(description="pin of the blue channel, BCM number", examples=[22])
    common_anode: bool = Field(False, description="LED shines when the pin is low")

    def pins(self) -> dict[str, int]:
        """Pins by role."""
        return {"red": self.red, "green": self.green, "blue": self.blue}


class LedsConfig(_Display):
    """One LED per emotion; leave out those you do not have."""

    kind: Literal["leds"] = Field(description="this display")
    leds: dict[Emotion, BcmPin] = Field(
        min_length=1,
        description="pin of each emotion's LED, BCM number",
        examples=[{"angry": 5, "disgust": 6, "fear": 13, "happy": 19, "sad": 26, "surprise": 16, "neutral": 20}],
    )
    status: BcmPin | None = Field(
        None, description="pin of an LED for no face, uncertain, paused and fault", examples=[21]
    )
    active_high: bool = Field(True, description="LED shines when the pin is high")

    def pins(self) -> dict[str, int]:
        """Pins by role."""
        status = {} if self.status is None else {"status": self.status}
        return {f"leds.{emotion.value}": pin for emotion, pin in self.leds.items()} | status


class MatrixConfig(_Display):
    """An 8x8 MAX7219 LED matrix on SPI."""

    kind: Literal["matrix"] = Field(description="this display")
    spi_port: int = Field(0, ge=0, le=6, description="SPI bus: /dev/spidevPORT.DEVICE")
    spi_device: int = Field(0, ge=0, le=2, description="chip select on that bus")
    rotate: Literal[0, 1, 2, 3] = Field(0, description="quarter turns")
    emulate: str = Field(
        "", description="without hardware: dummy, or luma.emulator's capture, pygame, gifanim, asciiart"
    )

    def pins(self) -> dict[str, int]:
        """Pins by role (SPI0's only: other buses need overlays of their own)."""
        if self.emulate or self.spi_port != 0:
            return {}
        return {"MOSI": 10, "SCLK": 11, "CE": 8 - self.spi_device} if self.spi_device < 2 else {}


class OledConfig(_Display):
    """A 128x64 SSD1306 OLED on I2C."""

    kind: Literal["oled"] = Field(description="this display")
    i2c_port: int = Field(1, ge=0, le=20, description="I2C bus: /dev/i2c-PORT")
    i2c_address: int = Field(0x3C, ge=0x03, le=0x77, description="address on that bus: 60 is 0x3C")
    rotate: Literal[0, 1, 2, 3] = Field(0, description="quarter turns")
    emulate: str = Field(
        "", description="without hardware: dummy, or luma.emulator's capture, pygame, gifanim, asciiart"
    )

    def pins(self) -> dict[str, int]:
        """Pins by role (I2C bus 1's only)."""
        return {"SDA": 2, "SCL": 3} if self.i2c_port == 1 and not self.emulate else {}


class TerminalConfig(_Display):
    """An emoji and a bar on the terminal."""

    kind: Literal["terminal"] = Field(description="this display")

    def pins(self) -> dict[str, int]:
        """None."""
        return {}


DisplayConfig = Annotated[
    RgbLedConfig | LedsConfig | MatrixConfig | OledConfig | TerminalConfig, Field(discriminator="kind")
]
_SHARED_BUS_ROLES = {"SDA", "SCL", "MOSI", "SCLK"}


class LogConfig(_Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is written")
    format: Literal["text", "json"] = Field("text", description="one line an event, for people or for programs")


class Config(_Section):
    """The whole device."""

    node: NodeConfig = NodeConfig()
    source: SourceConfig = SourceConfig()
    detector: DetectorConfig = DetectorConfig()
    tracker: TrackerConfig = TrackerConfig()
    model: ModelConfig = ModelConfig()
    smoothing: SmoothingConfig = SmoothingConfig()
    primary: PrimaryConfig = PrimaryConfig()
    analyze: AnalyzeConfig = AnalyzeConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    events: EventsConfig = EventsConfig()
    mqtt: MqttConfig = MqttConfig()
    display: tuple[DisplayConfig, ...] = ()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _pins_used_once(self) -> Config:
        users: dict[int, tuple[str, str]] = {}
        problems = []
        for index, display in enumerate(self.display):
            for role, pin in display.pins().items():
                here = f"display.{index}.{role}"
                other, other_role = users.setdefault(pin, (here, role))
                shared = role == other_role and role in _SHARED_BUS_ROLES
                if other != here and not shared:
                    problems.append(f"{here}: pin GPIO{pin} is already used by {other}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


@dataclass(frozen=True, slots=True)
class Layers:
    """The settings that were given, before they are checked.

    ``tree`` holds plain values; ``origins`` says, by dotted key, what gave a value that is not the file's;
    ``path`` is the file that was read.
    """

    tree: Mapping[str, Any]
    origins: Mapping[str, str]
    path: Path | None

    def origin(self, key: str) -> str:
        """Where the value at a dotted ``key`` comes from; a section's origin is that of what was set in it."""
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            if named := self.origins.get(".".join(parts[:length])):
                return named
        below = sorted({named for name, named in self.origins.items() if name.startswith(f"{key}.")})
        file = [] if self.path is None else [str(self.path)]
        return ", ".join(file + below) or "defaults"


def load(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """The device's configuration from all four layers.

    Args:
        path: TOML file; ``None`` takes the first of :data:`DEFAULT_PATHS` that exists, or none.
        environment: variables such as ``FACE_EDGE_MQTT__BROKER``; ``None`` reads the process's.
        flags: values by dotted key, such as ``{"source.uri": "usb:0"}``; the last word.

    Raises:
        ConfigError: with every problem found, one line each.
    """
    return check(collect(path, environment=environment, flags=flags))


def collect(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Layers:
    """The layers that :func:`load` checks, put over one another; arguments as there.

    Raises:
        ConfigError: the file or a variable cannot be read at all.
    """
    if path is None:
        path = next((candidate for candidate in DEFAULT_PATHS if candidate.is_file()), None)
    tree: dict[str, Any] = {} if path is None else _read_toml(path)
    origins: dict[str, str] = {}
    variables = os.environ if environment is None else environment
    for name, value in sorted(variables.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in COMMAND_VARIABLES:
            keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            origins[".".join(keys)] = origin = f"environment variable {name}"
            _put(tree, keys, plain_value(origin, value), origin)
    for key, value in (flags or {}).items():
        origins[key] = "command line"
        _put(tree, key.split("."), value, "command line")
    return Layers(tree, origins, path)


def check(layers: Layers) -> Config:
    """The configuration of ``layers``.

    Raises:
        ConfigError: with every problem found, one line each, that names the layer to mend.
    """
    try:
        return Config.model_validate(layers.tree)
    except ValidationError as error:
        problems = [
            f"{layers.origin(place)}: " + (f"{place}: " if place else "") + message
            for item in error.errors()
            for place, message in _explain(dict(item))
        ]
        raise ConfigError(*problems) from None


def validate(tree: Mapping[str, Any], origin: str) -> Config:
    """Check a tree of plain values; ``origin`` names it in messages.

    Raises:
        ConfigError: with every problem found, one line each.
    """
    return check(Layers(tree, {}, Path(origin)))


def plain_value(origin: str, value: str) -> Any:
    """Text, but a TOML array or table where the value looks like one (``FACE_EDGE_DISPLAY='[{kind="terminal"}]'``).

    Raises:
        ConfigError: it looks like one and is none; ``origin`` names it in the message.
    """
    if value[:1] not in {"[", "{"}:
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError as error:
        msg = f"{origin}: is not a valid TOML value: {error}"
        raise ConfigError(msg) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        msg = f"{path}: {error.strerror or error}; give another file with --config"
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path}: is not a UTF-8 text file"
        raise ConfigError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{path}: is not valid TOML: {error}"
        raise ConfigError(msg) from None


def _put(tree: dict[str, Any], keys: list[str], value: Any, origin: str) -> None:
    for key in keys[:-1]:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            msg = f"{origin}: {key} is not a section that holds {keys[-1]!r}; give {key} as a whole"
            raise ConfigError(msg)
        tree = child
    tree[keys[-1]] = value


def _explain(error: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """``(place, message)`` for each line of one of Pydantic's errors; the whole tree's place is empty."""
    location = [str(part) for part in error["loc"]]
    # Pydantic puts the union's tag into the place of a display's setting
    place = ".".join(part for i, part in enumerate(location) if not (i == 2 and location[0] == "display"))
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], _names_at(location[:-1]), n=1)
        yield place, "unknown setting" + (f"; did you mean {near[0]!r}?" if near else "")
        return
    message = str(error["msg"]).removeprefix("Value error, ")
    found = error.get("input")
    shown = f", found {found!r}" if isinstance(found, (str, int, float)) and "found" not in message else ""
    if "password" in place:
        shown = ""
    for line in message.splitlines():
        # what concerns the whole tree names its place itself
        where, _, text = (place, "", line) if place else line.partition(": ")
        yield where, text[:1].lower() + text[1:] + shown


def _names_at(location: list[str]) -> list[str]:
    """Names of the settings in the section at ``location``."""
    model: Any = Config
    for part in location:
        if part.isdigit():
            continue
        options = [model] if not isinstance(model, list) else model
        found: Any = None
        for option in options:
            fields = getattr(option, "model_fields", {})
            if part in fields:
                found = _models_in(fields[part].annotation)
            elif getattr(fields.get("kind"), "annotation", None) == Literal[part]:
                found = [option]
        if found is None:
            return []
        model = found
    options = [model] if not isinstance(model, list) else model
    return [name for option in options for name in getattr(option, "model_fields", {})]


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_origin(annotation):
        return [model for part in typing.get_args(annotation) for model in _models_in(part)]
    return []


def default_node_id(hostname: str | None = None, machine_id_path: Path = Path("/etc/machine-id")) -> str:
    """Host name and six hex digits of the machine id, so that two boards from one image differ."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", (hostname or socket.gethostname()).split(".")[0]).strip("-") or "node"
    try:
        machine = re.sub(r"[^0-9a-f]", "", machine_id_path.read_text(encoding="ascii").lower())[-6:]
    except (OSError, UnicodeDecodeError):
        machine = ""
    return f"{name}-{machine}" if machine else name


def node_id(config: Config) -> str:
    """The node id in force."""
    return config.node.id or default_node_id()


def state_dir(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Where state is kept: systemd's ``$STATE_DIRECTORY`` where it is set, otherwise ``node.state_dir``."""
    variables = os.environ if environment is None else environment
    given = variables.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else config.node.state_dir.expanduser()

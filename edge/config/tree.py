"""The settings of the whole device, section by section, with their defaults and bounds."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from edge.config.displays import SHARED_BUS_ROLES, DisplayConfig
from edge.config.section import BcmPin, OptionalPath, PositiveSeconds, Seconds, Section, Share

SHORTEST_WINDOW_S = 5.0


def _address(value: str) -> str:
    """An IP address in its usual form; ``localhost`` is one too."""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if value == "localhost" else value))
    except ValueError:
        msg = f"expected an IP address such as 0.0.0.0, found {value!r}"
        raise ValueError(msg) from None


class NodeConfig(Section):
    """Who this device is."""

    id: str = Field("", pattern=r"^[a-zA-Z0-9_-]*$", description="node id in topics; empty: host name and machine id")
    state_dir: Path = Field(
        Path("~/.local/state/face-edge"), description="what must outlive a restart; $STATE_DIRECTORY under systemd"
    )


class SourceConfig(Section):
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
    give_up_s: Seconds = Field(
        600.0,
        description="after so long without a camera the process ends, for the service manager to start it anew; "
        "0: never",
    )


class DetectorConfig(Section):
    """How faces are found."""

    kind: Literal["haar", "blazeface"] = Field(
        "haar", description="OpenCV's frontal face cascade, or a small network: `face-edge models add blazeface`"
    )
    width: int = Field(320, ge=80, le=1920, description="pictures are reduced to this width for detection, pixels")
    interval_s: Seconds = Field(0.2, description="at least so long between two detections; tracking in between")
    min_face: Share = Field(0.1, gt=0, description="smallest face, as a share of the picture's shorter side")
    scale_factor: float = Field(1.1, gt=1.0, le=2.0, description="step between sizes searched")
    min_neighbors: int = Field(5, ge=0, le=50, description="overlapping hits that make a face; higher is stricter")
    confidence: Share = Field(0.6, gt=0, lt=1, description="of blazeface alone: what a face must score")
    levels: int = Field(
        2,
        ge=1,
        le=4,
        description="of blazeface alone: 1 searches the picture as a whole, for faces from a fifth of its longer side "
        "on; each further level halves that, in several times as many searches",
    )


class TrackerConfig(Section):
    """How a face is followed from detection to detection."""

    iou_threshold: Share = Field(0.25, description="overlap above which a box continues a track")
    max_age_s: Seconds = Field(0.8, description="how long a track lives without being detected")
    min_hits: int = Field(2, ge=1, le=10, description="detections before a face counts, against flashes of Haar")
    max_faces: int = Field(100, ge=1, le=1000, description="the largest ones are kept")


class ModelConfig(Section):
    """Which network classifies."""

    path: OptionalPath = Field(
        None,
        description="name of a model that came along (`face-edge models list`), or a .tflite beside its .json; "
        "empty: the one added last, or the best that came along",
    )
    head: Literal["consensus", "fer2013"] = Field("consensus", description="the label set that scores follow")
    threads: int = Field(1, ge=1, le=16, description="of the inference runtime")
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = Field("auto", description="inference package")
    keys: Path = Field(
        Path("/etc/face-edge/keys"),
        description="folder of public keys (*.pub); `models add` takes models signed by one of them",
    )


class SmoothingConfig(Section):
    """How flicker is kept off the displays and the feed."""

    time_constant_s: Seconds = Field(0.5, description="of the exponential average of a face's scores; 0: none")
    lead: Share = Field(0.08, description="how far a new emotion must lead the shown one")
    hold_s: Seconds = Field(0.4, description="how long it must lead before the label switches")
    min_confidence: Share = Field(0.4, description="below it a face is uncertain")


class PrimaryConfig(Section):
    """Which face is marked as the one that matters."""

    mode: Literal["off", "central", "largest"] = Field("central", description="how the primary face is chosen")


class AnalyzeConfig(Section):
    """How still pictures are searched, where time matters less than small faces."""

    width: int = Field(1024, ge=80, le=8192, description="pictures are reduced to this width for detection, pixels")
    min_face: Share = Field(0.025, gt=0, description="smallest face, as a share of the picture's shorter side")
    max_megapixels: int = Field(120, ge=1, le=1000, description="larger pictures are refused")


class PrivacyConfig(Section):
    """What leaves the device."""

    k: int = Field(1, ge=1, le=100, description="group figures of fewer people than this are withheld")
    start_paused: bool = Field(False, description="look at nothing until resumed")
    publish_tracks: bool = Field(
        False, description="publish each face by itself, under a random id that lives as long as it is in view"
    )


class EventsConfig(Section):
    """What counts as an event."""

    presence_hold_s: Seconds = Field(1.0, description="how long faces must appear or be gone to say so")
    peak_threshold: Share = Field(0.8, description="group score of an emotion but neutral that makes a peak")
    peak_rearm: Share = Field(0.6, description="it must fall below this before the next peak")
    state_interval_s: PositiveSeconds = Field(1.0, description="states are published at most this often")
    track_interval_s: PositiveSeconds = Field(0.2, description="faces one by one are published at most this often")
    heartbeat_s: PositiveSeconds = Field(60.0, description="states and health are published at least this often")
    aggregate_s: Seconds = Field(60.0, description="length of the windows that aggregates cover, 5 or more; 0: none")

    @field_validator("aggregate_s")
    @classmethod
    def _windows_are_not_tiny(cls, value: float) -> float:
        if 0 < value < SHORTEST_WINDOW_S:
            msg = f"expected 0 or {SHORTEST_WINDOW_S:g} and more"
            raise ValueError(msg)
        return value


class TlsConfig(Section):
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


class OutboxConfig(Section):
    """How events and aggregates wait for the broker, on disk."""

    max_messages: int = Field(100_000, ge=1, le=10_000_000, description="beyond it the oldest are dropped and counted")
    max_age_s: PositiveSeconds = Field(604_800.0, description="older ones are dropped and counted")
    commit_interval_s: Seconds = Field(0.25, description="in a burst the disk is written at most this often")


class HomeAssistantConfig(Section):
    """How the device shows up in Home Assistant by itself."""

    discovery: bool = Field(True, description="announce the device and its entities")
    prefix: str = Field(
        "homeassistant", pattern=r"^[^+#/\s]+$", description="Home Assistant's own first topic level for discovery"
    )


class MqttConfig(Section):
    """Where events are published."""

    broker: str = Field("off", description="off | embedded[:PORT] | mqtt://HOST[:1883] | mqtts://HOST[:8883]")
    embedded_host: str = Field(
        "127.0.0.1", description="address that the embedded broker serves; others than this machine's want a password"
    )
    prefix: str = Field("face-edge", pattern=r"^[^+#/\s][^+#\s]*[^+#/\s]$|^[^+#/\s]$", description="first topic levels")
    username: str = Field("", description="empty: anonymous")
    password: SecretStr = Field(SecretStr(""), description="better: password_file or FACE_EDGE_MQTT__PASSWORD")
    password_file: OptionalPath = Field(
        None, description="file whose first line is the password; empty: systemd's credential mqtt-password"
    )
    tls: TlsConfig = TlsConfig()
    outbox: OutboxConfig = OutboxConfig()
    homeassistant: HomeAssistantConfig = HomeAssistantConfig()
    keepalive_s: int = Field(30, ge=5, le=3600, description="the broker notices a dead device after 1.5 times this")
    backoff_max_s: PositiveSeconds = Field(60.0, description="longest pause between connection attempts")

    @field_validator("embedded_host")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _address(value)

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


class KioskConfig(Section):
    """The page that the device serves."""

    enabled: bool = Field(False, description="serve it; wants the extra `kiosk`")
    host: str = Field(
        "127.0.0.1", description="address that is served; others than this machine's want an operator password"
    )
    port: int = Field(8080, ge=0, le=65535, description="0: any that is free")
    password_file: OptionalPath = Field(
        None, description="hash of the operator's password, made by `face-edge kiosk password`"
    )
    viewer_token_file: OptionalPath = Field(None, description="hash of a token with which people may watch")
    open_to_viewers: bool = Field(False, description="whoever reaches the page may watch, without any token")
    session_hours: float = Field(12.0, gt=0, le=720, description="how long a login lasts")
    hostnames: str = Field(
        "", description="further names of this device, separated by spaces; addresses and its own name always do"
    )
    public_url: str = Field("", description="where phones reach the page, for the sign's QR code; empty: as asked")
    max_viewers: int = Field(64, ge=1, le=1000, description="pages open at the same time")
    visitors: bool = Field(
        False, description="who may watch may also have own pictures, videos and their browser's camera read"
    )
    upload_mb: int = Field(300, ge=1, le=100_000, description="largest file that the analyze page takes, megabytes")
    video_minutes: float = Field(30.0, gt=0, le=600, description="longest video that the analyze page takes")
    max_cameras: int = Field(4, ge=1, le=64, description="visitors' cameras that are read at the same time")
    tls: Literal["off", "self-signed", "files"] = Field(
        "off", description="HTTPS, which phones' cameras want: a certificate that the device makes, or one in files"
    )
    tls_certificate: OptionalPath = Field(None, description="PEM file for tls = files, with its chain")
    tls_key: OptionalPath = Field(None, description="PEM file of its private key, without a passphrase")
    media_dir: OptionalPath = Field(None, description="folder of films that the wall page may play in a session")
    live_picture: bool = Field(False, description="show operators the camera's picture: frames leave the loop")
    operator_name: str = Field("", max_length=200, description="who runs the device, for the people in view")
    operator_contact: str = Field("", max_length=200, description="how they are reached: a mail address, a telephone")

    @field_validator("host")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _address(value)

    @field_validator("public_url")
    @classmethod
    def _a_web_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            msg = f"expected http://HOST[:PORT] or https://HOST, found {value!r}"
            raise ValueError(msg)
        return value.rstrip("/")


class PanelConfig(Section):
    """Button, light and buzzer on the device itself, each where it has a pin."""

    button: BcmPin | None = Field(
        None,
        description="pin of a button to ground: short to pause and look again, long to start and stop a session",
        examples=[23],
    )
    light: BcmPin | None = Field(
        None,
        description="pin of an LED: on while people are looked at, winks during a session, flashes slowly while "
        "paused, fast while the camera is away",
        examples=[24],
    )
    buzzer: BcmPin | None = Field(None, description="pin of an active buzzer, which confirms", examples=[18])
    active_high: bool = Field(True, description="LED shines when the pin is high")
    long_press_s: PositiveSeconds = Field(1.5, description="a press is long from here on")
    debounce_s: Seconds = Field(0.03, description="shorter presses are bounces of the contact and count as none")

    def pins(self) -> dict[str, int]:
        """Pins by role."""
        named = {"button": self.button, "light": self.light, "buzzer": self.buzzer}
        return {role: pin for role, pin in named.items() if pin is not None}


class SessionsConfig(Section):
    """What is kept of sessions on this device."""

    keep: bool = Field(True, description="keep each session's seconds, events and markers, for its report")
    k: int = Field(3, ge=1, le=100, description="seconds with fewer faces than this keep no figures but the count")
    max_mb: int = Field(200, ge=1, le=100_000, description="beyond it the oldest sessions are deleted, megabytes")
    keep_days: int = Field(0, ge=0, le=36_500, description="older sessions are deleted; 0: none is for its age")


class MetricsConfig(Section):
    """What Prometheus may ask of the device."""

    enabled: bool = Field(False, description="answer scrapes at /metrics; wants the extra `metrics`")
    host: str = Field(
        "127.0.0.1", description="address that is served, without a password; others than this machine's are said so"
    )
    port: int = Field(9464, ge=0, le=65535, description="0: any that is free")

    @field_validator("host")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _address(value)


class LogConfig(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is written")
    format: Literal["text", "json", "journal"] = Field(
        "text", description="lines for people, lines for programs, or fields for systemd's journal"
    )


class Config(Section):
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
    kiosk: KioskConfig = KioskConfig()
    display: tuple[DisplayConfig, ...] = ()
    panel: PanelConfig = PanelConfig()
    sessions: SessionsConfig = SessionsConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _pins_used_once(self) -> Config:
        users: dict[int, tuple[str, str]] = {}
        problems = []
        owners = [(f"display.{index}", display.pins()) for index, display in enumerate(self.display)]
        for owner, pins in [*owners, ("panel", self.panel.pins())]:
            for role, pin in pins.items():
                here = f"{owner}.{role}"
                other, other_role = users.setdefault(pin, (here, role))
                shared = role == other_role and role in SHARED_BUS_ROLES
                if other != here and not shared:
                    problems.append(f"{here}: pin GPIO{pin} is already used by {other}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

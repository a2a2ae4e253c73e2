"""What people and programs on the spot use: the page, the panel, sessions, metrics, the log."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from edge.config.networks import Networks
from edge.config.section import BcmPin, ConfigSection, OptionalPath, PositiveSeconds, Seconds, ip_address_of


class KioskConfig(ConfigSection):
    """The page that the device serves."""

    enabled: bool = Field(False, description="serve it; wants the extra `kiosk`")
    host: str = Field(
        "127.0.0.1",
        description="address that is served, 0.0.0.0 for IPv4, :: for IPv4 and IPv6; "
        "others than this machine's want an operator password",
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
    trusted_proxies: str = Field(
        "",
        description="reverse proxies whose X-Forwarded-For, -Proto, -Host and -Prefix are believed: addresses and "
        "networks, separated by spaces",
        examples=["127.0.0.1"],
    )
    max_viewers: int = Field(
        64, ge=1, le=1000, description="pages open at the same time, half of them from one address"
    )
    visitors: bool = Field(
        False, description="who may watch may also have own pictures, videos and their browser's camera read"
    )
    upload_mb: int = Field(300, ge=1, le=100_000, description="largest file that the analyze page takes, megabytes")
    video_minutes: float = Field(30.0, gt=0, le=600, description="longest video that the analyze page takes")
    max_cameras: int = Field(
        4, ge=1, le=64, description="visitors' cameras that are read at the same time; one address leaves one to others"
    )
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
    def _ip_address_of(cls, value: str) -> str:
        return ip_address_of(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        Networks.of(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address_of(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            msg = f"expected http://HOST[:PORT] or https://HOST, found {value!r}"
            raise ValueError(msg)
        return value.rstrip("/")


class PanelConfig(ConfigSection):
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


class SessionsConfig(ConfigSection):
    """What is kept of sessions on this device."""

    keep: bool = Field(True, description="keep each session's seconds, events and markers, for its report")
    k: int = Field(
        3,
        ge=1,
        le=100,
        description="seconds with fewer faces than this keep no figures but the count; a game or private session may "
        "have its own number with the people's agreement",
    )
    max_mb: int = Field(200, ge=1, le=100_000, description="beyond it the oldest sessions are deleted, megabytes")
    keep_days: int = Field(0, ge=0, le=36_500, description="older sessions are deleted; 0: none is for its age")


class MetricsConfig(ConfigSection):
    """What Prometheus may ask of the device."""

    enabled: bool = Field(False, description="answer scrapes at /metrics; wants the extra `metrics`")
    host: str = Field(
        "127.0.0.1",
        description="address that is served, :: for IPv4 and IPv6; without a password; the log says so where others "
        "than this machine are served",
    )
    port: int = Field(9464, ge=0, le=65535, description="0: any that is free")

    @field_validator("host")
    @classmethod
    def _ip_address_of(cls, value: str) -> str:
        return ip_address_of(value)


class LogConfig(ConfigSection):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is written")
    format: Literal["text", "json", "journal"] = Field(
        "text", description="lines for people, lines for programs, or fields for systemd's journal"
    )

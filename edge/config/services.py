"""Settings of the local services: the page, the panel, sessions, metrics and the log."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from edge.config.networks import Networks
from edge.config.section import BcmPin, ConfigSection, OptionalPath, PositiveSeconds, Seconds, ip_address_of


class KioskConfig(ConfigSection):
    """Web page that the device serves."""

    enabled: bool = Field(False, description="serve the page; needs the extra `kiosk`")
    host: str = Field(
        "127.0.0.1",
        description="address that is served, 0.0.0.0 for IPv4, :: for IPv4 and IPv6; "
        "any but this machine's own needs an operator password",
    )
    port: int = Field(8080, ge=0, le=65535, description="0: any free port")
    password_file: OptionalPath = Field(
        None, description="hash of the operator's password, created by `face-edge kiosk password`"
    )
    viewer_token_file: OptionalPath = Field(None, description="hash of a token with which people may watch")
    open_to_viewers: bool = Field(False, description="anyone who can reach the page may watch, without a token")
    session_hours: float = Field(12.0, gt=0, le=720, description="validity of a login, hours")
    hostnames: str = Field(
        "",
        description="additional accepted names of this device, separated by spaces; its addresses and its own name are "
        "always accepted",
    )
    public_url: str = Field(
        "", description="address of the page for phones, in the sign's QR code; empty: that of the request"
    )
    trusted_proxies: str = Field(
        "",
        description="reverse proxies whose X-Forwarded-For, -Proto, -Host and -Prefix are trusted: addresses and "
        "networks, separated by spaces",
        examples=["127.0.0.1"],
    )
    max_viewers: int = Field(
        64, ge=1, le=1000, description="pages open at the same time, at most half of them from one address"
    )
    visitors: bool = Field(
        False, description="viewers may also have their own pictures, videos and browser's camera analysed"
    )
    upload_mb: int = Field(300, ge=1, le=100_000, description="largest file that the analyze page accepts, megabytes")
    video_minutes: float = Field(30.0, gt=0, le=600, description="longest video that the analyze page accepts")
    max_cameras: int = Field(
        4, ge=1, le=64, description="visitors' cameras analysed at the same time; one address can use all but one"
    )
    tls: Literal["off", "self-signed", "files"] = Field(
        "off",
        description="HTTPS, which phones require for the camera: a certificate of the device's own, or from files",
    )
    tls_certificate: OptionalPath = Field(None, description="PEM file with the certificate chain, for tls = files")
    tls_key: OptionalPath = Field(None, description="PEM file of its private key, without a passphrase")
    media_dir: OptionalPath = Field(None, description="folder of films that the wall page may play in a session")
    live_picture: bool = Field(False, description="show operators the camera's picture: frames leave the loop")
    operator_name: str = Field("", max_length=200, description="operator of the device, shown to the people in view")
    operator_contact: str = Field("", max_length=200, description="the operator's e-mail address or telephone number")

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
    """Button, light and buzzer on the device itself; each is used if it has a pin."""

    button: BcmPin | None = Field(
        None,
        description="pin of a button to ground: press briefly to pause or resume, long to start or stop a session",
        examples=[23],
    )
    light: BcmPin | None = Field(
        None,
        description="pin of an LED: on while frames are analysed, blinks off briefly during a session, flashes slowly "
        "while paused, fast while the camera is missing",
        examples=[24],
    )
    buzzer: BcmPin | None = Field(None, description="pin of an active buzzer, which confirms commands", examples=[18])
    active_high: bool = Field(True, description="the LED is lit while the pin is high")
    long_press_s: PositiveSeconds = Field(1.5, description="shortest duration of a long press")
    debounce_s: Seconds = Field(0.03, description="shorter presses are ignored as contact bounces")

    def pins(self) -> dict[str, int]:
        """Return the pins by role."""
        pins = {"button": self.button, "light": self.light, "buzzer": self.buzzer}
        return {role: pin for role, pin in pins.items() if pin is not None}


class SessionsConfig(ConfigSection):
    """Storage of sessions on this device."""

    keep: bool = Field(True, description="store each session's seconds, events and markers for its report")
    k: int = Field(
        3,
        ge=1,
        le=100,
        description="for seconds with fewer faces than this only the count is stored; a game or private session may "
        "use another number if the people agree",
    )
    max_mb: int = Field(
        200, ge=1, le=100_000, description="largest size, megabytes; beyond it the oldest sessions are deleted"
    )
    keep_days: int = Field(0, ge=0, le=36_500, description="older sessions are deleted; 0: sessions do not expire")


class MetricsConfig(ConfigSection):
    """Metrics for Prometheus."""

    enabled: bool = Field(False, description="serve metrics at /metrics; needs the extra `metrics`")
    host: str = Field(
        "127.0.0.1",
        description="address that is served, :: for IPv4 and IPv6, without a password; a warning is logged if other "
        "machines are served",
    )
    port: int = Field(9464, ge=0, le=65535, description="0: any free port")

    @field_validator("host")
    @classmethod
    def _ip_address_of(cls, value: str) -> str:
        return ip_address_of(value)


class LogConfig(ConfigSection):
    """Log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level that is written")
    format: Literal["text", "json", "journal"] = Field(
        "text", description="lines for people, lines for programs, or fields for systemd's journal"
    )

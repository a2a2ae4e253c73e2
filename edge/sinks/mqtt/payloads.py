"""Payloads of requests and switches: bytes to commands (pure)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.commands import CheckHealth, Mark, SetDisplay, SetPrivacy, StartSession, StopSession
from edge.core.events.messages import GROUP_MAX, LABEL_MAX, LONGEST_SESSION_S, Media, SessionKind
from edge.core.events.switches import FULL
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core.commands import Command

PAYLOAD_MAX = 4096
"""Maximum size of a request in bytes; longer ones are refused without parsing."""
TRANSACTION_MAX = 64

_Text = Annotated[str, Field(max_length=LABEL_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Refused(Exception):
    """A payload is not a valid command; the text is sent back to the requester."""

    def __init__(self, why: str, transaction: str | None = None) -> None:
        super().__init__(why)
        self.transaction = transaction


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    transaction: Annotated[str, Field(min_length=1, max_length=TRANSACTION_MAX)] | None = Field(
        None, description="returned in the answer; a transaction that was already answered is refused"
    )

    def command(self) -> Command:
        """Return the command that this request stands for."""
        raise NotImplementedError


class MarkerRequest(_Request):
    """Set a marker at this moment."""

    label: _Text = ""

    def command(self) -> Command:
        """Return the command to set a marker."""
        return Mark(self.label)


class MediaReference(BaseModel):
    """The media being shown, by name only."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    name: Annotated[_Text, Field(min_length=1)]
    duration_s: Annotated[float, Field(gt=0, le=LONGEST_SESSION_S)] | None = None


class SessionStartRequest(_Request):
    """Start a session."""

    title: _Text = ""
    kind: Literal["film", "advertisement", "game", "private", "other"] = "other"
    planned_s: Annotated[float, Field(gt=0, le=LONGEST_SESSION_S)] | None = Field(
        None, description="the session ends automatically after this many seconds"
    )
    media: MediaReference | None = None
    k: Annotated[int, Field(ge=1, le=GROUP_MAX)] | None = Field(
        None,
        description="values for moments with fewer faces are withheld; less than the device's sessions.k is allowed "
        "only for the kinds game and private, and with agreed",
    )
    agreed: bool = Field(False, description="all people in view have agreed to this k")

    def command(self) -> Command:
        """Return the command to start the session."""
        media = None if self.media is None else Media(name=self.media.name, duration_s=self.media.duration_s)
        return StartSession(
            self.title, SessionKind(self.kind), self.planned_s, media=media, k=self.k, agreed=self.agreed
        )


class SessionStopRequest(_Request):
    """End the running session."""

    def command(self) -> Command:
        """Return the command to end the session."""
        return StopSession()


class HealthCheckRequest(_Request):
    """Report the health of the device."""

    def command(self) -> Command:
        """Return the command to report health."""
        return CheckHealth()


REQUESTS: dict[str, type[_Request]] = {
    "marker": MarkerRequest,
    "session_start": SessionStartRequest,
    "session_stop": SessionStopRequest,
    "health_check": HealthCheckRequest,
}


class LightRequest(BaseModel):
    """Switch or dim the displays, as Home Assistant's JSON lights do; other fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    state: Literal["ON", "OFF"] | None = None
    brightness: Annotated[int, Field(ge=0, le=FULL)] | None = None


def request(name: str, payload: bytes) -> tuple[str | None, Command]:
    """Parse the request ``name`` and return ``(transaction, command)``.

    Raises:
        Refused: The request is unknown, or the payload is not a JSON object with valid fields.
    """
    kind = REQUESTS.get(name)
    if kind is None:
        msg = f"unknown request: expected one of {', '.join(REQUESTS)}"
        raise Refused(msg)
    given = _json(payload)
    if not isinstance(given, dict):
        msg = "expected a JSON object"
        raise Refused(msg)
    try:
        found = kind.model_validate(given)
    except ValidationError as error:
        raise Refused(_line(error), _transaction(given)) from None
    return found.transaction, found.command()


def privacy(payload: bytes) -> Command:
    """Parse the payload of ``privacy/set``: ``ON`` or ``OFF``.

    Raises:
        Refused: The payload is neither.
    """
    word = payload[:8].decode("ascii", "replace").strip().upper()
    if len(payload) > len("OFF") + 2 or word not in {"ON", "OFF"}:
        msg = "expected ON or OFF"
        raise Refused(msg)
    return SetPrivacy(on=word == "ON")


def display(payload: bytes) -> Command:
    """Parse the payload of ``display/set``: ``ON``, ``OFF``, or JSON such as ``{"state": "ON", "brightness": 128}``.

    Raises:
        Refused: The payload is none of these.
    """
    if payload.strip().upper() in {b"ON", b"OFF"}:
        return SetDisplay(on=payload.strip().upper() == b"ON")
    given = _json(payload)
    if not isinstance(given, dict) or not {"state", "brightness"} & given.keys():
        msg = "expected ON, OFF or a JSON object with state or brightness"
        raise Refused(msg)
    try:
        found = LightRequest.model_validate(given)
    except ValidationError as error:
        raise Refused(_line(error)) from None
    # setting a brightness implies switching on
    on = found.state != "OFF" if found.state is not None or found.brightness else None
    return SetDisplay(on=on, brightness=None if found.brightness is None else found.brightness / FULL)


SWITCHES: dict[str, Callable[[bytes], Command]] = {"privacy/set": privacy, "display/set": display}


def _json(payload: bytes) -> Any:
    if len(payload) > PAYLOAD_MAX:
        msg = f"longer than {PAYLOAD_MAX} bytes"
        raise Refused(msg)
    if not payload.strip():
        return {}
    try:
        found = json.loads(payload.decode("utf-8"))
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        msg = "is not UTF-8"
    except UnicodeEncodeError:
        msg = "contains an unpaired surrogate escape, which is half a character"
    except json.JSONDecodeError as error:
        msg = f"is not JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        msg = "is not JSON: nested too deep"
    else:
        return found
    raise Refused(msg)


def _line(error: ValidationError) -> str:
    """Describe the first validation error without repeating the input."""
    fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(in_one_line(str(part)[:40]) for part in fault["loc"])
    said = "unknown field" if fault["type"] == "extra_forbidden" else str(fault["msg"])
    return f"{place}: {said[:1].lower()}{said[1:]}" if place else said


def _transaction(given: dict[str, Any]) -> str | None:
    found = given.get("transaction")
    return found if isinstance(found, str) and 0 < len(found) <= TRANSACTION_MAX else None

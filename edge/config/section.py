"""Base class of the configuration's sections, and types of their values."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
PositiveSeconds = Annotated[float, Field(gt=0)]
BcmPin = Annotated[int, Field(ge=0, le=27, description="BCM number")]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]  # Path("") would be this folder


class ConfigSection(BaseModel):
    """Frozen table of settings that rejects unknown ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _home_is_known(cls, value: Any) -> Any:
        """Reject a path with a tilde for a user that does not exist."""
        if isinstance(value, Path):
            try:
                value.expanduser()
            except RuntimeError:
                msg = f"there is no such home folder: use an absolute path, found {str(value)!r}"
                raise ValueError(msg) from None
        return value


def ip_address_of(value: str) -> str:
    """Return an IP address in its canonical form; ``localhost`` is 127.0.0.1.

    Brackets around an IPv6 address are allowed, and an IPv4-mapped IPv6 address becomes an IPv4 address.

    Raises:
        ValueError: ``value`` is not an IP address.
    """
    text = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        address = ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        msg = (
            "expected an IP address: 127.0.0.1 for this machine only, 0.0.0.0 for IPv4, :: for IPv4 and IPv6; "
            f"found {value!r}"
        )
        raise ValueError(msg) from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)

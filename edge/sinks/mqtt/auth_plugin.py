"""Password authentication for the embedded broker; a plugin that amqtt loads by name."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amqtt.plugins.base import BaseAuthPlugin

if TYPE_CHECKING:
    from amqtt.session import Session

NAME = f"{__name__}.BrokerAuthPlugin"


class BrokerAuthPlugin(BaseAuthPlugin):  # type: ignore[misc,unused-ignore]
    """Authenticate broker clients by one shared user name and password."""

    @dataclass
    class Config:
        """Required credentials."""

        username: str = ""
        password: str = field(default="", repr=False)

    async def authenticate(self, *, session: Session) -> bool:
        """Return whether user name and password match, compared in constant time."""
        given = ((session.username or "", self.config.username), (session.password or "", self.config.password))
        right = [hmac.compare_digest(one.encode(), other.encode()) for one, other in given]
        return bool(self.config.username) and all(right)

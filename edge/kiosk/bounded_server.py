"""uvicorn's server behind an acceptor with bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from edge.kiosk.acceptor import Acceptor
from edge.kiosk.protocol import LimitedProtocol
from edge.util.connections import ConnectionTable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from edge.kiosk.refusals import Refusals
    from edge.util.connections import ConnectionLimits


class BoundedServer(uvicorn.Server):
    """Accepts with an :class:`Acceptor`; ``exempt`` tells addresses of trusted proxies."""

    def __init__(
        self, config: uvicorn.Config, bounds: ConnectionLimits, refusals: Refusals, exempt: Callable[[str], bool]
    ) -> None:
        super().__init__(config)
        self.table = ConnectionTable(bounds, exempt=exempt)
        self._refusals, self._exempt = refusals, exempt

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve the one listener that is given."""
        await self.lifespan.startup()
        (listener,) = sockets or []
        acceptor = Acceptor(listener, self.table, self._refusals, ssl=self.config.ssl, exempt=self._exempt)

        def protocol(address: str) -> LimitedProtocol:
            return LimitedProtocol(
                table=self.table,
                address=address,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        acceptor.start(protocol)
        self.servers = [acceptor]  # type: ignore[list-item]
        self.started = True

"""Make the ASGI application: routes, what stands in front of them, and answers to errors."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from edge.config.networks import Networks
from edge.kiosk.crowd import Crowd
from edge.kiosk.guard import Guard, TooLarge, failed, is_own
from edge.kiosk.proxy import ForwardedHeaders, public_prefix
from edge.kiosk.requests import Refused, gone, not_found, refused, too_large

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from edge.kiosk.context import PageContext


def make_application(
    context: PageContext, routes: Sequence[BaseRoute], *, names: frozenset[str], bounds: Sequence[tuple[str, int]]
) -> Starlette:
    """Return the application for the host ``names``; ``bounds`` are prefixes of paths with larger bodies, in bytes."""
    prefix = public_prefix(context.settings.public_url)
    pages = {str(getattr(route, "path", "")).split("/")[1] for route in routes}
    known = functools.partial(is_own, names)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(
                ForwardedHeaders,
                trusted=Networks.of(context.settings.trusted_proxies),
                is_own=known,
                # an address of one of our pages is no path of a proxy
                public_prefix="" if prefix.split("/")[1:2] and prefix.split("/")[1] in pages else prefix,
            ),
            Middleware(Guard, is_own=known, bounds=bounds),
            Middleware(Crowd, client_of=context.authorizer.client, streamed=tuple(prefix for prefix, _ in bounds)),
        ],
        exception_handlers={
            TooLarge: too_large,
            Refused: refused,
            ClientDisconnect: gone,
            404: not_found,
            Exception: failed,
        },
    )
    app.router.redirect_slashes = False  # to whole addresses, which are others than a proxy's; see not_found
    return app

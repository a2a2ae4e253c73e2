"""Puts the web application together: what its parts share, its routes, what stands in front of them.

A further page brings a module with ``routes(kiosk)`` and is named in :func:`_routes`; one that takes larger bodies adds
its path to ``bounds``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import node_id, state_dir
from edge.core.commands import CheckHealth
from edge.core.errors import InputError
from edge.core.types import SEVEN
from edge.kiosk import access, state_files, tls
from edge.kiosk.analyze.service import AnalysisService
from edge.kiosk.attempts import LoginThrottle
from edge.kiosk.browsers import KnownBrowsers
from edge.kiosk.consent import Consent
from edge.kiosk.guard import own_names
from edge.kiosk.media.player import Player
from edge.kiosk.paths import Places
from edge.kiosk.proxy import prefix_of
from edge.kiosk.topic_cache import ChangeNotifier
from edge.kiosk.verifier import Verifier
from edge.kiosk.visitors.cameras import FRAME_MAX, Cameras

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from edge.config import Config
    from edge.core.commands import Answer, Inbox
    from edge.core.labels import LabelSet
    from edge.kiosk.picture import FrameTap
    from edge.kiosk.topic_cache import TopicCache

HERE = Path(__file__).parent
_ANSWER_S = 5.0
_RESERVED_STREAMS = 8
"""Beyond ``kiosk.max_viewers``, for operators who are logged in and the device's own screen."""
_HEALTH_S = 5.0
_RECORD_S = 30.0


class Kiosk:
    """What the pages share: settings, the board, who may do what; ``app`` is the ASGI application."""

    def __init__(
        self, config: Config, board: TopicCache, inbox: Inbox, tap: FrameTap | None = None, labels: LabelSet = SEVEN
    ) -> None:
        """Read what is read once.

        Raises:
            ConfigError: others could come in without a password, or a file of hashes or a certificate cannot be used.
        """
        self.config = config
        self.settings = config.kiosk
        self.board = board
        self.inbox = inbox
        self.tap = tap
        self.labels = labels
        self.node = node_id(config)
        access.check(self.settings)
        folder = state_dir(config)
        self.tls = tls.of(self.settings, folder)
        self.access = access.Access(
            self.settings,
            access.lasting_secret(folder / state_files.SECRET),
            folder / state_files.logins(self.node),
        )
        self.browsers = KnownBrowsers(self.access.key)
        self.consent = Consent(folder / f"kiosk-consent-{self.node}.json")
        self.throttle = LoginThrottle()
        self.verifier = Verifier(self.access.role_for)
        self.operators = 0
        self.streams = Places(self.settings.max_viewers, reserved=_RESERVED_STREAMS)
        self.cameras = Cameras(config)
        self.desk = AnalysisService(config)
        self.player = Player(self.settings.media_dir, board)
        self.endings: list[Callable[[], None]] = []
        self.names = own_names(self.settings.hostnames, self.settings.public_url)
        self.app = _application(self)

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server starts on ``loop``."""
        self.bell = ChangeNotifier(loop)
        self.operators = 0
        self.cameras = Cameras(self.config)
        self.board.on_change(self.bell.ring)
        self.desk.begin(loop)

    def hush(self) -> None:
        """The server is about to stop: end what has no end of its own; on its thread."""
        self.bell.close()
        self.desk.close()

    def end(self) -> None:
        """The server stops, on its loop: what a page holds is let go."""
        self.board.on_change(None)
        self.cameras.close()
        self.verifier.close()
        for ending in self.endings:
            ending()

    def visit(self, request: Request) -> access.Visit:
        """Who asks."""
        return self.access.visit(request.cookies.get(self.access.cookie_below(prefix_of(request))))

    def leave(self, visit: access.Visit) -> bool:
        """End a visit: its login, its room and its camera. True where that must be recorded."""
        room = self.desk.rooms.get(visit.identity)
        if room is not None:
            self.desk.forget(room)
        self.cameras.leave(visit.identity)
        return self.access.revoke(visit)

    async def ask(self, command: object) -> Answer:
        """Let the loop do ``command``; an answer that does not come is an error too."""
        from edge.core.commands import Answer

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def resolve(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        def tell(answer: Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
                loop.call_soon_threadsafe(resolve, answer)

        if not self.inbox.offer(command, tell):  # type: ignore[arg-type]
            return Answer(error="too many requests wait already")
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await future
        except TimeoutError:
            return Answer(error="the device did not answer in time")

    async def watch_revocations(self) -> None:
        """Record logouts that could not be recorded at once, when the disk has room again."""
        while True:
            await asyncio.sleep(_RECORD_S)
            if self.access.revocations.unsaved:
                with contextlib.suppress(InputError):  # logged there
                    await asyncio.to_thread(self.access.revocations.save)

    async def watch_health(self) -> None:
        """While an operator looks, fresh figures come more often than the feed's."""
        while True:
            await asyncio.sleep(_HEALTH_S)
            if self.operators:
                answer = await self.ask(CheckHealth())
                if answer.data is not None:
                    self.board.put("health", answer.data)


def _application(kiosk: Kiosk) -> Starlette:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import ClientDisconnect

    from edge.config.networks import Networks
    from edge.kiosk.analyze.routes import UPLOAD_PREFIX
    from edge.kiosk.crowd import Crowd
    from edge.kiosk.guard import Guard, TooLarge, failed, is_own
    from edge.kiosk.proxy import ForwardedHeaders, public_prefix
    from edge.kiosk.requests import Refused, gone, not_found, refused, too_large
    from edge.kiosk.visitors.routes import FRAME_PATH

    bounds = [(UPLOAD_PREFIX, kiosk.desk.upload_bytes), (FRAME_PATH, FRAME_MAX)]
    routes = _routes(kiosk)
    prefix = public_prefix(kiosk.settings.public_url)
    pages = {str(getattr(route, "path", "")).split("/")[1] for route in routes}
    known = functools.partial(is_own, kiosk.names)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(
                ForwardedHeaders,
                trusted=Networks.of(kiosk.settings.trusted_proxies),
                is_own=known,
                # an address of one of our pages is no path of a proxy
                public_prefix="" if prefix.split("/")[1:2] and prefix.split("/")[1] in pages else prefix,
            ),
            Middleware(Guard, is_own=known, bounds=bounds),
            Middleware(Crowd, kiosk=kiosk, streamed=tuple(prefix for prefix, _ in bounds)),
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


def _routes(kiosk: Kiosk) -> list[BaseRoute]:
    from edge.kiosk import api, login, pages
    from edge.kiosk.analyze import routes as analyze
    from edge.kiosk.media import routes as media
    from edge.kiosk.reports import routes as reports
    from edge.kiosk.visitors import routes as visitors

    parts = (tls, pages, login, api, analyze, media, reports, visitors)
    return [route for part in parts for route in part.routes(kiosk)]

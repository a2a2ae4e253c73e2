"""Put the page together: its services, the routes that use them, and what the server calls.

A further page brings a module with ``routes(context, ...)`` and is named in :meth:`Kiosk._routes`; one that takes
larger bodies adds its path to the bounds beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config import node_id, state_dir
from edge.core.types import SEVEN
from edge.kiosk import access, api, certificate_routes, login, pages, signing_key, state_files, tls
from edge.kiosk.analyze import routes as analyze
from edge.kiosk.analyze.service import AnalysisService
from edge.kiosk.application import make_application
from edge.kiosk.authorization import Authorizer
from edge.kiosk.commands import CommandClient
from edge.kiosk.consent import Consent
from edge.kiosk.context import PageContext
from edge.kiosk.guard import own_names
from edge.kiosk.live_feed import LiveFeed
from edge.kiosk.login_service import LoginService
from edge.kiosk.media import routes as media
from edge.kiosk.media.player import Player
from edge.kiosk.reports import routes as reports
from edge.kiosk.reports.archive import Archive
from edge.kiosk.visitors import routes as visitors
from edge.kiosk.visitors.cameras import FRAME_MAX, Cameras
from edge.recording.paths import session_path

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from starlette.routing import BaseRoute

    from edge.config import Config
    from edge.core.commands import CommandQueue
    from edge.core.labels import LabelSet
    from edge.kiosk.picture import FrameTap
    from edge.kiosk.topic_cache import TopicCache


class Kiosk:
    """The page with its services; ``app`` is the ASGI application."""

    def __init__(
        self,
        config: Config,
        board: TopicCache,
        inbox: CommandQueue,
        tap: FrameTap | None = None,
        labels: LabelSet = SEVEN,
    ) -> None:
        """Read what is read once.

        Raises:
            ConfigError: others could come in without a password, or a file of hashes or a certificate cannot be used.
        """
        self.config = config
        self.settings = config.kiosk
        node, folder = node_id(config), state_dir(config)
        access.check(self.settings)
        self.tls = tls.of(self.settings, folder)
        self.access = access.Access(
            self.settings,
            signing_key.load_or_create(folder / state_files.SECRET),
            folder / state_files.logins(node),
        )
        self.consent = Consent(folder / f"kiosk-consent-{node}.json")
        self.logins = LoginService(self.access, self._forget)
        self.cameras = Cameras(config)
        self.desk = AnalysisService(config)
        self.archive = Archive(session_path(config))
        self.player = Player(self.settings.media_dir, board)
        names = own_names(self.settings.hostnames, self.settings.public_url)
        commands = CommandClient(inbox)
        self.feed = LiveFeed(board, commands, self.settings.max_viewers)
        context = PageContext(
            config=config,
            node=node,
            labels=labels,
            authorizer=Authorizer(self.access, names),
            commands=commands,
            consent=self.consent,
            tls=self.tls,
            tap=tap,
        )
        bounds = ((analyze.UPLOAD_PREFIX, self.desk.upload_bytes), (visitors.FRAME_PATH, FRAME_MAX))
        self.app = make_application(context, self._routes(context), names=names, bounds=bounds)

    def _routes(self, context: PageContext) -> list[BaseRoute]:
        return [
            *certificate_routes.routes(context),
            *pages.routes(context),
            *login.routes(context, self.logins),
            *api.routes(context, self.feed, self.player),
            *analyze.routes(context, self.desk),
            *media.routes(context, self.player),
            *reports.routes(context, self.archive),
            *visitors.routes(context, self.cameras),
        ]

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve on ``loop`` from now on."""
        self.cameras.begin()
        self.feed.begin(loop)
        self.desk.begin(loop)

    def watches(self) -> list[Coroutine[None, None, None]]:
        """Return what runs beside the requests until it is cancelled."""
        return [self.feed.watch_health(), self.logins.watch_unsaved(), self.desk.run(), tls.watch(self.tls)]

    def hush(self) -> None:
        """End what has no end of its own: the server is about to stop; on its thread."""
        self.feed.close_streams()
        self.desk.close()

    def end(self) -> None:
        """Let go of what the pages hold: the server stops; on its loop."""
        self.feed.end()
        self.cameras.close()
        self.logins.close()
        self.archive.close()

    def _forget(self, identity: str) -> None:
        self.desk.leave(identity)
        self.cameras.leave(identity)

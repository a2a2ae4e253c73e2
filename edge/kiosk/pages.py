"""The pages: templates filled once with the texts of the language, and the static files beside them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge import __version__
from edge.core.labels import KNOWN
from edge.core.types import SEVEN
from edge.kiosk import consent, join, sign
from edge.kiosk.guard import POLICY
from edge.kiosk.proxy import root_of
from edge.kiosk.requests import to_login
from edge.kiosk.roles import Role
from edge.reports.export import offered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from edge.core.labels import Label, LabelSet
    from edge.kiosk.context import PageContext

LANGUAGE = "en"
_HERE = Path(__file__).parent
_VIEWS = {"/": ("kiosk.html", Role.VIEWER), "/operator": ("operator.html", Role.OPERATOR)}
_VIEWS |= {"/phone": ("phone.html", Role.VIEWER)}


def routes(context: PageContext) -> list[BaseRoute]:
    """Return the routes of the views, of what is open to everyone, and of static files."""
    views = [Route(path, view(context, name, role), methods=["GET"]) for path, (name, role) in _VIEWS.items()]
    return [
        *views,
        Route("/login", _open_page(context, "login.html"), methods=["GET"]),
        Route("/about", _open_page(context, "about.html"), methods=["GET"]),
        Route("/sign", _open_page(context, "sign.html"), methods=["GET"]),
        Mount("/static", _Static(directory=_HERE / "static"), name="static"),
    ]


class _Static(StaticFiles):
    """Files are asked for again each time, which costs an empty answer where nothing changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def view(context: PageContext, name: str, role: Role) -> Callable[[Request], Awaitable[Response]]:
    """Return a page for visits with ``role``; others are asked to log in. It may play films of this device only."""

    async def page(request: Request) -> Response:
        if context.authorizer.visit(request).role < role:
            return to_login(request, request.url.path)
        answer = render(context, request, name)
        answer.headers["Content-Security-Policy"] = f"{POLICY}; media-src 'self'"
        return answer

    return page


def _open_page(context: PageContext, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return render(context, request, name)

    return page


def render(context: PageContext, request: Request, name: str) -> Response:
    """Render the template ``name`` with the texts and the device's settings."""
    home = sign.home(context.settings.public_url, request)
    invited = join.invitation(context.settings, context.tls, request)
    template, classes = _templates().get_template(name), _classes(context.labels)
    return HTMLResponse(
        template.render(
            t=texts(),
            root=root_of(request),
            lang=LANGUAGE,
            version=__version__,
            classes=classes,
            class_words=[found["word"].lower() for found in classes],
            class_examples=_examples(context.labels, classes),
            forms=offered(),
            contexts=consent.CONTEXTS,
            forbidden=consent.FORBIDDEN,
            facts=_facts(context),
            home=home,
            reachable=sign.reachable(home),
            code=functools.partial(sign.code, f"{home}/about"),
            join=invited,
            join_code=None if invited is None else functools.partial(sign.code, invited.url),
            secure_home=join.secure_home(context.settings),
            tls=context.tls,
        )
    )


def _classes(labels: LabelSet) -> list[dict[str, str]]:
    """Return each class's words and face, and its colour where it is none of the usual seven."""
    return [_class(label) for label in labels.labels]


def _class(label: Label) -> dict[str, str]:
    usual, words = KNOWN.get(label.name), texts()["emotion"]
    word = words.get(label.name) if usual is not None and usual.word == label.word else None
    has_style = usual is not None and label.name in SEVEN and usual.colour == label.colour
    return {
        "name": str(label.name),
        "word": word or label.title,
        "face": str(label.face),
        **({} if has_style else {"colour": label.colour}),
    }


def _examples(labels: LabelSet, classes: list[dict[str, str]]) -> list[str]:
    """Three words that give the public an idea of what is read."""
    names = ("happy", "surprise", "sad") if labels == SEVEN else labels.names[:3]
    return [found["word"].lower() for name in names for found in classes if found["name"] == name]


def _facts(context: PageContext) -> Mapping[str, Any]:
    config = context.config
    return {
        "node": context.node,
        "k": config.privacy.k,
        "session_k": max(config.sessions.k, config.privacy.k),
        "live_picture": config.kiosk.live_picture,
        "tracks": config.privacy.publish_tracks,
        "feed": config.mqtt.broker != "off",
        "visitors": config.kiosk.visitors,
        "operator_name": config.kiosk.operator_name,
        "operator_contact": config.kiosk.operator_contact,
        "context": None if context.consent.now is None else context.consent.now.context,
    }


@functools.cache
def texts() -> dict[str, Any]:
    """All words of the pages, by their dotted place."""
    path = _HERE / "static" / "texts" / f"{LANGUAGE}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

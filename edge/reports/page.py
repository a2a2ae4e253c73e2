"""A finished page: templates, the style sheet and its hash, in one file that asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.core.errors import HardwareUnavailable
from edge.reports.charts import stacked
from edge.reports.text import APPARENT
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.core.labels import LabelSet
    from edge.reports.charts import Painter

_TEMPLATES = Path(__file__).parent / "templates"


def render(
    template: str, painter: Painter, *, labels: Iterable[LabelSet], made: datetime | None = None, **context: Any
) -> str:
    """The page as text, with a key of the classes of ``labels``.

    Raises:
        HardwareUnavailable: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        msg = f"reports need Matplotlib and Jinja2: {adding('reports')}"
        raise HardwareUnavailable(msg) from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    style = _squeezed((_TEMPLATES / "page.css").read_text(encoding="utf-8")) + painter.styles.css
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(
        style=markup(style),
        style_hash=f"sha256-{digest}",
        apparent=APPARENT,
        version=__version__,
        made=f"{made or datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        emotions=key(labels),
        **context,
    )


def markup(text: str) -> Any:
    """``text`` as it stands: it was made here, not by a user."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - drawn and escaped by ourselves


def key(sets: Iterable[LabelSet]) -> list[dict[str, str]]:
    """Words and colours in the order in which charts stack them, each once."""
    rows = [
        ("unclear" if name is None else labels.label(name).word, colour)
        for labels in sets
        for name, colour in stacked(labels)
    ]
    return [{"name": word, "colour": colour} for word, colour in dict.fromkeys(rows)]


def _squeezed(css: str) -> str:
    return re.sub(r"\s+", " ", css).strip() + "\n"

"""Rendering of a self-contained page from templates, with the style sheet and its hash."""

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
    from edge.reports.charts import ChartPainter

_TEMPLATES = Path(__file__).parent / "templates"


def render(
    template: str, painter: ChartPainter, *, labels: Iterable[LabelSet], made: datetime | None = None, **context: Any
) -> str:
    """Render the page, with a legend of the classes of ``labels``.

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
    """Mark ``text`` as safe markup: it was generated here, not by a user."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - drawn and escaped by ourselves


def key(sets: Iterable[LabelSet]) -> list[dict[str, str]]:
    """Return the words and colours of the legend, each once, in stacking order."""
    rows = [
        ("unclear" if name is None else labels.label(name).word, colour)
        for labels in sets
        for name, colour in stacked(labels)
    ]
    return [{"name": word, "colour": colour} for word, colour in dict.fromkeys(rows)]


def _squeezed(css: str) -> str:
    return re.sub(r"\s+", " ", css).strip() + "\n"

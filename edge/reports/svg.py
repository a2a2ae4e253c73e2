"""Prepare Matplotlib's SVG for embedding in a page: no namespaces, styles as classes, unique ids, short numbers."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_FONT = re.compile(r"font: (?:(\w+) )?([\d.]+)px[^;]*")
_DROPPED = {"metadata", "style", "title"}
_ROUNDED = {"d", "x", "y", "points", "transform", "width", "height", "x1", "x2", "y1", "y2"}


class Styles:
    """Registry of style attributes as CSS classes, so that a strict content policy can allow them by hash."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, style: str) -> str:
        """Return the class for ``style``."""
        return self._names.setdefault(style, f"c{len(self._names)}")

    @property
    def css(self) -> str:
        """Style sheet with one rule for each class."""
        return "\n".join(f".{name}{{{style}}}" for style, name in self._names.items())


def inline(svg: str, *, prefix: str, label: str, styles: Styles, css_class: str = "") -> str:
    """Return ``svg`` as an element of a page; ``prefix`` makes its ids unique, ``label`` is for screen readers."""
    root = ET.fromstring(svg)  # noqa: S314 - written by ourselves a moment ago
    box = root.get("viewBox", "")
    for element in list(root.iter()):
        for child in list(element):
            if _local(child.tag) in _DROPPED:
                element.remove(child)
    body = "".join(_written(child, prefix, styles) for child in root)
    return (
        f'<svg class="{escape(css_class)}" viewBox="{escape(box)}" role="img" aria-label="{escape(label)}">{body}</svg>'
    )


def _written(element: ET.Element, prefix: str, styles: Styles) -> str:
    tag = _local(element.tag)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(element, prefix, styles))
    inside = escape(element.text.strip(), quote=False) if element.text and element.text.strip() else ""
    inside += "".join(_written(child, prefix, styles) for child in element)
    return f"<{tag}{attributes}>{inside}</{tag}>"


def _attributes(element: ET.Element, prefix: str, styles: Styles) -> Iterator[tuple[str, str]]:
    used = _local(element.tag) in {"path", "clipPath", "g", "pattern"} or element.get("id") is None
    for full, raw in element.attrib.items():
        name, value = _local(full), raw
        if name == "style":
            yield "class", styles.name(_style(value, prefix))
            continue
        if name == "id":
            if used and not element.get("id", "").startswith(("axes", "figure", "patch", "line", "text", "xtick")):
                yield name, prefix + value
            continue
        if name == "href":
            value = value.replace("#", f"#{prefix}")
        elif value.startswith("url(#"):
            value = value.replace("url(#", f"url(#{prefix}")
        elif name in _ROUNDED:
            value = _short(value)
        yield name, value


def _style(style: str, prefix: str) -> str:
    """Shorten a style and drop the font family, which the page sets."""
    style = _FONT.sub(lambda found: f"font-size:{found[2]}px" + (f";font-weight:{found[1]}" if found[1] else ""), style)
    return style.replace("url(#", f"url(#{prefix}").replace(": ", ":").replace("; ", ";").strip()


def _short(text: str) -> str:
    return " ".join(_NUMBER.sub(lambda found: f"{float(found[0]):.1f}", text).split())


def _local(name: str) -> str:
    return name.rpartition("}")[2]

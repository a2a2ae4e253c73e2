"""The commented configuration file that ``face-edge config init`` writes: every setting with its default."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import tomli_w

from edge.cli.catalog import Section, Setting, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Settings of FACE Edge. Every line that begins with '#' and a name shows a default or an example: take the '#' away
# to change it. `face-edge config check FILE` finds mistakes, `face-edge config show` tells what is in force.
# Environment variables win over this file: FACE_EDGE_MQTT__BROKER sets broker in [mqtt].
"""


def template() -> str:
    """Return the file's text; all settings are commented out, so that defaults of later versions apply."""
    return _HEAD + "".join("\n" + "\n".join(_lines(section)) + "\n" for section in sections())


def _lines(section: Section) -> Iterator[str]:
    yield f"# {section.summary}"
    # a table that is empty is harmless; an empty [[display]] would be a display without a kind
    yield f"[{section.name}]" if section.kind is None else f"#[[{section.name}]]"
    for setting in section.settings:
        if section.kind is None or setting.name != "kind":
            yield from textwrap.wrap(_comment(setting), width=118, initial_indent="# ", subsequent_indent="#   ")
        yield "#" + literal(setting.name, "" if setting.sample is None else setting.sample)


def _comment(setting: Setting) -> str:
    notes = [setting.type]
    if setting.required:
        notes.append("required, here an example")
    elif setting.default is None:
        notes.append("not set by default")
    return f"{setting.description} ({'; '.join(notes)})"


def literal(name: str, value: Any) -> str:
    """Return ``name = value`` as one line of TOML."""
    if isinstance(value, dict):
        inner = ", ".join(literal(key, item) for key, item in value.items())
        return f"{name} = {{ {inner} }}" if inner else f"{name} = {{}}"
    return tomli_w.dumps({name: value}).rstrip("\n")

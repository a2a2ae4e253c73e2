"""The configuration reference in Markdown: ``python -m edge.cli.reference > docs/configuration.md``."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

from edge.cli.catalog import Section, Setting, sections
from edge.cli.template import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Configuration

This page is made from the code by `python -m edge.cli.reference > docs/configuration.md`; a test holds it equal.

Settings come from four layers, each of which wins over the one before:

1. the defaults below;
2. a TOML file: `--config FILE` or `$FACE_EDGE_CONFIG`, otherwise `./face-edge.toml` or `/etc/face-edge/config.toml`,
   whichever is there first;
3. environment variables: `FACE_EDGE_` and the setting's name with `__` for each dot, so that
   `FACE_EDGE_MQTT__BROKER=embedded` sets `mqtt.broker`; a value that begins with `[` or `{` is read as TOML;
4. `--set KEY=VALUE` before the command's name: `face-edge --set mqtt.broker=embedded run`.

`face-edge config init` writes a commented file, `face-edge config check` reports at once all for which `run` would
refuse it, and `face-edge config show` prints what is in force and where each value came from, with secrets masked.
"""


def reference() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for name, group in groupby(sections(), key=lambda section: section.name):
        if name == "display":
            parts.append(
                "\n## `[[display]]`\n\nWhat shows the mood: one such table a display, any number at once; "
                "`kind` says which.\n"
            )
        parts.extend(_section(section) for section in group)
    return "".join(parts)


def _section(section: Section) -> str:
    title = f"## `[{section.name}]`" if section.kind is None else f'### `kind = "{section.kind}"`'
    return f"\n{title}\n\n{section.summary}\n\n" + "\n".join(_table(section)) + "\n"


def _table(section: Section) -> Iterator[str]:
    yield "| setting | type | default | meaning |"
    yield "|---|---|---|---|"
    for setting in section.settings:
        if section.kind is None or setting.name != "kind":
            cells = (f"`{setting.name}`", setting.type, _default(setting), setting.description)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.default is None:
        return "not set"
    return "`" + literal("x", setting.default).removeprefix("x = ") + "`"


if __name__ == "__main__":
    sys.stdout.write(reference())

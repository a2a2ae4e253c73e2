"""Generator for parts of the manual's page: ``python -m edge.sinks.mqtt.asyncapi.page docs/mqtt.md`` updates them.

The parts are between ``<!-- NAME: made from the code -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.sinks.mqtt.asyncapi.channels import CHANNELS
from edge.sinks.mqtt.topics import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.sinks.mqtt.asyncapi.channels import Channel

_SHORT = 70
"""Maximum characters of a payload shown in the table itself."""
_WIDTH = 116
_HEAD = "| topic | from | retained | QoS | when | payload | what |\n|---|---|---|---|---|---|---|\n"
_BELOW = "JSON, [below](#payloads)"


def fill(text: str) -> str:
    """Return ``text`` with its generated parts updated.

    Raises:
        ValueError: A part has no place in ``text``.
    """
    for name, made in (("topics", _table()), ("payloads", _payloads())):
        begin, end = f"<!-- {name}: made from the code -->\n", f"<!-- end of {name} -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            msg = f"expected {begin.strip()} and {end} in the page"
            raise ValueError(msg)
        text = f"{head}{begin}\n{made}\n{end}{tail}"
    return text


def _table() -> str:
    return _HEAD + "".join(f"| {' | '.join(_cells(channel))} |\n" for channel in CHANNELS.values())


def _cells(channel: Channel) -> Iterator[str]:
    yield f"`{channel.kind}`"
    yield "device" if channel.sent else "you"
    yield ("yes" if channel.retain else "no") + (", expires" if channel.expires else "")
    yield str(channel.qos)
    yield channel.rate
    shown = [f"`{_text(channel, example)}`" for example in channel.examples if not _long(example)]
    if any(map(_long, channel.examples)):
        shown.insert(0, _BELOW)
    yield " or ".join(shown)
    yield channel.summary


def _payloads() -> str:
    return "\n".join(
        f"`{channel.kind}`:\n\n```json {channel.kind}\n{_wrapped(example)}\n```\n"
        for channel in CHANNELS.values()
        for example in filter(_long, channel.examples)
    )


def _text(channel: Channel, example: Any) -> str:
    return str(example) if channel.content_type == PLAIN else json.dumps(example, ensure_ascii=False)


def _long(example: Any) -> bool:
    return len(json.dumps(example)) >= _SHORT


def _wrapped(value: Any) -> str:
    """Return JSON in lines of readable length, broken only after commas."""
    lines = [""]
    for part in re.split(r"(?<=,) (?=[\"{\[])", json.dumps(value, ensure_ascii=False)):
        joined = f"{lines[-1]} {part}" if lines[-1] else part
        if lines[-1] and len(joined) > _WIDTH:
            lines.append(f" {part}")
        else:
            lines[-1] = joined
    return "\n".join(lines)


if __name__ == "__main__":
    _page = Path(sys.argv[1])
    _page.write_text(fill(_page.read_text(encoding="utf-8")), encoding="utf-8")

"""Jinja templates with which Home Assistant reads the payloads.

They return ``None``, which Home Assistant shows as unknown, for values that are null or withheld. They never fail or
use an undefined value, whatever the payload: each failure would be a line in Home Assistant's log. An empty payload
removes a retained message.
"""

from __future__ import annotations

_JSON = "{% set json = value_json | default({}, true) %}{% set json = json if json is mapping else {} %}"
"""Set ``json`` to the payload's object, or to an empty one if there is none."""

EVENT = f"{_JSON}{{% if json.type is defined %}}{{{{ dict(json, event_type=json.type) | tojson }}}}{{% endif %}}"
CAMERA = "{{ None if value == '' else 'ON' if value == 'offline' else 'OFF' }}"
TOO_DARK = (
    f"{_JSON}{{% set light = json.light | default(None) %}}"
    "{{ None if light is not string else 'ON' if light == 'too_dark' else 'OFF' }}"
)
SUPPRESSED = f"{_JSON}{{{{ None if json.suppressed is not defined else 'ON' if json.suppressed else 'OFF' }}}}"
SESSION = (
    f"{_JSON}{{{{ 'running' if json.id is defined"
    " else 'idle' if value_json is defined and value_json is none else None }}"
)
SESSION_DETAILS = f"{_JSON}{{{{ json | tojson }}}}"
SHINES = f"{_JSON}{{{{ json.state | lower if json.state | default(None) in ('ON', 'OFF') else None }}}}"
BRIGHTNESS = f"{_JSON}{{{{ json.brightness | default(0) | int(0) }}}}"
SHINE = '{"state": "ON"{% if brightness is defined %}, "brightness": {{ brightness }}{% endif %}}'
"""Command that switches the displays on, with Home Assistant's brightness if given."""


def field(name: str) -> str:
    """Return a template for a field as it is."""
    return f"{_JSON}{{{{ json.{name} | default(None) }}}}"


def percent(*path: str) -> str:
    """Return a template that shows a share of 0 to 1 in percent."""
    *parents, name = path
    parent = "json"
    for one in parents:
        parent = f"({parent}.{one} | default({{}}, true))"
    share = f"{{% set share = {parent}.{name} | default(None) %}}"
    return f"{_JSON}{share}{{{{ (share * 100) | round(1) if share is number else None }}}}"

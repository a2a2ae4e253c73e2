"""``face-edge status``: show the status of the running device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edge.cli.settings import Settings, pass_settings
from edge.util.text import in_one_line, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_AWAY = "offline"
_LIGHT = {"dark": "; it is dark", "too_dark": "; too dark to see faces: add light or move the device"}
_LIMITED = {"heat": "; slowed down: the board is hot", "memory": "; slowed down: memory is short"}


@click.command
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object: info, camera, work, failing, privacy, session, health.",
)
@pass_settings
def status(settings: Settings, *, as_json: bool) -> None:
    """Say how the running device is: camera, session, switches, figures.

    The exit code is 0 where it sees or is paused, 1 where it does not run, 5 where its camera is away.
    """
    from edge.core.errors import SourceError
    from edge.runtime.local import ask, control_paths

    found = ask(control_paths(settings.load()), "status")
    if as_json:
        click.echo(json_text(found, indent=2))
    else:
        for name, text in _lines(found):
            click.echo(in_one_line(f"{name:<9}{text}"))
    if found["camera"] == _AWAY:
        click.get_current_context().exit(SourceError.exit_code)


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    info, health = found["info"], found["health"]
    yield "node", f"{info['node']}, version {info['software_version']}, up {_span(health['uptime_s'])}"
    seen = "not yet seen" if found["camera"] is None else found["camera"]
    yield "camera", f"{info['source']}: {seen}{_LIGHT.get(health.get('light') or '', '')}"
    yield "model", f"{info['model']}, {info['head']}, {info['runtime']}, detector {info['detector']}"
    if info.get("model_fallback"):
        yield "", info["model_fallback"]
    for name, problem in found.get("failing", {}).items():
        yield "off", f"{name}: {problem}"
    yield "session", _session(found["session"])
    display = found["display"]
    yield (
        "switches",
        (
            f"{'paused' if found['privacy'] else 'looking'}, "
            f"displays {'on at' if display['on'] else 'off, set to'} {100 * display['brightness']:.0f} %"
        ),
    )
    yield (
        "frames",
        (
            f"{health['process_fps']:.1f} a second looked at, {health['skip_fps']:.1f} skipped, "
            f"detection {_ms(health['detect_ms_p95'])}, network {_ms(health['infer_ms_p95'])} (p95)"
            f"{_LIMITED.get(health.get('limited_by') or '', '')}"
        ),
    )
    board = [
        f"{health[key]:.0f} {unit}"
        for key, unit in (("cpu_percent", "% CPU"), ("memory_mb", "MB"), ("temperature_c", "°C"))
        if health[key] is not None
    ]
    yield "board", ", ".join(board)
    yield "queues", f"{health['queue_depth']} waiting, {health['drops']} dropped, {health['reconnects']} reconnects"


def _session(session: dict[str, Any] | None) -> str:
    if session is None:
        return "none"
    k = session.get("k") or 1
    agreed = " (agreed)" if session.get("agreed") else ""
    needs = f", figures need {k} face{'' if k == 1 else 's'} or more in view{agreed}"
    return f"{session['title'] or session['id']}, since {session['start']}{needs}"


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} ms"


def _span(seconds: float) -> str:
    """Format seconds as ``3 d 4 h`` and the like, with at most two units."""
    minutes = int(seconds // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return " ".join(parts[:2]) or f"{seconds:.0f} s"

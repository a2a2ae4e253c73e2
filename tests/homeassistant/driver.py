"""Home Assistant itself, without pages and add-ons, driven line by line: run by a Python that has its package.

``driver.py PORT [AUTOMATIONS.yaml]`` connects Home Assistant's own MQTT integration to the broker on PORT. It answers
each JSON line of its standard input with one of its own: ``{"do": "states"}``, ``{"do": "entities"}``,
``{"do": "call", "domain", "service", "data"}``, ``{"do": "validate", "discovery"}`` (what the schemas hold against it),
``{"do": "complaints"}`` (what was logged so far at the level of a warning or above, by whatever part of it),
``{"do": "known"}`` (its version and the keys that it knows), ``{"do": "devices"}``.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from homeassistant import auth, bootstrap, config_entries, loader
from homeassistant.components.mqtt import config_flow, discovery, models, schemas
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml

from tests.homeassistant.fields import PLATFORMS, known

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLAINTS: list[str] = []
_FORGETS_DISABLED = "discovery_discovered_and_disabled" not in models.MqttData.__dataclass_fields__


class _Complaints(logging.Handler):
    """Keeps every warning and error, with the last line of its traceback.

    But not what this way to start it causes: a faster compression is missing, and the integration is set up by hand.
    Nor what an older version says of itself: with a device's disabled entities it clears the discovery topic once more
    for each, and then finds nothing left to remove.
    """

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.name == "aiohttp_fast_zlib" or "async_forward_entry_setups" in text:
            return
        if _FORGETS_DISABLED and text.startswith("No device components to cleanup"):
            return
        error = record.exc_info[1] if record.exc_info else None
        COMPLAINTS.append(f"{record.name}: {text}" + (f": {error!r}" if error else ""))


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def _start(port: int, automations: Path | None) -> HomeAssistant:
    folder = Path(tempfile.mkdtemp())
    (folder / "configuration.yaml").write_text("")
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth.auth_manager_from_config(hass, [], [])
    for core in ("homeassistant", "persistent_notification"):
        await async_setup_component(hass, core, {})
    http = {"http": {"server_host": ["127.0.0.1"], "server_port": _free_port()}}
    assert await async_setup_component(hass, "http", http)
    entry = _entry(port)
    await hass.config_entries.async_add(entry)
    assert entry.state is config_entries.ConfigEntryState.LOADED, entry.reason
    if automations is not None:
        config = {"automation": await hass.async_add_executor_job(load_yaml, str(automations))}
        assert await async_setup_component(hass, "automation", config)
    await hass.async_start()
    return hass


def _entry(port: int) -> config_entries.ConfigEntry:
    """The broker as if it had been entered in the pages; every version of Home Assistant has its own form."""
    details = {
        "version": config_flow.FlowHandler.VERSION,
        "minor_version": config_flow.FlowHandler.MINOR_VERSION,
        "domain": "mqtt",
        "title": "broker",
        "data": {"broker": "127.0.0.1", "port": port, "protocol": "5", "discovery": True},
        "options": {},
        "source": "user",
        "unique_id": None,
        "discovery_keys": {},
        "subentries_data": [],
    }
    known = inspect.signature(config_entries.ConfigEntry).parameters
    return config_entries.ConfigEntry(**{key: value for key, value in details.items() if key in known})


def _validate(payload: dict[str, Any]) -> list[str]:
    """What Home Assistant's schemas hold against the discovery message, key by key, unknown keys included."""
    found = []
    optional = {name: keys["optional"] for name, keys in known()["platforms"].items()}
    discovery._replace_all_abbreviations(payload)
    try:
        schemas.DEVICE_DISCOVERY_SCHEMA(payload)
    except Exception as error:  # noqa: BLE001 - each is a finding
        found.append(f"device: {error}")
    for key, component in payload["components"].items():
        platform = component.pop("platform")
        # each version knows one of the two and ignores the other
        component.pop("object_id" if "default_entity_id" in optional[platform] else "default_entity_id")
        try:
            PLATFORMS[platform](component)
        except Exception as error:  # noqa: BLE001 - each is a finding
            found.append(f"{key}: {error}")
    return found


def _states(hass: HomeAssistant) -> Any:
    return {state.entity_id: [state.state, dict(state.attributes)] for state in hass.states.async_all()}


def _entities(hass: HomeAssistant) -> Any:
    entries = entity_registry.async_get(hass).entities.values()
    return {entry.entity_id: [entry.unique_id, entry.disabled] for entry in entries}


def _devices(hass: HomeAssistant) -> Any:
    (entry,) = hass.config_entries.async_entries("mqtt")
    devices = device_registry.async_entries_for_config_entry(device_registry.async_get(hass), entry.entry_id)
    return [[device.name, device.configuration_url] for device in devices]


_ANSWERS: dict[str, Callable[[Any], Any]] = {
    "states": _states,
    "entities": _entities,
    "devices": _devices,
    "complaints": lambda _: COMPLAINTS,
    "known": lambda _: {"version": __version__, **known()},
}


async def _obey(hass: HomeAssistant, order: dict[str, Any]) -> Any:
    if order["do"] == "call":
        await hass.services.async_call(order["domain"], order["service"], order["data"], blocking=True)
        return True
    if order["do"] == "validate":
        return _validate(order["discovery"])
    return _ANSWERS[order["do"]](hass)


async def main() -> None:
    logging.getLogger().addHandler(_Complaints(level=logging.WARNING))
    automations = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    hass = await _start(int(sys.argv[1]), automations)
    print("ready", flush=True)  # noqa: T201
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await _obey(hass, json.loads(line)), default=str), flush=True)  # noqa: T201
    await hass.async_stop(force=True)


asyncio.run(main())

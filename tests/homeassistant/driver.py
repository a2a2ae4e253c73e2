"""Home Assistant itself, without pages and add-ons, driven line by line: run by a Python that has its package.

``driver.py PORT [AUTOMATIONS.yaml]`` connects Home Assistant's own MQTT integration to the broker on PORT. It answers
each JSON line of its standard input with one of its own: ``{"do": "states"}``, ``{"do": "entities"}``,
``{"do": "call", "domain", "service", "data"}``, ``{"do": "validate", "discovery"}`` (what the schemas hold against it),
``{"do": "complaints"}`` (warnings logged so far).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from homeassistant import auth, bootstrap, config_entries, loader
from homeassistant.components.mqtt import discovery, schemas
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml

COMPLAINTS: list[str] = []


class _Complaints(logging.Handler):
    """Keeps what the integration warns of."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "mqtt" in record.name or "template" in record.name or "automation" in record.name:
            COMPLAINTS.append(f"{record.name}: {text}")


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
    await async_setup_component(hass, "homeassistant", {})
    http = {"http": {"server_host": ["127.0.0.1"], "server_port": _free_port()}}
    assert await async_setup_component(hass, "http", http)
    entry = config_entries.ConfigEntry(
        version=2,
        minor_version=1,
        domain="mqtt",
        title="broker",
        data={"broker": "127.0.0.1", "port": port, "protocol": "5", "discovery": True},
        options={},
        source="user",
        unique_id=None,
        discovery_keys={},
        subentries_data=[],
    )
    await hass.config_entries.async_add(entry)
    assert entry.state is config_entries.ConfigEntryState.LOADED, entry.reason
    if automations is not None:
        config = {"automation": await hass.async_add_executor_job(load_yaml, str(automations))}
        assert await async_setup_component(hass, "automation", config)
    await hass.async_start()
    return hass


def _validate(payload: dict[str, Any]) -> list[str]:
    """What Home Assistant's schemas hold against the discovery message, key by key, unknown keys included."""
    from homeassistant.components.mqtt import binary_sensor, button, event, sensor, switch
    from homeassistant.components.mqtt.light import schema_json

    strict = {
        "sensor": sensor.PLATFORM_SCHEMA_MODERN,
        "binary_sensor": binary_sensor.PLATFORM_SCHEMA_MODERN,
        "event": event.PLATFORM_SCHEMA_MODERN,
        "button": button.PLATFORM_SCHEMA_MODERN,
        "switch": switch.PLATFORM_SCHEMA_MODERN,
        "light": schema_json.PLATFORM_SCHEMA_MODERN_JSON,
    }
    found = []
    discovery._replace_all_abbreviations(payload)
    try:
        schemas.DEVICE_DISCOVERY_SCHEMA(payload)
    except Exception as error:  # noqa: BLE001 - each is a finding
        found.append(f"device: {error}")
    for key, component in payload["components"].items():
        platform = component.pop("platform")
        try:
            strict[platform](component)
        except Exception as error:  # noqa: BLE001 - each is a finding
            found.append(f"{key}: {error}")
    return found


async def _obey(hass: HomeAssistant, order: dict[str, Any]) -> Any:
    match order["do"]:
        case "states":
            return {state.entity_id: [state.state, dict(state.attributes)] for state in hass.states.async_all()}
        case "entities":
            entries = entity_registry.async_get(hass).entities.values()
            return {entry.entity_id: [entry.unique_id, entry.disabled] for entry in entries}
        case "call":
            await hass.services.async_call(order["domain"], order["service"], order["data"], blocking=True)
            return True
        case "validate":
            return _validate(order["discovery"])
        case "complaints":
            return COMPLAINTS
    return None


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

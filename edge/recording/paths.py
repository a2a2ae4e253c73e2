"""Paths of a node's session file, for the device and for the commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import node_id, state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config import Config

_SERVICE_STATE = Path("/var/lib/face-edge")


def session_path(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Return the file that a device with this configuration writes."""
    return state_dir(config, environment) / f"sessions-{node_id(config)}.sqlite3"


def find_sessions(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Return the file to read: the configured one, or the system service's if only that exists."""
    own = session_path(config, environment)
    service = _SERVICE_STATE / own.name
    variables = os.environ if environment is None else environment
    return service if not variables.get("STATE_DIRECTORY") and not _exists(own) and _exists(service) else own


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False

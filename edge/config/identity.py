"""Who this device is and where it keeps its state, from the configuration and the machine."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config.tree import Config


def default_node_id(hostname: str | None = None, machine_id_path: Path = Path("/etc/machine-id")) -> str:
    """Host name and six hex digits of the machine id, so that two boards from one image differ."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", (hostname or socket.gethostname()).split(".")[0]).strip("-") or "node"
    try:
        machine = re.sub(r"[^0-9a-f]", "", machine_id_path.read_text(encoding="ascii").lower())[-6:]
    except (OSError, UnicodeDecodeError):
        machine = ""
    return f"{name}-{machine}" if machine else name


def node_id(config: Config) -> str:
    """The node id in force."""
    return config.node.id or default_node_id()


def state_dir(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Where state is kept: systemd's ``$STATE_DIRECTORY`` where it is set, otherwise ``node.state_dir``."""
    variables = os.environ if environment is None else environment
    given = variables.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else config.node.state_dir.expanduser()


def secret_file(given: Path | None, name: str, environment: Mapping[str, str] | None = None) -> Path | None:
    """The file that holds a secret: the one that was ``given``, otherwise systemd's credential called ``name``."""
    if given is not None:
        return given.expanduser()
    variables = os.environ if environment is None else environment
    folder = variables.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(folder) / name
    return credential if folder and credential.is_file() else None

"""Merging of the layers of settings: packaged defaults < TOML file < ``FACE_EDGE_*`` environment < flags."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError
from edge.util.bounded_read import read_bounded
from edge.util.files import why_unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX = "FACE_EDGE_"
COMMAND_VARIABLES = frozenset({"FACE_EDGE_CONFIG", "FACE_EDGE_DEBUG"})
"""Variables of the command line itself, which are not settings."""
DEFAULT_PATHS = (Path("face-edge.toml"), Path("/etc/face-edge/config.toml"))


@dataclass(frozen=True, slots=True)
class Layers:
    """Merged settings before they are checked.

    ``tree`` holds plain values; ``origins`` holds, by dotted key, the source of each value that is not from the file;
    ``path`` is the file that was read.
    """

    tree: Mapping[str, Any]
    origins: Mapping[str, str]
    path: Path | None

    def origin(self, key: str) -> str:
        """Return the source of the value at a dotted ``key``; that of a section is the source of its settings."""
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            if origin := self.origins.get(".".join(parts[:length])):
                return origin
        below = sorted({origin for name, origin in self.origins.items() if name.startswith(f"{key}.")})
        file = [] if self.path is None else [str(self.path)]
        return ", ".join(file + below) or "defaults"


def collect(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Layers:
    """Merge the layers; the arguments are those of :func:`edge.config.checking.load`.

    Raises:
        ConfigError: the file or a variable cannot be read at all.
    """
    path = path or default_file()
    tree: dict[str, Any] = {} if path is None else _read_toml(path)
    origins: dict[str, str] = {}
    variables = os.environ if environment is None else environment
    for name, value in sorted(variables.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in COMMAND_VARIABLES:
            keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            origins[".".join(keys)] = origin = f"environment variable {name}"
            _put(tree, keys, plain_value(origin, value), origin)
    for key, value in (flags or {}).items():
        origins[key] = "command line"
        _put(tree, key.split("."), value, "command line")
    return Layers(tree, origins, path)


def default_file() -> Path | None:
    """Return the file that is read by default: the first of :data:`DEFAULT_PATHS` that exists."""
    return next((candidate for candidate in DEFAULT_PATHS if candidate.is_file()), None)


def plain_value(origin: str, value: str) -> Any:
    """Parse a value that looks like a TOML array or table (``FACE_EDGE_DISPLAY='[{kind="terminal"}]'``).

    Any other value is returned as text.

    Raises:
        ConfigError: the array or table is not valid TOML; ``origin`` names it in the message.
    """
    if value[:1] not in {"[", "{"}:
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError) as error:
        msg = f"{origin}: is not a valid TOML value: {error}"
        raise ConfigError(msg) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bounded(path).decode("utf-8"))
    except OSError as error:
        msg = f"{path}: {why_unreadable(path, error)}; give another file with --config"
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path}: is not a UTF-8 text file"
        raise ConfigError(msg) from None
    except (ValueError, RecursionError) as error:  # tomllib also raises these for huge numbers and deep nesting
        msg = f"{path}: is not valid TOML: {error}"
        raise ConfigError(msg) from None


def _put(tree: dict[str, Any], keys: list[str], value: Any, origin: str) -> None:
    for key in keys[:-1]:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            msg = f"{origin}: {key} is not a section that contains {keys[-1]!r}; set {key} as a whole"
            raise ConfigError(msg)
        tree = child
    tree[keys[-1]] = value

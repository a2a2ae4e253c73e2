"""Reload the configuration while the device runs: apply what can change at once, and log what cannot.

Settings of vision are applied between two frames: detector, tracker, smoothing, the primary face; and the log.
Everything else holds connections, files or hardware open and requires a restart.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, EdgeError
from edge.util import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from edge.config import Config
    from edge.runtime.manager import ServiceManager

_LOG = logging.getLogger(__name__)
LIVE = frozenset({"detector", "tracker", "smoothing", "primary", "log"})
"""Sections that are taken over at once."""


class Reloader:
    """Reloader with the current configuration; ``load`` reads it again, ``adopt`` applies it on the loop's thread."""

    def __init__(
        self, config: Config, load: Callable[[], Config], manager: ServiceManager, adopt: Callable[[Config], None]
    ) -> None:
        self._config = config
        self._load = load
        self._manager = manager
        self._adopt = adopt

    def reload(self) -> None:
        """Apply what can be applied; an invalid configuration changes nothing, and its problems are logged."""
        self._manager.reloading()
        try:
            self._take_over(self._load())
        except EdgeError as error:
            for problem in error.problems if isinstance(error, ConfigError) else [error]:
                _LOG.error("the configuration stays as it was: %s", problem)
        finally:
            self._manager.ready()

    def _take_over(self, wanted: Config) -> None:
        changed = [key for key, _, _ in differences(self._config, wanted)]
        live = [key for key in changed if key.split(".")[0] in LIVE]
        later = [key for key in changed if key not in live]
        if live:
            sections = {name: getattr(wanted, name) for name in sorted({key.split(".")[0] for key in live})}
            taken = self._config.model_copy(update=sections)
            self._adopt(taken)  # what it names may be missing: then nothing has changed
            self._config = taken
            logs.configure(taken.log)
        _LOG.info(
            "the configuration was read again: %s", f"now {', '.join(live)}" if live else "nothing new to take over"
        )
        if later:
            _LOG.warning("%s: takes effect after a restart", ", ".join(later))


def differences(old: BaseModel, new: BaseModel, under: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield ``(dotted key, old, new)`` of every setting that differs; repeated tables count as one."""
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        key = f"{under}{name}"
        if hasattr(type(before), "model_fields") and type(before) is type(after):
            yield from differences(before, after, f"{key}.")
        else:
            yield key, before, after

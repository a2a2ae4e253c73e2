"""Switches set while the device runs, kept across restarts and power cuts."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.errors import InputError
from edge.core.events import Session
from edge.util.bounded_read import read_bounded
from edge.util.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)


class Settings(BaseModel):
    """Frozen; ``session`` is the one that runs."""

    model_config = ConfigDict(frozen=True)

    privacy: bool = False
    display_on: bool = True
    display_brightness: float = Field(1.0, ge=0, le=1)
    session: Session | None = None


class SettingsStore:
    """Store of the current settings; with a ``path`` every change is on the disk before :meth:`change` returns.

    An invalid file is renamed and logged; its valid settings stay in force. If the file cannot be written, that is
    logged, and the change lasts until the device stops. With ``sessions`` false a session ends with the process: none
    is stored, and one that an earlier process left running is over.
    """

    def __init__(self, path: Path | None, *, sessions: bool = True) -> None:
        self._path = path
        self._sessions = sessions
        self.kept = True
        """False after a change that is not on the disk."""
        self.now = Settings() if path is None else _load(path)
        if path is not None and self.now != Settings() and not path.exists():
            self._keep()  # what was understood of a file that was set aside
        if self.now.session is not None and not sessions:
            _LOG.info("session %r, which was interrupted, is over", self.now.session.title or self.now.session.id)
            self.change(session=None)

    def change(self, **values: Any) -> Settings:
        """Change settings to ``values``."""
        changed = Settings.model_validate(self.now.model_dump() | values)
        if changed != self.now:
            self.now = changed
            self._keep()
        return self.now

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            kept = self.now if self._sessions else self.now.model_copy(update={"session": None})
            # an older version, after an upgrade that is taken back, refuses fields that it does not know
            write_text(self._path, kept.model_dump_json(indent=2, exclude_defaults=True) + "\n")
            self.kept = True
        except InputError as error:
            self.kept = False
            _LOG.error("settings will not outlive a restart: %s", error)


def _load(path: Path) -> Settings:
    """Read the stored settings; of a damaged or newer file, those that are valid."""
    try:
        kept = read_bounded(path)
        return Settings.model_validate_json(kept)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        _LOG.error("%s: cannot be read (%s): settings begin anew", path, error.strerror or error)
        return Settings()
    except ValidationError:
        aside = path.with_suffix(".damaged")
        _LOG.error(
            "%s: is damaged, set aside as %s: settings begin anew where they are not understood", path, aside.name
        )
        path.replace(aside)
        return _understood(kept)


def _understood(kept: bytes) -> Settings:
    """Take over each setting that is valid by itself: a pause outlives a session of a kind that is not known yet."""
    settings = Settings()
    try:
        values = json.loads(kept)
    except (ValueError, RecursionError):
        return settings
    for name in Settings.model_fields.keys() & (values.keys() if isinstance(values, dict) else ()):
        with suppress(ValidationError):
            # as strict as the whole file is read
            one = Settings.model_validate_json(json.dumps({name: values[name]}))
            settings = settings.model_copy(update={name: getattr(one, name)})
    return settings

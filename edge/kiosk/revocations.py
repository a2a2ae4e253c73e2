"""Logins that ended before their cookie did: kept in a small file, so that a restart revives none.

The file also names the generation of the logins in force. A cookie of another generation is void, so whatever happens
to the file (lost, damaged, removed for want of room) ends logins and never revives one.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.errors import InputError
from edge.system.mounts import transient_boot
from edge.util.files import sync_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOG = logging.getLogger(__name__)
MOST = 500
"""Revoked logins that are kept by name, of each role."""
_FILE_MAX = 256 * 1024
_TOKEN_BYTES = 12
_Name = Annotated[str, Field(max_length=64)]


class _Ended(BaseModel):
    """Of one role: revoked logins and when their cookies were signed; those signed until ``until`` are all void."""

    model_config = ConfigDict(extra="forbid")

    until: int = 0
    revoked: dict[_Name, int] = Field(default_factory=dict)

    def add(self, identity: str, signed_s: int) -> bool:
        """Revoke one; beyond the bound the oldest makes room, and all that are as old end with it: True then."""
        if signed_s > self.until:
            self.revoked[identity] = signed_s
        if len(self.revoked) <= MOST:
            return False
        self._drop(min(self.revoked, key=self.revoked.__getitem__))
        return True

    def forget_expired(self, before_s: float) -> None:
        """Drop those that were signed ``before_s``; their time may not come again, even if the clock is set back."""
        for identity in [one for one, signed_s in self.revoked.items() if signed_s < before_s]:
            self._drop(identity)

    def _drop(self, identity: str) -> None:
        self.until = max(self.until, self.revoked.pop(identity))


_NONE = _Ended()


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    generation: _Name
    passwords: _Name
    boot: _Name = ""
    ended: dict[int, _Ended] = Field(default_factory=dict)


class RevocationList:
    """Safe from any thread. Nothing is on the disk before :meth:`save` returns."""

    def __init__(
        self, path: Path, *, passwords: str, lifetime_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        """Read the file; ``passwords`` is a fingerprint of those in force, and a change of it ends all logins.

        Where a reboot undoes what is written, it ends them, too.
        """
        self._path = path
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._lock, self._saving = threading.Lock(), threading.Lock()
        self._reported, self._overflowed = "", False
        found = self._read()
        self._on_disk = found.generation if found is not None else ("" if path.exists() else None)
        """Generation in the file, empty where that is not known; ``None``: there is no file."""
        self._all_void = False
        """All logins ended, and the file may still say otherwise."""
        self._changes, self._saved = 1, 0
        boot = transient_boot(path.parent)
        if found is None or found.passwords != passwords or found.boot != boot:
            self._all_void = found is not None
            found = _Content(generation=secrets.token_urlsafe(_TOKEN_BYTES), passwords=passwords, boot=boot)
        self._content = found
        self._open()

    @property
    def generation(self) -> str:
        """Return the generation that a cookie must name."""
        return self._content.generation

    @property
    def unsaved(self) -> bool:
        """True where the disk lacks something that :meth:`save` would write."""
        return self._saved < self._changes

    def holds(self, identity: str, role: int, generation: str, signed_s: int) -> bool:
        """Return True where a login is neither revoked nor so old that it may have been."""
        with self._lock:
            ended = self._content.ended.get(role, _NONE)
            return generation == self.generation and identity not in ended.revoked and signed_s > ended.until

    def revoke(self, identity: str, role: int, signed_s: int) -> None:
        """End one login; :meth:`save` makes it last."""
        with self._lock:
            ended = self._content.ended.setdefault(role, _Ended())
            if ended.add(identity, signed_s) and not self._overflowed:
                self._overflowed = True
                _LOG.warning("more than %d logouts are remembered: logins before the first have to be renewed", MOST)
            self._changes += 1

    def revoke_all(self) -> None:
        """End all logins; :meth:`save` makes it last."""
        with self._lock:
            self._renew()

    def save(self) -> None:
        """Write what was revoked; where there is no room, remove the file, which ends all logins with the next start.

        Raises:
            InputError: neither can be done: logins that were revoked could come back with a restart.
        """
        wanted = self._changes
        with self._saving:
            if self._saved >= wanted:  # the write of another caller had it
                return
            with self._lock:
                for ended in self._content.ended.values():
                    ended.forget_expired(self._clock() - self._lifetime_s)
                changes, generation, text = self._changes, self.generation, self._content.model_dump_json()
            try:
                write_text(self._path, text + "\n", mode=0o600)
                sync_folder(self._path.parent)
            except (InputError, OSError) as error:
                self._give_up(error)
            else:
                self._saved, self._on_disk, self._all_void, self._reported = changes, generation, False, ""

    def _give_up(self, error: Exception) -> None:
        if self._on_disk is None or (self._on_disk != self.generation and not self._all_void):
            self._report("%s: logins end with this run", error)  # for none of them is valid by that file
            return
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError:
            self._report("logouts cannot be recorded, a restart would revive what was logged out: %s", error)
            msg = f"the logout ends with the next start, for it cannot be recorded: {error}"
            raise InputError(msg) from None
        self._on_disk, self._all_void = None, False
        self._report("logouts cannot be recorded, so everyone has to log in again after a restart: %s", error)

    def _open(self) -> None:
        """Try whether logouts can be recorded, and let no login outlive a restart where they cannot."""
        try:
            self.save()
        except InputError:
            with self._lock:
                self._renew()
                self._all_void = False

    def _renew(self) -> None:
        old = self._content
        generation = secrets.token_urlsafe(_TOKEN_BYTES)
        self._content = _Content(generation=generation, passwords=old.passwords, boot=old.boot)
        self._all_void = True
        self._changes += 1

    def _read(self) -> _Content | None:
        try:
            with self._path.open("rb") as file:
                return _Content.model_validate_json(file.read(_FILE_MAX))
        except FileNotFoundError:
            return None
        except OSError as error:
            why = error.strerror or str(error)
        except ValidationError:
            why = "it is damaged"
        _LOG.warning("everyone has to log in again: %s cannot be read: %s", self._path, why)
        return None

    def _report(self, text: str, error: Exception) -> None:
        """Log a cause once."""
        if self._reported != text:
            self._reported = text
            _LOG.error(text, error)

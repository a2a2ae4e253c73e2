"""Put a new version on trial, and roll back to the previous one if it is not accepted.

The judge holds a lock while it lives. Every start of the service first runs :func:`settle`
(``face-edge-trial.service``): a trial whose judge is gone, after a power cut or a kill, ends with the previous version.
A unit that waits for the lock triggers such a start as soon as the judge is killed (:func:`guard`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from upgrade.judge import Judge, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upgrade.judge import Report
    from upgrade.releases import Releases
    from upgrade.service import Service

LOCK = Path("/run/face-edge-upgrade.lock")
PATIENCE_S = 120.0
BACK_S = 5.0
"""Seconds of evidence required of the previous version after the rollback."""
_WATCHDOGS = 2.0
"""Number of watchdog periods for which a new version is observed."""
_POLL_S = 1.0


class Refused(Exception):
    """The trial cannot start; nothing has changed."""


class Interrupted(Exception):
    """The operator has ended the trial."""


@dataclass
class Trial:
    """Trial of a version; times in seconds."""

    releases: Releases
    service: Service
    say: Callable[[str], None]
    watch_s: float | None = None
    patience_s: float = PATIENCE_S
    lock: Path = LOCK
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, candidate: Path, *, delete: bool = True) -> Verdict:
        """Switch to ``candidate``, observe it, and accept it or roll back.

        Args:
            candidate: Folder of a complete version.
            delete: Delete the folder if the version is rejected.

        Raises:
            Refused: Another trial is running, the version is incomplete, or its unit files cannot be written.
        """
        with held(self.lock, timeout_s=30.0) as is_held:
            if not is_held:
                msg = "another version is on trial: try again in a minute"
                raise Refused(msg)
            self.settle_held()
            before = self.releases.current
            if not self.releases.is_finished(candidate):
                msg = f"{candidate} is not a complete version"
                raise Refused(msg)
            if before == candidate.resolve():
                msg = f"{candidate.name} is in use already"
                raise Refused(msg)
            if before is not None and not self.releases.is_finished(before):
                before = None
            return self._try(candidate.resolve(), before, delete=delete)

    def settle(self) -> None:
        """Roll back a trial whose judge is gone; run before each start of the service."""
        with held(self.lock) as is_held:
            if is_held:
                self.settle_held()

    def settle_held(self) -> None:
        """Roll back as :meth:`settle` does, for the holder of the lock."""
        releases = self.releases
        if not releases.on_trial:
            return
        candidate, fallback = releases.current, releases.fallback
        if fallback is None:
            self.say("a trial was interrupted, and the previous version is gone: the new one stays")
        else:
            if candidate is not None and candidate != fallback:
                releases.reject(candidate)
            releases.switch(fallback)
            self.service.reload_units()
            self.say(f"a trial was interrupted: {fallback.name} is in use again")
        releases.end_trial()

    def guard(self) -> None:
        """Wait until the judge has ended; if it left its trial open, restart the service."""
        with held(self.lock, timeout_s=None):
            pass
        if self.releases.on_trial:
            self.service.restart()

    def _try(self, candidate: Path, before: Path | None, *, delete: bool) -> Verdict:
        try:
            self.releases.stage(candidate)
        except OSError as error:
            msg = f"the unit files cannot be written: {error.strerror or error}"
            raise Refused(msg) from None
        earlier = self.service.report() if before is not None else None
        try:
            if before is not None:
                self.service.guard(f"face-edge-guard-{os.getpid()}")
                self.releases.begin_trial(before)
            # the old version reads its own files until it has ended
            self.service.stop()
            self.releases.switch(candidate)
            self.service.reload_units()
            verdict = self._judge(earlier)
            if verdict.healthy:
                self.releases.accept(before)
        except OSError as error:
            verdict = Verdict(healthy=False, reason=f"it cannot be activated: {error.strerror or error}")
        except Interrupted:
            verdict = Verdict(healthy=False, reason="interrupted")
        if verdict.healthy or before is None:
            return verdict
        return self._go_back(candidate, before, verdict, delete=delete)

    def _judge(self, earlier: Report | None, *, watch_s: float | None = None) -> Verdict:
        began_s = time.time()
        verdict = None
        if self.service.start():
            watchdog_s = self.service.watchdog_s()
            judge = Judge(
                watch_s=watch_s or self.watch_s or _WATCHDOGS * watchdog_s,
                stall_s=watchdog_s,
                patience_s=self.patience_s,
                before=earlier,
            )
            while verdict is None:
                verdict = judge.observe(self.monotonic(), self.service.unit(), self.service.report())
                if verdict is None:
                    self.sleep(_POLL_S)
        else:
            verdict = Verdict(healthy=False, reason=f"it does not start: {self.service.unit().result}")
        if not verdict.healthy:
            tail = self.service.log_tail(began_s)
            if tail:
                self.say(f"the end of its log:\n{tail}")
        return verdict

    def _go_back(self, candidate: Path, before: Path, verdict: Verdict, *, delete: bool) -> Verdict:
        self.say(f"rolling back to the previous version: {verdict.reason}")
        self.service.stop()
        self.releases.reject(candidate)
        try:
            self.releases.switch(before)
            self.releases.end_trial()
        except OSError as error:  # the next start tries again
            reason = f"{verdict.reason}; the previous version cannot be restored: {error.strerror or error}"
            return Verdict(healthy=False, reason=reason)
        self.service.reload_units()
        if delete:
            shutil.rmtree(candidate, ignore_errors=True)
        back = self._judge(None, watch_s=BACK_S)
        if not back.healthy:
            reason = f"neither the new version ({verdict.reason}) nor the previous one ({back.reason}) becomes healthy"
            return Verdict(healthy=False, reason=reason)
        reason = f"the new version is not healthy ({verdict.reason}); the previous one runs again: {back.reason}"
        return Verdict(healthy=False, reason=reason)


@contextmanager
def held(path: Path, *, timeout_s: float | None = 0.0) -> Iterator[bool]:
    """Hold the lock at ``path``; yield ``False`` if another process still has it after ``timeout_s``."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _taken(descriptor, timeout_s)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, timeout_s: float | None) -> bool:
    if timeout_s is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(0.2)
        else:
            return True

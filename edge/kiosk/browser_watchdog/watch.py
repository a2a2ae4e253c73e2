"""Keeps a browser showing the wall page: starts it once the page answers, and anew when it stalls."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.kiosk.browser_watchdog.devtools import Browser, Stalled
from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOG = logging.getLogger(__name__)
OURS = "document.body?.dataset.scene ?? ''"
"""What every page of the device says of itself, and an error page of the browser does not."""
_START_S = 30.0
_HEALTHY_S = 60.0
_LOST_MAX = 3
"""Checks that may find another page than ours, or none, before the browser itself is blamed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two checks, and how long an answer may take."""

    every_s: float = 8.0
    patience_s: float = 8.0


class Watch:
    """Shows ``url`` in the browser that ``command`` starts; ``profile`` is emptied before each start.

    A page that hangs, a tab or a browser that crashed and a browser that was closed all lead to a new start; a page
    that could not be loaded is loaded again once the device answers.
    """

    def __init__(self, url: str, command: Sequence[str], profile: Path, pace: Pace | None = None) -> None:
        self._url = url
        self._command = [*command, f"--user-data-dir={profile}", "about:blank"]
        self._profile = profile
        self._pace = pace or Pace()
        self.starts = 0

    def run(self) -> None:
        """For ever."""
        backoff = Backoff(first_s=0.5, max_s=30.0)
        while True:
            self.await_page()
            started = time.monotonic()
            try:
                self.show()
            except Stalled as stall:
                _LOG.warning("the wall's browser is started anew: %s", stall)
            if time.monotonic() - started > _HEALTHY_S:
                backoff.reset()
            time.sleep(backoff.next_s())

    def await_page(self) -> None:
        """Return once the device answers."""
        told = False
        while not self.answers():
            if not told:
                _LOG.info("waiting for %s", _without_secret(self._url))
                told = True
            time.sleep(min(2.0, self._pace.every_s))

    def answers(self) -> bool:
        """Return whether the device serves its pages now."""
        address = self._url.partition("#")[0]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # only asked whether it is there
        try:
            with urllib.request.urlopen(address, timeout=self._pace.patience_s, context=context):  # noqa: S310 - set by the owner
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except (OSError, ValueError):
            return False

    def show(self) -> None:
        """Start the browser and look after it.

        Raises:
            Stalled: it is of no use any more, and was ended.
            OSError: it cannot be started.
        """
        shutil.rmtree(self._profile, ignore_errors=True)
        self._profile.mkdir(mode=0o700, parents=True)
        self.starts += 1
        with Browser(self._command, os.environ) as browser:
            browser.attach(timeout_s=_START_S)
            if _is_this_machine(self._url):
                # its certificate is its own: nobody stands between
                browser.call("Security.setIgnoreCertificateErrors", {"ignore": True}, timeout_s=_START_S)
            self._load(browser)
            self._look_after(browser)

    def _load(self, browser: Browser) -> None:
        # told over the pipe: on the command line everyone could read a token in it
        browser.call("Page.navigate", {"url": self._url}, timeout_s=_START_S)

    def _look_after(self, browser: Browser) -> None:
        lost = 0
        while True:
            time.sleep(self._pace.every_s)
            if browser.evaluate(OURS, timeout_s=self._pace.patience_s):
                lost = 0
            elif self.answers():
                lost += 1
                if lost > _LOST_MAX:
                    msg = f"it shows something else than {_without_secret(self._url)}"
                    raise Stalled(msg)
                self._load(browser)


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_secret(url: str) -> str:
    return url.partition("#")[0]

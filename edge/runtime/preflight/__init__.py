"""Find all reasons for which ``run`` refuses a configuration, without changing anything.

``run`` loads its configuration by :func:`load`; ``config check`` and ``doctor`` list what :func:`examine` finds. Each
check calls the same code as the device's parts when they are built, so that the messages are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.config import Config
from edge.config import examine as examine_layers
from edge.core.errors import ConfigError, FileUnavailable
from edge.runtime.preflight import page, parts
from edge.runtime.preflight.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import ConfigCheck, Layers
    from edge.core.errors import EdgeError

MQTT_KEYS = tuple(
    f"mqtt.{name}" for name in ("embedded_host", "username", "password", "password_file", "tls", "prefix")
)
CHECKS = (
    Check(("source.uri",), parts.source),
    Check(("model.path", "model.head", "model.runtime", "node.state_dir"), parts.model),
    Check(("detector.kind", "model.runtime", "node.state_dir"), parts.detector),
    Check(("node.state_dir", "mqtt.broker", "source.uri"), parts.locks),
    Check(("node.state_dir",), parts.state, is_needed=False),
    Check(("mqtt.broker", *MQTT_KEYS), parts.mqtt),
    Check(("kiosk.enabled",), page.packages),
    Check(("kiosk.host", "kiosk.enabled", "kiosk.password_file", "kiosk.trusted_proxies"), page.rights),
    Check(("kiosk.password_file", "kiosk.enabled", "kiosk.viewer_token_file"), page.secrets),
    Check(("kiosk.tls", "kiosk.enabled", "kiosk.tls_certificate", "kiosk.tls_key"), page.certificate),
    Check(("kiosk.tls", "kiosk.enabled", "kiosk.tls_certificate"), page.unused_certificate, is_needed=False),
    Check(("kiosk.host", "kiosk.enabled", "kiosk.port"), page.address, is_needed=False),
    Check(("kiosk.media_dir", "kiosk.enabled"), page.media, is_needed=False),
    Check(("display",), parts.displays),
    Check(("metrics.enabled", "metrics.host", "metrics.port"), parts.metrics, is_needed=False),
)
"""In the order in which one reads a configuration."""
_KEY = re.compile(rf"(?:{'|'.join(Config.model_fields)})(?:\.\w+)+(?=: )")


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem with the setting ``key``; ``stops`` is true if ``run`` refuses because of it."""

    key: str
    error: EdgeError
    stops: bool

    @property
    def message(self) -> str:
        """Error message without the setting's name."""
        text = str(self.error)
        return text.removeprefix(f"{self.key}: ")


def load(layers: Layers) -> Config:
    """Return the configuration of ``layers`` after checking that a device can be built from it.

    Raises:
        ConfigError: with all problems; if they are all of one kind, its exit code is that of this kind.
    """
    found = examine_layers(layers)
    codes = {ConfigError.exit_code} if found.problems else set()
    for problem in problems(found):
        if problem.stops:
            found.add(problem.key, problem.message)
            codes.add(problem.error.exit_code)
    if not found.problems:
        return found.config
    refusal = ConfigError(*found.problems)
    refusal.exit_code = codes.pop() if len(codes) == 1 else ConfigError.exit_code
    raise refusal


def examine(layers: Layers) -> ConfigCheck:
    """Return all problems of ``layers``, including those that do not stop the device."""
    found = examine_layers(layers)
    for problem in problems(found):
        found.add(problem.key, problem.message)
    return found


def problems(found: ConfigCheck) -> Iterator[Problem]:
    """Yield the parts that cannot be built from settings that are valid by themselves."""
    for check in CHECKS:
        if not found.knows(*check.keys):
            continue
        for error in check.judge(found.config):
            named = _KEY.match(str(error))
            stops = check.is_needed and not isinstance(error, FileUnavailable)
            yield Problem(named.group() if named else check.keys[0], error, stops)

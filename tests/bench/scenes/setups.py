"""The setups that one run compares: a name and a configuration each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, EdgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from edge.config import Config

DETECTORS = ("haar", "blazeface", "yunet", "auto")
_PROFILES = {"near": 0.10, "room": 0.05, "crowd": 0.025}


@dataclass(frozen=True, slots=True)
class Setup:
    """Configuration to measure; ``smallest`` is its promised face size, as a share of the shorter side."""

    name: str
    config: Config
    smallest: float


@dataclass(frozen=True, slots=True)
class SkippedSetup:
    """Setup that cannot be measured here, and the reason."""

    name: str
    reason: str


def prepare(
    wanted: Mapping[str, Mapping[str, Any]],
    load: Callable[[Mapping[str, Any]], Config] | None = None,
    *,
    smallest: float | None = None,
) -> tuple[list[Setup], list[SkippedSetup]]:
    """Configure each setup from its values by dotted key, and try whether it can be made.

    ``load`` makes a configuration of such values (unless given: packaged defaults alone). ``smallest`` overrides the
    promised size of face for all of them.
    """
    from edge.pipelines import factory

    setups: list[Setup] = []
    skipped: list[SkippedSetup] = []
    for name, flags in wanted.items():
        try:
            config = (load or _defaults)(flags)
            factory.pipeline(config, seed=0).close()
        except ConfigError as error:
            skipped.append(SkippedSetup(name, error.problems[0] if error.problems else str(error)))
        except EdgeError as error:
            skipped.append(SkippedSetup(name, str(error)))
        else:
            setups.append(Setup(name, config, smallest or promised(config)))
    return setups, skipped


def detectors(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return a setup for each detector in ``names``."""
    return {name: {"detector.kind": name} for name in names}


def promised(config: Config) -> float:
    """Return the smallest face size for live pictures: the configuration's own value, or the profile's."""
    own = getattr(config.detector, "min_face", None)
    return float(own) if own else _PROFILES.get(str(getattr(config.detector, "profile", "")), 0.10)


def _defaults(flags: Mapping[str, Any]) -> Config:
    from edge import config

    return config.load(environment={}, flags=dict(flags))

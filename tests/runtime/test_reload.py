"""Reading the configuration again: what is taken over, what waits for a restart, what a mistake does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.core.errors import ConfigError, ModelError
from edge.runtime.manager import ServiceManager
from edge.runtime.reload import Reloader, differences
from edge.util import logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Config


def settings(**flags: Any) -> Config:
    return configuration.load(environment={}, flags=flags)


@pytest.fixture
def reload(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Config]]:
    """``reload(before, *afters)``: what was taken over, one for each time that anything was."""
    monkeypatch.setattr(logs, "configure", lambda _: None)  # the records are this test's

    def run(before: Config, *afters: Config | ConfigError) -> list[Config]:
        adopted: list[Config] = []
        coming = iter(afters)

        def load() -> Config:
            found = next(coming)
            if isinstance(found, ConfigError):
                raise found
            return found

        reloader = Reloader(before, load, ServiceManager({}), adopted.append)
        for _ in afters:
            reloader.reload()
        return adopted

    return run


def test_what_concerns_seeing_is_taken_over_and_the_rest_is_named(
    reload: Callable[..., list[Config]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    after = settings(**{"detector.min_face": 0.2, "smoothing.hold_s": 1, "mqtt.broker": "embedded", "source.fps": 5})
    (adopted,) = reload(settings(), after)
    assert (adopted.detector.min_face, adopted.smoothing.hold_s) == (0.2, 1)
    assert (adopted.mqtt.broker, adopted.source.fps) == (settings().mqtt.broker, settings().source.fps)
    assert caplog.messages == [
        "the configuration was read again: now detector.min_face, smoothing.hold_s",
        "source.fps, mqtt.broker: takes effect after a restart",
    ]


def test_what_waits_for_a_restart_is_named_each_time(
    reload: Callable[..., list[Config]], caplog: pytest.LogCaptureFixture
) -> None:
    display = [{"kind": "terminal"}]
    assert reload(settings(), settings(display=display), settings(display=display)) == []
    assert caplog.messages == ["display: takes effect after a restart"] * 2


def test_a_mistake_changes_nothing(reload: Callable[..., list[Config]], caplog: pytest.LogCaptureFixture) -> None:
    wanted = settings(**{"primary.mode": "off"})
    assert reload(settings(), ConfigError("config.toml: a: x", "config.toml: b: y"), wanted)[0].primary.mode == "off"
    assert caplog.messages == [
        "the configuration stays as it was: config.toml: a: x",
        "the configuration stays as it was: config.toml: b: y",
    ]


def test_what_cannot_be_made_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    wanted = settings(**{"primary.mode": "off"})

    def adopt(_: Config) -> None:
        msg = "blazeface is not there: face-edge models add blazeface"
        raise ModelError(msg)

    reloader = Reloader(settings(), lambda: wanted, ServiceManager({}), adopt)
    for _ in range(2):  # the second time it is still a difference
        reloader.reload()
    line = "the configuration stays as it was: blazeface is not there: face-edge models add blazeface"
    assert caplog.messages == [line, line]


def test_differences_go_down_to_the_key() -> None:
    after = settings(**{"mqtt.outbox.max_age_s": 3})
    before = settings().mqtt.outbox.max_age_s
    assert list(differences(settings(), after)) == [("mqtt.outbox.max_age_s", before, 3)]
    assert list(differences(after, after)) == []

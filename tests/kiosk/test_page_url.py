"""The address that Home Assistant links to."""

from __future__ import annotations

from typing import Any

import pytest

from edge.config import KioskConfig
from edge.core.errors import HardwareUnavailable
from edge.kiosk import page_url as module
from edge.kiosk.page_url import page_url


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "own_addresses", lambda: ("192.0.2.7", "2001:db8::7", "127.0.0.1"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"enabled": False, "public_url": "https://hall.example"}, None),
        ({"public_url": "https://hall.example/face/"}, "https://hall.example/face"),
        ({"host": "127.0.0.1"}, None),
        ({"host": "::1"}, None),
        ({"host": "0.0.0.0"}, "http://192.0.2.7:8080"),
        ({"host": "192.0.2.9", "port": 80}, "http://192.0.2.9:80"),
        ({"host": "2001:db8::9", "tls": "self-signed", "port": 8443}, "https://[2001:db8::9]:8443"),
        ({"host": "0.0.0.0", "port": 0}, None),
    ],
)
def test_it_is_where_other_machines_reach_the_page(settings: dict[str, Any], expected: str | None) -> None:
    assert page_url(KioskConfig.model_validate({"enabled": True, **settings})) == expected


def test_without_the_means_to_know_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> tuple[str, ...]:
        msg = "the device's addresses need ifaddr"
        raise HardwareUnavailable(msg)

    monkeypatch.setattr(module, "own_addresses", fail)
    assert page_url(KioskConfig(enabled=True, host="0.0.0.0")) is None

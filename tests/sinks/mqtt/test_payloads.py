from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.commands import CheckHealth, Command, Mark, SetDisplay, SetPrivacy, StartSession, StopSession
from edge.core.events import Media, SessionKind
from edge.sinks.mqtt import payloads

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = Mark | StartSession | StopSession | CheckHealth | SetPrivacy | SetDisplay


@pytest.mark.parametrize(
    ("name", "payload", "command"),
    [
        ("marker", b"", Mark()),
        ("marker", b'{"label": " the kiss "}', Mark("the kiss")),
        ("session_start", b'{"title": "Premi\xc3\xa8re"}', StartSession("Première")),
        (
            "session_start",
            b'{"title": "t", "kind": "film", "planned_s": 90, "media": {"name": "Nosferatu", "duration_s": 5640}}',
            StartSession("t", SessionKind.FILM, 90, Media(name="Nosferatu", duration_s=5640)),
        ),
        ("session_stop", b"{}", StopSession()),
        ("health_check", b" ", CheckHealth()),
    ],
)
def test_requests(name: str, payload: bytes, command: Command) -> None:
    assert payloads.request(name, payload) == (None, command)


def test_the_transaction_comes_along() -> None:
    assert payloads.request("session_stop", b'{"transaction": "7"}') == ("7", StopSession())


@pytest.mark.parametrize(
    ("name", "payload", "why"),
    [
        ("reboot", b"", "unknown request: expected one of marker, session_start, session_stop, health_check"),
        ("marker", b"[]", "expected a JSON object"),
        ("marker", b'"kiss"', "expected a JSON object"),
        ("marker", b"{", "is not JSON: Expecting property name enclosed in double quotes at character 2"),
        ("marker", b"\xff\xfe", "is not UTF-8"),
        ("marker", b'{"lable": "x"}', "lable: unknown field"),
        ("marker", b'{"a\\nforged": 7}', "a\ufffdforged: unknown field"),
        ("marker", b'{"label": 7}', "label: input should be a valid string"),
        ("marker", b'{"label": "a\\nb"}', "label: string should match pattern"),
        ("marker", json.dumps({"label": "x" * 201}).encode(), "label: string should have at most 200 characters"),
        ("marker", b'{"label": "' + b"x" * 5000 + b'"}', "longer than 4096 bytes"),
        ("marker", b"[" * 4000, "is not JSON"),
        ("marker", b'{"transaction": "\\ud800"}', "contains an unpaired surrogate"),
        ("marker", b'{"label": "\\udfff\\ud800"}', "contains an unpaired surrogate"),
        ("marker", b"1" * 4096, "expected a JSON object"),
        ("marker", b'{"transaction": ""}', "transaction: string should have at least 1 character"),
        (
            "session_start",
            b'{"kind": "opera"}',
            "kind: input should be 'film', 'advertisement', 'game', 'private' or 'other'",
        ),
        ("session_start", b'{"k": 0}', "k: input should be greater than or equal to 1"),
        ("session_start", b'{"k": 101}', "k: input should be less than or equal to 100"),
        ("session_start", b'{"k": true}', "k: input should be a valid integer"),
        ("session_start", b'{"agreed": "yes"}', "agreed: input should be a valid boolean"),
        ("session_start", b'{"planned_s": 0}', "planned_s: input should be greater than 0"),
        ("session_start", b'{"planned_s": NaN}', "planned_s: input should be less than or equal to 604800"),
        ("session_start", b'{"planned_s": 1e9}', "planned_s: input should be less than or equal to 604800"),
        ("session_start", b'{"media": {"name": " "}}', "media.name: string should have at least 1 character"),
        ("session_start", b'{"media": {"name": "x", "path": "/etc"}}', "media.path: unknown field"),
    ],
)
def test_what_is_refused_and_why(name: str, payload: bytes, why: str) -> None:
    with pytest.raises(payloads.Refused) as caught:
        payloads.request(name, payload)
    assert str(caught.value).startswith(why)
    assert "\n" not in str(caught.value)


def test_a_refusal_knows_its_transaction_where_it_has_a_sound_one() -> None:
    with pytest.raises(payloads.Refused) as caught:
        payloads.request("marker", b'{"transaction": "7", "label": 1}')
    assert caught.value.transaction == "7"
    with pytest.raises(payloads.Refused) as caught:
        payloads.request("marker", b'{"transaction": 7}')
    assert caught.value.transaction is None


@pytest.mark.parametrize(("payload", "on"), [(b"ON", True), (b"off", False), (b" On\n", True)])
def test_the_privacy_switch(payload: bytes, *, on: bool) -> None:
    assert payloads.privacy(payload) == SetPrivacy(on=on)


@pytest.mark.parametrize("payload", [b"", b"1", b"true", b"ONE", b"\xff", b"ON" + b" " * 9])
def test_the_privacy_switch_knows_two_words(payload: bytes) -> None:
    with pytest.raises(payloads.Refused, match="expected ON or OFF"):
        payloads.privacy(payload)


@pytest.mark.parametrize(
    ("payload", "command"),
    [
        (b"ON", SetDisplay(on=True)),
        (b'{"state": "OFF"}', SetDisplay(on=False)),
        (b'{"state": "ON", "brightness": 255, "transition": 2}', SetDisplay(on=True, brightness=1.0)),
        (b'{"brightness": 51}', SetDisplay(on=True, brightness=0.2)),
        (b'{"brightness": 0}', SetDisplay(on=None, brightness=0.0)),
    ],
)
def test_the_display_light(payload: bytes, command: Command) -> None:
    assert payloads.display(payload) == command


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"MAYBE", b'{"state": "on"}', b'{"brightness": 256}', b'{"brightness": true}', b"[1]"]
)
def test_what_is_no_light(payload: bytes) -> None:
    with pytest.raises(payloads.Refused):
        payloads.display(payload)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
)
fields = st.dictionaries(st.sampled_from(["label", "title", "transaction", "state", "brightness", "x"]), values)
anything = (
    st.binary(max_size=200)
    | fields.map(lambda v: json.dumps(v).encode())
    | values.map(lambda v: json.dumps(v).encode())
)


@given(st.sampled_from([*payloads.REQUESTS, "", "x/y"]), anything)
def test_whatever_is_sent_is_a_command_or_refused_in_one_line(name: str, payload: bytes) -> None:
    for read in (lambda p: payloads.request(name, p)[1], payloads.privacy, payloads.display):
        found = outcome(read, payload)
        assert isinstance(found, COMMANDS) or (isinstance(found, str) and 0 < len(found) < 300 and "\n" not in found)


def outcome(read: Callable[[bytes], Command], payload: bytes) -> Command | str:
    try:
        return read(payload)
    except payloads.Refused as refusal:
        return str(refusal)

"""The contract's document, held against its file, its examples, the code's own tables, and what a subscriber gets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from edge.cli.app import cli
from edge.core.commands import Answer, CommandQueue
from edge.core.events import (
    CameraStatus,
    Lighting,
    Privacy,
    RunningSession,
    Session,
    TrackedFace,
    Tracks,
    ulid,
)
from edge.core.types import EMOTIONS, Emotion
from edge.sinks.mqtt import payloads
from edge.sinks.mqtt.asyncapi import CHANNELS, document, payload_schema
from edge.sinks.mqtt.homeassistant import announcement
from edge.sinks.mqtt.publications import PUBLISHED
from edge.sinks.mqtt.requests import Requests
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

jsonschema = pytest.importorskip("jsonschema", reason="payloads are held against their schemas: pip install jsonschema")
yaml = pytest.importorskip("yaml", reason="the document is YAML: pip install pyyaml")

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILE = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
DOCUMENT = document()
PARSER = """
const { Parser } = require('@asyncapi/parser');
new Parser().parse(require('fs').readFileSync(0, 'utf8')).then(({ document, diagnostics }) => {
  const found = diagnostics.filter(d => d.severity < 2).map(d => d.path.join('.') + ': ' + d.message);
  console.log(JSON.stringify({ valid: !!document, found }));
});
"""


def check(kind: str, payload: str) -> Any:
    """What ``payload`` carries, once it fits the schema; fields that the schema does not name are a fault too."""
    value = payload if CHANNELS[kind].content_type == "text/plain" else json.loads(payload)
    schema = closed(payload_schema(kind))
    jsonschema.validate(value, schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    return value


def closed(schema: Any) -> Any:
    """The same schema without tolerance for unknown fields."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **made} if "properties" in made and made.get("type") == "object" else made


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def take(kind: str, payload: bytes) -> None:
    """Read ``payload`` as the device does."""
    if kind in payloads.SWITCHES:
        payloads.SWITCHES[kind](payload)
    else:
        payloads.request(kind.removeprefix("request/"), payload)


def test_the_file_is_what_the_code_makes() -> None:
    result = CliRunner().invoke(cli, ["schema", "--yaml"])
    assert result.exit_code == 0
    assert FILE.read_text(encoding="utf-8") == result.output, "run: make docs"
    assert yaml.safe_load(result.output) == DOCUMENT


def test_the_command_prints_json_and_single_schemas() -> None:
    assert json.loads(CliRunner().invoke(cli, ["schema"]).output) == DOCUMENT
    assert json.loads(CliRunner().invoke(cli, ["schema", "state"]).output) == payload_schema("state")
    wrong = CliRunner().invoke(cli, ["schema", "stat"])
    assert wrong.exit_code == 2
    assert "there is no topic 'stat'" in wrong.output


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_nothing_is_described_that_is_not_used() -> None:
    found = set(references(DOCUMENT))
    for section in ("messages", "schemas", "parameters", "correlationIds", "securitySchemes"):
        for name in DOCUMENT["components"][section]:
            assert f"#/components/{section}/{name}" in found


def test_the_specification_s_own_parser_takes_it() -> None:
    modules = os.environ.get("FACE_EDGE_NODE_MODULES", "")
    if shutil.which("node") is None or not (Path(modules) / "@asyncapi" / "parser").is_dir():
        pytest.skip("needs node and `npm install @asyncapi/parser`: name the node_modules in FACE_EDGE_NODE_MODULES")
    environment = {**os.environ, "NODE_PATH": modules}
    text = json.dumps(DOCUMENT)
    done = subprocess.run(
        ["node", "-e", PARSER], input=text, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"valid": True, "found": []}


def test_it_has_every_topic_of_the_code() -> None:
    topics = Topics.of("B", "N")
    assert {f"B/N/{kind}" for kind, channel in CHANNELS.items() if channel.sent and "response/" not in kind} == {
        getattr(topics, name).name for name in Topics.__dataclass_fields__
    }
    # each kind of message has one, and the client itself adds availability
    assert len(Topics.__dataclass_fields__) == len(PUBLISHED) + 1
    for name in Topics.__dataclass_fields__:
        topic = getattr(topics, name)
        channel = CHANNELS[topic.name.removeprefix("B/N/")]
        assert (channel.retain, channel.qos) == (topic.retain, topic.qos)
    taken = {kind for kind, channel in CHANNELS.items() if not channel.sent}
    assert taken == {*payloads.SWITCHES, *(f"request/{name}" for name in payloads.REQUESTS)}
    wanted = Requests("B", "N", CommandQueue(), lambda _: None).subscriptions
    assert {kind if kind in payloads.SWITCHES else "request/+" for kind in taken} == {
        name.removeprefix("B/N/") for name in wanted
    }


@pytest.mark.parametrize("kind", CHANNELS)
def test_examples_fit_their_schemas(kind: str) -> None:
    channel = CHANNELS[kind]
    for example in channel.examples:
        check(kind, str(example) if channel.content_type == "text/plain" else json.dumps(example))


def test_the_code_takes_the_examples() -> None:
    for kind, channel in CHANNELS.items():
        for example in channel.examples:
            if not channel.sent:
                take(kind, (str(example) if channel.content_type == "text/plain" else json.dumps(example)).encode())


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("request/marker", {"label": 7}),
        ("request/marker", {"label": "x" * 201}),
        ("request/marker", {"title": "wrong field"}),
        ("request/session_start", {"transaction": ""}),
        ("request/health_check", []),
        ("display/set", {"state": "on"}),
        ("display/set", {"brightness": 256}),
        ("display/set", {}),
        ("display/set", "ON"),
    ],
)
def test_schema_and_code_refuse_the_same(kind: str, payload: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(kind, json.dumps(payload))
    with pytest.raises(payloads.Refused):
        take(kind, json.dumps(payload).encode())


def test_a_later_version_s_fields_do_not_break_a_receiver() -> None:
    state = {**json.loads(json.dumps(CHANNELS["state"].examples[0])), "news": 1}
    jsonschema.validate(state, payload_schema("state"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**state, "schema": 2}, payload_schema("state"))


def test_what_a_subscriber_gets_is_what_the_document_says(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, eventually: Callable[..., Any]
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    inbox = CommandQueue()
    sink = make_sink(broker.uri, heartbeat_s=60, inbox=inbox)
    sink.open()
    subscriber.wait_payload("availability", "online")
    for message in one_of_each(messages):
        sink.handle(message)
    for command in payloads.REQUESTS:
        subscriber.publish(f"face-edge/n1/request/{command}", json.dumps({"transaction": command}))
    answer_all(inbox, subscriber, eventually)
    sink.close()
    sent = {kind: channel for kind, channel in CHANNELS.items() if channel.sent}
    published = {message.topic.removeprefix("face-edge/n1/") for message in subscriber.received}
    assert {kind for kind in published if kind.partition("/")[0] != "request"} == set(sent)
    for kind, channel in sent.items():
        operation = DOCUMENT["operations"].get(f"send{channel.name[0].upper()}{channel.name[1:]}")
        for message in subscriber.wait(f"n1/{kind}"):
            assert message.topic == f"face-edge/n1/{kind}"
            check(kind, message.payload)
            assert message.properties["ContentType"] == DOCUMENT["components"]["messages"][channel.name]["contentType"]
            assert message.properties["PayloadFormatIndicator"] == 1
            assert (message.retain, message.qos) == (channel.retain, channel.qos)
            if operation is not None:
                said = operation["bindings"]["mqtt"]
                assert (message.retain, message.qos) == (said["retain"], said["qos"])
                assert message.properties.get("MessageExpiryInterval") == said.get("messageExpiryInterval")


def one_of_each(messages: Any) -> list[Any]:
    face = TrackedFace(
        id="a",
        box=(0, 0.25, 0.5, 1),
        emotion=Emotion.SAD,
        confidence=0.5,
        scores=dict.fromkeys(EMOTIONS, 0.1),
        primary=False,
    )
    session = Session(id=ulid(1, b"\0" * 10), title="Matinee", start=NOW)
    made = [
        messages.info(),
        messages.health(),
        CameraStatus.PAUSED,
        messages.state(2),
        messages.event(1),
        messages.aggregate(1),
        Tracks(ts=NOW, faces=(face,)),
        RunningSession(session),
        Privacy(on=True),
        Lighting(on=True, brightness=0.3),
    ]
    assert {type(message) for message in made} == set(PUBLISHED)
    return [*made, RunningSession(None)]


def answer_all(inbox: CommandQueue, subscriber: Any, eventually: Callable[..., Any]) -> None:
    """As the loop does it: data for some, a refusal for others."""

    def answered() -> bool:
        for request in inbox.take():
            refused = type(request.command).__name__ == "StopSession"
            request.answer(Answer(error="no session is running") if refused else Answer({"id": "x", "n": [1, None]}))
        return len([message for message in subscriber.received if "/response/" in message.topic]) == 4

    assert eventually(answered)


def test_home_assistant_s_message_is_described(messages: Any) -> None:
    publication = announcement("face-edge", messages.info())
    channel = DOCUMENT["channels"]["homeAssistantDiscovery"]
    assert channel["address"].format(node="n1") == publication.topic.name
    operation = DOCUMENT["operations"]["sendHomeAssistantDiscovery"]["bindings"]["mqtt"]
    assert (operation["retain"], operation["qos"]) == (publication.topic.retain, publication.topic.qos)
    schema = DOCUMENT["components"]["messages"]["homeAssistantDiscovery"]["payload"]
    jsonschema.validate(json.loads(publication.payload), schema)

"""The MQTT contract as a document: AsyncAPI 3 and JSON Schema, made from the payload models and the table of topics."""

from edge.sinks.mqtt.asyncapi.channels import CHANNELS, Channel
from edge.sinks.mqtt.asyncapi.document import document
from edge.sinks.mqtt.asyncapi.schemas import payload_schema

__all__ = ["CHANNELS", "Channel", "document", "payload_schema"]

"""MQTT: topics, client, embedded broker."""

"""One validated tree of settings: packaged defaults < TOML file < ``FACE_EDGE_*`` environment < flags.

Every problem is reported at once, with its place and, for a mistyped key, the name that was probably meant.
"""

from __future__ import annotations

from edge.config.checking import ConfigCheck, check, examine, load, validate
from edge.config.displays import DisplayConfig, LedsConfig, MatrixConfig, OledConfig, RgbLedConfig, TerminalConfig
from edge.config.identity import default_node_id, node_id, secret_file, state_dir
from edge.config.layers import Layers, collect, default_file, plain_value
from edge.config.messaging import EventsConfig, MqttConfig, OutboxConfig, PrivacyConfig, TlsConfig, embedded_port
from edge.config.section import ConfigSection
from edge.config.services import KioskConfig, LogConfig, MetricsConfig, PanelConfig, SessionsConfig
from edge.config.tree import Config, NodeConfig
from edge.config.vision import (
    AnalyzeConfig,
    DetectorConfig,
    ModelConfig,
    PrimaryConfig,
    SmoothingConfig,
    SourceConfig,
    TrackerConfig,
)

__all__ = [
    "AnalyzeConfig",
    "Config",
    "ConfigCheck",
    "ConfigSection",
    "DetectorConfig",
    "DisplayConfig",
    "EventsConfig",
    "KioskConfig",
    "Layers",
    "LedsConfig",
    "LogConfig",
    "MatrixConfig",
    "MetricsConfig",
    "ModelConfig",
    "MqttConfig",
    "NodeConfig",
    "OledConfig",
    "OutboxConfig",
    "PanelConfig",
    "PrimaryConfig",
    "PrivacyConfig",
    "RgbLedConfig",
    "SessionsConfig",
    "SmoothingConfig",
    "SourceConfig",
    "TerminalConfig",
    "TlsConfig",
    "TrackerConfig",
    "check",
    "collect",
    "default_file",
    "default_node_id",
    "embedded_port",
    "examine",
    "load",
    "node_id",
    "plain_value",
    "secret_file",
    "state_dir",
    "validate",
]

"""One validated tree of settings: packaged defaults < TOML file < ``FACE_EDGE_*`` environment < flags.

Every problem is reported at once, with its place and, for a mistyped key, the name that was probably meant.
"""

from __future__ import annotations

from edge.config.displays import DisplayConfig, LedsConfig, MatrixConfig, OledConfig, RgbLedConfig, TerminalConfig
from edge.config.identity import default_node_id, node_id, secret_file, state_dir
from edge.config.layers import Layers, check, collect, default_file, load, plain_value, validate
from edge.config.section import Section
from edge.config.seeing import (
    AnalyzeConfig,
    DetectorConfig,
    ModelConfig,
    PrimaryConfig,
    SmoothingConfig,
    SourceConfig,
    TrackerConfig,
)
from edge.config.serving import KioskConfig, LogConfig, MetricsConfig, PanelConfig, SessionsConfig
from edge.config.telling import EventsConfig, MqttConfig, OutboxConfig, PrivacyConfig, TlsConfig
from edge.config.tree import Config, NodeConfig

__all__ = [
    "AnalyzeConfig",
    "Config",
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
    "Section",
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
    "load",
    "node_id",
    "plain_value",
    "secret_file",
    "state_dir",
    "validate",
]

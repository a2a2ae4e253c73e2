"""Settings of the whole device; the sections, with their defaults and bounds, are in the sibling modules."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from edge.config.displays import DisplayConfig
from edge.config.messaging import EventsConfig, MqttConfig, PrivacyConfig
from edge.config.section import ConfigSection
from edge.config.services import KioskConfig, LogConfig, MetricsConfig, PanelConfig, SessionsConfig
from edge.config.vision import (
    AnalyzeConfig,
    DetectorConfig,
    ModelConfig,
    PrimaryConfig,
    SmoothingConfig,
    SourceConfig,
    TrackerConfig,
)


class NodeConfig(ConfigSection):
    """Identity and state folder of the device."""

    id: str = Field("", pattern=r"^[a-zA-Z0-9_-]*$", description="node id in topics; empty: host name and machine id")
    state_dir: Path = Field(
        Path("~/.local/state/face-edge"), description="folder of persistent state; $STATE_DIRECTORY under systemd"
    )


class Config(ConfigSection):
    """Settings of the device, validated one by one; :mod:`edge.config.clashes` checks combinations."""

    node: NodeConfig = NodeConfig()
    source: SourceConfig = SourceConfig()
    detector: DetectorConfig = DetectorConfig()
    tracker: TrackerConfig = TrackerConfig()
    model: ModelConfig = ModelConfig()
    smoothing: SmoothingConfig = SmoothingConfig()
    primary: PrimaryConfig = PrimaryConfig()
    analyze: AnalyzeConfig = AnalyzeConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    events: EventsConfig = EventsConfig()
    mqtt: MqttConfig = MqttConfig()
    kiosk: KioskConfig = KioskConfig()
    display: tuple[DisplayConfig, ...] = ()
    panel: PanelConfig = PanelConfig()
    sessions: SessionsConfig = SessionsConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()

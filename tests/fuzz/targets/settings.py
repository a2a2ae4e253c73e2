"""Configuration: any content of file, environment or flags may only raise ``ConfigError``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge.core.errors import ConfigError, HardwareUnavailable, SourceError
from tests.fuzz import mutate
from tests.fuzz.target import FuzzTarget, expect, in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from edge.config import Config

_VARIABLE = b"FACE_EDGE_"
_VALUE = re.compile(rb"(?m)^([a-z_0-9]+ = )(.*?)(?=  #|$)")
_LONG = b'"' + b"x" * 999 + b'"'
_WORDS = (
    b"true", b"nan", b"-inf", b"1e400", b"0x7fffffffffffffffffff", b"-1", b"0", b"''", b'"\\u0000"', b'"a\\nb"', b"[]",
    b"{}", b"[[1], ['a']]", b"1979-05-27", b"00:00:01", b"[{kind = 'terminal'}]", b'"~nobody-here/x"', b'"${HOME}"',
    b'"mqtt://[::1"', b'"mqtt://user:pass@host:99999"', b'"usb:99999999999999999999"', b'"images:"', b'"file:///"',
    b'"virtual:portrait?frames=x&pace=fast"', b'"rtsp://[x"', b'"embedded:0"', b'"\xf0\x9f\x98\x80"', _LONG,
)  # fmt: skip
_SERVED = (
    b'[mqtt]\nbroker = "mqtts://broker.example:8883"\nusername = "u"\npassword = "p"\nprefix = "a/b"\n'
    b'[mqtt.tls]\nca = "/nowhere/ca.pem"\n[kiosk]\nenabled = true\nhost = "0.0.0.0"\nport = 8080\n'
    b'hostnames = "hall.example wall"\npublic_url = "https://hall.example/x"\nmedia_dir = "/nowhere"\n'
    b'[metrics]\nenabled = true\nhost = "::1"\n[panel]\nbutton = 5\nlight = 6\nbuzzer = 12\n'
)
_DISPLAYS = (
    b"[[display]]\nkind = 'terminal'\n[[display]]\nkind = 'rgb_led'\nred = 17\ngreen = 27\nblue = 22\n"
    b"[[display]]\nkind = 'leds'\nleds = {happy = 19, sad = 26}\nstatus = 21\n"
)


def texts(folder: Path) -> FuzzTarget:
    """Test TOML files, or lines ``FACE_EDGE_NAME=VALUE`` for the environment and flags."""
    from edge.cli.config import shown
    from edge.config import Config
    from edge.config.layers import Layers

    path = folder / "fuzzed.toml"

    def attempt(data: bytes) -> None:
        try:
            _use(*_loaded(path, data))
        except ConfigError as error:
            expect(error.problems, "a refusal without a reason")
            for problem in error.problems:
                in_one_line(problem)
        except (SourceError, HardwareUnavailable) as error:
            in_one_line(error)

    whole = shown(Config(), Layers({}, {}, None)).encode() + b"\n"
    sections = [b"[" + part for part in whole.split(b"\n[")[1:]]
    variables = [
        b"FACE_EDGE_MQTT__BROKER=mqtt://h:1\nFACE_EDGE_DISPLAY=[{kind='terminal'}]\nFACE_EDGE_SOURCE__FPS=15\n"
    ]
    return FuzzTarget((whole, _SERVED, _DISPLAYS, *sections, *variables), attempt, _mutated)


def _loaded(path: Path, data: bytes) -> tuple[Config, str]:
    from edge.cli.config import shown
    from edge.config import check, collect

    environment: dict[str, str] = {}
    flags: dict[str, str] = {}
    if data.startswith(_VARIABLE):
        pairs = [line.partition("=")[::2] for line in data.decode("utf-8", "surrogateescape").split("\n") if line]
        environment = dict(pairs)
        flags = {name.removeprefix("FACE_EDGE_").lower().replace("__", "."): value for name, value in pairs[1:2]}
        path.write_bytes(b"")
    else:
        path.write_bytes(data)
    layers = collect(path, environment=environment, flags=flags)
    config = check(layers)
    return config, shown(config, layers)


def _use(config: Config, _shown: str) -> None:
    """Use a checked configuration like the next readers, without opening anything."""
    from edge.config import node_id, state_dir
    from edge.core.commands import CommandQueue
    from edge.kiosk.addresses import reached_at
    from edge.kiosk.guard import own_names
    from edge.runtime import build_sinks
    from edge.runtime.local import control_paths
    from edge.sinks.metrics.sink import MetricsSink
    from edge.sinks.mqtt.options import options
    from edge.sinks.panel import PanelSink
    from edge.sources.factory import create

    state_dir(config, {})
    control_paths(config, {})
    create(config.source)
    build_sinks.displays(config)
    own_names(config.kiosk.hostnames, config.kiosk.public_url)
    reached_at(config.kiosk, "localhost:8080", ("203.0.113.1",))
    MetricsSink(config.metrics)
    PanelSink(config.panel, CommandQueue())
    if config.mqtt.broker != "off":
        options(config.mqtt, node_id(config))


def _mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    data = random.choice(corpus)
    if random.random() < 0.3 or data.startswith(_VARIABLE):
        return mutate.raw(random, [data])
    for _ in range(random.randint(1, 3)):
        found = list(_VALUE.finditer(data))
        if found:
            at = random.choice(found)
            word = random.choice((*_WORDS, random.choice(found)[2]))
            data = data[: at.start(2)] + word + data[at.end(2) :]
    return data

"""``face-edge simulate`` from the command line; the simulator itself is tested in tests/fleet."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any


def test_what_is_wrong_is_one_line(face_edge: Any) -> None:
    for arguments, code, says in (
        (("--broker", "embedded"), 3, "a fleet needs a broker"),
        (("--broker", "mqtt://localhost", "--devices", "3000"), 4, "1 to 2000"),
        (("--broker", "mqtt://localhost", "--rate", "0"), 2, "--rate"),
    ):
        ended = face_edge("simulate", *arguments)
        assert ended.returncode == code, ended.stderr
        assert says in ended.stderr
        assert "Traceback" not in ended.stderr


def test_ctrl_c_ends_it_in_order_with_the_totals(mosquitto: Any, subscribe: Any) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    command = [sys.executable, "-m", "tests.lab", "simulate", "--broker", broker.uri, "--devices", "5", "--rate", "5"]
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    subscriber.wait("event", 10)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    total = json.loads(out.splitlines()[-1])
    subscriber.wait_for(lambda: [m.payload for m in subscriber.of("availability")].count("offline") == 5)
    assert total["made"] == total["acknowledged"] == len(subscriber.of("event")) + len(subscriber.of("aggregate"))
    assert total["connected"] == 5

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import ModelConfig
from edge.core.errors import ModelError
from edge.models import trial
from edge.sandbox.probe import probe

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ai_edge_litert", reason="no inference runtime")


def test_a_sound_model_passes_and_says_what_ran_it(make_model: Any) -> None:
    assert trial.tried(make_model(), ModelConfig()).startswith("ai-edge-litert ")


def enlarged(model: Path, side: int) -> bytes:
    """The model's bytes with every square shape of its input's size made larger: the arena then has no end."""
    content = bytearray(model.read_bytes())
    for size in (48, 64, 56, 40):
        shape = struct.pack("<5i", 4, 1, size, size, 1)
        place = content.find(shape)
        if place >= 0:
            content[place : place + len(shape)] = struct.pack("<5i", 4, 1, side, side, 1)
            return bytes(content)
    pytest.fail("the model's input shape was not found")


def test_a_model_that_wants_all_the_memory_harms_its_own_process_alone(make_model: Any) -> None:
    model = make_model()
    hostile = make_model("hostile", content=enlarged(model, 20_000))
    with pytest.raises(ModelError) as raised:
        trial.tried(hostile, ModelConfig())
    assert "\n" not in str(raised.value)
    assert "hostile.tflite" in str(raised.value)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_model_is_a_finding_and_never_our_end(make_model: Any, seed: int) -> None:
    import random

    chance = random.Random(seed)
    content = bytearray(make_model().read_bytes())
    for _ in range(300):
        content[chance.randrange(8, min(len(content), 6000))] = chance.randrange(256)
    damaged = make_model("damaged", content=bytes(content))
    said = ""
    try:
        assert trial.tried(damaged, ModelConfig(), timeout_s=120)
    except ModelError as error:
        said = str(error)
    assert "\n" not in said


def test_memory_and_time_are_bounded() -> None:
    hungry = (
        "from edge.models.trial import bound\n"
        "bound(memory_mib=128, seconds=5)\n"
        "import json\n"
        "try:\n"
        "    bytearray(400 << 20)\n"
        "except MemoryError:\n"
        "    print(json.dumps({'refused': True}))\n"
    )
    assert probe(hungry).answer == {"refused": True}
    busy = "from edge.models.trial import bound\nbound(memory_mib=512, seconds=1)\nwhile True: pass\n"
    outcome = probe(busy, timeout_s=120)
    assert outcome.answer is None
    assert "SIG" in outcome.reason


def test_one_that_hangs_is_ended(make_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_CODE", "import time; time.sleep(60)")
    with pytest.raises(ModelError, match="did not end within 1"):
        trial.tried(make_model(), ModelConfig(), timeout_s=0.2)

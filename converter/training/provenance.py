"""Conditions for resuming or starting a run: the same data, and weights of the heads that another run shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.datasets.record import difference
from converter.training.checkpoint import read, record_in
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

_HEADS = "heads."


def refuse_other_data(last: Path, data: Mapping[str, Any]) -> None:
    """Compare the data of the run in ``last`` with ``data``; a checkpoint without a record passes.

    Raises:
        InputError: it was trained on other data; the message names the difference.
    """
    if not last.is_file():
        return
    content = read(last, f"cannot be resumed: remove {last} or choose another --out")
    record = record_in(content, last) if isinstance(content.get("hyper_parameters"), dict) else None
    differs = difference(data, record) if record is not None else ""
    if differs:
        msg = f"{last}: belongs to a run on other data: {differs}: give the same --data, or choose another --out"
        raise InputError(msg)


def take_over(network: nn.Module, start: nn.Module) -> None:
    """Copy the weights of ``start`` into ``network``, matching heads by name; other heads keep their weights.

    Heads with another number of classes keep theirs as well.

    Raises:
        RuntimeError: the two have different architectures.
    """
    available, expected = (list(each.head_names) for each in (start, network))
    state = dict(network.state_dict())
    shapes = {name: values.shape for name, values in start.state_dict().items()}
    is_like = available == expected and shapes == {name: values.shape for name, values in state.items()}
    if is_like or not getattr(network, "has_separate_heads", False):
        network.load_state_dict(start.state_dict())
        return
    state_from_start = {name: values for name, values in start.state_dict().items() if not name.startswith(_HEADS)}
    for name, values in start.state_dict().items():
        if name.startswith(_HEADS):
            index, _, rest = name.removeprefix(_HEADS).partition(".")
            head = available[int(index)]
            name_there = f"{_HEADS}{expected.index(head)}.{rest}" if head in expected else ""
            if name_there in state and state[name_there].shape == values.shape:
                state_from_start[name_there] = values
    unchanged = {
        name: values for name, values in state.items() if name.startswith(_HEADS) and name not in state_from_start
    }
    network.load_state_dict({**state_from_start, **unchanged})

"""What a run may go on with or begin from: the same data, and the weights of the heads that another run had."""

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
    """Hold the data of the run that ``last`` keeps against ``data``; a checkpoint without a record passes.

    Raises:
        InputError: it was trained on other data; the message says what differs.
    """
    if not last.is_file():
        return
    content = read(last, f"cannot be resumed: remove {last} or choose another --out")
    found = record_in(content, last) if isinstance(content.get("hyper_parameters"), dict) else None
    differs = difference(data, found) if found is not None else ""
    if differs:
        msg = f"{last}: is of a run on other data: {differs}: give the same --data, or choose another --out"
        raise InputError(msg)


def take_over(network: nn.Module, start: nn.Module) -> None:
    """Copy the weights of ``start`` into ``network``, head by head of the same name; other heads stay as they are.

    So do those of another number of classes.

    Raises:
        RuntimeError: the two are of different architectures.
    """
    given, wanted = (list(each.head_names) for each in (start, network))
    state = dict(network.state_dict())
    shapes = {name: values.shape for name, values in start.state_dict().items()}
    is_like = given == wanted and shapes == {name: values.shape for name, values in state.items()}
    if is_like or not getattr(network, "has_separate_heads", False):
        network.load_state_dict(start.state_dict())
        return
    taken = {name: values for name, values in start.state_dict().items() if not name.startswith(_HEADS)}
    for name, values in start.state_dict().items():
        if name.startswith(_HEADS):
            index, _, rest = name.removeprefix(_HEADS).partition(".")
            head = given[int(index)]
            name_there = f"{_HEADS}{wanted.index(head)}.{rest}" if head in wanted else ""
            if name_there in state and state[name_there].shape == values.shape:
                taken[name_there] = values
    kept = {name: values for name, values in state.items() if name.startswith(_HEADS) and name not in taken}
    network.load_state_dict({**taken, **kept})

"""Custom networks: ``module:callable``, imported only from the current directory.

The callable takes no arguments and returns a :class:`torch.nn.Module` that

- takes pictures ``(n, 1, 48, 48)`` float32 in 0..1,
- returns a tuple of logits ``(n, 7)``, one for each head,
- names its heads in that order in ``head_names``: ``("fer2013",)``, ``("consensus",)`` or both.

A checkpoint stores the name, not the code. Therefore only the current directory is searched: an untrusted checkpoint
can name only code that its reader has put there.
"""

from __future__ import annotations

import importlib
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from converter.datasets.faces import SIZE
from converter.heads import HEADS
from converter.shortened import shortened
from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
_PICTURES = 2


def is_own(name: str) -> bool:
    """Return whether ``name`` has the form ``module:callable``."""
    return _NAME.fullmatch(name) is not None


def own(name: str) -> nn.Module:
    """Create the network of ``module:callable``.

    Raises:
        InputError: the module is not in the current directory, the callable fails, or its result does not fulfil
            the contract above.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        msg = f"architecture {name!r}: expected module:callable"
        raise InputError(msg)
    module, attribute = found.groups()
    folder = Path.cwd()
    stem = folder.joinpath(*module.split("."))
    file = next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)
    if file is None:
        msg = f"architecture {name!r}: there is no {module.replace('.', '/')}.py in the current directory, {folder}"
        raise InputError(msg)
    try:
        with _first_in_path(folder):
            network = getattr(_imported(module, file), attribute)()
            return _checked(network)
    except InputError as error:
        msg = f"architecture {name!r}: {error}"
        raise InputError(msg) from error
    except Exception as error:  # the user's code may raise anything
        msg = f"architecture {name!r}: {type(error).__name__}: {shortened(error)}"
        raise InputError(msg) from error


def _imported(module: str, file: Path) -> Any:
    found = importlib.import_module(module)
    origin = getattr(found, "__file__", None)
    if origin is None or Path(origin).resolve() != file.resolve():
        msg = f"{module} is the name of another module, {origin or 'a built-in one'}: rename {file.name}"
        raise InputError(msg)
    return found


@contextmanager
def _first_in_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _checked(network: Any) -> nn.Module:
    if not isinstance(network, nn.Module):
        msg = f"expected a torch.nn.Module, found a {type(network).__name__}"
        raise InputError(msg)
    declared: Any = getattr(network, "head_names", None)
    heads: tuple[str, ...] = tuple(declared) if isinstance(declared, tuple | list) else ()
    if not heads or not set(heads) <= set(HEADS) or len(set(heads)) != len(heads):
        msg = f"expected head_names with one or both of {', '.join(HEADS)}, found {declared!r}"
        raise InputError(msg)
    network.head_names = heads
    if not any(parameter.requires_grad for parameter in network.parameters()):
        msg = "has no weights to train"
        raise InputError(msg)
    was_training = network.training
    with torch.inference_mode():
        outputs = network.eval()(torch.zeros(_PICTURES, 1, SIZE, SIZE))
    network.train(was_training)
    expected = [(_PICTURES, len(EMOTIONS))] * len(heads)
    shapes = [tuple(o.shape) if isinstance(o, Tensor) else type(o).__name__ for o in _as_tuple(outputs)]
    if not isinstance(outputs, tuple | list) or shapes != expected:
        found = f"a {type(outputs).__name__} of {shapes}" if isinstance(outputs, tuple | list) else f"{shapes[0]}"
        msg = f"expected for {_PICTURES} pictures a tuple of {expected}, logits of {', '.join(heads)}, found {found}"
        raise InputError(msg)
    return network


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)

"""Keeps other packages' adverts, tips and warnings about their own insides out of the output."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TALKATIVE = ("lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric", "pytorch_lightning", "torch")
"""Loggers whose lines below an error are about themselves."""


@contextmanager
def third_parties_quiet() -> Iterator[None]:
    """Silence warnings and the loggers' tips inside the block; with ``python -W`` all is said."""
    if sys.warnoptions:
        yield
        return
    before = {name: logging.getLogger(name).level for name in _TALKATIVE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in before:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)

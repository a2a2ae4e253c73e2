"""Suppression of other packages' adverts, tips and internal warnings."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def silence_third_parties() -> Iterator[None]:
    """Silence warnings and log records below errors inside the block, unless Python runs with ``-W``.

    ``face-convert`` itself prints its lines instead of logging them.
    """
    if sys.warnoptions:
        yield
        return
    previous = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(previous)

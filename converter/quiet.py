"""Keeps other packages' adverts, tips and warnings about their own insides out of the output."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def third_parties_quiet() -> Iterator[None]:
    """Silence warnings and all that is logged below an error inside the block; with ``python -W`` all is said.

    ``face-convert`` itself logs nothing: its lines are printed.
    """
    if sys.warnoptions:
        yield
        return
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)

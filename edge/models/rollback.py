"""Rollback of an added model if the device does not become healthy with it.

Every start with an unproven model is counted before the model is loaded, so that a crash counts too. A start that ends
regularly, or for a reason other than the model, is not counted. A model is proven once the loop has processed frames
for :data:`PROOF_S` seconds; after :data:`STARTS` starts without that, the previous model is used again, which the log
and the device's ``info`` report. A model that is missing or damaged is replaced at once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Self, TypeVar

from edge.core.errors import EdgeError, InputError, ModelError
from edge.inference import manifest as manifests
from edge.models.store import PACKAGED, ModelStore, Pointer, models_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from edge.config import Config

    Network = TypeVar("Network")

_LOG = logging.getLogger(__name__)
PROOF_S = 30.0
"""Seconds of processed frames that prove a model."""
STARTS = 2
_LONGEST_TURN_S = 5.0
"""Longest iteration of the loop that counts towards the proof, in seconds."""


class ModelRollback:
    """Selects the model for one run of the device; a context manager around that run.

    ``lasting`` is false for replays, which neither count starts nor prove a model.
    """

    def __init__(self, config: Config, *, lasting: bool = True) -> None:
        self._named = config.model.path
        self._store = ModelStore(models_dir(config))
        self._lasting = lasting
        self._pointer = Pointer()
        self._counted = False
        self._seen_s = 0.0
        self._turned_s: float | None = None

    @property
    def fallback(self) -> str:
        """Return why the model added last is not in use, empty if it is."""
        return self._pointer.fallback

    def load(self, make: Callable[[Path], Network]) -> Network:
        """Return the result of ``make`` for the first model file that it accepts.

        Raises:
            ModelError: it does not accept the configured model, or the packaged one.
        """
        if self._named is not None:
            return make(manifests.model_file(self._named))
        self._pointer = self._store.pointer()
        if self._pointer.fallback:
            _LOG.warning("%s", self._pointer.fallback)
        while self._pointer.current is not None:
            try:
                return make(self._chosen())
            except ModelError as error:
                self._go_back(str(error))
        return make(manifests.packaged_model())

    def check(self, make: Callable[[Path], object]) -> None:
        """Check that :meth:`load` would find a model, without counting a start or rolling back.

        Raises:
            ModelError: it would find none.
        """
        if self._named is not None:
            make(manifests.model_file(self._named))
            return
        pointer = self._store.pointer()
        for path in (self._store.path_of(pointer.current), self._store.path_of(pointer.previous)):
            if path is not None:
                with contextlib.suppress(ModelError):
                    make(path)
                    return
        make(manifests.packaged_model())

    def turn(self, *, looking: bool) -> None:
        """Count an iteration of the loop; ``looking`` is true if it has a camera and processes its frames."""
        if not self._counted:
            return
        now_s = time.monotonic()
        turned_s, self._turned_s = self._turned_s, now_s if looking else None
        if turned_s is None or not looking or now_s - turned_s > _LONGEST_TURN_S:
            return
        self._seen_s += now_s - turned_s
        if self._seen_s >= PROOF_S:
            self._counted = False
            if self._keep(self._pointer.model_copy(update={"proven": True, "starts": 0})):
                _LOG.info("model %s has proven itself", self._pointer.current)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._counted and not _blames_the_model(kind):
            self._keep(self._pointer.model_copy(update={"starts": self._pointer.starts - 1}))
        self._counted = False

    def _chosen(self) -> Path:
        """Return the file of the added model in use; count this start if it is not proven."""
        pointer = self._pointer
        path = self._store.path_of(pointer.current)
        if path is None:
            msg = "its file is gone"
            raise ModelError(msg)
        if pointer.proven or not self._lasting:
            return path
        if pointer.starts >= STARTS:
            msg = f"{pointer.starts} starts did not become healthy with it"
            raise ModelError(msg)
        self._counted = self._keep(pointer.model_copy(update={"starts": pointer.starts + 1}))
        return path

    def _go_back(self, cause: str) -> None:
        """Use the previous model, for this run only if the pointer cannot be written."""
        pointer, self._counted = self._pointer, False
        fallback = f"model {pointer.current} was rolled back, {pointer.previous or PACKAGED} is used: {cause}"
        _LOG.error("%s", fallback)
        back = Pointer(current=pointer.previous, fallback=fallback)
        if self._lasting:
            self._keep(back)
        self._pointer = back

    def _keep(self, pointer: Pointer) -> bool:
        self._pointer = pointer
        try:
            self._store.point(pointer)
        except InputError as error:
            _LOG.warning("the state of the model on probation cannot be stored: %s", error)
            return False
        return True


def _blames_the_model(kind: type[BaseException] | None) -> bool:
    """Return whether the end of a run counts against the model.

    A regular end, Ctrl-C or an error with another cause, such as a missing camera, does not.
    """
    if kind is None or not issubclass(kind, Exception):
        return False
    return issubclass(kind, ModelError) or not issubclass(kind, EdgeError)

"""Errors that a user of the device can cause or encounter.

.. code-block:: text

    EdgeError
     +-- ConfigError (ValueError)          a setting is unknown, of the wrong type or contradicts another
     |    +-- FileUnavailable              a file that a setting names cannot be used now
     +-- InputError (ValueError)           a file or folder given to a command cannot be used
     |    +-- OutputError                  the file for its results cannot be written
     +-- SourceError                       a camera, stream or file delivers no frames
     |    +-- SourceEnded                  a finite source has no more frames
     +-- ModelError                        a model or its manifest is missing, corrupt or of another shape
     +-- SinkError                         a display, broker or recorder cannot be used
     +-- AlreadyRunning                    another instance holds the camera or the node id
     +-- HardwareUnavailable (ImportError) a package or device for a piece of hardware is missing

Each message is one line that states the problem, its place and the remedy. ``exit_code`` is stable and documented in
the README.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base class of errors that are reported in one line instead of a traceback."""

    exit_code = 1


class ConfigError(EdgeError, ValueError):
    """The configuration is wrong; ``problems`` holds every problem found, one line each."""

    exit_code = 3

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class FileUnavailable(ConfigError):
    """A file that a setting names cannot be read or has the wrong content.

    It may be repaired while the device runs: the part that needs the file stays off until then, and the rest works.
    """


class InputError(EdgeError, ValueError):
    """A file or folder given to a command cannot be read or is not what was expected."""

    exit_code = 4


class OutputError(InputError):
    """The file for a command's results cannot be written, so there is no point in continuing."""


class SourceError(EdgeError):
    """A frame source cannot be opened or stopped delivering."""

    exit_code = 5


class SourceEnded(SourceError):
    """A finite source (file, folder, replay) has delivered its last frame."""


class ModelError(EdgeError):
    """A model file or its manifest is missing, corrupt, or not of the expected shape."""

    exit_code = 6


class SinkError(EdgeError):
    """A display, broker or other receiver of observations cannot be used."""

    exit_code = 7


class HardwareUnavailable(EdgeError, ImportError):
    """A package or device that a backend needs is missing; the message names the remedy."""

    exit_code = 8


class AlreadyRunning(EdgeError):
    """Another instance already holds the camera or the node id."""

    exit_code = 9

"""The command line: one module for each command group, imported on use.

:func:`main` is the boundary where errors end: one line on standard error and a stable exit code.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from edge.cli.app import cli
from edge.cli.lazy import ReaderGone
from edge.core.errors import ConfigError, EdgeError
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
BROKEN_PIPE = 141
_OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


def main(arguments: Sequence[str] | None = None, *, command: click.Group = cli) -> int:
    """Run ``command`` with ``arguments`` (``None``: the process's own) and return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    code = _guarded(words, command)
    try:
        if sys.stdout is not None:  # a caller may have closed it
            sys.stdout.flush()
    except BrokenPipeError:
        code = _quiet_pipe()
    except OSError as error:
        _quiet_pipe()
        code = code or _report_system(error, words)
    if arguments is None:
        _leave_hanging_drivers(code)
    return code


def _leave_hanging_drivers(code: int) -> None:
    """Exit at once if a driver still hangs: if it returned during Python's shutdown, the process would abort."""
    bounded = sys.modules.get("edge.sources.bounded")
    if bounded is not None and bounded.hanging():
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)


def _guarded(words: list[str], command: click.Group) -> int:
    try:
        program = "face-edge" if command is cli else f"python -m tests.{command.name}"
        result = command.main(args=words, prog_name=program, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except EdgeError as error:
        _report(error, debug=_wants_traceback(words))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except ReaderGone:
        return _quiet_pipe()
    except OSError as error:
        return _report_system(error, words)
    return result if isinstance(result, int) else 0


def _report(error: EdgeError, *, debug: bool, cause: Exception | None = None) -> None:
    if debug:
        traceback.print_exception(cause or error)
    problems = error.problems if isinstance(error, ConfigError) and error.problems else (str(error),)
    for problem in problems:
        click.echo(f"face-edge: error: {in_one_line(' '.join(problem.split()))}", err=True)


def _report_system(error: OSError, words: list[str]) -> int:
    """Report an error of the system: a full disk behind standard output, or an unexpected file error."""
    if error.filename is None and error.errno in _OF_OUTPUT:
        line = f"standard output: cannot be written: {error.strerror}; free some space or choose another path"
    else:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        line = f"{where}{error.strerror or error}; --debug shows where this happened"
    with suppress(OSError):  # standard error may be full as well
        _report(EdgeError(line), debug=_wants_traceback(words), cause=error)
    return EdgeError.exit_code


def _wants_traceback(words: list[str]) -> bool:
    # the options may be what could not be read, so the raw words decide
    return "--debug" in words or os.environ.get("FACE_EDGE_DEBUG", "") not in {"", "0"}


def _quiet_pipe() -> int:
    """Discard buffered output after the reader has gone (``| head``), or Python reports an error at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return BROKEN_PIPE

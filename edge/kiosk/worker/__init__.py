"""A process of its own for what must never slow the loop down, and for bytes that strangers chose.

It runs at the lowest priority, with one thread of computing, bounded memory and no way to write large files; it gets
its work as messages and answers with messages (see :mod:`edge.kiosk.worker.wire`). What it decodes can crash it and no
one else: the next message starts it anew.

What strangers sent is read by a process for each of them, a copy of a :class:`Template` that has read nothing.
"""

from edge.kiosk.worker.manager import Worker, WorkerFailed
from edge.kiosk.worker.program import Program
from edge.kiosk.worker.template import Template
from edge.kiosk.worker.wire import Limits, Message

__all__ = ["Limits", "Message", "Program", "Template", "Worker", "WorkerFailed"]

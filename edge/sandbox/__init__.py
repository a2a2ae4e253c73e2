"""Confinement of a process that reads untrusted files: system calls, files, environment variables and resources.

The process filters its own system calls (:mod:`edge.sandbox.confine`). What remains is computing, memory, threads, the
descriptors that it already has, and opening files, which the kernel hands over to the process that started it: its
:class:`~edge.sandbox.broker.FileBroker` opens what is allowed and nothing else. Landlock would do that in the kernel,
but the kernels of Raspberry Pi OS are built without it.
"""

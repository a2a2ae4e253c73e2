"""Confine this process: it keeps computing, but another process opens its files."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

from edge.sandbox.libseccomp import Filter, Match, Unavailable, library

_FILES = """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek close close_range
    fstat fstat64 stat stat64 lstat lstat64 newfstatat fstatat64 statx access faccessat faccessat2 readlink readlinkat
    getcwd getdents getdents64 ftruncate ftruncate64 fallocate fsync fdatasync fadvise64 fadvise64_64 arm_fadvise64_64
    flock dup dup2 dup3 fcntl fcntl64 fstatfs fstatfs64 copy_file_range sendfile sendfile64
"""
_WAITING = """
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 pipe pipe2 eventfd eventfd2
    epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    futex futex_time64 futex_waitv nanosleep clock_nanosleep clock_nanosleep_time64 restart_syscall sched_yield
"""
_LINE = """
    send sendto sendmsg recv recvfrom recvmsg shutdown getsockopt setsockopt getsockname getpeername
"""
"""On sockets that are open already: no new one can be made."""
_MEMORY = """
    brk mmap mmap2 munmap mremap mprotect madvise mincore mlock munlock memfd_create membarrier cacheflush
    riscv_flush_icache
"""
_ITSELF = """
    exit exit_group getpid getppid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32
    set_tid_address set_robust_list get_robust_list rseq arch_prctl set_tls umask
    rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait
    rt_sigtimedwait_time64 sigaltstack
    clock_gettime clock_gettime64 clock_getres clock_getres_time64 gettimeofday time times getrusage getrlimit
    ugetrlimit getcpu sysinfo uname getrandom sched_getaffinity sched_getparam sched_getscheduler
    sched_get_priority_max sched_get_priority_min getpriority riscv_hwprobe
"""
ALLOWED = (_FILES + _WAITING + _LINE + _MEMORY + _ITSELF).split()
HANDED_OVER = ("open", "openat", "unlink", "unlinkat", "rename", "renameat", "renameat2")
"""Answered by the :class:`~edge.sandbox.broker.FileBroker` of the process that started this one."""
_UNKNOWN = ("clone3", "openat2")
"""Callers that are told "no such call" use the older one, whose arguments a filter can see."""
_CLONE_THREAD = 0x10000
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""What a terminal is, how large, how much waits, and flags of the descriptor (<asm-generic/ioctls.h>)."""
_PRCTLS = (15, 16, 0x53564D41)
"""Names of threads and of memory (<linux/prctl.h>)."""
_PTRACE_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")
"""Above 1, the paths of an own process cannot be read."""


def confine(broker: socket.socket) -> None:
    """SyscallFilter this process's system calls permanently, and send the notification descriptor to ``broker``.

    Load libraries before: afterwards each file costs a round trip.

    Raises:
        Unavailable: the system does not support it; nothing has changed.
    """
    found = Filter(errno.EPERM)
    for name in ALLOWED:
        found.allow(name)
    for name in HANDED_OVER:
        found.hand_over(name)
    for name in _UNKNOWN:
        found.refuse(name, errno.ENOSYS)
    found.allow("clone", Match(0, _CLONE_THREAD, _CLONE_THREAD))  # a thread, no process
    found.allow("tgkill", Match(0, os.getpid()))  # what abort() ends itself with
    found.allow("prlimit64", Match(0, 0), Match(2, 0))  # its own limits, to read
    for request in _IOCTLS:
        found.allow("ioctl", Match(1, request, 0xFFFFFFFF))
    for option in _PRCTLS:
        found.allow("prctl", Match(0, option))
    descriptor = found.load()
    try:
        socket.send_fds(broker, [b"confined"], [descriptor])
    finally:
        os.close(descriptor)


def why_not() -> str:
    """Return the reason why this system cannot confine a process; empty if it can."""
    try:
        library()
    except Unavailable as error:
        return str(error)
    with suppress(OSError, ValueError):
        if int(_PTRACE_SCOPE.read_text(encoding="ascii")) > 1 and os.geteuid() != 0:
            return f"{_PTRACE_SCOPE} keeps a process from answering for one that it has started"
    return ""

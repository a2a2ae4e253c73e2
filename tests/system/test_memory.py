"""What the check of a password takes goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, sys, threading
from edge.system.memory import return_large_blocks

if sys.argv[1] == "returned":
    return_large_blocks()

def anonymous_mb():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024

kept = []

def check():
    for _ in range(3):
        hashlib.scrypt(b"x", salt=bytes(16), n=2**14, r=8, p=1, maxmem=64 << 20)
        kept.append(bytes(1000))

before = anonymous_mb()
for _ in range(3):
    threads = [threading.Thread(target=check) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
print(anonymous_mb() - before)
"""


def kept_mb(how: str) -> float:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, timeout=200)
    return float(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_large_blocks_go_back_to_the_system() -> None:
    assert kept_mb("returned") < 4
    assert kept_mb("kept") > 12, "glibc gives them back by itself now: edge.system.memory is no longer needed"

"""Runs a module as a child that cannot outlive its parent: `serving.supervisor.bound PID MODULE ...`.

The kernel kills the child when its parent dies, however that dies. A parent that was gone before the
kernel was asked shows by the child's parent being another one.
"""

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
ORPHANED = 71


def bind(parent: int) -> None:
    """Be killed when `parent` dies, and end at once when it is not the parent any more (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(ORPHANED)


def main() -> None:
    """Bind, then become the module."""
    parent, module, *arguments = sys.argv[1:]
    bind(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

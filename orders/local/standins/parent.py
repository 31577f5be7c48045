"""Ends this process when its parent ends, so that a killed local run leaves nothing behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1  # prctl(2)
POLL_SECONDS = 1.0


def die_with_parent(parent: int | None) -> None:
    """Send this process a SIGTERM when its parent is gone. Call it in the main thread.

    Linux tells the end of the *thread* that started this process, so its signal is only a reason to
    look at the parent's id. A look every second covers other systems, and a parent that ended before
    the signal was asked for.

    Args:
        parent: the parent's process id as it knows it; None takes the present one.
    """
    expected = parent or os.getppid()
    if sys.platform == "linux":
        signal.signal(signal.SIGHUP, lambda *_: _end_orphan(expected))
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
    threading.Thread(target=_watch, args=(expected,), daemon=True).start()


def _watch(parent: int) -> None:
    waiting = threading.Event()
    while not _end_orphan(parent):
        waiting.wait(POLL_SECONDS)


def _end_orphan(parent: int) -> bool:
    if os.getppid() == parent:
        return False
    os.kill(os.getpid(), signal.SIGTERM)
    return True

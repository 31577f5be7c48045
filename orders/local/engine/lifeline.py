"""End a child when its parent is gone, however the parent ended.

A child's stdin is a pipe whose other end only the parent holds. When the parent dies, even by
SIGKILL, the kernel closes that end and the pipe reports a hang-up. Unlike `PR_SET_PDEATHSIG` this
is not tied to the *thread* that started the child, and it is not Linux only.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CLEAN_STOP_SECONDS = 10.0


def stop_with_parent(temp_dir: Path) -> None:
    """Watch stdin from a background thread; on hang-up stop this process and its group.

    The process gets SIGTERM first, so that it can write its snapshot, and its whole group SIGKILL
    after ten seconds. It must lead its own process group.

    Args:
        temp_dir: A folder to remove if it comes to SIGKILL.
    """
    threading.Thread(target=_watch, args=[temp_dir], name="lifeline", daemon=True).start()


def _watch(temp_dir: Path) -> None:
    hang_up = select.poll()
    hang_up.register(0, 0)  # no events asked for: only a hang-up or an error is reported
    hang_up.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_CLEAN_STOP_SECONDS)
    shutil.rmtree(temp_dir, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)

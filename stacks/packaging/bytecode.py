"""Byte code for the functions' runtime, so that no cold start compiles.

The CDK stamps every file of a zip 1980, so byte code that is checked against its source's time is
stale on Lambda and everything is compiled again at every cold start. `unchecked-hash` byte code
(PEP 552) is loaded without looking at the source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from stacks.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

TASK_ROOT: Final = "/var/task"  # where Lambda unpacks a function's code: what tracebacks show
_VERSION: Final = "import sys; print('python%d.%d' % sys.version_info[:2])"


def interpreter_for(runtime: str) -> str | None:
    """A Python of `runtime`'s minor version that works on this machine, or None.

    Byte code belongs to one minor version. A name on PATH proves nothing (it may be the shim of a
    version manager that knows the version but has not got it), so it is asked.
    """
    if runtime == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(runtime)
    if found is None:
        return None
    answer = subprocess.run(  # noqa: S603 - a program from PATH, with constant arguments
        [found, "-c", _VERSION], capture_output=True, text=True, check=False
    )
    return found if answer.returncode == 0 and answer.stdout.strip() == runtime else None


def compile_folder(folder: Path, interpreter: str) -> None:
    """Compile every module under `folder`, as if it lay in `TASK_ROOT`.

    Raises:
        BuildError: a file does not compile.
    """
    command = [interpreter, "-m", "compileall", "-q", "-f", "-j", "0"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", TASK_ROOT]
    done = subprocess.run(  # noqa: S603 - the interpreter that interpreter_for found
        [*command, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        # constant sets are written in hash order: a fixed seed gives the same bytes again
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    if done.returncode != 0:
        reason = (done.stdout + done.stderr).strip()
        raise BuildError(f"the functions' code does not compile: {reason}")

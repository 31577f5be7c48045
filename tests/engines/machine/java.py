"""Java 17 or later with its compiler, which the launcher of DynamoDB Local is run by."""

from __future__ import annotations

import re
import subprocess
from typing import Final

from tests.engines.machine.packages import NotAvailableError, install

OLDEST: Final = 17
PACKAGE: Final = "default-jdk-headless"


def ensure_java() -> str:
    """Return Java's version; install it when it is missing or too old.

    Raises:
        NotAvailableError: it cannot be installed here.
    """
    found = _version()
    if not found:
        install(PACKAGE, f"Java {OLDEST} or later with its compiler")
        found = _version()
    if not found:
        raise NotAvailableError(f"{PACKAGE} has brought no Java {OLDEST} or later")
    return found


def _version() -> str | None:
    try:
        told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
        modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    version = re.search(r'version "((\d+)[^"]*)"', told)
    if not version or int(version[2]) < OLDEST or "jdk.compiler" not in modules.stdout:
        return None
    return version[1]

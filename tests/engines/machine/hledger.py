"""hledger, from Debian's package of that name."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

from tests.engines.machine.packages import NotAvailableError, install

PACKAGE: Final = "hledger"


def ensure_hledger() -> str:
    """Return hledger's version; install it when it is missing.

    Raises:
        NotAvailableError: it cannot be installed here.
    """
    if not shutil.which("hledger"):
        install(PACKAGE, "hledger")
    told = subprocess.run(["hledger", "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"hledger (\S+?),", told)
    if not version:
        raise NotAvailableError(f"{PACKAGE} tells no version: {told!r}")
    return version[1]

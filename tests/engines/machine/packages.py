"""Debian's packages, where a test needs a program that the machine lacks and may install it."""

from __future__ import annotations

import os
import shutil
import subprocess


class NotAvailableError(Exception):
    """The machine cannot run an engine; the message says why and what to do."""


def install(package: str, purpose: str) -> None:
    """Install a package and what it depends on.

    Raises:
        NotAvailableError: this is no Debian, or not root, or the package cannot be had.
    """
    if not shutil.which("apt-get"):
        raise NotAvailableError(f"{purpose} is needed and is not here")
    if os.geteuid() != 0:
        raise NotAvailableError(f"{purpose} is needed: apt-get install {package}, as root")
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", package)


def _apt_get(*arguments: str) -> None:
    command = ["apt-get", "-qq", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotAvailableError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")

"""A hash over everything that a template is made of."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Final

from stacks.packaging.artefacts import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FOLDERS: Final = ("stacks", "lambdas", "statemachines")
_FILES: Final = ("app.py", "cdk.json", "requirements/functions.lock", "requirements/run.lock")


def sources_fingerprint(
    environment: str, context: Mapping[str, str] | None = None, project: Path = PROJECT
) -> str:
    """A hex SHA-256 that changes exactly when a synthesis could come out differently.

    Args:
        environment: as for `stacks.environments.settings_for`.
        context: the settings given with `-c`.
        project: the folder with the sources. The CDK's own version is in `run.lock`.
    """
    digest = hashlib.sha256()
    version = ".".join(map(str, sys.version_info[:2]))
    for line in (version, environment, *sorted(f"{k}={v}" for k, v in (context or {}).items())):
        digest.update(f"{line}\n".encode())
    for path in _sources(project):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(project).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _sources(project: Path) -> Iterator[Path]:
    for name in _FILES:
        if (project / name).is_file():
            yield project / name
    for folder in _FOLDERS:
        yield from (
            path
            for path in sorted((project / folder).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        )

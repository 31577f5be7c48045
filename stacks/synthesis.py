"""Synthesis for callers without the CDK's command line: `orders run`, and the tests.

Importing this module does not load the CDK, which costs a second: where the sources are as they
were, nothing does.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from stacks.environments import settings_for
from stacks.errors import NodeMissingError, SynthesisError
from stacks.fingerprint import sources_fingerprint
from stacks.packaging.artefacts import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_LOG: Final = logging.getLogger(__name__)
_STAMP: Final = ".sources"  # in the assembly: the fingerprint of what it was made from
_PREFIX: Final = "orders: "  # what app.py puts before a line for people


def synthesise(
    environment: str,
    outdir: Path,
    context: Mapping[str, str] | None = None,
    *,
    project: Path = PROJECT,
) -> Path:
    """Write the cloud assembly (templates, assets, `manifest.json`) of `environment`.

    It runs `app.py` as the CDK's command line would, in a process of its own: jsii keeps a
    Node.js process for as long as its Python lives.

    Args:
        environment: `local`, `dev`, `staging` or `prod`.
        outdir: replaced as a whole.
        context: settings as for `-c`, see `stacks.environments.CONTEXT_KEYS`.
        project: the folder of `app.py`.

    Returns:
        `outdir`.

    Raises:
        SettingsError: the settings are not safe or not complete.
        NodeMissingError: there is no Node.js.
        SynthesisError: anything else, with the reason in one line.
    """
    settings_for(environment, context)  # the usual mistake, told at once and by its type
    _require_node()
    fingerprint = sources_fingerprint(environment, context, project)
    shutil.rmtree(outdir, ignore_errors=True)
    outdir.mkdir(parents=True)
    done = subprocess.run(  # noqa: S603 - the project's own app.py
        [sys.executable, str(project / "app.py")],
        cwd=project,
        env={
            **os.environ,
            "CDK_OUTDIR": str(outdir.resolve()),
            "CDK_CONTEXT_JSON": json.dumps({"env": environment, **(context or {})}),
            # Takes 4 s and changes nothing in the templates; the tests hold them to cfn-lint, and
            # `cdk deploy` validates.
            "CDK_VALIDATION": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.removeprefix(_PREFIX) for line in done.stderr.splitlines() if line.startswith(_PREFIX)]
    if done.returncode != 0:
        raise SynthesisError(_why(done.stderr, said))
    for line in said:
        _LOG.warning("%s", line)
    (outdir / _STAMP).write_text(fingerprint, "utf-8")
    return outdir


def _why(stderr: str, said: Sequence[str]) -> str:
    """What a person should read of a failed synthesis: what app.py said, or how it crashed.

    A notice said before a crash is not its reason, so that the crash's last line comes too.
    """
    last = [line for line in stderr.splitlines() if line.strip()][-1:]
    crashed = [line for line in last if "Traceback (most recent call last)" in stderr]
    return " ".join([*said, *crashed] or last) or "app.py failed without a word"


def synthesise_if_changed(
    environment: str,
    outdir: Path,
    context: Mapping[str, str] | None = None,
    *,
    project: Path = PROJECT,
) -> Path:
    """As `synthesise`, unless `outdir` already holds what these very sources give.

    Of two calls at once for one folder the second waits and finds it made.
    """
    stamp = outdir / _STAMP
    with _alone_in(outdir):
        fingerprint = sources_fingerprint(environment, context, project)
        if stamp.is_file() and stamp.read_text("utf-8") == fingerprint:
            return outdir
        return synthesise(environment, outdir, context, project=project)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_node() -> None:
    # jsii's own variable for a Node.js that is not on PATH
    if not os.environ.get("JSII_NODE") and shutil.which("node") is None:
        raise NodeMissingError(
            "Node.js is missing: the AWS CDK runs on it (install version 22 or later, or set "
            "JSII_NODE to its path)"
        )

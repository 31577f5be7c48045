"""The whole pipeline on this machine: the synthesised template on the embedded engine, with the stand-ins."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from lambdas.domain.timestamps import utc_now
from orders.local.abandoned import give_back_abandoned
from orders.local.aws import engine_client
from orders.local.engine.data_folder import lock_data_folder
from orders.local.engine.deploy import deploy
from orders.local.engine.errors import EngineError
from orders.local.engine.process import EngineProcess
from orders.local.ports import is_free
from orders.local.run_file import Addresses, remove_run_file, write_run_file
from orders.local.standins.process import StandinsProcess, StandinsStartError
from stacks.errors import SynthesisError
from stacks.packaging.artefacts import PROJECT
from stacks.synthesis import synthesise_if_changed

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRONMENT: Final = "local"
# The stand-ins accept any keys of these forms; they are no secrets.
PAYMENT_KEY: Final = "sk_test_local"
WAREHOUSE_TOKEN: Final = "warehouse-local"  # noqa: S105 - the stand-in's
ROUTING_KEY: Final = "local".ljust(32, "0")


class LocalRunError(Exception):
    """The pipeline cannot run here; the message is one line that says why and what to do."""


class Progress(Protocol):
    """Hears of the start's steps."""

    def __call__(self, step: str, seconds: float) -> None:
        """A step has ended after so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Of 127.0.0.1."""

    engine: int = 4566
    payment: int = 12111
    warehouse: int = 12112
    pagerduty: int = 12113

    def require_free(self) -> None:
        """Raise LocalRunError when another program listens on one of them, before anything starts."""
        options = {
            "--port": self.engine,
            "--payment-port": self.payment,
            "--warehouse-port": self.warehouse,
            "--pagerduty-port": self.pagerduty,
        }
        for option, port in options.items():
            if not is_free(port):
                raise LocalRunError(f"port {port} is in use: choose another with {option}")


class LocalRun:
    """Starts everything in order and stops it in reverse, whatever happens in between.

    Args:
        ports: where to listen.
        data_dir: keeps the state across runs; None forgets it all at the end.
        progress: hears of each step of the start.
        announce: tell the other commands where it answers.
    """

    def __init__(
        self, ports: Ports, data_dir: Path | None, progress: Progress, *, announce: bool = True
    ) -> None:
        self._ports = ports
        self._data_dir = data_dir
        self._progress = progress
        self._announce = announce
        self._cleanup = ExitStack()
        self._addresses: Addresses | None = None

    @property
    def addresses(self) -> Addresses:
        """Where the parts answer, once it is up."""
        if self._addresses is None:
            raise LocalRunError("the pipeline is not up")
        return self._addresses

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _start(self) -> None:
        self._ports.require_free()
        with self._step("template synthesised"):
            assembly = _synthesise()
        folder = self._data_dir or self._temporary_folder()
        logs = folder / "logs"
        self._hold(folder)
        with self._step("stand-ins of the outside parties started"):
            standins = StandinsProcess(
                self._ports.payment,
                self._ports.warehouse,
                self._ports.pagerduty,
                self._data_dir and self._data_dir / "standins",
                logs / "standins.log",
            )
            self._start_part(standins)
        engine_began = utc_now()
        with self._step("embedded AWS engine started"):
            engine = EngineProcess(
                self._ports.engine, self._data_dir and self._data_dir / "engine", logs / "engine.log"
            )
            self._start_part(engine)
        with self._step("template deployed"):
            outputs = _deploy(assembly, engine.url, standins)
            _keep(engine)
            client = engine_client("dynamodb", engine.url)
            give_back_abandoned(client, outputs["OrdersTableName"], engine_began)
        self._addresses = Addresses(
            pid=os.getpid(),
            api_url=outputs["ApiUrl"].rstrip("/"),
            engine_url=engine.url,
            payment_url=standins.payment_url,
            warehouse_url=standins.warehouse_url,
            pagerduty_url=standins.pagerduty_url,
            since=_since(folder),
            outputs=outputs,
        )
        if self._announce:
            self._cleanup.callback(remove_run_file)
            write_run_file(self._addresses)

    def _hold(self, folder: Path) -> None:
        """Keep every other run off the data, the stand-ins' too."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._cleanup.enter_context(lock_data_folder(folder))
        except OSError as error:
            raise LocalRunError(f"{error.filename or folder}: {error.strerror}") from error
        except EngineError as error:
            raise LocalRunError(str(error)) from error

    def _start_part(self, part: EngineProcess | StandinsProcess) -> None:
        try:
            part.start()
        except (EngineError, StandinsStartError) as error:
            raise LocalRunError(str(error)) from error
        except OSError as error:
            raise LocalRunError(f"{error.filename or 'the data folder'}: {error.strerror}") from error
        self._cleanup.callback(part.stop)

    def _temporary_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="orders-up-"))
        self._cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @contextmanager
    def _step(self, done: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._progress(done, time.monotonic() - began)


def _since(folder: Path) -> str:
    """Return the day on which this folder's data began; the first run writes it down."""
    file = folder / "since"
    if not file.exists():
        file.write_text(utc_now().date().isoformat(), "utf-8")
    return file.read_text("utf-8")


def _synthesise() -> Path:
    build = Path(os.environ.get("ORDERS_BUILD", PROJECT / ".build"))
    try:
        return synthesise_if_changed(ENVIRONMENT, build / "cdk.local")
    except SynthesisError as error:
        raise LocalRunError(str(error)) from error
    except OSError as error:
        raise LocalRunError(f"{error.filename or build}: {error.strerror}") from error


def _deploy(assembly: Path, endpoint: str, standins: StandinsProcess) -> dict[str, str]:
    parameters = {
        "PaymentApiBase": standins.payment_url,
        "WarehouseUrl": standins.warehouse_url,
        "PagerDutyUrl": standins.pagerduty_url,
    }
    try:
        outputs = deploy(assembly, endpoint, parameters)
    except EngineError as error:
        raise LocalRunError(str(error)) from error
    secrets = engine_client("secretsmanager", endpoint)
    secrets.put_secret_value(SecretId=outputs["PaymentSecretName"], SecretString=PAYMENT_KEY)
    secrets.put_secret_value(SecretId=outputs["WarehouseSecretName"], SecretString=WAREHOUSE_TOKEN)
    secrets.put_secret_value(SecretId=outputs["PagerDutySecretName"], SecretString=ROUTING_KEY)
    return outputs


def _keep(engine: EngineProcess) -> None:
    """Let the deployment outlive a kill, with the names that it has made up."""
    try:
        engine.snapshot()
    except EngineError as error:
        raise LocalRunError(str(error)) from error

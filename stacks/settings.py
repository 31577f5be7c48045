"""An environment's settings: typed, checked in one place, and never unsafe in silence."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

from stacks.errors import SettingsError
from stacks.names import stack_prefix
from stacks.timeouts import (
    FUNCTION_SECONDS,
    MAX_RECEIVES,
    PACING_SECONDS,
    VISIBILITY_SECONDS,
    FunctionName,
    least_grace_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Environment = Literal["local", "dev", "staging", "prod"]
AuthMode = Literal["jwt", "iam", "local"]
Architecture = Literal["arm64", "x86_64"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

ENVIRONMENTS: Final[tuple[Environment, ...]] = get_args(Environment)
OLDEST_MINOR: Final = 11  # requires-python in pyproject.toml

# Lambda's limits: an event source mapping's MaximumConcurrency, a function's memory in MB.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_ADDRESS: Final = re.compile(r"(?=.{1,200}$)https?://[^\s/]+(/\S*)?")
CONCURRENCY_LIMITS: Final = range(2, 1001)
MEMORY_LIMITS: Final = range(128, 10_241)
LARGEST_BATCH: Final = 10  # SQS hands out no more without a batching window
LONGEST_PROBE_SECONDS: Final = 600
LONGEST_VISIBILITY: Final = 43_200  # seconds, of an SQS message
AUTHORISATION_DAYS: Final = 7  # https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
RETENTION_DAYS: Final = (1, 14, 30, 90)
ARCHIVE_DAYS: Final = range(1, 3651)
LONGEST_PAGING_GAP: Final = 600
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
SEALED_DAYS: Final = range(1, 36_501)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

_MEMORY_MB: Final[Mapping[FunctionName, int]] = MappingProxyType(
    # dispatch mostly waits; the others start cold, and Lambda gives CPU by memory
    {
        "ingest": 512,
        "dispatch": 256,
        "validate": 512,
        "payment": 512,
        "fulfil": 512,
        "watchdog": 512,
        "replay": 512,
        "alert": 512,
        "seal": 1024,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One environment's settings. Building one checks it.

    Attributes:
        auth: how the API knows its clients; only `local` may run without (`"local"`).
        provider_calls_per_second: N, what the payment provider lets this account call.
        stale_minutes: how long nothing may move an order before the watchdog hands it back; longer
            than any of its messages stays hidden, or the queue is given what it has.
        watchdog_minutes: between two runs of the watchdog.
        authorisation_warning_days: the age at which operators hear of an authorisation that is
            not captured.
        authorisation_expiry_days: the age at which it is given free and its order rejected.
        provider_calls_per_order: create, confirm and capture.
        maximum_concurrency: dispatch instances that the event source mapping runs at once.
        reserved_concurrency: of dispatch; at least `maximum_concurrency`, or batches are throttled
            and burn receives.
        ephemeral: the environment may be destroyed whole, data included.
        deployment_role: ARN of the only role that may change the ledger table's settings; None is
            the CloudFormation execution role of `cdk bootstrap`.
        archive_retention_days: how long Object Lock keeps a dead letter in the archive.
        paging_gap_seconds: the least time between two events of one incident; a little less than
            the minute between two runs of `alert`.
        runbooks: address of the folder of runbooks that pages link to, or its path in the project.
        seal_minutes: between two runs of the sealer.
        seal_grace_seconds: how long after its time an entry may still appear; what is booked longer
            ago is sealed. It and the interval are the window that an administrator has.
        ledger_since: a day on which or before which nothing was booked yet.
        sealed_retention_days: how long Object Lock keeps a file of the sealed log; in prod in
            compliance mode, which nobody can shorten.
        sealed_bucket: the name of a bucket, of another account, that keeps the log; None makes one.
        warehouse_url: None leaves the parameter without a default, so that a deployment cannot
            forget it.

    Raises:
        SettingsError: with every reason why these settings must not be deployed.
    """

    environment: Environment
    auth: AuthMode | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    runtime: str = "python3.13"
    architecture: Architecture = "arm64"
    provider_calls_per_second: float = 20  # Stripe's test mode allows 25 a second
    provider_calls_per_order: int = 3
    # Seconds before a failed message's second, third and fourth receive; half of each is jitter.
    redelivery_delays: tuple[int, ...] = (30, 120, 600)
    # While a service outside is down: how often one order tries whether it is back.
    probe_seconds: float = 30
    maximum_concurrency: int = 2
    reserved_concurrency: int = 2
    stale_minutes: int = 30
    watchdog_minutes: int = 5
    authorisation_warning_days: int = 3
    authorisation_expiry_days: int = 5
    api_requests_per_second: int = 50
    api_burst: int = 100
    memory_mb: Mapping[FunctionName, int] = field(default_factory=lambda: _MEMORY_MB)
    log_level: LogLevel = "INFO"
    log_retention_days: int = 14
    ephemeral: bool = False
    deletion_protection: bool = True
    alarms: bool = True
    payment_api_base: str = "https://api.stripe.com"
    warehouse_url: str | None = None
    pagerduty_url: str = "https://events.pagerduty.com"
    paging_gap_seconds: int = 55
    runbooks: str = "docs/runbooks"
    archive_retention_days: int = 1
    deployment_role: str | None = None
    seal_minutes: int = 5
    seal_grace_seconds: int = 900
    ledger_since: str = "2026-11-01"
    sealed_retention_days: int = 1
    sealed_bucket: str | None = None

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise SettingsError(self.environment, problems)

    @property
    def stack_prefix(self) -> str:
        """What every name of this environment starts with, as in `orders-prod`."""
        return stack_prefix(self.environment)

    @property
    def starts_per_second(self) -> float:
        """Orders a second that one dispatch instance may start.

        MaximumConcurrency limits how many instances run, not how fast they start. Each takes an
        equal share of N: N / (instances x provider calls per order).
        """
        return self.provider_calls_per_second / (self.maximum_concurrency * self.provider_calls_per_order)

    @property
    def batch_size(self) -> int:
        """Messages per batch: as many as start within `PACING_SECONDS`, from 1 to 10.

        At 0.5 starts a second that is floor(5 x 0.5) = 2; from 2 a second on, the limit of 10.
        """
        return min(LARGEST_BATCH, max(1, math.floor(PACING_SECONDS * self.starts_per_second)))


def _problems(settings: Settings) -> Iterator[str]:
    """Every reason why `settings` must not be deployed."""
    yield from _authentication_problems(settings)
    yield from _runtime_problems(settings)
    yield from _pacing_problems(settings)
    yield from _watchdog_problems(settings)
    yield from _seal_problems(settings)
    yield from _address_problems(settings)
    yield from _state_problems(settings)


def _authentication_problems(settings: Settings) -> Iterator[str]:
    if settings.auth is None:
        yield ("it has no authentication: give -c jwt_issuer=... -c jwt_audience=..., or -c auth=iam")
    if settings.auth is not None and settings.auth not in get_args(AuthMode):
        yield f"auth must be jwt or iam, not {settings.auth!r}"
    if settings.auth == "local" and settings.environment != "local":
        yield "auth=local believes whatever the caller says; only the environment local may have it"
    if settings.auth == "jwt" and not (settings.jwt_issuer and settings.jwt_audience):
        yield "auth=jwt needs both jwt_issuer and jwt_audience"
    if settings.auth != "jwt" and (settings.jwt_issuer or settings.jwt_audience):
        yield f"jwt_issuer and jwt_audience have no meaning with auth={settings.auth}"
    if settings.jwt_issuer and not settings.jwt_issuer.startswith("https://"):
        yield f"jwt_issuer must be an https:// address, not {settings.jwt_issuer!r}"


def _runtime_problems(settings: Settings) -> Iterator[str]:
    version = re.fullmatch(r"python3\.(\d+)", settings.runtime)
    if version is None or int(version.group(1)) < OLDEST_MINOR:
        yield f"runtime must be python3.{OLDEST_MINOR} or later, not {settings.runtime!r}"
    if settings.architecture not in get_args(Architecture):
        yield f"architecture must be arm64 or x86_64, not {settings.architecture!r}"
    if settings.log_level not in get_args(LogLevel):
        yield f"log_level must be one of {', '.join(get_args(LogLevel))}"
    if settings.log_retention_days not in RETENTION_DAYS:
        yield f"log_retention_days must be one of {', '.join(map(str, RETENTION_DAYS))}"
    for name in get_args(FunctionName):
        if settings.memory_mb.get(name) not in MEMORY_LIMITS:
            yield f"memory_mb of {name} must be 128 to 10240"


def _pacing_problems(settings: Settings) -> Iterator[str]:
    if settings.maximum_concurrency not in CONCURRENCY_LIMITS:
        yield "maximum_concurrency must be 2 to 1000 (a limit of event source mappings)"
    if settings.reserved_concurrency < settings.maximum_concurrency:
        yield (
            f"reserved_concurrency ({settings.reserved_concurrency}) is below "
            f"maximum_concurrency ({settings.maximum_concurrency}): throttled batches burn receives"
        )
    if math.isinf(settings.provider_calls_per_second):
        yield "provider_calls_per_second must be finite"
    if not 0 < settings.probe_seconds <= LONGEST_PROBE_SECONDS:
        yield f"probe_seconds must be above 0 and at most {LONGEST_PROBE_SECONDS}"
    delays = settings.redelivery_delays
    if len(delays) != MAX_RECEIVES - 1 or not all(1 <= delay <= LONGEST_VISIBILITY for delay in delays):
        yield (
            f"redelivery_delays must be {MAX_RECEIVES - 1} numbers (a receive has none before the "
            f"first), each 1 to {LONGEST_VISIBILITY} seconds"
        )
    if settings.api_requests_per_second < 1 or settings.api_burst < 1:
        yield "api_requests_per_second and api_burst must be at least 1"
    if settings.maximum_concurrency < 1 or settings.provider_calls_per_order < 1:
        yield "maximum_concurrency and provider_calls_per_order must be at least 1"
    elif not PACING_SECONDS * settings.starts_per_second >= 1:  # also refuses not-a-number
        yield (
            f"{settings.provider_calls_per_second:g} provider calls a second over "
            f"{settings.maximum_concurrency} instances and {settings.provider_calls_per_order} "
            f"calls an order cannot start one order in {PACING_SECONDS} s: "
            "lower maximum_concurrency or raise provider_calls_per_second"
        )


def _watchdog_problems(settings: Settings) -> Iterator[str]:
    if settings.stale_minutes < 1 or settings.watchdog_minutes < 1:
        yield "stale_minutes and watchdog_minutes must be at least 1"
    # Locally a duplicate costs nothing, and nobody waits for half an hour.
    hidden = max((VISIBILITY_SECONDS, *settings.redelivery_delays))
    if settings.environment != "local" and settings.stale_minutes * 60 <= hidden:
        yield (
            f"stale_minutes ({settings.stale_minutes}) must be longer than a message may stay hidden "
            f"({hidden} s)"
        )
    warning, expiry = settings.authorisation_warning_days, settings.authorisation_expiry_days
    if not 1 <= warning < expiry < AUTHORISATION_DAYS:
        yield (
            "authorisation_warning_days must be at least 1 and come before authorisation_expiry_days, and "
            f"that before the card's {AUTHORISATION_DAYS} days are over"
        )


def _seal_problems(settings: Settings) -> Iterator[str]:
    least = least_grace_seconds()
    if settings.environment != "local" and settings.seal_grace_seconds < least:
        yield (
            f"seal_grace_seconds ({settings.seal_grace_seconds}) must be at least {least}: an entry may "
            "appear that long after its time"
        )
    if settings.seal_grace_seconds < 1:
        yield "seal_grace_seconds must be at least 1"
    if settings.environment != "local" and settings.seal_minutes * 60 <= FUNCTION_SECONDS["seal"]:
        yield f"seal_minutes must be longer than a run of the sealer ({FUNCTION_SECONDS['seal']} s)"
    if settings.sealed_retention_days not in SEALED_DAYS:
        yield f"sealed_retention_days must be {SEALED_DAYS.start} to {SEALED_DAYS.stop - 1}"
    if settings.ephemeral and settings.sealed_retention_days > 1:
        yield "an ephemeral environment cannot lock its sealed log for more than 1 day"
    if settings.sealed_bucket is not None and not _BUCKET.fullmatch(settings.sealed_bucket):
        yield f"sealed_bucket must be the name of a bucket, not {settings.sealed_bucket!r}"
    try:
        date.fromisoformat(settings.ledger_since)
    except ValueError:
        yield f"ledger_since must be a day such as 2026-11-01, not {settings.ledger_since!r}"


def _address_problems(settings: Settings) -> Iterator[str]:
    schemes = ("http://", "https://") if settings.environment == "local" else ("https://",)
    for name in ("payment_api_base", "warehouse_url", "pagerduty_url"):
        address: str | None = getattr(settings, name)
        if address is not None and not address.startswith(schemes):
            yield f"{name} must start with {' or '.join(schemes)}, not {address!r}"
        elif address is not None and not _ADDRESS.fullmatch(address):
            yield f"{name} must be an address without white space, at most 200 characters, not {address!r}"
    if not re.fullmatch(r"(https://[^\s/]+(/\S*)?|[\w/.-]+)", settings.runbooks):
        yield f"runbooks must be an https:// address or a path, not {settings.runbooks!r}"
    role = settings.deployment_role
    if role is not None and not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+", role):
        yield f"deployment_role must be the ARN of one role, without wildcards, not {role!r}"


def _state_problems(settings: Settings) -> Iterator[str]:
    if settings.archive_retention_days not in ARCHIVE_DAYS:
        yield f"archive_retention_days must be {ARCHIVE_DAYS.start} to {ARCHIVE_DAYS.stop - 1}"
    if settings.ephemeral and settings.archive_retention_days > 1:
        yield "an ephemeral environment cannot lock its archive for more than 1 day"
    if not 1 <= settings.paging_gap_seconds <= LONGEST_PAGING_GAP:
        yield f"paging_gap_seconds must be 1 to {LONGEST_PAGING_GAP}"
    if settings.ephemeral and settings.environment == "prod":
        yield "prod holds the ledger and cannot be ephemeral"
    if settings.ephemeral and settings.deletion_protection:
        yield "an ephemeral environment cannot have deletion_protection"
    if not settings.ephemeral and not settings.deletion_protection:
        yield "only an ephemeral environment may do without deletion_protection"

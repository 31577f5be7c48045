"""The functions' environment variables as typed values, checked when the function starts."""

from __future__ import annotations

import typing
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class EnvironmentInvalid(RuntimeError):
    """A variable is missing or has no value of its type."""


@dataclass(frozen=True, slots=True)
class IngestEnvironment:
    """Of the HTTP API's function."""

    orders_table: str
    inventory_table: str
    orders_queue_url: str
    auth_mode: str


@dataclass(frozen=True, slots=True)
class DispatchEnvironment:
    """Of the function on the queue; `redelivery_delays` are seconds."""

    environment: str
    orders_table: str
    orders_queue_url: str
    state_machine_arn: str
    max_receives: int
    starts_per_second: float
    idempotency_table: str
    probe_seconds: float
    redelivery_delays: tuple[int, ...]
    failures_table: str
    code_version: str


@dataclass(frozen=True, slots=True)
class ValidateEnvironment:
    """Of the first step."""

    orders_table: str
    inventory_table: str
    claim_seconds: int


@dataclass(frozen=True, slots=True)
class PaymentEnvironment:
    """Of the steps that move money."""

    orders_table: str
    ledger_table: str
    idempotency_table: str
    payment_secret_id: str
    payment_api_base: str


@dataclass(frozen=True, slots=True)
class FulfilEnvironment:
    """Of the step that moves goods."""

    orders_table: str
    inventory_table: str
    warehouse_secret_id: str
    warehouse_url: str


@dataclass(frozen=True, slots=True)
class WatchdogEnvironment:
    """Of the function that looks after open orders."""

    environment: str
    orders_table: str
    orders_queue_url: str
    stale_minutes: int
    authorisation_warning_days: int
    authorisation_expiry_days: int


@dataclass(frozen=True, slots=True)
class PagingEnvironment:
    """Of the function that brings PagerDuty to what the groups of failures are.

    `paging_gap_seconds` is the least time between two pages.
    """

    environment: str
    orders_table: str
    failures_table: str
    pagerduty_secret_id: str
    pagerduty_url: str
    paging_gap_seconds: int
    runbooks: str


@dataclass(frozen=True, slots=True)
class ReplayEnvironment(PagingEnvironment):
    """Of the function on the dead-letter queue, which pages too."""

    archive_bucket: str
    unreadable_bucket: str


@dataclass(frozen=True, slots=True)
class SealEnvironment:
    """Of the function that seals the ledger; `ledger_since` is a day before which nothing was booked."""

    environment: str
    ledger_table: str
    log_table: str
    log_bucket: str
    log_key_id: str
    log_origin: str
    grace_seconds: int
    ledger_since: str


def read_environment(kind: type[T], variables: Mapping[str, str]) -> T:
    """Fill a class above from the variables named like its fields, in capitals.

    Raises:
        EnvironmentInvalid: naming every variable that is missing or wrong.
    """
    values: dict[str, Any] = {}
    wrong: list[str] = []
    hints = typing.get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type] # T is always one of the dataclasses above
        name = field.name.upper()
        try:
            values[field.name] = _convert(variables[name], hints[field.name])
        except (KeyError, ValueError):
            wrong.append(name)
    if wrong:
        raise EnvironmentInvalid(f"missing or invalid: {', '.join(wrong)}")
    return kind(**values)


def _convert(text: str, kind: object) -> object:
    if not text:
        raise ValueError("empty")
    if isinstance(kind, type) and kind in {int, float, str}:
        return kind(text)
    return tuple(int(part) for part in text.split(","))

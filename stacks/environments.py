"""The environments, and what `-c key=value` may change of them."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from stacks.errors import SettingsError
from stacks.settings import ENVIRONMENTS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stacks.settings import Environment

BUILDING_RUNTIME: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"

_ENVIRONMENTS: Final[Mapping[Environment, Mapping[str, object]]] = MappingProxyType(
    {
        # Fast on two cores: the stand-in has no rate limit, so pacing must not be what one waits
        # for. The embedded engine runs functions on this very interpreter, whatever they ask for.
        "local": {
            "auth": "local",
            "runtime": BUILDING_RUNTIME,
            "provider_calls_per_second": 3000,
            "redelivery_delays": (2, 5, 10),
            "probe_seconds": 2,
            "maximum_concurrency": 4,
            "reserved_concurrency": 4,
            "stale_minutes": 2,
            "watchdog_minutes": 1,
            "seal_minutes": 1,
            "seal_grace_seconds": 5,
            "api_requests_per_second": 5000,
            "api_burst": 5000,
            "log_retention_days": 1,
            "ephemeral": True,
            "deletion_protection": False,
            "alarms": False,  # the engine has no metrics of queues and state machines
            "payment_api_base": "http://127.0.0.1:12111",
            "warehouse_url": "http://127.0.0.1:12112",
            "pagerduty_url": "http://127.0.0.1:12113",
            "paging_gap_seconds": 5,
        },
        "dev": {"ephemeral": True, "deletion_protection": False},
        "staging": {"log_retention_days": 30},
        # Stripe's live mode allows 100 a second; 60 leaves room for operators and reconciliation.
        "prod": {
            "provider_calls_per_second": 60,
            "maximum_concurrency": 5,
            "reserved_concurrency": 5,
            "api_requests_per_second": 200,
            "api_burst": 400,
            "log_retention_days": 90,
            "archive_retention_days": 400,
            "sealed_retention_days": 3653,  # ten years
        },
    }
)


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


# What `-c key=value` may change; everything else is changed here, in the code, under review.
_CONTEXT: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "auth": str,
        "jwt_issuer": str,
        "jwt_audience": str,
        "runtime": str,
        "architecture": str,
        "provider_calls_per_second": float,
        "maximum_concurrency": int,
        "reserved_concurrency": int,
        "log_level": str,
        "ephemeral": _flag,
        "deletion_protection": _flag,
        "payment_api_base": str,
        "warehouse_url": str,
        "pagerduty_url": str,
        "runbooks": str,
        "deployment_role": str,
        "sealed_bucket": str,
        "ledger_since": str,
    }
)
CONTEXT_KEYS: Final[tuple[str, ...]] = tuple(_CONTEXT)


def settings_for(environment: str, context: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environment`, changed by `context` (the CDK's `-c key=value`).

    Args:
        environment: one of `ENVIRONMENTS`.
        context: keys of `CONTEXT_KEYS`. An issuer or audience implies `auth=jwt`.

    Raises:
        SettingsError: the environment or a key is unknown, a value cannot be read, or what comes
            out must not be deployed.
    """
    given = dict(context or {})
    known = next((name for name in ENVIRONMENTS if name == environment), None)
    if known is None:
        raise SettingsError(environment, [f"choose one of {', '.join(ENVIRONMENTS)}"])
    if not given.get("auth") and (given.get("jwt_issuer") or given.get("jwt_audience")):
        given["auth"] = "jwt"
    chosen = {**_ENVIRONMENTS[known], **_read(known, given)}
    return Settings(environment=known, **chosen)  # type: ignore[arg-type]  # checked in _problems


def _read(environment: Environment, given: Mapping[str, str]) -> dict[str, object]:
    problems: list[str] = []
    values: dict[str, object] = {}
    for key, text in given.items():
        if key not in _CONTEXT:
            problems.append(f"-c {key} is not a setting (known: {', '.join(CONTEXT_KEYS)})")
            continue
        try:
            values[key] = _CONTEXT[key](text)
        except ValueError:
            problems.append(f"-c {key}={text} cannot be read")
    if problems:
        raise SettingsError(environment, problems)
    return values

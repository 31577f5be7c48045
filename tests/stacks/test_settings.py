"""An unsafe setting fails synthesis, with the reason."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.environments import settings_for
from stacks.errors import SettingsError
from stacks.settings import ENVIRONMENTS, Settings
from stacks.timeouts import (
    CLIENT_READ_SECONDS,
    FUNCTION_SECONDS,
    PACING_SECONDS,
    VISIBILITY_SECONDS,
    claim_seconds,
)

IAM = {"auth": "iam"}


def refused(environment: str, **context: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_for(environment, context)
    return str(caught.value)


def test_local_needs_nothing_and_runs_on_the_building_python() -> None:
    settings = settings_for("local")
    assert settings.auth == "local"
    assert settings.runtime == f"python3.{sys.version_info.minor}"
    assert settings.ephemeral


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_other_environments_need_authentication(environment: str) -> None:
    assert "no authentication" in refused(environment)
    assert "only the environment local" in refused(environment, auth="local")
    assert settings_for(environment, IAM).auth == "iam"


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_issuer_and_audience_choose_jwt(environment: str) -> None:
    context = {"jwt_issuer": "https://id.example.com", "jwt_audience": "orders"}
    settings = settings_for(environment, context)
    assert settings.auth == "jwt"
    assert settings.runtime == "python3.13"
    assert settings.architecture == "arm64"


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"jwt_issuer": "https://id.example.com"}, "both jwt_issuer and jwt_audience"),
        ({"jwt_audience": "orders"}, "both jwt_issuer and jwt_audience"),
        ({"jwt_issuer": "http://id.example.com", "jwt_audience": "orders"}, "https://"),
        ({**IAM, "jwt_issuer": "https://id.example.com"}, "no meaning with auth=iam"),
        ({"auth": "none"}, "must be jwt or iam"),
        ({**IAM, "runtime": "python3.10"}, "python3.11 or later"),
        ({**IAM, "runtime": "nodejs22.x"}, "python3.11 or later"),
        ({**IAM, "architecture": "arm"}, "arm64 or x86_64"),
        ({**IAM, "log_level": "TRACE"}, "log_level"),
        ({**IAM, "provider_calls_per_second": "2.9"}, "cannot start one order in 5 s"),
        ({**IAM, "provider_calls_per_second": "0"}, "cannot start one order in 5 s"),
        ({**IAM, "provider_calls_per_second": "nan"}, "cannot start one order in 5 s"),
        ({**IAM, "provider_calls_per_second": "inf"}, "finite"),
        ({**IAM, "provider_calls_per_second": "many"}, "cannot be read"),
        ({**IAM, "maximum_concurrency": "1"}, "2 to 1000"),
        ({**IAM, "maximum_concurrency": "0"}, "at least 1"),
        ({**IAM, "reserved_concurrency": "4"}, "throttled batches burn receives"),
        ({**IAM, "ephemeral": "true"}, "cannot be ephemeral"),
        ({**IAM, "ephemeral": "yes"}, "cannot be read"),
        ({**IAM, "deletion_protection": "false"}, "only an ephemeral environment"),
        ({**IAM, "payment_api_base": "http://127.0.0.1:1"}, "payment_api_base must start"),
        ({**IAM, "warehouse_url": "ftp://w"}, "warehouse_url must start"),
        ({**IAM, "pagerduty_url": "http://127.0.0.1:1"}, "pagerduty_url must start"),
        ({**IAM, "runbooks": "http://wiki/runbooks"}, "runbooks must be"),
        ({**IAM, "deployment_role": "arn:aws:iam::123456789012:role/*"}, "without wildcards"),
        ({**IAM, "batch": "10"}, "-c batch is not a setting"),
    ],
)
def test_what_must_not_be_deployed_is_refused_with_the_reason(context: dict[str, str], reason: str) -> None:
    assert reason in refused("prod", **context)


def test_all_reasons_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_for("prod", {"auth": "local", "architecture": "sparc"})
    assert len(caught.value.problems) == 2


def test_an_unknown_environment_names_the_known_ones() -> None:
    assert all(name in refused("production") for name in ENVIRONMENTS)


def test_an_ephemeral_environment_cannot_be_protected_from_deletion() -> None:
    with pytest.raises(SettingsError, match="cannot have deletion_protection"):
        replace(settings_for("local"), deletion_protection=True)


@pytest.mark.parametrize("memory", [0, 127, 10_241])
def test_memory_is_within_lambdas_limits(memory: int) -> None:
    settings = settings_for("local")
    with pytest.raises(SettingsError, match="memory_mb of payment"):
        replace(settings, memory_mb={**settings.memory_mb, "payment": memory})


@pytest.mark.parametrize("name", ["log_retention_days", "api_burst", "provider_calls_per_order"])
def test_numbers_that_make_no_sense_are_refused(name: str) -> None:
    changed: Any = {name: 0}
    with pytest.raises(SettingsError, match=name):
        replace(settings_for("local"), **changed)


@given(
    calls=st.floats(min_value=0.1, max_value=10_000, allow_nan=False),
    concurrency=st.integers(2, 100),
    per_order=st.integers(1, 6),
)
def test_pacing_keeps_to_the_providers_limit_and_to_five_seconds(
    calls: float, concurrency: int, per_order: int
) -> None:
    try:
        settings = Settings(
            environment="dev",
            auth="iam",
            provider_calls_per_second=calls,
            maximum_concurrency=concurrency,
            reserved_concurrency=concurrency,
            provider_calls_per_order=per_order,
        )
    except SettingsError:
        assert calls / (concurrency * per_order) * PACING_SECONDS < 1
        return
    together = settings.starts_per_second * concurrency * per_order
    assert together <= calls * (1 + 1e-9)
    assert 1 <= settings.batch_size <= 10
    assert settings.batch_size / settings.starts_per_second <= PACING_SECONDS * (1 + 1e-9)


def test_a_slow_provider_makes_small_batches() -> None:
    settings = settings_for("dev", {**IAM, "provider_calls_per_second": "3"})
    assert settings.starts_per_second == pytest.approx(0.5)
    assert settings.batch_size == 2


def test_the_last_order_of_a_batch_still_ends_within_dispatch() -> None:
    assert FUNCTION_SECONDS["dispatch"] > PACING_SECONDS + CLIENT_READ_SECONDS


def test_a_claim_outlives_whatever_could_write_under_it() -> None:
    assert claim_seconds() == 240  # 180 + 10 + 30 = 220, up to a whole minute


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_an_order_is_stale_only_when_none_of_its_messages_can_be_hidden_any_more(environment: str) -> None:
    settings = settings_for(environment, IAM)
    stale = settings.stale_minutes * 60
    assert stale > VISIBILITY_SECONDS
    assert stale > max(settings.redelivery_delays)
    for minutes in (VISIBILITY_SECONDS // 60, 1):
        with pytest.raises(SettingsError, match="longer than a message may stay hidden"):
            replace(settings, stale_minutes=minutes)
    with pytest.raises(SettingsError, match="longer than a message may stay hidden"):
        replace(settings, redelivery_delays=(30, 120, stale))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_run_of_the_watchdog_ends_before_the_next_begins(environment: str) -> None:
    settings = settings_for(environment, {} if environment == "local" else IAM)
    assert FUNCTION_SECONDS["watchdog"] < settings.watchdog_minutes * 60
    with pytest.raises(SettingsError, match="at least 1"):
        replace(settings, watchdog_minutes=0)


@pytest.mark.parametrize(("warning", "expiry"), [(0, 5), (5, 5), (5, 3), (3, 7), (3, 8)])
def test_an_authorisation_is_warned_of_then_given_up_then_runs_out(warning: int, expiry: int) -> None:
    with pytest.raises(SettingsError, match="authorisation_warning_days"):
        replace(
            settings_for("local"),
            authorisation_warning_days=warning,
            authorisation_expiry_days=expiry,
        )


@pytest.mark.parametrize("delays", [(), (30, 120), (30, 120, 600, 600), (0, 1, 2), (1, 2, 43_201)])
def test_there_is_a_delay_before_each_receive_but_the_first(delays: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="redelivery_delays must be 3 numbers"):
        replace(settings_for("local"), redelivery_delays=delays)

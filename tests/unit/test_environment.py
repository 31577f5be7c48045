from __future__ import annotations

import pytest

from lambdas.environment import (
    DispatchEnvironment,
    EnvironmentInvalid,
    ValidateEnvironment,
    read_environment,
)

DISPATCH = {
    "ENVIRONMENT": "dev",
    "ORDERS_TABLE": "orders",
    "ORDERS_QUEUE_URL": "https://queue",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:1:stateMachine:x",
    "MAX_RECEIVES": "4",
    "STARTS_PER_SECOND": "2.5",
    "IDEMPOTENCY_TABLE": "records",
    "PROBE_SECONDS": "30",
    "REDELIVERY_DELAYS": "30,120,600",
    "FAILURES_TABLE": "failures",
    "CODE_VERSION": "0123456789ab",
    "HOME": "ignored",
}


def test_variables_become_values_of_their_types() -> None:
    environment = read_environment(DispatchEnvironment, DISPATCH)
    assert environment == DispatchEnvironment(
        environment="dev",
        orders_table="orders",
        orders_queue_url="https://queue",
        state_machine_arn="arn:aws:states:eu-west-1:1:stateMachine:x",
        max_receives=4,
        starts_per_second=2.5,
        idempotency_table="records",
        probe_seconds=30.0,
        redelivery_delays=(30, 120, 600),
        failures_table="failures",
        code_version="0123456789ab",
    )


def test_one_delay_is_a_list_of_one() -> None:
    environment = read_environment(DispatchEnvironment, {**DISPATCH, "REDELIVERY_DELAYS": "1"})
    assert environment.redelivery_delays == (1,)


def test_every_variable_that_is_missing_or_wrong_is_named_at_once() -> None:
    wrong = {**DISPATCH, "MAX_RECEIVES": "four", "REDELIVERY_DELAYS": "30,", "ORDERS_TABLE": ""}
    del wrong["STATE_MACHINE_ARN"]
    with pytest.raises(EnvironmentInvalid) as refused:
        read_environment(DispatchEnvironment, wrong)
    named = str(refused.value).partition(": ")[2].split(", ")
    assert named == ["ORDERS_TABLE", "STATE_MACHINE_ARN", "MAX_RECEIVES", "REDELIVERY_DELAYS"]


def test_a_fraction_is_no_whole_number() -> None:
    variables = {"ORDERS_TABLE": "o", "INVENTORY_TABLE": "i", "CLAIM_SECONDS": "240.0"}
    with pytest.raises(EnvironmentInvalid, match="CLAIM_SECONDS"):
        read_environment(ValidateEnvironment, variables)


def test_a_refusal_repeats_no_values() -> None:
    with pytest.raises(EnvironmentInvalid) as refused:
        read_environment(ValidateEnvironment, {"CLAIM_SECONDS": "s3cret"})
    assert "s3cret" not in str(refused.value)

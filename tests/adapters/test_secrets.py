"""Secrets against moto's Secrets Manager: read at most every five minutes, and anew when refused."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.adapters.clients import make_client
from lambdas.adapters.secrets import CACHE_SECONDS, CachedSecret
from lambdas.domain.errors import StoreUnavailable
from tests.adapters.endpoints import refusing_port

NAME = "orders/local/payment"


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def client(aws: None) -> Any:  # noqa: ARG001 - the client needs it
    made = make_client("secretsmanager")
    made.create_secret(Name=NAME, SecretString="first")
    return made


def rotate(client: Any) -> None:
    client.put_secret_value(SecretId=NAME, SecretString="second")


@pytest.mark.parametrize(("passed", "expected"), [(CACHE_SECONDS - 1, "first"), (CACHE_SECONDS, "second")])
def test_a_secret_is_kept_for_five_minutes(client: Any, passed: float, expected: str) -> None:
    clock = Clock()
    secret = CachedSecret(client, NAME, clock)
    assert secret.value() == "first"
    rotate(client)
    clock.seconds += passed
    assert secret.value() == expected
    assert CACHE_SECONDS == 300


def test_a_forgotten_secret_is_read_again(client: Any) -> None:
    secret = CachedSecret(client, NAME)
    assert secret.value() == "first"
    rotate(client)
    secret.forget()
    assert secret.value() == "second"


def test_a_missing_secret_is_an_unavailable_store(client: Any) -> None:
    with pytest.raises(StoreUnavailable):
        CachedSecret(client, "orders/none").value()


def test_an_outage_while_the_secret_is_kept_goes_unnoticed_and_then_is_told(client: Any) -> None:
    clock = Clock()
    secret = CachedSecret(client, NAME, clock)
    secret.value()
    client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    assert secret.value() == "first"
    clock.seconds += CACHE_SECONDS
    with pytest.raises(StoreUnavailable):
        secret.value()


def test_an_address_that_refuses_is_an_unavailable_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{refusing_port()}")
    with pytest.raises(StoreUnavailable):
        CachedSecret(make_client("secretsmanager", attempts=1), NAME).value()


def test_a_secret_is_not_shown(client: Any) -> None:
    secret = CachedSecret(client, NAME)
    secret.value()
    assert "first" not in repr(secret)

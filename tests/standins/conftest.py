"""A payment provider per test, driven by the official library, and a PagerDuty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.remote import RemoteControl
from orders.local.standins.stripe import PaymentStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

API_KEY = "sk_test_standin"


class Library:
    """`StripeClient`s whose connections are closed at the end of the test."""

    def __init__(self) -> None:
        self._opened: list[stripe.RequestsClient] = []

    def client(self, url: str, *, key: str = API_KEY, timeout: float = 10.0) -> stripe.StripeClient:
        """A client that never tries twice."""
        http_client = stripe.RequestsClient(timeout=timeout)
        self._opened.append(http_client)
        return stripe.StripeClient(
            key, base_addresses={"api": url}, max_network_retries=0, http_client=http_client
        )

    def close(self) -> None:
        """Close what this thread opened."""
        for http_client in self._opened:
            http_client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def library() -> Iterator[Library]:
    """Makes clients."""
    opened = Library()
    yield opened
    opened.close()


@pytest.fixture
def provider() -> Iterator[PaymentStandIn]:
    """A stand-in that forgets everything at the end of the test."""
    with PaymentStandIn() as running:
        yield running


@pytest.fixture
def client(provider: PaymentStandIn, library: Library) -> stripe.StripeClient:
    """The official library, talking to the stand-in."""
    return library.client(provider.url)


@pytest.fixture
def control(provider: PaymentStandIn) -> RemoteControl:
    """The stand-in's control API."""
    return RemoteControl(provider.url)


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyStandIn]:
    """A PagerDuty without incidents."""
    with PagerDutyStandIn() as running:
        yield running


@pytest.fixture
def duty(pagerduty: PagerDutyStandIn) -> RemoteControl:
    """Its control API."""
    return RemoteControl(pagerduty.url)

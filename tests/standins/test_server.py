"""The server below the stand-ins."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orders.local.standins.remote import RemoteControl
from orders.local.standins.stripe import PaymentStandIn

if TYPE_CHECKING:
    import pytest

CALLS = 50
DELAYED_ACKNOWLEDGEMENT = 0.04


def test_a_kept_connection_is_not_held_up_by_nagle(provider: PaymentStandIn) -> None:
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=5)
    try:
        began = time.monotonic()
        for _ in range(CALLS):
            connection.request("GET", "/_standin/health")
            connection.getresponse().read()
        took = time.monotonic() - began
    finally:
        connection.close()
    assert took / CALLS < DELAYED_ACKNOWLEDGEMENT / 2


def test_only_the_loopback_address_is_served(provider: PaymentStandIn) -> None:
    assert urlsplit(provider.url).hostname == "127.0.0.1"


def test_stop_wakes_calls_that_hang() -> None:
    provider = PaymentStandIn()
    provider.start()
    RemoteControl(provider.url).fault("hang_before", seconds=600)
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=30)
    connection.request("GET", "/v1/payouts", headers={"Authorization": "Bearer sk_test_x"})
    began = time.monotonic()
    provider.stop()
    connection.close()
    assert time.monotonic() - began < 5


def test_a_body_that_is_too_large(provider: PaymentStandIn) -> None:
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=5)
    try:
        connection.putrequest("POST", "/v1/payment_intents")
        connection.putheader("Content-Length", str(1 << 30))
        connection.endheaders()
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with PaymentStandIn() as provider:
        RemoteControl(provider.url).call("GET", "health")
    assert capfd.readouterr() == ("", "")


def test_many_stand_ins_at_once_are_independent() -> None:
    with PaymentStandIn() as one, PaymentStandIn() as other:
        assert one.url != other.url
        RemoteControl(one.url).call("POST", "latency", {"seconds": 1})
        assert RemoteControl(other.url).call("GET", "faults")["latency"] == 0.0
    assert threading.active_count() < 50

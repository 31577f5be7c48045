"""PagerDuty's own client against the stand-in: what it sends is taken, what it is told it understands."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pagerduty as official
import pytest

from tests.standins.pages import KEY, incidents, states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.local.standins.pagerduty import PagerDutyStandIn
    from orders.local.standins.remote import RemoteControl


class ToStandIn(httpx2.HTTPTransport):
    """Sends what is meant for events.pagerduty.com to the stand-in: the client takes HTTPS addresses only."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._address = urlsplit(url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it."""
        assert (request.url.scheme, request.url.host) == ("https", "events.pagerduty.com")
        address = self._address
        request.url = request.url.copy_with(scheme=address.scheme, host=address.hostname, port=address.port)
        return super().handle_request(request)


class Client(official.EventsApiV2Client):
    """The official client, in a hurry."""

    sleep_timer = 0.001
    timeout = 0.5  # type: ignore[assignment] # two bases declare it, as int and as Timeout


@pytest.fixture
def client(pagerduty: PagerDutyStandIn) -> Iterator[Client]:
    """It talks to the stand-in."""
    with Client(KEY, transport=ToStandIn(pagerduty.url)) as opened:
        yield opened


def test_trigger_acknowledge_resolve(client: Client, duty: RemoteControl) -> None:
    links = [{"href": "https://example.com/runbook", "text": "Runbook"}]
    images = [{"src": "https://example.com/graph.png"}]
    key = client.trigger(
        "fulfil fails",
        "orders-local",
        severity="warning",
        payload={"component": "fulfil"},
        custom_details={"plan": "orders plan"},
        links=links,
        images=images,
    )
    (incident,) = incidents(duty)
    assert (
        incident.items()
        >= {
            "dedup_key": key,
            "state": "triggered",
            "severity": "warning",
            "component": "fulfil",
            "custom_details": {"plan": "orders plan"},
            "links": links,
            "images": images,
        }.items()
    )
    assert client.trigger("fulfil fails again", "orders-local", dedup_key=key) == key
    assert client.acknowledge(key) == key
    assert states(duty) == ["acknowledged"]
    assert client.resolve(key) == key
    assert states(duty) == ["resolved"]


def test_it_tells_what_is_wrong_with_an_event(client: Client, duty: RemoteControl) -> None:
    with pytest.raises(official.HttpError, match="client error") as caught:
        client.trigger("fulfil fails", "orders-local", severity="fatal")
    response = caught.value.response
    assert response is not None
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error.startswith("'payload.severity' is invalid")
    assert duty.statistics()["calls"] == 1


def test_it_understands_a_key_of_no_integration(client: Client, duty: RemoteControl) -> None:
    duty.call("POST", "credentials", {"accepted": []})
    with pytest.raises(official.HttpError, match="Invalid routing key"):
        client.trigger("fulfil fails", "orders-local")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_it_tries_again_after_a_server_error(client: Client, duty: RemoteControl, status: int) -> None:
    duty.fault("error_before", status=status, count=2)
    client.trigger("fulfil fails", "orders-local")
    assert duty.statistics()["outcomes"] == {str(status): 2, "202": 1}
    assert len(incidents(duty)) == 1


def test_it_gives_up_in_an_outage(client: Client, duty: RemoteControl) -> None:
    duty.call("POST", "down", {"seconds": 60, "status": 500})
    with pytest.raises(official.ServerHttpError):
        client.trigger("fulfil fails", "orders-local")
    assert duty.statistics()["outcomes"] == {"500": 3}


def test_it_waits_until_the_rate_allows_it(
    pagerduty: PagerDutyStandIn, duty: RemoteControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_moment_later(_: Client, response: httpx2.Response) -> None:
        if response.status_code == 429:
            duty.call("POST", "advance", {"seconds": 30})

    monkeypatch.setattr(Client, "postprocess", a_moment_later)
    duty.call("POST", "rate", {"per_minute": 1})
    with Client(KEY, transport=ToStandIn(pagerduty.url)) as client:
        for _ in range(2):
            client.trigger("fulfil fails", "orders-local", dedup_key="fulfil")
    assert duty.statistics()["outcomes"] == {"202": 2, "429": 2}
    assert incidents(duty)[0]["alerts"] == 2


@pytest.mark.parametrize("kind", ["reset_after", "hang_after", "error_after"])
def test_an_answer_that_got_lost_costs_a_second_alert_and_no_second_incident(
    client: Client, duty: RemoteControl, kind: str
) -> None:
    duty.fault(kind, status=503)
    client.trigger("fulfil fails", "orders-local", dedup_key="fulfil")
    (incident,) = incidents(duty)
    assert (incident["state"], incident["alerts"]) == ("triggered", 2)

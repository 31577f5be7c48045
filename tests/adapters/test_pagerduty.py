"""PagerDuty's Events API at its stand-in: what each of its answers means, and that nothing waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from lambdas.adapters.clients import make_client
from lambdas.adapters.pagerduty import PagerDuty
from lambdas.adapters.secrets import CachedSecret
from lambdas.domain.alert import Action, Place, event_for
from lambdas.domain.errors import PagerRefused, PagerUnavailable, StoreUnavailable
from lambdas.domain.failure import FailureGroup
from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.remote import RemoteControl
from tests.adapters.endpoints import answering, hanging, http_answer, refusing_port, resetting
from tests.adapters.payments import secret_of
from tests.fakes.failures_made import AT_CAPTURE, SEEN_AT
from tests.standins.pages import KEY, OTHER_KEY, incidents

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = FailureGroup(
    AT_CAPTURE.fingerprint,
    AT_CAPTURE.title,
    AT_CAPTURE.frame,
    SEEN_AT,
    SEEN_AT,
    open=3,
    total=3,
    stake={"GBP": 2_500},
)
PLACE = Place("local", "https://runbooks.example/orders", "eu-west-1")
TRIGGER = event_for(Action.TRIGGER, GROUP, PLACE)
RESOLVE = event_for(Action.RESOLVE, GROUP, PLACE)
IMPATIENT = urllib3.Timeout(connect=1, total=0.3)


@pytest.fixture
def service() -> Iterator[PagerDutyStandIn]:
    with PagerDutyStandIn() as running:
        yield running


@pytest.fixture
def control(service: PagerDutyStandIn) -> RemoteControl:
    return RemoteControl(service.url)


def pager_at(url: str, secret: CachedSecret | None = None) -> PagerDuty:
    pool = urllib3.PoolManager(timeout=IMPATIENT, retries=False)
    return PagerDuty(secret or secret_of(KEY), url, pool)


def test_a_trigger_opens_one_incident_and_a_resolve_ends_it(
    service: PagerDutyStandIn, control: RemoteControl
) -> None:
    pager = pager_at(service.url)
    pager.send(TRIGGER)
    pager.send(TRIGGER)
    (incident,) = incidents(control)
    assert (incident["state"], incident["severity"], incident["alerts"]) == ("triggered", "critical", 2)
    assert incident["dedup_key"] == f"orders/local/{GROUP.fingerprint}"
    assert incident["summary"] == TRIGGER["payload"]["summary"]
    assert incident["custom_details"] == TRIGGER["payload"]["custom_details"]
    assert [link["text"] for link in incident["links"]] == [link["text"] for link in TRIGGER["links"]]
    pager.send(RESOLVE)
    assert [found["state"] for found in incidents(control)] == ["resolved"]


@pytest.mark.parametrize(
    "kind", ["rate_limit", "error_before", "error_after", "reset_before", "reset_after", "torn"]
)
def test_an_answer_that_takes_nothing_is_for_the_schedule(
    service: PagerDutyStandIn, control: RemoteControl, kind: str
) -> None:
    """And whatever it did in truth, sending it again is the same incident."""
    control.call("POST", "faults", {"kind": kind})
    pager = pager_at(service.url)
    with pytest.raises(PagerUnavailable):
        pager.send(TRIGGER)
    pager.send(TRIGGER)
    assert len(incidents(control)) == 1


@pytest.mark.parametrize("status", [200, 204, 301, 408, 429, 500, 502, 503])
def test_only_a_202_is_taken(status: int) -> None:
    """A page of something on the way may be a 200."""
    with answering(http_answer(status, b"{}")) as url, pytest.raises(PagerUnavailable):
        pager_at(url).send(TRIGGER)


def test_nobody_there_is_for_the_schedule() -> None:
    with pytest.raises(PagerUnavailable):
        pager_at(f"http://127.0.0.1:{refusing_port()}").send(TRIGGER)
    with resetting() as url, pytest.raises(PagerUnavailable):
        pager_at(url).send(TRIGGER)


def test_one_that_says_nothing_is_called_once() -> None:
    with hanging() as (url, connections):
        with pytest.raises(PagerUnavailable):
            pager_at(url).send(TRIGGER)
        assert len(connections) == 1


def test_an_event_that_is_refused_is_told_so(service: PagerDutyStandIn, control: RemoteControl) -> None:
    wrong: dict[str, Any] = {**TRIGGER, "payload": {**TRIGGER["payload"], "severity": "dreadful"}}
    with pytest.raises(PagerRefused, match="400"):
        pager_at(service.url).send(wrong)
    assert incidents(control) == []


def test_an_event_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(PagerRefused, match="bytes"):
        pager_at(f"http://127.0.0.1:{refusing_port()}").send({**TRIGGER, "filler": "x" * 512 * 1024})


def test_a_key_that_was_changed_is_read_anew(
    service: PagerDutyStandIn,
    control: RemoteControl,
    aws: None,  # noqa: ARG001 - moto has to run
) -> None:
    client = make_client("secretsmanager")
    client.create_secret(Name="pagerduty", SecretString=KEY)
    pager = pager_at(service.url, CachedSecret(client, "pagerduty"))
    pager.send(TRIGGER)
    client.put_secret_value(SecretId="pagerduty", SecretString=OTHER_KEY)
    control.call("POST", "credentials", {"accepted": [OTHER_KEY]})
    pager.send(RESOLVE)
    assert [e["action"] for e in control.call("GET", "events")["events"]] == ["resolve", "trigger"]


def test_a_key_that_nobody_knows_is_a_refusal(service: PagerDutyStandIn, control: RemoteControl) -> None:
    control.call("POST", "credentials", {"accepted": [OTHER_KEY]})
    with pytest.raises(PagerRefused):
        pager_at(service.url).send(TRIGGER)


def test_a_key_that_cannot_be_read_is_an_unavailable_store(aws: None) -> None:  # noqa: ARG001 - moto has to run
    secret = CachedSecret(make_client("secretsmanager"), "not there")
    with pytest.raises(StoreUnavailable):
        pager_at("http://127.0.0.1:9", secret).send(TRIGGER)

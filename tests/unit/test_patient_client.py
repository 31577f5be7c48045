from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from orders.api_client import ApiRefused, ApiUnreachable
from orders.patient_client import PatientClient, Stopped, is_retryable
from tests.fakes.shop_api import ShopApi, refused

if TYPE_CHECKING:
    from collections.abc import Callable


class Impatient(threading.Event):
    """An event whose waiting ends at once, and is remembered."""

    def __init__(self) -> None:
        """Wait for nothing."""
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Remember."""
        self.waited.append(timeout or 0)
        return self.is_set()


def client_that(fails: Callable[[int], Exception | None]) -> tuple[PatientClient, Impatient]:
    """A client of a shop whose n-th call fails so; time is what was waited."""
    stop = Impatient()

    def before(_call: str, _key: str) -> None:
        if error := fails(len(shop.calls)):
            raise error

    shop = ShopApi(before=before)
    return PatientClient(shop, 60, stop, now=lambda: sum(stop.waited)), stop


@pytest.mark.parametrize(
    "error",
    [
        ApiUnreachable("gone"),
        refused(503, "unavailable"),
        refused(500, "internal_error"),
        ApiRefused(429, {}),
    ],
)
def test_what_may_succeed_later_is_tried_again(error: Exception) -> None:
    client, stop = client_that(lambda call: error if call < 4 else None)
    assert client.page() == ([], None)
    assert stop.waited == [1, 2, 4]


def test_patience_ends() -> None:
    client, stop = client_that(lambda _call: ApiUnreachable("gone"))
    with pytest.raises(ApiUnreachable):
        client.refunds("ord-1")
    assert 60 <= sum(stop.waited) < 80
    assert max(stop.waited) == 15


def test_a_refusal_is_an_answer() -> None:
    client, stop = client_that(lambda _call: refused(422, "invalid_order"))
    with pytest.raises(ApiRefused):
        client.submit(b"{}", "key")
    assert stop.waited == []


def test_a_stop_ends_the_waiting() -> None:
    def away(call: int) -> Exception:
        if call == 2:
            stop.set()
        return ApiUnreachable("gone")

    client, stop = client_that(away)
    with pytest.raises(Stopped):
        client.get("ord-1")
    assert len(stop.waited) == 2


def test_the_apis_own_word_on_retrying_counts() -> None:
    assert is_retryable(ApiRefused(409, {"retryable": True}))
    assert not is_retryable(ApiRefused(503, {"retryable": False}))
    assert is_retryable(ApiRefused(502, {}))
    assert not is_retryable(ApiRefused(404, {}))

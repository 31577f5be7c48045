"""What is refused before anything is done, with Stripe's codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import stripe

from tests.standins.payments import authorised, captured, created

if TYPE_CHECKING:
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn
    from tests.standins.conftest import Library

VALID: dict[str, Any] = {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"]}


def refusal(client: stripe.StripeClient, **change: Any) -> stripe.InvalidRequestError:
    params = {name: value for name, value in (VALID | change).items() if value is not None}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(params)  # type: ignore[arg-type]
    assert client.v1.payment_intents.list().data == []
    return caught.value


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"colour": "red"}, "colour"),
        ({"status": "succeeded"}, "status"),
        ({"api_key": "x"}, "api_key"),
        ({"idempotency_key": "x"}, "idempotency_key"),
        ({"automatic_payment_methods": {"enabled": True, "x": 1}}, "automatic_payment_methods[x]"),
        (
            {"payment_method_options": {"card": {"colour": "red"}}},
            "payment_method_options[card][colour]",
        ),
        ({"shipping": {"address": {"planet": "Mars"}, "name": "A"}}, "shipping[address][planet]"),
    ],
)
def test_unknown_parameters_at_every_depth(
    client: stripe.StripeClient, change: dict[str, Any], param: str
) -> None:
    error = refusal(client, **change)
    assert (error.http_status, error.code, error.param) == (400, "parameter_unknown", param)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"shipping": {"name": "A"}}, "parameter_missing", "shipping[address]"),
        ({"amount": "12.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"currency": ""}, "parameter_invalid_empty", "currency"),
        ({"currency": "xyz"}, None, "currency"),
        ({"capture_method": "sometimes"}, None, "capture_method"),
        ({"confirm": "perhaps"}, None, "confirm"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
        ({"error_on_requires_action": True}, None, "error_on_requires_action"),
        ({"off_session": True}, None, "off_session"),
        (
            {"payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (
            {"automatic_payment_methods": {"enabled": True}},
            None,
            "allowed_payment_method_types",
        ),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
    ],
)
def test_what_cannot_be_is_refused(
    client: stripe.StripeClient, change: dict[str, Any], code: str | None, param: str
) -> None:
    error = refusal(client, **change)
    assert (error.http_status, error.code, error.param) == (400, code, param)


def test_automatic_payment_methods_need_a_return_url(client: stripe.StripeClient) -> None:
    error = refusal(client, allowed_payment_method_types=None, payment_method="pm_card_visa", confirm=True)
    assert "return_url" in str(error)


def test_automatic_payment_methods_exclude_error_on_requires_action(
    client: stripe.StripeClient,
) -> None:
    error = refusal(
        client,
        allowed_payment_method_types=None,
        payment_method="pm_card_visa",
        confirm=True,
        error_on_requires_action=True,
    )
    assert error.param == "error_on_requires_action"


@pytest.mark.parametrize("name", ["payment_intents", "refunds", "charges", "payouts"])
def test_an_unknown_id_is_404(client: stripe.StripeClient, name: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(client.v1, name).retrieve("xx_nobody")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_an_unknown_id_in_a_parameter_is_400(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": "pi_nobody"})
    assert (caught.value.http_status, caught.value.code) == (400, "resource_missing")


def test_other_endpoints_check_their_parameters(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    for call in (
        lambda: client.v1.payment_intents.capture(intent.id, {"amount": 5}),  # type: ignore[arg-type]
        lambda: client.v1.payment_intents.cancel(intent.id, {"reason": "x"}),  # type: ignore[arg-type]
        lambda: client.v1.payment_intents.list({"status": "succeeded"}),  # type: ignore[arg-type]
        lambda: client.v1.balance_transactions.list({"category": "charge"}),  # type: ignore[arg-type]
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            call()
        assert caught.value.code == "parameter_unknown"


def test_enumerations_of_other_endpoints(client: stripe.StripeClient) -> None:
    intent = captured(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id, "reason": "bored"})
    assert caught.value.param == "reason"


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_is_1_to_100(client: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.list({"limit": limit})
    assert caught.value.param == "limit"


@pytest.mark.parametrize("key", ["sk_live_x", "pk_test_x", "nonsense"])
def test_a_key_that_is_not_accepted_is_401(provider: PaymentStandIn, library: Library, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        created(library.client(provider.url, key=key))
    assert caught.value.http_status == 401
    assert key not in str(caught.value)


def test_no_key_is_401(provider: PaymentStandIn) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f"{provider.url}/v1/payment_intents"))  # noqa: S310 - the stand-in's address
    assert caught.value.code == 401
    caught.value.close()


def test_a_body_that_is_not_text_is_400(provider: PaymentStandIn) -> None:
    request = Request(  # noqa: S310 - the stand-in's address
        f"{provider.url}/v1/payment_intents",
        data=b"amount=\xff",
        headers={"Authorization": "Bearer sk_test_x"},
    )
    with pytest.raises(HTTPError) as caught:
        urlopen(request)  # noqa: S310 - the stand-in's address
    assert caught.value.code == 400
    caught.value.close()


def test_a_rotated_key(provider: PaymentStandIn, library: Library, control: RemoteControl) -> None:
    control.call("POST", "credentials", {"accepted": ["sk_test_new"]})
    with pytest.raises(stripe.AuthenticationError):
        created(library.client(provider.url, key="sk_test_old"))
    assert created(library.client(provider.url, key="sk_test_new")).id


@pytest.mark.parametrize(
    "change",
    [
        {"payment_method_data": {"type": "card", "card": {"number": "4242424242424242"}}},
        {"payment_method": "4242 4242 4242 4242"},
    ],
)
def test_card_numbers_are_refused_and_not_repeated(
    client: stripe.StripeClient, change: dict[str, Any]
) -> None:
    with pytest.raises(stripe.StripeError) as caught:
        client.v1.payment_intents.create(VALID | change)  # type: ignore[arg-type]
    assert caught.value.http_status == 402
    assert "generally unsafe" in str(caught.value)
    assert "4242" not in str(caught.value.http_body)


def test_an_unknown_address_is_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as caught:
        client.v1.customers.create({"name": "A"})
    assert caught.value.http_status == 404

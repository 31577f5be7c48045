from __future__ import annotations

from typing import Any

import pytest

from lambdas.ingest.identity import Unauthenticated, identify

ROLE = "arn:aws:sts::123456789012:assumed-role/shop/session-7"


def an_event(authorizer: object = None, **headers: str) -> dict[str, Any]:
    """A request with what the authorizer left and some headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"requestContext": {"authorizer": authorizer} if authorizer else {}, "headers": named}


def a_token(scopes: list[str] | None = None, **claims: str) -> dict[str, Any]:
    """What API Gateway's JWT authorizer leaves."""
    return {"jwt": {"claims": claims, "scopes": scopes}}


def test_the_client_is_the_tokens_subject_with_its_scopes() -> None:
    token = a_token(["orders:price"], sub="alice", scope="orders:read orders:refund")
    caller = identify(an_event(token), "jwt")
    assert caller.client == "alice"
    assert caller.scopes == {"orders:price", "orders:read", "orders:refund"}


def test_a_token_without_scopes_may_do_nothing_special() -> None:
    assert identify(an_event(a_token(sub="alice")), "jwt").scopes == frozenset()


def test_a_role_may_refund_when_iam_let_it_call_the_route_and_never_chooses_its_price() -> None:
    assert identify(an_event({"iam": {"userArn": ROLE}}), "iam").scopes == {"orders:refund"}


def test_a_token_may_refund_by_its_scope_alone() -> None:
    named = an_event(a_token(sub="alice", scope="api.example/orders:refund"))
    assert "orders:refund" in identify(named, "jwt").scopes
    for scope in ("orders:refunds", "refund", "orders:refund:read"):
        assert "orders:refund" not in identify(an_event(a_token(sub="alice", scope=scope)), "jwt").scopes


def test_the_client_is_the_callers_role_and_never_its_sessions_name() -> None:
    one = identify(an_event({"iam": {"userArn": ROLE}}), "iam")
    other = identify(an_event({"iam": {"userArn": ROLE.replace("session-7", "session-8")}}), "iam")
    assert one == other
    assert one.client == "arn:aws:sts::123456789012:role/shop"


@pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:root"])
def test_another_principal_is_itself(arn: str) -> None:
    assert identify(an_event({"iam": {"userArn": arn}}), "iam").client == arn


def test_locally_two_headers_say_who_calls() -> None:
    caller = identify(an_event(x_orders_client="me", x_orders_scopes="a b"), "local")
    assert caller.client == "me"
    assert caller.scopes == {"a", "b"}


@pytest.mark.parametrize("mode", ["jwt", "iam"])
def test_the_local_headers_mean_nothing_elsewhere(mode: str) -> None:
    authorizer = {"jwt": {"claims": {"sub": "alice"}}, "iam": {"userArn": ROLE}}
    caller = identify(an_event(authorizer, x_orders_client="mallory", x_orders_scopes="orders:price"), mode)
    assert caller.client != "mallory"
    assert "orders:price" not in caller.scopes


def test_with_iam_the_policy_on_the_route_is_the_scope_for_refunds() -> None:
    assert identify(an_event({"iam": {"userArn": ROLE}}), "iam").scopes == {"orders:refund"}


@pytest.mark.parametrize(
    ("event", "mode"),
    [
        (an_event(), "jwt"),
        (an_event(a_token()), "jwt"),
        (an_event(a_token(sub="")), "jwt"),
        (an_event({"iam": {"userArn": ROLE}}), "jwt"),
        (an_event(), "iam"),
        (an_event(a_token(sub="alice")), "iam"),
        (an_event({"iam": {"userArn": ""}}), "iam"),
        (an_event(), "local"),
        (an_event(x_orders_client=""), "local"),
        (an_event(a_token(sub="alice"), x_orders_client="me"), ""),
        (an_event(a_token(sub="alice"), x_orders_client="me"), "none"),
    ],
)
def test_who_left_no_identity_is_not_served(event: dict[str, Any], mode: str) -> None:
    with pytest.raises(Unauthenticated):
        identify(event, mode)

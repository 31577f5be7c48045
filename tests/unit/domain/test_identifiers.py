from __future__ import annotations

import re

import pytest

from lambdas.domain.identifiers import (
    ClientId,
    OrderId,
    entry_id_for,
    looks_like_order_id,
    looks_like_refund_id,
    order_id_for,
    queue_group_for,
    refund_id_for,
)

ALICE = ClientId("alice")


def test_an_order_id_is_derived_from_client_and_key_and_nothing_else() -> None:
    order_id = order_id_for(ALICE, "k")
    assert order_id == order_id_for(ALICE, "k")
    assert re.fullmatch(r"ord_[a-z2-7]{26}", order_id)
    assert order_id != order_id_for(ALICE, "K")
    assert order_id != order_id_for(ClientId("bob"), "k")


def test_a_client_cannot_choose_a_name_that_makes_anothers_order_id() -> None:
    # The parts are length-prefixed: moving a character from one into the other changes the id.
    assert order_id_for(ClientId("ab"), "c") != order_id_for(ClientId("a"), "bc")


def test_an_entry_id_names_its_order_and_number() -> None:
    assert entry_id_for(OrderId("ord_abc"), 2) == "ent_abc_2"


def test_a_refund_id_is_derived_from_order_client_and_key_and_nothing_else() -> None:
    order_id = order_id_for(ALICE, "k")
    refund_id = refund_id_for(order_id, ALICE, "k")
    assert refund_id == refund_id_for(order_id, ALICE, "k")
    assert re.fullmatch(r"ref_[a-z2-7]{26}", refund_id)
    assert refund_id != refund_id_for(order_id, ALICE, "K")
    assert refund_id != refund_id_for(order_id, ClientId("bob"), "k")
    assert refund_id != refund_id_for(order_id_for(ALICE, "K"), ALICE, "k")
    assert refund_id.removeprefix("ref_") != order_id.removeprefix("ord_")


def test_a_queue_group_does_not_disclose_its_client() -> None:
    group = queue_group_for(ALICE)
    assert "alice" not in group
    assert group == queue_group_for(ALICE)
    assert group != queue_group_for(ClientId("bob"))
    assert re.fullmatch(r"[a-z2-7]{16}", group)


def test_a_derived_id_looks_like_an_order_id() -> None:
    assert looks_like_order_id(order_id_for(ALICE, "k"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ord_",
        "ord_" + "a" * 25,
        "ord_" + "a" * 27,
        "ent_" + "a" * 26,
        "ord_" + "a" * 25 + "/",
        "ord_" + "a" * 25 + "\n",
        "ord_" + "A" * 26,
        "ord_" + "1" * 26,
        "ord_" + "é" * 26,
    ],
)
def test_what_no_order_can_be_called_does_not_look_like_an_order_id(text: str) -> None:
    assert not looks_like_order_id(text)


def test_a_derived_id_looks_like_a_refund_id() -> None:
    assert looks_like_refund_id(refund_id_for(order_id_for(ALICE, "k"), ALICE, "k"))


@pytest.mark.parametrize(
    "text", ["", "ref_", "ref_" + "a" * 25, "ref_" + "a" * 27, "ord_" + "a" * 26, "ref_" + "A" * 26]
)
def test_what_no_refund_can_be_called_does_not_look_like_a_refund_id(text: str) -> None:
    assert not looks_like_refund_id(text)

from __future__ import annotations

import json

import pytest

from lambdas.domain.commands import cancel_command, process_command, read_command, refund_command
from lambdas.domain.identifiers import OrderId, RefundId

ORDER = OrderId("ord_" + "a" * 26)
REFUND = RefundId("ref_" + "b" * 26)


@pytest.mark.parametrize(
    "command", [process_command(ORDER), cancel_command(ORDER), refund_command(ORDER, REFUND)]
)
def test_a_command_is_read_as_it_was_sent(command: dict[str, str]) -> None:
    assert read_command(json.dumps(command)) == command


@pytest.mark.parametrize("name", ["process", "cancel"])
def test_a_command_of_an_order_brings_no_refund_along(name: str) -> None:
    body = json.dumps({"command": name, "order_id": ORDER, "refund_id": REFUND, "admin": True})
    assert read_command(body) == {"command": name, "order_id": ORDER}


@pytest.mark.parametrize(
    "refund_id", [None, 7, [REFUND], "", ORDER, "ref_" + "b" * 25, "REF_" + "b" * 26, REFUND + "\n"]
)
def test_a_refund_without_its_id_is_no_command(refund_id: object) -> None:
    """It must not be taken for another command of the order."""
    assert read_command(json.dumps({"command": "refund", "order_id": ORDER, "refund_id": refund_id})) is None


@pytest.mark.parametrize("order_id", [None, 7, "", REFUND, "ord_" + "a" * 27])
@pytest.mark.parametrize("name", ["process", "cancel", "refund"])
def test_a_command_without_its_order_is_none(name: str, order_id: object) -> None:
    body = json.dumps({"command": name, "order_id": order_id, "refund_id": REFUND})
    assert read_command(body) is None


@pytest.mark.parametrize("name", ["Cancel", "cancel ", "refunds", "", None])
def test_an_unknown_name_is_no_command(name: object) -> None:
    assert read_command(json.dumps({"command": name, "order_id": ORDER, "refund_id": REFUND})) is None

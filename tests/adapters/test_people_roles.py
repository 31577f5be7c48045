"""What `orders dlq` calls is what the roles of people allow: nothing that they do is denied on AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.failure import MAX_APPLIES
from lambdas.domain.transitions import completed
from orders.cli.exit_codes import ExitCode
from tests.adapters.operators import OUTPUTS, Shop
from tests.adapters.recording import client_error
from tests.stacks.test_roles import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lambdas.domain.failure import Failure
    from lambdas.domain.identifiers import OrderId
    from tests.stacks.templates import Call

# The stages' tables and what the templates call them.
NAMES = {OUTPUTS[f"{name}TableName"]: name for name in ("Orders", "Inventory", "Ledger", "Failures")}
NAMES[OUTPUTS["OperationsTableName"]] = "Operations"


def actions(operation: str, parameters: dict[str, Any]) -> Iterator[Call]:
    """What IAM asks for a call:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    """
    match operation:
        case "send_message":
            yield "sqs:SendMessage", "QueuesOrders", None
        case "get_secret_value":
            yield "secretsmanager:GetSecretValue", "PaymentSecret", None
        case "execute_statement":
            assert parameters["Statement"].startswith('INSERT INTO "operations"')
            yield "dynamodb:PartiQLInsert", "Operations", None
        case "batch_get_item":
            for table in parameters["RequestItems"]:
                yield "dynamodb:BatchGetItem", NAMES[table], None
        case "transact_write_items":
            for item in parameters["TransactItems"]:
                ((kind, action),) = item.items()
                yield f"dynamodb:{kind}Item", NAMES[action["TableName"]], None
        case _:
            name = "".join(map(str.capitalize, operation.split("_")))
            index = parameters.get("IndexName")
            yield (
                f"dynamodb:{name}",
                NAMES[parameters["TableName"]] + (f"/index/{index}" if index else ""),
                None,
            )


@dataclass
class Role:
    """Allows what a role allows, remembers what was asked, and denies the rest as AWS does."""

    allowed: set[Call]
    asked: set[Call] = field(default_factory=set)
    denied: set[Call] = field(default_factory=set)

    def wrap(self, client: Any) -> Any:
        """Stand before a client."""
        role = self

        class Guarded:
            def __getattr__(self, name: str) -> Callable[..., Any]:
                def call(**parameters: Any) -> Any:
                    asked = set(actions(name, parameters))
                    role.asked |= asked
                    if denied := asked - role.allowed:
                        role.denied |= denied
                        raise client_error(name, "AccessDeniedException")
                    return getattr(client, name)(**parameters)

                return call

        return Guarded()


def order_of(failure: Failure) -> OrderId:
    assert failure.order_id
    return failure.order_id


@pytest.fixture
def shop(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    return Shop(dynamodb, monkeypatch, tmp_path, environment="prod")


def test_an_operator_may_do_all_that_the_commands_do(shop: Shop) -> None:
    role = Role(PEOPLE["OperatorRole"])
    ids = [order_of(shop.die(number)) for number in range(6)]
    shop.put(completed(shop.head(ids[5]), shop.clock.text))
    shop.wrap = role.wrap
    why = ("--reason", "other", "--note", "in words")
    shop.run("groups", "--all")
    shop.run("quarantine", ids[0], *why)
    shop.run("restore", ids[0], *why)
    shop.run("discard", ids[0], *why)
    shop.run("hold", ids[1], *why)
    shop.carry_out_at_once()
    shop.run("abandon", ids[2], *why)
    shop.queue.sent = lambda: None
    shop.run("plan", "--out", "plan.json")
    shop.late = 20
    shop.run("apply", "plan.json", "--yes", *why)
    shop.broken.add(order_of(shop.die(7)))
    for _ in range(MAX_APPLIES):
        shop.run("plan", "--out", "plan.json")
        shop.run("apply", "plan.json", "--yes", *why)
    assert "in words" in shop.run("history").data
    assert shop.run("history", ids[2]).code == ExitCode.OK
    assert role.denied == set()
    assert {action for action, name, _ in role.asked if name == "Failures"} == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    }
    assert {action for action, name, _ in role.asked if name == "Operations"} == {
        "dynamodb:PartiQLInsert",
        "dynamodb:GetItem",
        "dynamodb:Query",
    }


def test_an_auditor_reads_groups_and_history_without_anybodys_words(shop: Shop) -> None:
    failure = shop.die(1)
    shop.run("quarantine", failure.failure_id, "--reason", "other", "--note", "Ada called")
    shop.wrap = Role(PEOPLE["AuditorRole"]).wrap
    assert failure.fingerprint in shop.run("groups", "--all").data
    ran = shop.run("history")
    assert ran.code == ExitCode.OK
    assert "quarantine" in ran.data
    assert "Ada called" not in ran.data
    assert "this role may not read what operators said in words" in ran.messages
    refused = shop.run("restore", failure.failure_id, "--reason", "other")
    assert refused.code == ExitCode.FAILED
    assert "access denied: execute_statement needs a permission that this role has not" in refused.messages

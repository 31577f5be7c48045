"""The runbooks' commands, run as they stand against the local run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest

from lambdas.domain.catalogue import Product
from lambdas.domain.commands import command_text, process_command, refund_command
from lambdas.domain.identifiers import OrderId, RefundId, failure_id_for
from orders.cli.main import main
from tests.e2e.bodies import body
from tests.e2e.conftest import ended, eventually
from tests.e2e.test_dead_letters import failures_of
from tests.e2e.test_watchdog import CLIENT, ago
from tests.unit.docs.runbooks import commands, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from lambdas.domain.commands import Command
    from lambdas.domain.failure import Failure
    from lambdas.domain.identifiers import FailureId
    from tests.e2e.conftest import Pipeline

    Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.engine

SKU: Final = "RUNBOOK"
DECIDED: Final = {"quarantine": "quarantined", "discard": "discarded", "restore": "open"}
# Commands that differ in no more than these do the same.
_WHY: Final = re.compile(r" --reason \S+| --incident \S+")
_LOOKS: Final = re.compile(r"orders (trace|incidents|ledger|dlq (groups|show|plan|history))\b")


def shapes() -> list[str]:
    """Return each command of the program once, whatever its reason."""
    typed = [command for command in commands() if command.startswith("orders ")]
    return list({_WHY.sub("", command): command for command in typed}.values())


@pytest.fixture(scope="module", autouse=True)
def _on_sale(pipeline: Pipeline) -> None:
    pipeline.stock(Product(SKU, "GBP", {"list": 1200}, 2000, 1000))


@pytest.fixture(scope="module")
def waiting(pipeline: Pipeline) -> Failure:
    """What may be looked at by many."""
    return _failed(pipeline)


@pytest.fixture
def failure(pipeline: Pipeline, request: pytest.FixtureRequest) -> Failure:
    """What the command is about: a failure of its own where it changes something."""
    command: str = request.node.callspec.params["command"]
    if "$REFUND" in command:
        return _failed_refund(pipeline, request.node.name)
    if _LOOKS.match(command):
        waiting: Failure = request.getfixturevalue("waiting")
        return waiting
    return _failed(pipeline)


@pytest.fixture
def variables(
    failure: Failure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> dict[str, str]:
    """What a command names."""
    monkeypatch.chdir(tmp_path)
    assert main(["dlq", "plan", "--order", failure.order_id or "", "--json"]) == 0
    return {
        "ENV": "local",
        "GROUP": failure.fingerprint,
        "ORDER": failure.order_id or "",
        "REFUND": failure.refund_id or "",
        "FAILURE": failure.failure_id,
        "INCIDENT": "Q1",
        "PLAN": json.loads(capsys.readouterr().out)["plan"],
    }


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", shapes())
def test_a_runbooks_command_does_what_its_page_says(
    command: str, failure: Failure, variables: dict[str, str], pipeline: Pipeline, capsys: Captured
) -> None:
    words = words_of(command, variables)
    _prepare(words, variables)
    code = main(words)
    shown = capsys.readouterr()
    # A plan of all that waits may have something that a person has to look at, and the books of a pipeline on
    # which other tests set their scenes may have findings.
    assert code in ({0, 3} if words[:2] == ["dlq", "plan"] or words[0] == "ledger" else {0}), shown.err
    match words:
        case ["dlq", "quarantine" | "discard" | "restore" as decision, *_]:
            changed = failures_of(pipeline).get(failure.failure_id)
            assert changed is not None
            assert changed.state == DECIDED[decision]
        case ["ledger", *_]:
            assert code == 0 or shown.out
        case ["dlq", "apply" | "abandon" as deed, *_]:
            order = pipeline.client(CLIENT).get(variables["ORDER"])
            assert order["status"] == {"apply": "completed", "abandon": "rejected"}[deed]
        case ["dlq", "hold", *_]:
            key = {"order_id": {"S": variables["ORDER"]}, "item": {"S": "HEAD"}}
            assert ("held" in pipeline.item("OrdersTableName", **key)) == ("--off" not in words)
        case ["dlq", "plan", *_]:
            assert failure.context.title in shown.out
        case ["dlq", "history", *_]:
            assert shown.out or "Nothing was done." in shown.err
        case _:
            assert failure.fingerprint in shown.out or str(failure.order_id) in shown.out


def _prepare(words: list[str], variables: dict[str, str]) -> None:
    """Bring about what the command is for."""
    if words[:2] == ["dlq", "apply"]:
        words.append("--yes")  # nobody can be asked here
    if "--off" in words:
        assert main(["dlq", "hold", variables["ORDER"]]) == 0
    if words[:2] == ["dlq", "restore"]:
        assert main(["dlq", "quarantine", variables["ORDER"], "--reason", "other"]) == 0


def _failed(pipeline: Pipeline) -> Failure:
    """An order that nobody works on, whose message is a dead letter."""
    order_id = ago(pipeline).submit(SKU)
    return _dead(pipeline, process_command(order_id), failure_id_for(order_id))


def _failed_refund(pipeline: Pipeline, key: str) -> Failure:
    client = pipeline.client(CLIENT)
    order_id = OrderId(client.submit(body((SKU, 1)), key).order["order_id"])
    assert ended(client, order_id)["status"] == "completed"
    refund_id = RefundId(ago(pipeline).ask_refund(order_id, 100))
    return _dead(pipeline, refund_command(order_id, refund_id), failure_id_for(refund_id))


def _dead(pipeline: Pipeline, command: Command, failure_id: FailureId) -> Failure:
    url = pipeline.addresses.outputs["DeadLetterQueueUrl"]
    pipeline.aws("sqs").send_message(QueueUrl=url, MessageBody=command_text(command))
    found = eventually(lambda: failures_of(pipeline).get(failure_id), lambda failure: failure is not None)
    assert found is not None
    return found

"""What operators see and get from `orders dlq`: tables, hints, JSON, exit codes, and what is refused."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.failure import MAX_APPLIES, FailureState
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.transitions import completed, holding
from orders.cli.exit_codes import ExitCode
from tests.adapters.operators import ADA, Ran, Shop
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL

if TYPE_CHECKING:
    from pathlib import Path

    from lambdas.domain.failure import Failure
    from lambdas.domain.identifiers import OrderId

WHERE = "orders-prod in eu-west-1, account 111122223333 as role operator"


@pytest.fixture
def shop(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    return Shop(dynamodb, monkeypatch, tmp_path, environment="prod")


def order_of(failure: Failure) -> OrderId:
    assert failure.order_id
    return failure.order_id


def columns(ran: Ran) -> list[list[str]]:
    """The cells of a table's rows, which two spaces keep apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in ran.data.splitlines()[1:]]


def planned(shop: Shop, *options: str) -> dict[str, Any]:
    shop.clock.advance(1)
    plan: dict[str, Any] = json.loads(shop.run("plan", "--json", *options).data)
    return plan


def apply(shop: Shop, plan: dict[str, Any], *options: str) -> Ran:
    return shop.run("apply", plan["plan"], "--reason", "fixed", "--yes", *options)


def test_groups_show_what_failed_alike_the_most_first(shop: Shop) -> None:
    for number in range(3):
        shop.die(number)
    shop.die(3, AT_CAPTURE)
    ran = shop.run("groups")
    assert columns(ran) == [
        [AT_FULFIL.fingerprint, "fulfil:WarehouseUnavailable", "3", "3", "27.00 GBP"]
        + ["2026-03-14 09:26:53"] * 2
        + ["growing, 3 in 15 min"],
        [AT_CAPTURE.fingerprint, "capture:LedgerConflict", "1", "1", "9.00 GBP"]
        + ["2026-03-14 09:26:53"] * 2
        + ["growing, 1 in 15 min"],
    ]
    hint = f"orders dlq plan --group {AT_FULFIL.fingerprint} --env prod"
    assert ran.messages.splitlines() == [WHERE, f"What a replay would do: {hint}"]


def test_without_failures_there_is_nothing_to_do(shop: Shop) -> None:
    ran = shop.run("groups")
    assert (ran.code, ran.data) == (0, "")
    assert "No failure waits: every incident is over." in ran.messages
    assert json.loads(shop.run("groups", "--json").data) == []


def test_a_group_is_shown_with_its_failures(shop: Shop) -> None:
    failure = shop.die(1)
    shop.clock.advance(60)
    ran = shop.run("show", AT_FULFIL.fingerprint)
    for fact in (failure.failure_id, order_of(failure), "1 of 1, 9.00 GBP", "fulfil_order.py:_ship"):
        assert fact in ran.data
    shown = json.loads(shop.run("show", AT_FULFIL.fingerprint, "--json").data)
    assert [f["order_id"] for f in shown["failures"]] == [failure.order_id]


def test_a_plan_has_a_verdict_for_each_order_and_says_how_to_go_on(shop: Shop) -> None:
    safe, over, unread, given_up = (shop.die(number) for number in range(4))
    shop.put(completed(shop.head(order_of(over)), shop.clock.text))
    shop.put(replace(shop.head(order_of(unread)), payment_intent="pi_1"))
    shop.put(replace(shop.head(order_of(given_up)), abandoned=True))
    ran = shop.run("plan", "--out", "tonight.json")
    assert ran.code == ExitCode.FINDINGS  # somebody has to look at one
    title = "fulfil:WarehouseUnavailable"
    assert columns(ran) == [
        ["safe", "goes_on_from_start", title, "1", "9.00 GBP"],
        ["already_done", "order_completed", title, "1", "9.00 GBP"],
        ["needs_review", "provider_not_read", title, "1", "9.00 GBP"],
        ["would_be_rejected", "abandoned_by_operator", title, "1", "9.00 GBP"],
    ]
    for hint in (
        "orders dlq apply tonight.json --reason CODE --env prod",
        f"orders dlq abandon {given_up.order_id} --env prod",
        f"orders dlq show {unread.failure_id} --env prod",
    ):
        assert hint in ran.messages
    written = json.loads((shop.home / "tonight.json").read_text())
    verdicts = {entry["order_id"]: entry["verdict"] for entry in written["entries"]}
    assert verdicts[safe.order_id] == "safe"
    assert (written["made_by"], written["environment"]) == (ADA, "prod")


def test_a_plan_reads_failures_and_orders_consistently(shop: Shop) -> None:
    shop.die(1)
    seen: list[tuple[str, dict[str, Any]]] = []

    class Watched:
        def __init__(self, client: Any) -> None:
            self.client = client

        def __getattr__(self, name: str) -> Any:
            def call(**parameters: Any) -> Any:
                seen.append((name, parameters))
                return getattr(self.client, name)(**parameters)

            return call

    shop.wrap = Watched
    plan = planned(shop)
    apply(shop, plan)
    batches = [p["RequestItems"] for name, p in seen if name == "batch_get_item"]
    assert {table for items in batches for table in items} == {"failures", "orders", "inventory", "ledger"}
    assert all(keys["ConsistentRead"] for items in batches for keys in items.values())
    assert all(p["ConsistentRead"] for name, p in seen if name == "get_item")


def test_filters_confine_a_plan(shop: Shop) -> None:
    early = [shop.die(number) for number in range(3)]
    shop.clock.advance(600)
    late = shop.die(3, AT_CAPTURE)

    def failures(*options: str) -> list[str]:
        return [entry["failure_id"] for entry in planned(shop, *options)["entries"]]

    assert failures("--group", AT_CAPTURE.fingerprint) == [late.failure_id]
    assert failures("--since", "5m") == [late.failure_id]
    assert failures("--since", "2026-03-14T09:30:00Z") == [late.failure_id]
    assert failures("--error", "LedgerConflict") == [late.failure_id]
    assert failures("--error", "capture:LedgerConflict") == [late.failure_id]
    assert failures("--order", order_of(early[1])) == [early[1].failure_id]
    assert failures("--limit", "2") == sorted(f.failure_id for f in early)[:2]
    none = shop.run("plan", "--error", "Nothing")
    assert (none.code, none.data) == (0, "")
    assert "No plan was written" in none.messages


def test_apply_replays_and_tells_what_became_of_them(shop: Shop) -> None:
    failures = [shop.die(number) for number in range(4)]
    plan = planned(shop)
    ran = apply(shop, plan, "--note", "Deployed 1.2", "--incident", "4711")
    assert ran.code == ExitCode.OK
    assert columns(ran) == [["done", "completed", "4"]]
    assert "✓ canary                  1" in ran.messages
    assert "✓ replayed                4" in ran.messages
    history = json.loads(shop.run("history", order_of(failures[0]), "--json").data)
    assert [(o["kind"], o["result"], o["incident"]) for o in history] == [
        ("replay", None, "4711"),
        ("sent", None, "4711"),
        ("replay", "completed", "4711"),
    ]
    whole = shop.run("history", plan["plan"])
    assert whole.data.count("operator/ada") == 2 + 3 * 4
    assert "4711 Deployed 1.2" in whole.data
    again = apply(shop, plan)
    assert (again.code, columns(again)) == (ExitCode.OK, [["done", "completed", "4"]])
    assert len(shop.queue.bodies) == 4


def test_apply_stops_when_its_cause_is_not_gone_and_says_how_to_go_on(shop: Shop) -> None:
    failures = [shop.die(number) for number in range(4)]
    shop.broken.update(order_of(failure) for failure in failures)
    plan = planned(shop)
    ran = apply(shop, plan)
    again = f"orders dlq apply {plan['plan']} --reason fixed --env prod"
    assert ran.code == ExitCode.FINDINGS
    assert columns(ran) == [["came_back", "fulfil:WarehouseUnavailable", "1"], ["not_begun", "3"]]
    assert ran.messages.splitlines()[-3:] == [
        "Stopped: the canary came back.",
        "One came back and waits again: orders dlq groups --env prod",
        f"When its cause is mended, go on, nothing is replayed twice: {again}",
    ]
    shop.broken.clear()
    told = json.loads(apply(shop, plan, "--json").data)
    assert (told["done"], told["came_back"], told["not_begun"]) == (3, 1, 0)


def test_what_changed_since_the_plan_is_refused(shop: Shop) -> None:
    changed, claimed, good = (shop.die(number) for number in range(3))
    plan = planned(shop)
    shop.put(holding(shop.head(order_of(changed)), shop.clock.text, held=True))
    until = int(shop.clock().timestamp()) + 200
    shop.put(replace(shop.head(order_of(claimed)), claim="execution", claim_until=until))
    ran = apply(shop, plan)
    assert ran.code == ExitCode.FINDINGS
    assert columns(ran) == [
        ["done", "completed", "1"],
        ["changed", "the order changed since the plan", "1"],
        ["claimed", "an execution holds the order", "1"],
    ]
    assert shop.ended == [good.order_id]
    assert "a new plan looks at it anew (orders dlq plan --env prod)" in ran.messages


def test_on_no_terminal_nobody_is_asked_and_nothing_is_sent(shop: Shop) -> None:
    shop.die(1)
    plan = planned(shop)
    ran = shop.run("apply", plan["plan"], "--reason", "fixed")
    assert ran.code == ExitCode.USAGE
    assert "add --yes to replay without a question" in ran.messages
    assert shop.queue.bodies == []


@pytest.mark.parametrize(("answer", "sent"), [("y\n", 2), ("yes\n", 2), ("n\n", 0), ("\n", 0), ("", 0)])
def test_on_a_terminal_it_asks_first(shop: Shop, answer: str, sent: int) -> None:
    for number in range(2):
        shop.die(number)
    plan = planned(shop)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shop.monkeypatch.setattr("sys.stdin", Terminal(answer))
    shop.monkeypatch.setattr("sys.stderr", Terminal())
    ran = shop.run("apply", plan["plan"], "--reason", "fixed", "--rate", "5/s")
    assert ran.code == ExitCode.OK
    assert f"{WHERE}" in ran.messages
    question = "Replays 2 of 1 cause worth 18.00 GBP: one of each first, then up to 5 a second."
    assert question in ran.messages
    assert len(shop.queue.bodies) == sent
    assert ("Nothing was sent." in ran.messages) is (not sent)


def test_a_plan_that_was_touched_or_is_of_elsewhere_is_refused(shop: Shop) -> None:
    shop.die(1)
    plan = planned(shop)
    file = shop.home / plan["file"]
    file.write_text(file.read_text().replace('"needs_review"', '"safe"').replace(ADA, "somebody"))
    ran = apply(shop, plan)
    assert ran.code == ExitCode.FAILED
    assert "was changed since it was made: make a new one with `orders dlq plan`" in ran.messages
    elsewhere = planned(shop)
    shop.environment = "dev"
    ran = apply(shop, elsewhere)
    assert ran.code == ExitCode.FAILED
    assert "this plan was made for prod in eu-west-1, account 111122223333" in ran.messages
    assert "orders dlq plan` makes one" in shop.run("apply", "none.json", "--reason", "fixed").messages
    assert shop.queue.bodies == []


def test_an_interrupted_apply_says_how_to_go_on(shop: Shop) -> None:
    for number in range(3):
        shop.die(number)
    plan = planned(shop)
    shop.works = False

    def interrupt(client: Any) -> Any:
        class Interrupting:
            def __getattr__(self, name: str) -> Any:
                if name == "send_message":
                    raise KeyboardInterrupt
                return getattr(client, name)

        return Interrupting()

    shop.wrap = interrupt
    ran = apply(shop, plan)
    assert ran.code == ExitCode.INTERRUPTED
    assert f"orders dlq apply {plan['plan']} --reason fixed --env prod" in ran.messages
    assert [o.result for o in shop.operations(plan["plan"])] == [None, "interrupted"]
    shop.wrap = lambda client: client
    shop.works = True
    shop.clock.advance(31)
    assert apply(shop, plan).code == ExitCode.OK
    assert len(shop.queue.bodies) == 3


def test_a_poison_message_ends_in_quarantine(shop: Shop) -> None:
    failure = shop.die(1)
    shop.broken.add(order_of(failure))
    for _ in range(MAX_APPLIES):
        apply(shop, planned(shop, "--order", order_of(failure)))
    after = shop.failures.get(failure.failure_id)
    assert after
    assert after.state is FailureState.QUARANTINED
    last = planned(shop, "--order", order_of(failure))
    assert [(e["verdict"], e["reason"]) for e in last["entries"]] == [("needs_review", "quarantined")]
    told = apply(shop, last)
    assert "has nothing that is safe to replay" in told.messages
    assert len(shop.queue.bodies) == MAX_APPLIES


def test_a_failure_is_set_aside_given_up_and_taken_back(shop: Shop) -> None:
    failure = shop.die(1)
    ran = shop.run("quarantine", order_of(failure), "--reason", "other", "--note", "asks its client")
    assert ran.code == ExitCode.OK
    assert f"orders dlq restore {failure.failure_id} --reason CODE --env prod" in ran.messages
    groups = shop.run("groups")
    assert [row[2:5] for row in columns(groups)] == [["0", "1", "-"]]
    assert "Nothing waits any more: the incidents close within minutes." in groups.messages
    assert shop.run("restore", failure.failure_id, "--reason", "fixed").code == ExitCode.OK
    shown = json.loads(shop.run("discard", failure.failure_id, "--reason", "duplicate", "--json").data)
    assert shown == {
        "failure_id": failure.failure_id,
        "order_id": failure.order_id,
        "state": "discarded",
    }
    history = json.loads(shop.run("history", failure.failure_id, "--json").data)
    assert [(o["kind"], o["result"], o["note"]) for o in history if o["result"] is None] == [
        ("quarantine", None, "asks its client"),
        ("restore", None, None),
        ("discard", None, None),
    ]
    assert [o["result"] for o in history if o["result"]] == ["done"] * 3
    refused = shop.run("quarantine", failure.failure_id, "--reason", "other")
    assert refused.code == ExitCode.FAILED
    assert "is discarded: there is nothing to quarantine" in refused.messages


def test_what_never_failed_is_said_so(shop: Shop) -> None:
    failure = shop.die(1)
    nobody = order_of(failure)[:-1] + "a"
    for command in (("show", nobody), ("discard", nobody, "--reason", "other")):
        ran = shop.run(*command)
        assert ran.code == ExitCode.FAILED
        assert "`orders dlq groups` shows what" in ran.messages


@pytest.mark.parametrize(
    "command",
    [
        ("show", "order-1"),
        ("plan", "--since", "yesterday"),
        ("plan", "--limit", "0"),
        ("plan", "--group", "fulfil"),
        ("apply", "plan.json"),  # without a reason
        ("apply", "plan.json", "--reason", "because"),
        ("apply", "plan.json", "--reason", "fixed", "--rate", "0/s"),
        ("apply", "plan.json", "--reason", "fixed", "--incident", "Ada Byron called"),
        ("history", "everything"),
        ("hold", "order-1"),
        ("abandon", "ref_" + "a" * 26),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(shop: Shop, command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as wrong:
        shop.run(*command)
    assert wrong.value.code == ExitCode.USAGE


def test_an_order_is_held_and_the_history_says_by_whom(shop: Shop) -> None:
    failure = shop.die(1)
    ran = shop.run("hold", order_of(failure), "--note", "its client is away")
    assert ran.code == ExitCode.OK
    assert shop.head(order_of(failure)).held
    (deed, end) = shop.operations(order_of(failure))
    assert (deed.kind, deed.actor, deed.reason_code, end.result) == ("hold", ADA, "other", "done")


def test_an_abandoned_order_is_ended_and_its_failure_with_it(shop: Shop) -> None:
    failure = shop.die(1)
    shop.monkeypatch.setattr("orders.dlq.abandoning.PAUSE_SECONDS", 0.0)
    shop.carry_out_at_once()
    ran = shop.run("abandon", order_of(failure), "--reason", "customer_request")
    assert ran.code == ExitCode.OK
    assert "is rejected (abandoned_by_operator)" in ran.messages
    assert shop.head(order_of(failure)).status is Status.REJECTED
    after = shop.failures.get(failure.failure_id)
    assert after
    assert after.state is FailureState.RESOLVED
    assert [o.result for o in shop.operations(order_of(failure))] == [None, "rejected"]


def test_it_is_too_late_to_abandon_what_is_paid(shop: Shop) -> None:
    failure = shop.die(1)
    paid = replace(
        shop.head(order_of(failure)),
        payment_status=PaymentStatus.CAPTURED,
        fulfillment_status=FulfillmentStatus.RESERVED,
    )
    shop.put(paid)
    ran = shop.run("abandon", order_of(failure))
    assert ran.code == ExitCode.FAILED
    assert "cannot be given up, its money is taken" in ran.messages
    shop.put(completed(paid, shop.clock.text))
    assert "has ended (completed): a refund gives money back" in shop.run("abandon", paid.order_id).messages
    assert (shop.queue.bodies, shop.operations(paid.order_id)) == ([], [])
